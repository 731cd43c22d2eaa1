"""Wasm functions in queries, beside what DuckDB has itself and beside Python: processor time a row of the whole query.

    python -m tests.bench.bench_function_queries

In one process, as a reader runs them, on one thread; a million rows each, fewer where a row is slow. What the same query takes
without the function is subtracted in the last column. Sources of rows are made up by the engine itself.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tests.bench.report import BENCHMARKS, conditions, put_between
from tests.reader.catalogued import POWER, REALLOC, SHOUT, TOTAL, WORDS, given
from tests.reader.test_wasm_functions import Catalogued
from tests.wasm.builder import compile_wat, limits_of
from wasmverse.functions.run import Runner
from wasmverse.query.query import Query
from wasmverse.settings import Settings
from wasmverse.wasm.guest import Guest, Seat

REPEATS = 7
ROWS = 1_000_000
PYTHON_ROWS = 100_000
GROUPS = 1_001
RECORDS = 10

ONE_AT_A_TIME = """(memory (export "memory") 16)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))"""
"""Memory whose one place is free again with the next call, as that of a guest is which frees what it was passed."""

CHARACTERS = given(
    "characters",
    "func(text: string) -> u32",
    f"""(module {ONE_AT_A_TIME} (func (export "f") (param $at i32) (param $left i32) (result i32)
      (local $count i32) (local $more i32)
      (if (i32.eqz (local.get $left)) (then (return (i32.const 0))))
      (local.set $count (local.get $left))
      (loop $next
        ;; which of 16 bytes go on with a character; behind the text there is memory, so all of them can be loaded
        (local.set $more (i8x16.bitmask (i8x16.lt_s (v128.load align=1 (local.get $at)) (v128.const i8x16 {"-64 " * 16}))))
        (if (i32.lt_u (local.get $left) (i32.const 16)) (then (local.set $more (i32.and (local.get $more)
          (i32.sub (i32.shl (i32.const 1) (local.get $left)) (i32.const 1))))))
        (local.set $count (i32.sub (local.get $count) (i32.popcnt (local.get $more))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br_if $next (i32.gt_s (local.tee $left (i32.sub (local.get $left) (i32.const 16))) (i32.const 0))))
      (local.get $count)))""",
)
"""Sixteen bytes at a time, as a compiler makes it of a loop: what it costs to pass a text should be most of what is measured."""

CAPITALS = given("shout", "func(text: string) -> string", SHOUT.wat.replace(REALLOC, ONE_AT_A_TIME))

_NUMBERS = "(select range::double as x, (range % 7)::double as y from range({})) t"
_TEXTS = "(select 'the quick brown fox jumps over the lazy dog ' || range::varchar as t from range({})) t"
_LISTS = f"(select '{' '.join('abcdefghij'[:RECORDS])}' as t from range({{}} // {RECORDS})) t"


@dataclass(frozen=True)
class Case:
    """What is measured: the same query with the function of Wasm, without any, with the engine's own, and with Python's."""

    title: str
    source: str
    wasm: str
    nothing: str
    engine: str
    python: tuple[str, Callable[..., Any], list[str], str] | None = None


CASES = (
    Case(
        "f64 x f64: x * x * y", _NUMBERS, "select sum(boost(x, y)) from {}", "select sum(x), sum(y) from {}",
        "select sum(x * x * y) from {}",
        ("select sum(native(x, y)) from {}", lambda x, y: x * x * y, ["DOUBLE", "DOUBLE"], "DOUBLE"),
    ),
    Case(
        "text of 50 bytes: its characters", _TEXTS, "select sum(characters(t)) from {}", "select sum(strlen(t)) from {}",
        "select sum(length(t)) from {}",
        ("select sum(native(t)) from {}", len, ["VARCHAR"], "UINTEGER"),
    ),
    Case(
        "text of 50 bytes: in capitals", _TEXTS, "select max(shout(t)) from {}", "select max(t) from {}",
        "select max(upper(t)) from {}",
        ("select max(native(t)) from {}", str.upper, ["VARCHAR"], "VARCHAR"),
    ),
    Case(
        "list of records: words of a text, a record", _LISTS, "select count(*), sum(place) from {}, words(t.t)",
        "select count(*) from {}",
        "select count(*), sum(len(w)) from (select unnest(string_split(t, ' ')) as w from {})",
    ),
    Case(
        f"aggregate of f64, {GROUPS:,} groups", _NUMBERS,
        f"select sum(s) from (select total(x) as s from {{}} group by x % {GROUPS})",
        f"select sum(s) from (select any_value(x) as s from {{}} group by x % {GROUPS})",
        f"select sum(s) from (select sum(x) as s from {{}} group by x % {GROUPS})",
    ),
)  # fmt: skip


def main() -> None:
    """Measure, print, and write the report."""
    folder = Path(tempfile.mkdtemp(prefix="bench-functions-"))
    asked = Catalogued(folder, Settings(reader_threads=1))
    asked.have(1, POWER, CHARACTERS, CAPITALS, WORDS, TOTAL)
    rows = []
    for case in CASES:
        source = case.source.format(ROWS)
        texts = (case.nothing, case.wasm, case.engine)
        nothing, wasm, engine = (
            median_ns(partial(answer, asked, text.format(source)), ROWS) for text in texts
        )
        python = _python(case)
        rows.append((case.title, wasm, engine, python, wasm - nothing))
        print(*rows[-1], sep="\t", flush=True)
    driver = _driver()
    asked.engine._connection.close()
    asked.writer.close()
    put_between(BENCHMARKS / "functions.md", "queries", _table(rows, driver))


def answer(asked: Catalogued, sql: str) -> None:
    """Ask, and be answered."""
    head, _ = asked.engine.answer(Query(sql, turn=1))
    assert "code" not in head, head


def median_ns(run: Callable[[], None], rows: int) -> float:
    """Nanoseconds of processor time a row: the median of `REPEATS` runs, after one that is not measured."""
    run()
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        run()
        taken.append((time.process_time() - began) / rows * 1e9)
    return statistics.median(taken)


def _python(case: Case) -> float | None:
    """The same as a function of Python's, called once a row."""
    if case.python is None:
        return None
    sql, function, takes, gives = case.python
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.create_function("native", function, takes, gives)  # type: ignore[arg-type]
        text = sql.format(case.source.format(PYTHON_ROWS))
        return median_ns(lambda: connection.execute(text).fetchall() and None, PYTHON_ROWS)


def _driver() -> float:
    """Nanoseconds a row of numbers for arguments in, the driver's loop and results out, without the engine."""
    column = pa.array([float(n) for n in range(2_048)])
    runner, seat = Runner(POWER.definition.function), Seat()
    guest, limits = Guest.of(compile_wat(POWER.wat), "f"), limits_of(1_000_000)
    runner.run(guest, [column, column], len(column), limits, seat=seat)

    def run() -> None:
        for _ in range(100):
            assert runner.run_on(guest, [column, column], len(column), limits, seat) is not None

    taken = median_ns(run, 100 * len(column))
    seat.clear()
    return taken


def _table(rows: list[tuple[str, float, float, float | None, float]], driver: float) -> str:
    lines = [
        conditions("duckdb", "wasmtime", "pyarrow"),
        "",
        "| query | with Wasm | DuckDB's own | with a Python function | what Wasm adds |",
        "|---|---|---|---|---|",
    ]
    for title, wasm, engine, python, added in rows:
        shown = "" if python is None else f"{python:,.0f}"
        lines.append(f"| {title} | {wasm:.0f} | {engine:.0f} | {shown} | {added:.0f} |")
    lines += [
        "",
        f"Without the engine, two numbers cost {driver:.1f} ns a row: copied in, the driver's loop, copied out.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
