"""What is copied as a whole gives what the long way gives, whatever the memory and the mask were used for before."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tests.functions.guests import ECHO, POWER, guest_of
from tests.wasm.builder import function_of, limits_of
from wasmverse.functions.run import Runner, host_memory
from wasmverse.wasm.guest import Guest, Seat

NUMBERS = "func(a: f64, b: f64) -> f64"
TEXT = "func(a: string) -> string"
LIMITS = limits_of(1_000_000)

# The length of both, and the number, in one.
MIXED = """(module (memory (export "memory") 4) (global $free (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $free) (global.set $free (i32.add (global.get $free) (local.get 3))))
  (func (export "f") (param i32 i32 i64 i32 i32) (result i64) (global.set $free (i32.const 1024))
    (i64.add (local.get 2) (i64.add
      (i64.mul (i64.const 1000) (i64.extend_i32_u (local.get 1)))
      (i64.mul (i64.const 1000000) (i64.extend_i32_u (local.get 4)))))))"""
MIXED_TYPE = "func(a: string, n: s64, b: list<u8>) -> s64"


class Direct:
    """A runner with a flight, so that it can go the short way."""

    def __init__(self, function: str, text: str, memory: Any = None) -> None:
        self.runner = Runner(function_of(function), memory=memory)
        self.guest: Guest = guest_of(text)
        self.seat = Seat()

    def slow(self, *arrays: Any) -> list[Any]:
        """The results of the long way, which leaves a flight."""
        ran = self.runner.run(self.guest, arrays, len(arrays[0]), LIMITS, seat=self.seat)
        values: list[Any] = ran.result.to_pylist()
        return values

    def fast(self, *arrays: Any) -> list[Any]:
        """Those of the short way."""
        values: list[Any] = self.column(*arrays).to_pylist()
        return values

    def column(self, *arrays: Any) -> Any:
        given = self.runner.run_on(self.guest, arrays, len(arrays[0]), LIMITS, self.seat)
        assert given is not None
        return given[0].column(0) if isinstance(given[0], pa.Table) else given[0]


def test_texts_and_bytes_of_slices_are_those_of_the_whole() -> None:
    texts = pa.array(["", "naïve", "x" * 5_000, "", "🚀", "end"])
    numbers = pa.array(range(6), pa.int64())
    octets = pa.array([b"a", b"", b"\0\0", b"abc", b"", b"z" * 300], pa.binary())
    mixed, echo, echo_bytes = (
        Direct(*given)
        for given in ((MIXED_TYPE, MIXED), (TEXT, ECHO), ("func(a: list<u8>) -> list<u8>", ECHO))
    )
    for direct, arrays in ((mixed, (texts, numbers, octets)), (echo, (texts,)), (echo_bytes, (octets,))):
        direct.slow(*arrays)
    for part in (slice(0, 6), slice(1, 5), slice(5, 6), slice(3, 4)):
        said, numbered, given = (array[part] for array in (texts, numbers, octets))
        assert mixed.fast(said, numbered, given) == [
            n + 1_000 * len(text.encode()) + 1_000_000 * len(some)
            for text, n, some in zip(said.to_pylist(), numbered.to_pylist(), given.to_pylist(), strict=True)
        ]
        assert echo.fast(said) == said.to_pylist()
        assert echo_bytes.fast(given) == given.to_pylist()
        echo.column(said).validate(full=True)


def test_all_rows_are_called_after_some_were_not() -> None:
    direct = Direct(NUMBERS, POWER)
    full, holes = pa.array([2.0, 3.0]), pa.array([None, 3.0])
    assert direct.slow(full, full) == [8.0, 27.0]
    assert direct.slow(holes, full) == [None, 27.0]
    assert direct.fast(full, full) == [8.0, 27.0]


def test_frames_of_one_memory_take_turns() -> None:
    memory = host_memory()
    numbers, texts, others = (
        Direct(*given, memory) for given in ((NUMBERS, POWER), (TEXT, ECHO), (NUMBERS, POWER))
    )
    values, words = pa.array([2.0, 3.0]), pa.array(["ab", ""])
    for direct, array in ((numbers, (values, values)), (texts, (words,)), (others, (values, values))):
        direct.slow(*array)
    for _ in range(2):
        assert numbers.fast(values, values) == [8.0, 27.0]
        assert texts.fast(words) == ["ab", ""]
        assert others.fast(values[1:], values[1:]) == [27.0]
        assert numbers.fast(values[1:], values[1:]) == [27.0]
        assert others.fast(values, values) == [8.0, 27.0]


def test_results_keep_what_they_hold_over_many_batches() -> None:
    direct, rows = (
        Direct("func(a: u32) -> u32", '(module (func (export "f") (param i32) (result i32) (local.get 0)))'),
        2_000,
    )
    arrays = [pa.array(range(n, n + rows), pa.uint32()) for n in range(100)]
    direct.slow(arrays[0])
    kept = [direct.column(array) for array in arrays]
    assert [column.to_pylist() for column in kept] == [array.to_pylist() for array in arrays]
    assert kept[0].type == pa.uint32()


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1.0, None]),
        pa.array([1, 2], pa.int64()),
        pa.array([], pa.float64()),
    ],
    ids=["null", "type", "empty"],
)
def test_what_is_not_as_it_lies_in_memory_takes_the_long_way(array: Any) -> None:
    direct = Direct(
        "func(a: f64) -> f64", '(module (func (export "f") (param f64) (result f64) (local.get 0)))'
    )
    direct.slow(pa.array([1.0]))
    assert direct.runner.run_on(direct.guest, [array], len(array), LIMITS, direct.seat) is None
    assert direct.slow(array) == array.to_pylist()


def test_texts_for_which_there_is_no_room_take_the_long_way() -> None:
    direct = Direct(TEXT, ECHO)
    direct.runner = Runner(function_of(TEXT), values_bytes_max=1_000)
    array = pa.array(["x" * 400] * 5)
    assert direct.slow(array[:1]) == ["x" * 400]
    assert direct.runner.run_on(direct.guest, [array], 5, LIMITS, direct.seat) is None
    assert direct.slow(array) == array.to_pylist()


def test_a_fault_ends_the_flight_and_is_for_the_long_way() -> None:
    trap = """(module (func (export "f") (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (unreachable))) (local.get 0)))"""
    direct = Direct("func(a: s32) -> s32", trap)
    array = pa.array([1, 0, 2], pa.int32())
    assert direct.slow(array[:1]) == [1]
    assert direct.runner.run_on(direct.guest, [array], 3, LIMITS, direct.seat) is None
    assert not direct.seat.is_taken
    assert direct.slow(array) == [1, None, 2]
