"""Rows that come as Arrow go through a guest and come back as Arrow: sliced, chunked, encoded, with nulls and with faults."""

from typing import Any

import pyarrow as pa
import pytest

from tests.functions.guests import ECHO, POWER, guest_of, run
from tests.wasm.builder import function_of, limits_of
from wasmverse.functions.run import Runner, host_memory
from wasmverse.wasm import frame

TWO = "func(a: f64, b: f64) -> f64"
TEXT = "func(a: string) -> string"


def test_numbers_go_through_and_come_back() -> None:
    ran = run(TWO, POWER, [1.5, -2.0, 0.0], [2.0, 3.0, 4.0])
    assert ran.result.type == pa.float64()
    assert ran.result.to_pylist() == [4.5, 12.0, 0.0]
    assert (ran.outcome.faults, ran.errors) == (0, {})


def test_a_row_with_a_null_is_not_called() -> None:
    trap = guest_of("""(module (func (export "f") (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (unreachable))) (local.get 0)))""")
    ran = run("func(a: s32) -> s32", trap, [7, None, 8, None])
    assert ran.result.to_pylist() == [7, None, 8, None]
    assert ran.outcome.faults == 0


TEXTS = ["", "a", "naïve", None, "x" * 20_000, "🚀 and more", None, "end"]


@pytest.mark.parametrize("part", [slice(0, 8), slice(2, 7), slice(3, 4), slice(8, 8)], ids=str)
@pytest.mark.parametrize(
    "encoded",
    [
        lambda array: array,
        lambda array: array.cast(pa.large_string()),
        lambda array: array.cast(pa.string_view()),
        lambda array: array.dictionary_encode(),
        lambda array: pa.chunked_array([array[:3], array[3:3], array[3:]]),
    ],
    ids=["plain", "large", "view", "dictionary", "chunks"],
)
def test_slices_and_encodings_are_what_they_stand_for(part: slice, encoded: Any) -> None:
    array = encoded(pa.array(["before", *TEXTS, "after"]))[1:-1][part]
    ran = run(TEXT, ECHO, array)
    assert ran.result.type == pa.string()
    assert ran.result.to_pylist() == TEXTS[part]
    ran.result.validate(full=True)


def test_more_rows_than_fit_at_once_come_back_in_order() -> None:
    texts = [f"{n}" * (n % 50) for n in range(1000)]
    assert run(TEXT, ECHO, texts, rows=1000).result.to_pylist() == texts
    assert (
        Runner(function_of(TEXT), 64)
        .run(guest_of(ECHO), [pa.array(texts)], 1000, limits_of())
        .result.to_pylist()
        == texts
    )


def test_what_is_taken_before_the_first_calls_is_summed_over_all_batches() -> None:
    starts = """(module (global $g (mut i32) (i32.const 0)) (func $s (global.set $g (i32.const 1))) (start $s)
      (func (export "f") (param i32) (result i32) (local.get 0)))"""
    array = pa.array([1, 2, 3, 4], pa.int32())
    whole, halves = (
        Runner(function_of("func(a: s32) -> s32"), rows)
        .run(guest_of(starts), [array], 4, limits_of())
        .outcome
        for rows in (4, 2)
    )
    assert halves.start_fuel == 2 * whole.start_fuel > 0


ODD = """(module (memory (export "memory") 1) (func (export "f") (param $a i32) (param $n i32) (result i32)
  (if (i32.eq (i32.load8_u (local.get $a)) (i32.const 33)) (then (unreachable)))
  (i32.store (i32.const 16) (local.get $a)) (i32.store (i32.const 20) (local.get $n)) (i32.const 16)))"""


@pytest.mark.parametrize("rows", [2, 3, 2048])
def test_faults_are_null_and_the_rows_after_them_are_called(rows: int) -> None:
    texts = ["one", "!", None, "two", "! again", "", "three"]
    ran = Runner(function_of(TEXT), rows).run(guest_of(ODD), [pa.array(texts)], len(texts), limits_of())
    assert ran.result.to_pylist() == ["one", None, None, "two", None, "", "three"]
    assert (ran.outcome.faulted, ran.outcome.reason) == ([1, 4], "trapped: unreachable")


@pytest.mark.parametrize("rows", [3, 2048])
def test_after_too_many_faults_no_more_rows_are_called(rows: int) -> None:
    texts = ["one", "!", "!", "two", "three", "four"]
    ran = Runner(function_of(TEXT), rows).run(
        guest_of(ODD), [pa.array(texts)], len(texts), limits_of(faults_max=2)
    )
    assert ran.result.to_pylist() == ["one", None, None, None, None, None]
    assert ran.outcome.faulted == [1, 2]
    assert ran.outcome.faults == 5


