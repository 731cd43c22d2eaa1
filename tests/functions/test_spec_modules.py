"""The specification's own test modules through both doors: as strategies and as functions, each gets a verdict."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.functions.spec_tests import FOLDER, bytes_of, modules_in
from wasmverse.errors import FunctionError, ModuleRefused, StrategyError, WasmverseError
from wasmverse.functions.check import function_check
from wasmverse.functions.inspection import inspect_function
from wasmverse.functions.limits import module_limits
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import strategy_check
from wasmverse.strategies.inspection import inspect_module
from wasmverse.wasm.inspect import inspect

SETTINGS = Settings()
DOORS = ("strategy", "function")


@pytest.fixture(scope="module")
def modules() -> list[bytes]:
    """All that can be had as bytes, each once, in the order of the files."""
    files = sorted(FOLDER.glob("*.wast"))
    assert files, f"no tests of the specification in {FOLDER}: run make languages"
    texts = (module for file in files for module in modules_in(file.read_text(errors="replace")))
    return list(dict.fromkeys(data for data in map(bytes_of, texts) if data is not None))


def wanted_of(module: bytes) -> Wanted:
    """The function that is most likely to be made of it: one of its exports, with the types that it has."""
    try:
        exports = inspect(module, module_limits(SETTINGS)).exports
    except WasmverseError:
        exports = {}
    numbers = re.compile(r"\(((i32|i64|f32|f64)(, )?)*\) -> (i32|i64|f32|f64)")
    export = next((name for name, type_ in exports.items() if numbers.fullmatch(type_)), "f")
    return Wanted("tried", export=export)


def verdict(module: bytes, door: str) -> str:
    """What becomes of it, in this process."""
    try:
        if door == "strategy":
            inspect_module(module, "tried", SETTINGS)
        else:
            inspect_function(module, wanted_of(module), SETTINGS)
    except (ModuleRefused, StrategyError, FunctionError) as refused:
        assert refused.message
        assert refused.message.isprintable(), refused.message
        return "refused"
    return "accepted"


def test_there_are_as_many_as_were_looked_at(modules: list[bytes]) -> None:
    assert len(modules) == 2_657


@pytest.mark.parametrize("door", DOORS)
def test_each_gets_a_verdict(modules: list[bytes], door: str) -> None:
    found = Counter(verdict(module, door) for module in modules)
    assert found["accepted"] == {"strategy": 0, "function": 290}[door]
    assert found["refused"] == len(modules) - found["accepted"]


def test_a_few_get_the_same_one_by_a_checker(modules: list[bytes]) -> None:
    """In the process of its own in which what strangers send is checked."""
    for module in modules[:: len(modules) // 3]:
        for door in DOORS:
            check = (
                strategy_check(module, "tried", SETTINGS)
                if door == "strategy"
                else function_check(module, wanted_of(module), SETTINGS)
            )
            try:
                check.run()
                found = "accepted"
            except (ModuleRefused, StrategyError, FunctionError) as refused:
                assert "the compiler ended with" not in refused.message
                found = "refused"
            assert found == verdict(module, door), door
