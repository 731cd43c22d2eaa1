"""How a function's module is checked in a process of its own (`checker`), and what its answer is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from wasmverse.checks.parts import sizes_of
from wasmverse.checks.start import Bounds, Check
from wasmverse.commands import Author, CreateFunction
from wasmverse.errors import FunctionError, ModuleRefused
from wasmverse.functions.definition import Definition
from wasmverse.functions.limits import check_seconds, compiled_bytes_max, component_limits, module_limits
from wasmverse.functions.names import check_name
from wasmverse.functions.statement import statement_of
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import FunctionCheckSettings
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.inspect import check_component_bytes
from wasmverse.wasm.inspect import check_header

Checked = tuple[Definition, bytes]
"""A function, and the machine code of its module."""


def function_check(
    module: bytes, wanted: Wanted, settings: FunctionCheckSettings, known: Mapping[str, bytes] | None = None
) -> Check[Checked]:
    """The check of a module that is to be a function; what needs no process is checked here. What is ``known``
    (`checks.parts.Parts.known`) is not compiled again.

    Raises
    ------
    ModuleRefused, FunctionError : it needs no process to be refused.
    """
    check_name(wanted.name)
    if is_component(module):
        check_component_bytes(module, component_limits(settings))
    else:
        check_header(module, module_limits(settings))
    known = known or {}
    bounds = Bounds(
        check_seconds(module, settings),
        settings.function_compile_memory_bytes_max,
        settings.process_threads_max,
        compiled_bytes_max(module, settings),
    )
    return Check(
        "wasmverse.functions.checker",
        settings.part(FunctionCheckSettings).model_dump_json(),
        (wanted.to_json().encode() + b"\n", module, *known.values()),
        bounds,
        partial(_read, module, wanted),
        (FunctionError,),
        (json.dumps(sizes_of(known)),),
    )


def creation(module: bytes, checked: Checked, author: Author, *, may_replace: bool) -> CreateFunction:
    """The command that stores what was checked."""
    definition, compiled = checked
    return CreateFunction(definition.to_row(), module, compiled, may_replace, author)


def _read(module: bytes, wanted: Wanted, answer: dict[str, Any], compiled: bytes) -> Checked:
    # The universe keeps what the process says, so that is compared with what is known here.
    try:
        definition = Definition.read(answer["definition"])
    except (KeyError, TypeError, FunctionError):
        definition = None
    expected = (wanted.name, wanted.kind, hashlib.sha256(module).hexdigest())
    if definition is None or (definition.name, definition.kind, definition.sha256) != expected:
        raise ModuleRefused(
            "the checker's answer does not belong to this module: send it again, or build it again"
        )
    # Everybody can read these in ``wasm_function``, perhaps on a terminal, which control characters would command.
    shown = statement_of(definition, len(module)) + definition.language
    strange = next((character for character in shown if not character.isprintable()), None)
    if strange is not None:
        raise FunctionError(
            f"a name in the function's types, or of an export, has the character U+{ord(strange):04X}, which cannot be shown: "
            "choose another name"
        )
    return definition, compiled
