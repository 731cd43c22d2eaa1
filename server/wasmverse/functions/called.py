"""What a function's module is compiled to, and what is run of that: the same in a check, in a query and at a universe's start.

A core module, and a component that is all around one, is compiled once for all functions that are made of it. Any other component
is compiled for each function by itself, since what calls it is part of its code; the core modules in it are still shared
(``wasm.component.parts``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import wasmtime

from wasmverse.functions.definition import Definition
from wasmverse.functions.signature import aggregate_steps, folding, steps_of
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.code import FOLD, Code
from wasmverse.wasm.component.guest import ComponentGuest
from wasmverse.wasm.component.inspect import (
    UNLIMITED,
    ComponentContents,
    compile_whole,
    core_of_component,
    inspect_component,
)
from wasmverse.wasm.component.types import PATH
from wasmverse.wasm.component.wrapper import Fold
from wasmverse.wasm.engine import compile_for_flight
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.hosting import AnyGuest, Compiled
from wasmverse.wasm.types import Function

_STEPS = ("initialize", "iterate", "merge", "terminate")
_DIGITS = 16


def code_names(row: Mapping[str, Any]) -> tuple[str, str]:
    """By what the machine code of a function is known: by the first name where it is a component's, otherwise by the second.

    row : of its definition, as `Definition.to_row` has it.
    """
    told = [row[name] for name in ("kind", "function", "export", "state", *_STEPS)]
    digits = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:_DIGITS]
    return f"{row['sha256']}-{digits}", row["sha256"]


def compile_component_function(
    definition: Definition, contents: ComponentContents, known: Mapping[str, bytes], native: float
) -> Code:
    """A component of any shape, compiled for calls of one function; see `wasm.component.inspect.compile_whole`."""
    if definition.kind != "aggregate":
        return compile_whole(contents, [definition.export], known, native)
    named = {step: getattr(definition, step) for step in _STEPS}
    paths = {step: path.split(PATH) for step, path in named.items() if path is not None}
    return compile_whole(contents, [], known, native, Fold(aggregate_steps(definition), paths))


def compile_again(row: Mapping[str, Any], uploaded: bytes, native: float) -> Compiled:
    """A module or component that has passed its inspection before, compiled for a function, given as its definition's row.

    Raises
    ------
    ModuleRefused, FunctionError, FoldError, WasmtimeError : an older version let pass what cannot be called here.
    """
    if is_component(uploaded):
        contents = inspect_component(uploaded, UNLIMITED)
        core = core_of_component(contents)
        if core is None:
            return compile_component_function(Definition.read(row), contents, {}, native)
        uploaded = core
    return compile_for_flight(uploaded, native)


def called(definition: Definition, compiled: Compiled) -> tuple[AnyGuest, Function]:
    """What is run for rows, and its type: of an aggregate what folds a list of a group's rows.

    Raises
    ------
    FoldError : nothing can call an aggregate's steps.
    """
    is_aggregate = definition.kind == "aggregate"
    if isinstance(compiled, Code):
        if is_aggregate:
            return ComponentGuest(compiled, FOLD), aggregate_steps(definition).folded
        return ComponentGuest(compiled, definition.export), definition.function
    if is_aggregate:
        return folding(definition, Guest.of(compiled, definition.exports[0]))
    return Guest.of(compiled, definition.export), definition.function


def all_called(definition: Definition, compiled: Compiled) -> list[tuple[AnyGuest, Function]]:
    """`called`, and before it each export of a core module that it calls: all of which an instance can be made."""
    found = [called(definition, compiled)]
    if isinstance(compiled, wasmtime.Module) and definition.kind == "aggregate":
        found = [
            *((Guest.of(compiled, export), function) for export, function in steps_of(definition)),
            *found,
        ]
    return found
