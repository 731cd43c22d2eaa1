"""The inspection of a function's module, in this process: what is in it, what it makes of what is wanted, and an instance of it.

`check` does the same in a process of its own, as must be done with what strangers send.
"""

from __future__ import annotations

from collections.abc import Iterator

import wasmtime

from wasmverse.errors import ModuleRefused
from wasmverse.functions.definition import Definition
from wasmverse.functions.limits import component_limits, function_limits, module_limits
from wasmverse.functions.names import check_name
from wasmverse.functions.signature import check_exports, define, folding, steps_of
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import FunctionCheckSettings
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.inspect import core_of_component
from wasmverse.wasm.fold import FoldError
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.inspect import compile_inspected, inspect, last_line
from wasmverse.wasm.layout import Layout, SignatureError
from wasmverse.wasm.limits import TABLES_MAX, Limits
from wasmverse.wasm.linker import check_imports, check_is_reactor, check_start
from wasmverse.wasm.types import Function

_RESULT_BYTES = 1 << 16
"""Room for the lists of one result."""


def inspect_function(
    module: bytes, wanted: Wanted, settings: FunctionCheckSettings
) -> tuple[Definition, bytes]:
    """The function, and the machine code of its module.

    Raises
    ------
    ModuleRefused : the module breaks a rule, or does not make the function.
    FunctionError : its name cannot be a function's, or its types are too long.
    """
    check_name(wanted.name)
    limits = module_limits(settings)
    component = None
    if is_component(module):
        component, module = core_of_component(module, component_limits(settings), "function")
    found = inspect(module, limits)
    check_imports(found.imports, "function")
    check_start(found.exports)
    check_is_reactor(found.exports, "function")
    if component is None:
        made = define(wanted, found.exports, found.sha256, found.language)
    else:
        types = {path: function for path, function in component.functions.items() if function is not None}
        made = define(wanted, found.exports, component.sha256, component.language, types)
    made.check()
    check_exports(made, found.exports)
    compiled, machine_code = compile_inspected(module, limits)
    _start(compiled, made, function_limits(settings))
    return made, machine_code


def _start(module: wasmtime.Module, made: Definition, limits: Limits) -> None:
    """Start one instance for each export that is called, with its driver: what cannot be is found here, not in a query."""
    try:
        for guest, function in _called(module, made):
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


def _called(module: wasmtime.Module, made: Definition) -> Iterator[tuple[Guest, Function]]:
    """What is called, and its type: each export, and in front of an aggregate's what folds rows with them."""
    for export, function in steps_of(made):
        yield Guest.of(module, export), function
    if made.kind == "aggregate":
        yield folding(made, Guest.of(module, made.exports[0]))
