"""What it costs to pass values to a Wasm function and back: nanoseconds of processor time for a row, an item or a record.

    python -m tests.bench.bench_functions

*driver* is the loop in Wasm from columns in host memory and back, *with Arrow* all of a Runner's work on one batch. What does not
grow with a batch's rows, a fresh instance most of all, is left out: the time of a small batch is taken off that of a large one.
Each time is the shortest of several.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from tests.bench.report import BENCHMARKS, conditions, put_between
from tests.wasm.builder import compile_wat, function_of, limits_of
from wasmverse.functions.arguments import put_arguments
from wasmverse.functions.run import Runner
from wasmverse.functions.sql_types import arrow_type
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.types import Function
from wasmverse.wasm.wit import parse_world

PAGE = BENCHMARKS / "functions.md"
FEW, MANY = 64, 2_048
"""Rows of the two batches."""
ROUNDS, SECONDS = 40, 0.5
"""Each time is the shortest of so many, and of as many as take so long together."""
LIMITS = replace(limits_of(budget_fuel=10_000_000), pool_rows=MANY)
"""One fuel pool for a batch, as readers have it (``reader/callee.py``)."""

POWER = """(module (func (export "f") (param f64 f64) (result f64)
  (f64.mul (local.get 0) (f64.mul (local.get 0) (local.get 1)))))"""
ALLOCATOR = """(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))"""
LENGTH = f"""(module (memory (export "memory") 1) {ALLOCATOR}
  (func (export "f") (param i32 i32) (result i32) (local.get 1)))"""
ECHO = f"""(module (memory (export "memory") 1) {ALLOCATOR}
  (func (export "f") (param i32 i32) (result i32)
    (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16)))"""
OPTION = """(module (memory (export "memory") 1) (func (export "f") (param i32 i64) (result i32)
  (i32.store8 (i32.const 8) (local.get 0)) (i64.store (i32.const 16) (local.get 1)) (i32.const 8)))"""
RECORDS = 100
POINTS = f"""(module (memory (export "memory") 1) (data (i32.const 8) "harvester")
  (func $start (local $at i32)
    (local.set $at (i32.const 64))
    (loop $next
      (i32.store (local.get $at) (local.get $at)) (i32.store offset=4 (local.get $at) (i32.const -7))
      (i32.store offset=8 (local.get $at) (i32.const 8)) (i32.store offset=12 (local.get $at) (i32.const 9))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const {64 + 16 * RECORDS})))))
  (start $start)
  (func (export "f") (param i32) (result i32)
    (i32.store (i32.const 32) (i32.const 64)) (i32.store (i32.const 36) (local.get 0)) (i32.const 32)))"""


@dataclass(frozen=True)
class Case:
    """A function, its guest, the value of each argument, and how many of what is measured a row has."""

    title: str
    function: Function
    guest: str
    values: tuple[Any, ...]
    unit: str = "row"
    units: int = 1
    target: float | None = None


def points() -> Function:
    """A list of records with two numbers and a short text."""
    text = "record point { x: s32, y: s32, label: string } export f: func(n: u32) -> list<point>;"
    return parse_world(f"world w {{ {text} }}")["f"]


TEXT = "Fifty bytes of text, which all of it is ASCII here"
ACCENTED = "Fünfzig Bytes, jedes zehnte Zeichen ist keïn ASCII"

CASES = (
    Case("two f64 to f64", function_of("func(a: f64, b: f64) -> f64"), POWER, (1.5, 2.5), target=5),
    Case("option of s64 to the same", function_of("func(a: option<s64>) -> option<s64>"), OPTION, (7,)),
    Case("string of 50 bytes to u32", function_of("func(a: string) -> u32"), LENGTH, (TEXT,)),
    Case("string of 50 bytes to the same", function_of("func(a: string) -> string"), ECHO, (TEXT,)),
    Case("the same, not all of it ASCII", function_of("func(a: string) -> string"), ECHO, (ACCENTED,)),
    Case("list of 100 f64 to u32", function_of("func(a: list<f64>) -> u32"), LENGTH, ([1.5] * 100,), "item", 100),
    Case("list of 100 strings to u32", function_of("func(a: list<string>) -> u32"), LENGTH, (["harvester"] * 100,), "item", 100),
    Case("list of 100 records (s32, s32, string)", points(), POINTS, (RECORDS,), "record", RECORDS, target=15),
)  # fmt: skip


def shortest(run: Callable[[], object], before: Callable[[], object] = int) -> float:
    """Processor time of the calling thread, in seconds, of many runs; ``before`` each is not measured."""
    best, spent, rounds = float("inf"), 0.0, 0
    while rounds < ROUNDS or spent < SECONDS:
        before()
        begun = time.thread_time()
        run()
        taken = time.thread_time() - begun
        best, spent, rounds = min(best, taken), spent + taken, rounds + 1
    return best


def measured(case: Case) -> tuple[float, float]:
    """Nanoseconds of each unit: in the driver, and with Arrow."""
    runner, guest = Runner(case.function), Guest.of(compile_wat(case.guest), "f")
    frame = runner._frame
    arrays = [
        pa.array([value] * MANY, arrow_type(field.type))
        for field, value in zip(case.function.params, case.values, strict=True)
    ]

    def with_arrow(rows: int) -> float:
        batch = [array.slice(0, rows) for array in arrays]
        return shortest(lambda: runner.run(guest, batch, rows, LIMITS))

    def in_driver(rows: int) -> float:
        batch = [array.slice(0, rows) for array in arrays]

        def begin() -> None:
            frame.begin()
            put_arguments(frame, batch, rows)
            runner._mask[:rows] = 1

        return shortest(lambda: guest.run(frame, 0, rows, LIMITS), begin)

    ran = runner.run(guest, arrays, MANY, LIMITS)
    assert ran.outcome.reason is None and not ran.errors, ran.outcome
    each = (MANY - FEW) * case.units / 1e9
    return (in_driver(MANY) - in_driver(FEW)) / each, (with_arrow(MANY) - with_arrow(FEW)) / each


def main() -> None:
    """Measure, print, and put the table into the report."""
    where = conditions("wasmtime", "pyarrow", "numpy")
    lines = ["| function | driver, ns | with Arrow, ns | for each |", "|---|---|---|---|"]
    for case in CASES:
        driver, arrow = measured(case)
        target = "" if case.target is None else f" (target: {case.target:g})"
        lines.append(f"| {case.title} | {driver:.1f}{target} | {arrow:.1f} | {case.unit} |")
        print(lines[-1], flush=True)
    put_between(PAGE, "driver", f"{where}\n\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
