"""The check in a process of its own: as in this one, within its bounds, and not believed where it can be compared."""

import json

import pytest
import wasmtime

from tests.functions.builder import GAIN
from wasmverse.errors import FunctionError, ModuleRefused
from wasmverse.functions.check import function_check
from wasmverse.functions.grammar import parse_declaration
from wasmverse.functions.inspection import inspect_function
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import Settings

SETTINGS = Settings()
MODULE = bytes(wasmtime.wat2wasm(GAIN.format(plus=1)))


def test_apart_it_is_the_same() -> None:
    definition, compiled = function_check(MODULE, Wanted("gain"), SETTINGS).run()
    assert (definition, compiled) == inspect_function(MODULE, Wanted("gain"), SETTINGS)
    with pytest.raises(ModuleRefused, match="exports gain, not other"):
        function_check(MODULE, Wanted("other"), SETTINGS).run()


def test_what_needs_no_process_is_refused_at_once() -> None:
    with pytest.raises(FunctionError, match="call it 'gain'"):
        function_check(MODULE, Wanted("Gain"), SETTINGS)
    with pytest.raises(ModuleRefused, match="begins with"):
        function_check(b"#!/bin/sh", Wanted("gain"), SETTINGS)
    with pytest.raises(ModuleRefused, match="1,024 are allowed"):
        function_check(MODULE + bytes(1 << 10), Wanted("gain"), Settings(function_module_bytes_max=1 << 10))


def test_it_has_so_much_time() -> None:
    slow = Settings(function_compile_seconds_max=0.05)
    with pytest.raises(ModuleRefused, match=r"more than 0\.05 s"):
        function_check(MODULE, Wanted("gain"), slow).run()


def test_an_answer_is_not_believed_where_it_can_be_compared() -> None:
    check = function_check(MODULE, Wanted("gain"), SETTINGS)
    definition, compiled = inspect_function(MODULE, Wanted("gain"), SETTINGS)
    row = definition.to_row()
    assert check.answer(0, json.dumps({"definition": row}).encode() + b"\n" + compiled) == (
        definition,
        compiled,
    )
    for changed in (
        {"sha256": "0" * 64},
        {"name": "sum"},
        {"kind": "table"},
        {"function": "[[[[["},
        {"abi": "x"},
    ):
        answer = json.dumps({"definition": {**row, **changed}}).encode() + b"\n"
        with pytest.raises(ModuleRefused, match="does not belong"):
            check.answer(0, answer)
    for output in (b"", b"\n"):
        with pytest.raises(ModuleRefused, match="ended with 0"):
            check.answer(0, output)
    with pytest.raises(ModuleRefused, match="ended with -9"):
        check.answer(-9, json.dumps({"definition": row}).encode() + b"\n")


@pytest.mark.parametrize("name", ["x\x1b[2J", "\N{RIGHT-TO-LEFT OVERRIDE}x", "x\ny"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    wanted = parse_declaration(Wanted("gain"), f'"{name}" DOUBLE, y DOUBLE', "DOUBLE", None)
    definition, compiled = inspect_function(MODULE, wanted, SETTINGS)
    answer = json.dumps({"definition": definition.to_row()}).encode() + b"\n" + compiled
    with pytest.raises(FunctionError, match=r"has the character U\+[0-9A-F]{4}, which cannot be shown"):
        function_check(MODULE, wanted, SETTINGS).answer(0, answer)
