"""The module in front of an aggregate's guest: rows and states of any type arrive, room is used again, results are given back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from tests.wasm.builder import compile_wat, limits_of
from wasmverse.functions.run import Ran, Runner
from wasmverse.functions.sql_types import arrow_type
from wasmverse.wasm.abi import flatten
from wasmverse.wasm.fold import FIRST, LAST, FoldError, Room, Steps, fold_wat, front_of
from wasmverse.wasm.guest import Guest, Seat
from wasmverse.wasm.types import (
    F32,
    F64,
    S16,
    U8,
    U32,
    U64,
    Case,
    Field,
    List,
    Option,
    Record,
    Result,
    String,
    Tuple,
    Variant,
)
from wasmverse.wasm.wit import parse_world

LIMITS = replace(limits_of(budget_fuel=10_000_000, memory_bytes_max=1 << 20), faults_max=1)
WHOLE = FIRST | LAST
BUMP = """(memory (export "memory") 1) (global $free (mut i32) (i32.const 1024))
  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    (global.set $free (i32.add (local.get $at) (i32.and (i32.add (local.get 3) (i32.const 7)) (i32.const -8))))
    (if (i32.gt_u (global.get $free) (i32.const 65536)) (then (unreachable)))
    (local.get $at))"""
"""An allocator that never frees, and has 63 KiB."""


class Folding:
    """An aggregate whose guest is given as text."""

    def __init__(self, params: str, state: Any, result: Any, wat: str, types: str = "") -> None:
        function = parse_world(f"world w {{ {types} export f: func({params}); }}")["f"]
        self.steps = Steps(function.params, state, result)
        guest = Guest.of(compile_wat(wat), "iterate")
        merge = "merge" if "merge" in guest.names else None
        front = front_of(self.steps, guest.names, "initialize", "iterate", merge, "terminate")
        self.guest = replace(guest, front=front)
        self.runner = Runner(self.steps.folded)
        self.seat = Seat()

    def run(self, *parts: tuple[int, Sequence[Any]]) -> Ran:
        rows: Any = pa.array([list(part[1]) for part in parts], pa.list_(arrow_type(self.steps.row)))
        marks = pa.array([part[0] for part in parts], pa.uint8())
        return self.runner.run(self.guest, [marks, rows], len(parts), LIMITS, seat=self.seat)

    def results(self, *parts: tuple[int, Sequence[Any]]) -> list[Any]:
        ran = self.run(*parts)
        assert ran.outcome.faults == 0, ran.outcome.reason
        values: list[Any] = ran.result.to_pylist()
        return values


def counting(steps: str, extra: str = BUMP) -> str:
    return f"(module {extra} {steps})"


SUM = """(func (export "initialize") (result f64) (f64.const 0.5))
  (func (export "iterate") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
  (func (export "terminate") (param f64) (result f64) (local.get 0))"""


def test_the_state_goes_on_from_part_to_part() -> None:
    folding = Folding("x: f64", F64, F64, counting(SUM))
    parts = [(WHOLE, [1.0, 2.0]), (FIRST, [1.0]), (0, []), (0, [2.0, 3.0]), (LAST, [4.0]), (WHOLE, [])]
    results = folding.results(*parts)
    assert [result for result, (part, _) in zip(results, parts, strict=True) if part & LAST] == [
        3.5,
        10.5,
        0.5,
    ]
    assert folding.results((FIRST, [7.0])) == [0.0]
    assert folding.results((LAST, [1.0])) == [8.5]


MERGED = """(func (export "initialize") (result f64) (f64.const 0.5))
  (func (export "iterate") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
  (func (export "merge") (param f64 f64) (result f64) (f64.add (f64.mul (local.get 0) (f64.const 1000)) (local.get 1)))
  (func (export "terminate") (param f64) (result f64) (local.get 0))"""


def test_parts_are_merged_in_their_order_where_the_guest_can_merge() -> None:
    folding = Folding("x: f64", F64, F64, counting(MERGED))
    parts = [(WHOLE, [1.0, 2.0]), (FIRST, [1.0]), (0, []), (LAST, [4.0]), (WHOLE, [])]
    results = folding.results(*parts)
    assert [result for result, (part, _) in zip(results, parts, strict=True) if part & LAST] == [
        3.5,
        (1.5 * 1000 + 0.5) * 1000 + 4.5,
        0.5,
    ]


def test_states_in_memory_are_merged() -> None:
    merge = """(func (export "merge") (param i32 i32 f32 i32 i32 i32 i32 f32 i32 i32) (result i32)
      (i32.store8 (i32.const 96) (i32.add (local.get 0) (local.get 5)))
      (i32.store8 (i32.const 100) (i32.const 1)) (f32.store (i32.const 104) (local.get 2))
      (i32.store (i32.const 108) (local.get 3)) (i32.store (i32.const 112) (local.get 9)) (i32.const 96))"""
    folding = Folding("x: f32, name: string", FAR_STATE, Result(String(), String()), counting(FAR + merge))
    rows = [{"x": 1.5, "name": "longer"}, {"x": 7.0, "name": "abc"}]
    ran = folding.run((FIRST, rows[:1]), (LAST, rows[1:]))
    assert ran.result.to_pylist()[1] == "lon"


def test_states_too_long_to_be_merged_go_on() -> None:
    wide = Tuple((U32,) * 9)
    steps = Steps((Field("x", F64),), wide, F64)
    assert not steps.can_merge
    names = ["initialize", "iterate", "merge", "terminate", "memory"]
    assert "merge" not in front_of(steps, names, "initialize", "iterate", "merge", "terminate").imports
    assert "merge" in front_of(Steps((Field("x", F64),), F64, F64), names, *names[:4]).imports


def test_the_rooms_of_lists_are_used_again() -> None:
    """200 lists of 8 KB in a guest that has 63 KiB and never frees."""
    folding = Folding("x: f64", F64, F64, counting(SUM))
    assert folding.results(*[(WHOLE, [1.0] * 1_000)] * 200) == [1000.5] * 200


LENGTHS = """(func (export "initialize") (result i32) (i32.const 0))
  (func (export "iterate") (param i32 i32 i32) (result i32)
    (i32.add (i32.mul (local.get 0) (i32.const 31)) (i32.add (local.get 2) (i32.load8_u (local.get 1)))))
  (func (export "terminate") (param i32) (result i32) (local.get 0))"""


@pytest.mark.parametrize("extra", [BUMP, '(memory (export "memory") 1)'], ids=["allocator", "none"])
def test_texts_arrive_also_where_the_guest_has_no_allocator(extra: str) -> None:
    folding = Folding("x: string", U32, U32, counting(LENGTHS, extra))
    rounds = [["ab", "c" * 300, "xyz"], ["q"], []] * 3
    expected = []
    for texts in rounds:
        value = 0
        for text in texts:
            value = (value * 31 + len(text) + ord(text[0])) % 2**32
        expected.append(value)
    assert folding.results(*((WHOLE, texts) for texts in rounds)) == expected


def test_without_an_allocator_memory_grows_for_the_largest_call_only() -> None:
    folding = Folding("x: string", U32, U32, counting(LENGTHS, '(memory (export "memory") 1)'))
    for _ in range(3):
        folding.results(*[(WHOLE, ["x" * 90_000, "y" * 90_000])] * 5)
    flight = folding.seat.peek(folding.guest.plan(folding.runner._frame.layout), folding.runner._frame)
    assert flight is not None and flight.memory_bytes <= 8 * 65_536


SHAPE = "variant shape { dot, circle(f32), big(u64), pair(tuple<u8, s16>) }"
MIXED = """(func (export "initialize") (result i64) (i64.const 1))
  (func (export "iterate") (param i64 i32 i64 i32) (result i64)
    (i64.add (i64.mul (local.get 0) (i64.const 31)) (i64.add (i64.mul (local.get 2) (i64.const 3))
      (i64.add (i64.extend_i32_u (local.get 1)) (i64.extend_i32_s (local.get 3))))))
  (func (export "terminate") (param i64) (result i64) (local.get 0))"""


def test_a_variant_arrives_as_the_canonical_abi_carries_it() -> None:
    """Its cases share core values: a float as its bits, all that is shorter than 64 bits filled up with zeros."""
    folding = Folding("x: shape", U64, U64, counting(MIXED), SHAPE)
    kind = arrow_type(folding.steps.row)
    tags, cases = [0, 1, 2, 3, 1], [True, 1.5, 2**63 + 5, {"f0": 200, "f1": -7}, -0.0]
    members = [
        pa.array([case if tag == k else None for tag, case in zip(tags, cases, strict=True)], field.type)
        for k, field in enumerate(kind)
    ]
    rows: Any = pa.UnionArray.from_sparse(pa.array(tags, pa.int8()), members, [field.name for field in kind])
    lists = pa.ListArray.from_arrays(pa.array([0, len(tags)], pa.int32()), rows)
    marks: Any = pa.array([WHOLE], pa.uint8())
    ran = folding.runner.run(folding.guest, [marks, lists], 1, LIMITS)
    value = 1
    for tag, case in zip(tags, cases, strict=True):
        first, second = 0, 0
        match case:
            case float():
                (first,) = struct.unpack("<I", struct.pack("<f", case))
            case dict():
                first, second = case["f0"], case["f1"]
            case int() if tag == 2:
                first = case
        value = (value * 31 + first * 3 + tag + second) % 2**64
    assert ran.result.to_pylist() == [value]


FAR_STATE = Record((Field("n", U8), Field("best", Option(F32)), Field("last", String())))
FAR = """(func (export "initialize") (result i32) (memory.fill (i32.const 32) (i32.const 0) (i32.const 24)) (i32.const 32))
  (func (export "iterate") (param $n i32) (param $has i32) (param $best f32) (param $at i32) (param $length i32)
    (param $x f32) (param $name i32) (param $name_length i32) (result i32)
    (i32.store8 (i32.const 32) (i32.add (local.get $n) (i32.const 1)))
    (if (i32.and (local.get $has) (f32.ge (local.get $best) (local.get $x))) (then) (else
      (local.set $best (local.get $x)) (local.set $at (local.get $name)) (local.set $length (local.get $name_length))))
    (i32.store8 (i32.const 36) (i32.const 1)) (f32.store (i32.const 40) (local.get $best))
    (i32.store (i32.const 44) (local.get $at)) (i32.store (i32.const 48) (local.get $length))
    (i32.const 32))
  (func (export "terminate") (param i32 i32 f32 i32 i32) (result i32)
    (i32.store8 (i32.const 64) (i32.eqz (local.get 1)))
    (i32.store (i32.const 68) (local.get 3)) (i32.store (i32.const 72) (local.get 4))
    (i32.const 64))"""


def test_a_state_that_lies_in_memory_with_texts_and_options() -> None:
    folding = Folding("x: f32, name: string", FAR_STATE, Result(String(), String()), counting(FAR))
    rows = [{"x": 1.5, "name": "low"}, {"x": 7.0, "name": "high"}, {"x": 3.0, "name": "middle"}]
    ran = folding.run((WHOLE, rows), (WHOLE, []), (FIRST, rows[:1]), (LAST, rows[2:]))
    assert ran.result.to_pylist()[0] == "high" and ran.result.to_pylist()[3] == "middle"
    assert set(ran.errors) == {1}


def test_results_are_given_back_once_each_but_for_the_last() -> None:
    post = """(global $posts (mut i32) (i32.const 0))
      (func (export "initialize") (result i32) (i32.const 0))
      (func (export "iterate") (param i32 f64) (result i32) (global.get $posts))
      (func (export "terminate") (param i32) (result i32)
        (i32.store8 (i32.const 64) (i32.const 1)) (i32.store (i32.const 68) (local.get 0)) (i32.const 64))
      (func (export "cabi_post_terminate") (param i32)
        (if (i32.ne (local.get 0) (i32.const 64)) (then (unreachable)))
        (global.set $posts (i32.add (global.get $posts) (i32.const 1))))"""
    folding = Folding("x: f64", U32, Option(U32), counting(post))
    assert folding.results((WHOLE, [1.0]), (FIRST, [1.0]), (LAST, [1.0]), (WHOLE, [1.0])) == [0, None, 1, 2]


def test_a_guest_without_memory_is_lent_one() -> None:
    folding = Folding("x: f64", F64, F64, f"(module {SUM})")
    assert folding.results((WHOLE, [1.0] * 9_000), (WHOLE, [2.0]), (FIRST, [1.0]), (LAST, [2.0]))[:2] == [
        9000.5,
        2.5,
    ]
    with pytest.raises(FoldError, match="exports no memory"):
        Folding("x: string", U32, U32, f"(module {SUM})")


def test_steps_that_cannot_be_folded_are_told() -> None:
    many = Tuple((F64,) * 12)
    with pytest.raises(FoldError, match="17 values"):
        Steps(tuple(Field(f"x{n}", F64) for n in range(5)), many, F64)
    with pytest.raises(FoldError, match="takes nothing"):
        Steps((), F64, F64)


def test_the_text_of_every_kind_is_a_module() -> None:
    shape = Variant((Case("dot"), Case("circle", F32), Case("pair", Tuple((U8, S16)))))
    for state in (F64, U32, String(), Option(F64), shape, FAR_STATE):
        for result in (F64, String(), List(String()), Option(U8), Result(F64, String()), shape):
            steps = Steps((Field("x", shape), Field("y", String())), state, result)
            for room in (Room.GUEST, Room.PAGES):
                for has_merge in {False, steps.can_merge}:
                    has_post = len(flatten(result)) > 1
                    wat = fold_wat(steps, has_memory=True, room=room, has_post=has_post, has_merge=has_merge)
                    compile_wat(wat)
