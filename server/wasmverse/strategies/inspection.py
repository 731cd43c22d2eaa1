"""The inspection of an uploaded module, in this process: what is in it, whether it keeps the contract, its trial.

A refusal (``ModuleRefused``) says what was found, what is allowed and how to mend it. `checker_start` does the same in a
process of its own, as must be done with what strangers send.
"""

from __future__ import annotations

from wasmverse.commands import Inspection
from wasmverse.settings import CheckSettings
from wasmverse.strategies.contract import check_contract
from wasmverse.strategies.limits import guest_limits, module_limits
from wasmverse.strategies.names import check_name
from wasmverse.strategies.trial import try_strategies
from wasmverse.wasm.inspect import compile_inspected, inspect
from wasmverse.wasm.linker import check_imports, check_start


def inspect_module(module: bytes, name: str, settings: CheckSettings) -> Inspection:
    """Check a module against every rule, compile it and try its strategies.

    Raises
    ------
    ModuleRefused : it breaks a rule.
    StrategyError : its name, or that of an export, cannot be a strategy's.
    """
    check_name(name)
    limits = module_limits(settings)
    found = inspect(module, limits)
    check_imports(found.imports, "strategy")
    check_start(found.exports)
    compiled, machine_code = compile_inspected(module, limits)
    strategies = check_contract(found.exports, name, settings.strategies_max_per_module)
    tried = try_strategies(compiled, strategies, guest_limits(settings))
    return Inspection(
        found.sha256,
        found.language,
        strategies,
        trials={name: trial for name, (trial, _) in tried.items()},
        costs={name: cost for name, (_, cost) in tried.items()},
        compiled=machine_code,
    )
