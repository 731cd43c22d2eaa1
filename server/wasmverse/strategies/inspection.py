"""The inspection of an uploaded module, in this process: what is in it, whether it keeps the contract, its trial.

A refusal (``ModuleRefused``) says what was found, what is allowed and how to mend it. `checker_start` does the same in a
process of its own, as must be done with what strangers send.
"""

from __future__ import annotations

from collections.abc import Mapping

from wasmverse.commands import Inspection
from wasmverse.errors import ModuleRefused
from wasmverse.settings import CheckSettings
from wasmverse.strategies.components import check_component_contract
from wasmverse.strategies.contract import check_contract
from wasmverse.strategies.limits import component_limits, guest_limits, module_limits
from wasmverse.strategies.names import check_name
from wasmverse.strategies.trial import try_strategies
from wasmverse.wasm.allowed import check_imports, check_start
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.inspect import ComponentContents, compile_component, inspect_component
from wasmverse.wasm.hosting import Compiled, serialized
from wasmverse.wasm.inspect import NATIVE_AT_UPLOAD, Contents, compile_inspected, inspect


def inspect_module(
    module: bytes, name: str, settings: CheckSettings, known: Mapping[str, bytes] | None = None
) -> Inspection:
    """Check a module or component against every rule, compile it and try its strategies.

    ``known`` has machine code of components' core modules by their hash, from compilers of ours.

    Raises
    ------
    ModuleRefused : it breaks a rule.
    StrategyError : its name, or that of an export, cannot be a strategy's.
    """
    check_name(name)
    if is_component(module):
        return _inspect_component(module, name, settings, known or {})
    limits = module_limits(settings)
    found = inspect(module, limits)
    check_imports(found.imports, "strategy")
    check_start(found.exports)
    compiled, machine_code = compile_inspected(module, limits)
    strategies = check_contract(found.exports, name, settings.strategies_max_per_module)
    return _tried(found, strategies, compiled, machine_code, settings)


def _inspect_component(
    component: bytes, name: str, settings: CheckSettings, known: Mapping[str, bytes]
) -> Inspection:
    limits = component_limits(settings)
    found = inspect_component(component, limits, "strategy")
    strategies = check_component_contract(found.functions, name, settings.strategies_max_per_module)
    compiled = compile_component(found, strategies.values(), known, NATIVE_AT_UPLOAD)
    machine_code = serialized(compiled)
    if len(machine_code) > limits.compiled_bytes_max:
        raise ModuleRefused(
            f"the component compiles to {len(machine_code):,} bytes; {limits.compiled_bytes_max:,} are allowed: leave out what "
            "it does not use"
        )
    return _tried(found, strategies, compiled, machine_code, settings)


def _tried(
    found: Contents | ComponentContents,
    strategies: dict[str, str],
    compiled: Compiled,
    machine_code: bytes,
    settings: CheckSettings,
) -> Inspection:
    tried = try_strategies(compiled, strategies, guest_limits(settings))
    return Inspection(
        found.sha256,
        found.language,
        strategies,
        trials={name: trial for name, (trial, _) in tried.items()},
        costs={name: cost for name, (_, cost) in tried.items()},
        compiled=machine_code,
    )
