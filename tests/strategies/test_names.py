"""Names of strategies: which there may be, and that a bad one is refused before anything else."""

import pytest

from tests.strategies.inspected import SETTINGS, wasm
from tests.wasm.binary import named, section, vector
from tests.wasm.builder import strategy_wat
from wasmverse.errors import StrategyError
from wasmverse.strategies.checker_start import inspect_module_apart
from wasmverse.strategies.inspection import inspect_module
from wasmverse.strategies.names import check_name


@pytest.mark.parametrize("name", ["a", "a_1", "z" * 63])
def test_good_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "A", "1a", "_a", "a-b", "a b", "a" * 64, "ä", "a\n", "a.b", "a/b", "drop table;", "a\0", "\ud800"],
)
def test_bad_names_are_refused_before_the_module_is_looked_at(name: str) -> None:
    for check in (inspect_module, inspect_module_apart):
        with pytest.raises(
            StrategyError, match="cannot be a strategy's name: a strategy's name is a lower-case"
        ) as no:
            check(b"", name, SETTINGS)
        assert "\n" not in no.value.message


@pytest.mark.parametrize(
    "export", ["Fly", "fly high", "_fly", "9", "", "f\nly", "é", "f" * 64, "f" * 100_000]
)
def test_an_export_that_cannot_be_a_name_is_refused(export: str) -> None:
    marked = wasm(strategy_wat("(i64.const 0)", name="XXXX"))
    old = section(7, vector([named("memory") + b"\2\0", named("XXXX") + b"\0\0"]))
    assert old in marked
    module = marked.replace(old, section(7, vector([named("memory") + b"\2\0", named(export) + b"\0\0"])))
    with pytest.raises(StrategyError, match="cannot be a strategy's name") as refused:
        inspect_module(module, "mine", SETTINGS)
    assert "\n" not in refused.value.message and len(refused.value.message) < 400
