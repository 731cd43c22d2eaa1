"""The trial of a strategy: what no instance can be made of, and what instances and calls cost."""

import pytest

from tests.strategies.inspected import SETTINGS, refusal, wasm
from tests.wasm.builder import strategy_wat
from wasmverse.commands import Inspection
from wasmverse.strategies.inspection import inspect_module


def test_a_call_that_traps_at_the_check_is_the_author_s_own_affair() -> None:
    for body in ("(unreachable)", "(loop $l (br $l)) (i64.const 0)"):
        assert inspect_module(wasm(strategy_wat(body)), "mine", SETTINGS).strategies == {"mine": "decide"}


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            "(func $s unreachable) (start $s)",
            "the module's start traps; a fresh instance is made and started every turn",
        ),
        ("(func $s (loop $l (br $l))) (start $s)", "the module's start uses too much fuel;"),
        ('(func (export "_initialize") (loop $l (br $l)))', "the module's start uses too much fuel;"),
        ('(func (export "_initialize") unreachable)', "the module's start traps;"),
        ("(func $s (call $s)) (start $s)", "the module's start traps;"),
        ("(func $s (drop (i32.load (i32.const 65536)))) (start $s)", "reaches past its memory or table"),
        (
            '(data (i32.const 65535) "ab")',
            "the module's data or its start reaches past its memory or table",
        ),
        ("(table 1 funcref) (func $f) (elem (i32.const 1) $f)", "reaches past its memory or table"),
    ],
)
def test_a_start_that_cannot_be_is_refused(extra: str, message: str) -> None:
    told = refusal(wasm(strategy_wat("(i64.const 0)", extra)))
    assert message in told
    assert told.endswith("do nothing there that can fail or that costs more than 5,000,000 fuel")


def test_more_memory_or_table_than_allowed_is_refused() -> None:
    told = refusal(wasm(strategy_wat("(i64.const 0)", pages="257")))
    assert told.startswith("the module cannot be instantiated: ")
    assert (
        "an instance may have 16,777,216 bytes of memory, 8 tables and 10,000 table elements: ask for less"
        in told
    )
    assert "10,000 table elements" in refusal(wasm(strategy_wat("(i64.const 0)", "(table 10001 funcref)")))
    assert "8 tables" in refusal(wasm(strategy_wat("(i64.const 0)", "(table 1 funcref)" * 9)))
    for fits in (
        strategy_wat("(i64.const 0)", "(table 1 funcref)" * 8),
        strategy_wat("(i64.const 0)", pages="256"),
        strategy_wat("(i64.const 0)", "(table 10000 funcref)"),
    ):
        assert inspect_module(wasm(fits), "mine", SETTINGS)


def inspect(wat: str) -> Inspection:
    return inspect_module(wasm(wat), "mine", SETTINGS)


def test_instances_and_calls_are_measured_apart() -> None:
    idle = inspect(strategy_wat("(i64.const 0)")).costs["mine"]
    loop = """(local $n i32) (loop $again (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 2500)))) (i64.const 0)"""
    busy = inspect(strategy_wat(loop)).costs["mine"]
    globals_ = "".join("(global (mut i64) (i64.const 7))" for _ in range(200_000))
    large = inspect(strategy_wat("(i64.const 0)", globals_)).costs["mine"]
    assert busy[1] > 5 * idle[1]
    assert large[0] > 3 * max(idle[0], busy[0])
