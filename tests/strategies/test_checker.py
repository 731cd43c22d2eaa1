"""The inspection in a process of its own: the same verdicts, with bounded time and memory."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from tests.strategies.inspected import BLANK, SETTINGS, refusal, wasm
from tests.wasm.binary import compile_bomb
from tests.wasm.builder import strategy_wat
from wasmverse.commands import Inspection
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import inspect_module_apart, strategy_check
from wasmverse.strategies.inspection import inspect_module

_START = b"\0asm\1\0\0\0"


def test_refusals_are_the_same_from_the_process_apart() -> None:
    for module in (_START, wasm(strategy_wat("(i64.const 0)", "(func $s unreachable) (start $s)"))):
        with pytest.raises(ModuleRefused) as apart:
            inspect_module_apart(module, "mine", SETTINGS)
        assert apart.value.message == refusal(module)
    with pytest.raises(StrategyError, match="'Fly' cannot be"):
        inspect_module_apart(wasm(strategy_wat("(i64.const 0)", name="Fly")), "mine", SETTINGS)


def test_a_check_past_its_time_is_ended() -> None:
    with pytest.raises(ModuleRefused, match=r"took more than 0\.01 s: make it smaller or simpler"):
        inspect_module_apart(wasm(BLANK), "mine", Settings(compile_seconds_max=0.01))


def test_a_module_that_would_take_all_memory_to_compile_is_refused() -> None:
    limited = Settings(compile_memory_bytes_max=1 << 27)
    bomb = compile_bomb(300, 300, 50)
    assert len(bomb) < 40_000
    with pytest.raises(
        ModuleRefused, match=r"the compiler ended with .* 134,217,728 bytes\): make it smaller"
    ):
        inspect_module_apart(bomb, "mine", limited)
    assert inspect_module_apart(compile_bomb(3, 3, 3), "mine", limited).strategies == {"mine": "decide"}


def answer_of(inspection: Inspection, **changed: Any) -> bytes:
    header = asdict(inspection) | changed
    compiled = header.pop("compiled")
    return json.dumps(header).encode() + b"\n" + compiled


def test_an_answer_is_what_was_found() -> None:
    module = wasm(BLANK)
    found = inspect_module(module, "mine", SETTINGS)
    answer = strategy_check(module, "mine", SETTINGS).answer(0, answer_of(found))
    assert answer == found
    assert (answer.compiled, answer.costs) == (found.compiled, found.costs)


@pytest.mark.parametrize(
    "changed",
    [
        {"sha256": "00" * 32},
        {"strategies": {"mine": "decide", "Robert'); --": "decide"}},
        {"strategies": None},
        {"trials": []},
        {"trials": {}},
        {"trials": {"mine": [0] * 14 + ["why", False], "other": [0] * 14 + ["why", False]}},
        {"trials": {"mine": [0] * 13 + ["why", False]}},
        {"trials": {"mine": [0] * 15 + [False]}},
        {"trials": {"mine": [0] * 14 + ["why", 0]}},
        {"trials": {"mine": [-1] + [0] * 13 + [None, False]}},
        {"trials": {"mine": [1 << 60] + [0] * 13 + [None, False]}},
        {"trials": {"mine": [0.5] + [0] * 13 + [None, False]}},
        {"costs": {"mine": [1] * 9}},
    ],
)
def test_an_answer_that_belongs_to_no_such_module_is_refused(changed: dict[str, Any]) -> None:
    """The process has run a stranger's code, and what it says goes into the database."""
    module = wasm(BLANK)
    found = inspect_module(module, "mine", SETTINGS)
    with pytest.raises(ModuleRefused, match="the checker's answer does not belong to this module"):
        strategy_check(module, "mine", SETTINGS).answer(0, answer_of(found, **changed))


@pytest.mark.parametrize(("status", "output"), [(-9, b""), (1, b"{}\n"), (0, b"")])
def test_a_process_that_ended_without_an_answer_is_a_refusal(status: int, output: bytes) -> None:
    with pytest.raises(ModuleRefused, match=f"the compiler ended with {status} on this module"):
        strategy_check(wasm(BLANK), "mine", SETTINGS).answer(status, output)
