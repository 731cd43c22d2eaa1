"""The inspection of a function's module, in this process: what is in it, what it makes of what is wanted, and an instance of it.

`check` does the same in a process of its own, as must be done with what strangers send.
"""

from __future__ import annotations

from collections.abc import Mapping

import wasmtime

from wasmverse.errors import ModuleRefused
from wasmverse.functions.called import all_called, compile_component_function
from wasmverse.functions.definition import Definition
from wasmverse.functions.limits import component_limits, function_limits, module_limits
from wasmverse.functions.names import check_name
from wasmverse.functions.signature import check_exports, define
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import FunctionCheckSettings
from wasmverse.wasm.abi import core_function
from wasmverse.wasm.allowed import check_imports, check_is_reactor, check_start
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.inspect import ComponentContents, core_of_component, inspect_component
from wasmverse.wasm.fold import FoldError
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.hosting import Compiled, serialized
from wasmverse.wasm.inspect import NATIVE_AT_UPLOAD, compile_inspected, inspect, last_line
from wasmverse.wasm.layout import Layout, SignatureError
from wasmverse.wasm.limits import TABLES_MAX, Limits
from wasmverse.wasm.types import Function

_RESULT_BYTES = 1 << 16
"""Room for the lists of one result."""


def inspect_function(
    module: bytes, wanted: Wanted, settings: FunctionCheckSettings, known: Mapping[str, bytes] | None = None
) -> tuple[Definition, bytes]:
    """The function, and the machine code of its module.

    ``known`` has machine code of components' core modules by their hash, from compilers of ours.

    Raises
    ------
    ModuleRefused : the module breaks a rule, or does not make the function.
    FunctionError : its name cannot be a function's, or its types are too long.
    """
    check_name(wanted.name)
    if is_component(module):
        made, compiled, machine_code = _of_component(module, wanted, settings, known or {})
    else:
        made, compiled, machine_code = _of_module(module, wanted, settings)
    _start(compiled, made, function_limits(settings))
    return made, machine_code


_Found = tuple[Definition, Compiled, bytes]


def _of_module(
    module: bytes,
    wanted: Wanted,
    settings: FunctionCheckSettings,
    component: ComponentContents | None = None,
) -> _Found:
    """Of a core module, or of the one that a ``component`` is all around."""
    limits = module_limits(settings)
    found = inspect(module, limits)
    check_imports(found.imports, "function")
    check_start(found.exports)
    check_is_reactor(found.exports, "function")
    if component is None:
        made = define(wanted, found.exports, found.sha256, found.language)
    else:
        made = define(wanted, found.exports, component.sha256, component.language, _types(component))
    made.check()
    check_exports(made, found.exports)
    return made, *compile_inspected(module, limits)


def _of_component(
    data: bytes, wanted: Wanted, settings: FunctionCheckSettings, known: Mapping[str, bytes]
) -> _Found:
    limits = component_limits(settings)
    component = inspect_component(data, limits, "function")
    core = core_of_component(component)
    if core is not None and len(core) <= settings.function_module_bytes_max:
        return _of_module(core, wanted, settings, component)
    types = _types(component)
    exports = {path: str(core_function(function)) for path, function in types.items()}
    made = define(wanted, exports, component.sha256, component.language, types)
    made.check()
    # The engine passes the values: whatever memory and allocator there are, they are there.
    check_exports(made, {**exports, "memory": "memory"})
    try:
        compiled = compile_component_function(made, component, known, NATIVE_AT_UPLOAD)
    except FoldError as error:
        raise ModuleRefused(error.message) from error
    machine_code = serialized(compiled)
    if len(machine_code) > limits.compiled_bytes_max:
        raise ModuleRefused(
            f"the component compiles to {len(machine_code):,} bytes; {limits.compiled_bytes_max:,} are allowed: leave out what "
            "it does not use"
        )
    return made, compiled, machine_code


def _types(component: ComponentContents) -> dict[str, Function]:
    """Of the functions that can be called."""
    return {path: function for path, function in component.functions.items() if function is not None}


def _start(compiled: Compiled, made: Definition, limits: Limits) -> None:
    """Start one instance for each export that is called, with its driver: what cannot be is found here, not in a query."""
    try:
        for guest, function in all_called(made, compiled):
            layout = Layout.natural(function, masked=True)
            frame = Frame(layout, 1, grows=False, result_bytes_max=_RESULT_BYTES if layout.has_lists else 0)
            guest.start(frame, limits)
    except (FoldError, SignatureError) as error:
        raise ModuleRefused(error.message) from error
    except wasmtime.Trap as trap:
        raise ModuleRefused(
            f"the module cannot be started: {last_line(trap)}; an instance is made and started for every query (its start "
            f"function, then _initialize): do nothing there that can fail or that costs more than {limits.start_fuel:,} fuel"
        ) from trap
    except wasmtime.WasmtimeError as error:
        raise ModuleRefused(
            f"the module cannot be instantiated: {last_line(error)}; an instance may have "
            f"{limits.memory_bytes_max:,} bytes of memory, {TABLES_MAX} tables and {limits.table_elements_max:,} table "
            "elements: ask for less (clang, zig: -Wl,-z,stack-size=65536)"
        ) from error