def test_results_keep_what_they_hold_when_the_memory_is_used_again() -> None:
    runner = Runner(function_of(TEXT))
    first = runner.run(guest_of(ECHO), [pa.array(["kept", "as well"])], 2, limits_of())
    runner.run(guest_of(ECHO), [pa.array(["XXXXXXXX", "YYYYYYYY"])], 2, limits_of())
    assert first.result.to_pylist() == ["kept", "as well"]


def test_runners_that_share_memory_do_not_disturb_each_other() -> None:
    memory = host_memory()
    texts = Runner(function_of(TEXT), memory=memory)
    numbers = Runner(function_of(TWO), 4096, memory=memory)
    for _ in range(2):
        ran = texts.run(guest_of(ECHO), [pa.array(["a", None, "bc"])], 3, limits_of())
        assert ran.result.to_pylist() == ["a", None, "bc"]
        ran = numbers.run(guest_of(POWER), [pa.array([2.0]), pa.array([None], pa.float64())], 1, limits_of())
        assert ran.result.to_pylist() == [None]
        ran = numbers.run(guest_of(POWER), [pa.array([2.0]), pa.array([3.0])], 1, limits_of())
        assert ran.result.to_pylist() == [12.0]


def test_a_function_without_parameters_is_called_for_every_row() -> None:
    seven = '(module (func (export "f") (result i32) (i32.const 7)))'
    assert run("func() -> u8", seven, rows=3).result.to_pylist() == [7, 7, 7]
    assert run("func() -> u8", seven, rows=0).result.to_pylist() == []


def test_a_function_without_a_result_has_none() -> None:
    ran = run(
        "func(a: u8)",
        '(module (func (export "f") (param i32) (if (local.get 0) (then (unreachable)))))',
        [0, 1, 0],
    )
    assert (ran.result, ran.outcome.faulted) == (None, [1])


ZEROS = """(module (memory (export "memory") 1) (func (export "f") (param i32) (result i32)
  (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (local.get 0)) (i32.const 16)))"""
"""A text of so many zeros."""


def test_room_for_results_grows_and_is_bounded() -> None:
    zeros = "func(length: u32) -> string"
    ran = run(zeros, ZEROS, [900] * 100, values_bytes_max=100_000)
    assert ran.result.to_pylist() == ["\0" * 900] * 100
    ran = run(zeros, ZEROS, [1100] * 100, values_bytes_max=100_000)
    assert ran.outcome.faulted == [90, 91, 92, 93]
    assert ran.outcome.reason == "returned more than there is room for"
    assert ran.result.to_pylist()[:90] == ["\0" * 1100] * 90


XS = f"""(module (memory (export "memory") 1) (data (i32.const 1024) "{"x" * 200}")
  (func (export "f") (param $a i32) (param i32) (result i32)
    (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.load8_u (local.get $a))) (i32.const 16)))"""
"""As many letters as the character that is passed has as its number."""


def test_short_texts_are_not_written_past_their_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are moved 16 bytes at a time; behind their room lie the arguments of rows that are still to come."""
    monkeypatch.setattr(frame, "_LIST_BYTES", 64)
    lengths = [16, 16, 16, 15, 1, 5, 6, 7]
    ran = run(TEXT, XS, [chr(length) for length in lengths])
    assert ran.result.to_pylist() == ["x" * length for length in lengths]


def test_texts_may_end_where_memory_ends() -> None:
    """They are read 16 bytes at a time."""
    at_end = """(module (memory (export "memory") 1) (func (export "f") (param i32) (result i32)
      (memory.fill (i32.const 65000) (i32.const 120) (i32.const 536))
      (i32.store (i32.const 16) (i32.sub (i32.const 65536) (local.get 0)))
      (i32.store (i32.const 20) (local.get 0)) (i32.const 16)))"""
    ran = run("func(length: u32) -> string", at_end, list(range(70)))
    assert ran.result.to_pylist() == ["x" * length for length in range(70)]


def test_arguments_that_do_not_fit_together_go_through_one_by_one() -> None:
    runner = Runner(function_of("func(a: string) -> u32"), 16, values_bytes_max=2_000_000)
    length = (
        '(module (memory (export "memory") 1) (func (export "f") (param i32 i32) (result i32) (local.get 1)))'
    )
    lengths = [800_000, 800_000, 800_000, 3_000_000, 1]
    array = pa.array(["x" * length for length in lengths])
    ran = runner.run(guest_of(length), [array], 5, limits_of(budget_fuel=1_000_000))
    assert ran.result.to_pylist() == [800_000, 800_000, 800_000, None, 1]
    assert ran.errors == {
        3: "the row's arguments have 3,000,000 bytes of strings and lists; 2,000,000 are allowed: pass less"
    }
