"""The same functions in three engines, processor time a row of the whole query: ours, ClickHouse, and Python's in DuckDB.

    python -m tests.bench.bench_beside

beside.c is compiled twice: as it is for us, and with what ClickHouse needs. ClickHouse calls a module's function once a row
(ROW_DIRECT, numbers alone) or once a block, which it writes into the module's memory in the format RowBinary or Buffers. In
DuckDB a function of Python's is called once a row with Python's values, or, where pyarrow has such a function, once for 2,048
rows. Every engine runs on one thread and without a bound of fuel, but for ours, which always has one. ClickHouse's answers are
compared with ours.

`make bench` installs ClickHouse (clickhouse.lock) into `.toolchains/clickhouse`, which nothing else needs.
"""

from __future__ import annotations

import base64
import json
import math
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc
from duckdb.func import ARROW

from tests.bench.bench_function_queries import median_ns
from tests.bench.bench_sentiment import sample
from tests.bench.report import BENCHMARKS, DOCS, ROOT, conditions, put_between
from tests.functions.original import BUILT, analyzer, build
from tests.reader.catalogued import Given, given
from tests.reader.test_wasm_functions import Catalogued
from wasmverse.query.query import Query
from wasmverse.settings import Settings

FOLDER = ROOT / ".toolchains" / "clickhouse"
ROWS, CLICKHOUSE_ROWS, PYTHON_ROWS, SLOW_ROWS = 1_000_000, 100_000, 100_000, 5_000
FORMATS = {"RowBinary": "rows", "Buffers": "columns"}

_NUMBERS = "(select range::double as x, (range % 7)::double as y from range({})) t"
_TEXTS = "(select 'the quick brown fox jumps over the lazy dog ' || range::varchar as t from range({})) t"
_CLICKHOUSE_NUMBERS = "(select toFloat64(number) as x, toFloat64(number % 7) as y from numbers({})) t"
_CLICKHOUSE_TEXTS = (
    "(select 'the quick brown fox jumps over the lazy dog ' || toString(number) as t from numbers({})) t"
)


@dataclass(frozen=True)
class Case:
    """One function; queries have ``{f}`` for it. ``own`` is what an engine has itself in its place, ``python`` one that is called
    for each row and one called with Arrow arrays."""

    title: str
    name: str
    signature: str
    select: str
    source: str
    own: str | None
    clickhouse: tuple[str, str, str, str | None]
    python: tuple[list[str], str, Callable[..., Any], Callable[..., Any] | None]
    python_rows: int = PYTHON_ROWS


def cases() -> tuple[Case, ...]:
    """All of them; the texts whose sentiment is judged are in the queries."""
    texts = ", ".join("'" + text.replace("\\", "").replace("'", "") + "'" for text in sample())
    judge = analyzer().polarity_scores
    return (
        Case(
            "f64 x f64: x * x * y", "boost", "func(x: f64, y: f64) -> f64", "sum({f}(x, y))", _NUMBERS, "x * x * y",
            ("x Float64, y Float64", "Float64", _CLICKHOUSE_NUMBERS, "x * x * y"),
            (["DOUBLE", "DOUBLE"], "DOUBLE", lambda x, y: x * x * y, lambda x, y: pc.multiply(pc.multiply(x, x), y)),
        ),
        # The engine counts the parameters of a function, and pyarrow's have more than it needs.
        Case(
            "text of 50 bytes: its characters", "characters", "func(t: string) -> u32", "sum({f}(t))", _TEXTS, "length(t)",
            ("t String", "UInt32", _CLICKHOUSE_TEXTS, "lengthUTF8(t)"),
            (["VARCHAR"], "UINTEGER", len, lambda t: pc.utf8_length(t)),  # noqa: PLW0108
        ),
        Case(
            "text of 50 bytes: in capitals", "capitals", "func(t: string) -> string", "max({f}(t))", _TEXTS, "upper(t)",
            ("t String", "String", _CLICKHOUSE_TEXTS, "upper(t)"),
            (["VARCHAR"], "VARCHAR", str.upper, lambda t: pc.utf8_upper(t)),  # noqa: PLW0108
        ),
        Case(
            "real text of 50 bytes: its sentiment", "sentiment", "func(t: string) -> f64", "sum({f}(t))",
            f"(select unnest([{texts}]) as t from range({{}} // 1000)) t", None,
            ("t String", "Float64", f"(select arrayJoin([{texts}]) as t from numbers(intDiv({{}}, 1000))) t", None),
            (["VARCHAR"], "DOUBLE", lambda t: judge(t)["compound"], None), SLOW_ROWS,
        ),
    )  # fmt: skip


def main() -> None:
    """Measure, print, and write the report."""
    known = cases()
    ours, answers = _wasmverse(known)
    theirs, version = _clickhouse(known, answers)
    python = [_python(case) for case in known]
    table = _table(known, ours, theirs, python, version)
    for page in (BENCHMARKS / "functions.md", DOCS / "functions.md"):
        put_between(page, "beside", table)


def module(*options: str) -> bytes:
    """beside.c, compiled."""
    build()  # which writes the lexicon
    made = BUILT / "beside.wasm"
    flags = [
        "-std=c17",
        "-O3",
        "-mbulk-memory",
        "-msimd128",
        "-nostdlib",
        "-Wl,--no-entry",
        "-Wl,-z,stack-size=65536",
    ]
    source = Path(__file__).with_name("beside.c")
    command = ["clang", "--target=wasm32", *flags, f"-I{BUILT}", *options, "-o", str(made), str(source)]
    subprocess.run(command, check=True)
    return made.read_bytes()


def _wasmverse(known: tuple[Case, ...]) -> tuple[list[list[float | None]], list[Any]]:
    """Of each case the query with the function, and with what the engine has itself; and what ClickHouse must answer."""
    text = "".join(f"\\{byte:02x}" for byte in module())

    def made(case: Case) -> Given:
        one = given(case.name, case.signature, f'(module binary "{text}")')
        return replace(one, definition=replace(one.definition, export=case.name))

    asked = Catalogued(Path(tempfile.mkdtemp(prefix="bench-beside-")), Settings(reader_threads=1))
    asked.have(1, *map(made, known))

    def ask(sql: str) -> None:
        head, _ = asked.engine.answer(Query(sql, turn=1))
        assert "code" not in head, head

    found, answers = [], []
    for case in known:
        few = case.source.format(CLICKHOUSE_ROWS)
        answers.append(asked.rows(f"select {case.select.format(f=case.name)} from {few}")[0][0])
        source = case.source.format(ROWS)
        query = f"select {case.select.format(f=case.name)} from {source}"
        taken: list[float | None] = [median_ns(lambda query=query: ask(query), ROWS)]  # type: ignore[misc]
        if case.own is not None:
            own = f"select {_instead(case.select, case.own)} from {source}"
            taken.append(median_ns(lambda own=own: ask(own), ROWS))  # type: ignore[misc]
        else:
            taken.append(None)
        found.append(taken)
        print(case.name, "ours", taken, flush=True)
    asked.engine._connection.close()
    asked.writer.close()
    return found, answers


def _clickhouse(known: tuple[Case, ...], expected: list[Any]) -> tuple[list[dict[str, float]], str]:
    """Nanoseconds of each case, by the way in which the function is called; and the engine's version."""
    functions, queries, named = [], [], []
    for number, case in enumerate(known):
        takes, gives, source, own = case.clickhouse
        from_ = source.format(CLICKHOUSE_ROWS)
        head = f"LANGUAGE WASM ABI {{}} FROM 'm' :: '{{}}' ARGUMENTS ({takes}) RETURNS {gives}"
        ways = {}
        if "String" not in takes:
            ways["ROW_DIRECT"] = head.format("ROW_DIRECT", case.name)
        for format_, suffix in FORMATS.items():
            ways[format_] = (
                f"{head.format('BUFFERED_V1', f'{case.name}_{suffix}')} SETTINGS serialization_format = '{format_}'"
            )
        for way, definition in ways.items():
            called = f"{case.name}_{way}"
            functions.append(f"create function {called} {definition}")
            queries.append((f"select {case.select.format(f=called)} as r from {from_}", CLICKHOUSE_ROWS))
            named.append((number, way))
        if own is not None:
            queries.append((f"select {_instead(case.select, own)} as r from {source.format(ROWS)}", ROWS))
            named.append((number, "own"))
    job = {
        "module": base64.b64encode(module("-DCLICKHOUSE")).decode(),
        "functions": functions,
        "queries": queries,
    }
    command = [str(FOLDER / "bin" / "python"), str(Path(__file__).with_name("clickhouse.py"))]
    done = subprocess.run(command, input=json.dumps(job), stdout=subprocess.PIPE, text=True, check=True)
    given_back = json.loads(done.stdout)
    found: list[dict[str, float]] = [{} for _ in known]
    for (number, way), (answer, taken) in zip(named, given_back["answers"], strict=True):
        found[number][way] = taken
        print(known[number].name, "ClickHouse", way, round(taken, 1), flush=True)
        ours = expected[number]
        same = answer == ours if isinstance(ours, str) else math.isclose(float(answer), ours)
        assert same or way == "own", (answer, ours)
    return found, given_back["version"]


def _python(case: Case) -> list[float | None]:
    """As functions of Python's in DuckDB: called once a row, and with Arrow arrays."""
    takes, gives, by_row, by_array = case.python
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.create_function("by_row", by_row, takes, gives)  # type: ignore[arg-type]
        if by_array is not None:
            connection.create_function("by_array", by_array, takes, gives, type=ARROW)  # type: ignore[arg-type]

        def taken(function: str, rows: int) -> float:
            query = f"select {case.select.format(f=function)} from {case.source.format(rows)}"
            return median_ns(lambda: connection.execute(query).fetchall() and None, rows)

        found = [taken("by_row", case.python_rows), None if by_array is None else taken("by_array", ROWS)]
    print(case.name, "Python", found, flush=True)
    return found


def _instead(select: str, own: str) -> str:
    """A selection with an engine's own expression in the function's place."""
    return select[: select.index("{f}")] + own + ")"


def _table(
    known: tuple[Case, ...],
    ours: list[list[float | None]],
    theirs: list[dict[str, float]],
    python: list[list[float | None]],
    version: str,
) -> str:
    """Rows are ways, columns are functions."""

    def row(title: str, values: list[float | None]) -> str:
        shown = ["" if value is None else f"{value:,.0f}" for value in values]
        return f"| {title} | {' | '.join(shown)} |"

    ways = {
        "ROW_DIRECT": "ClickHouse, ABI ROW_DIRECT",
        "RowBinary": "ClickHouse, ABI BUFFERED_V1, RowBinary",
        "Buffers": "ClickHouse, ABI BUFFERED_V1, Buffers",
    }
    return "\n".join(
        [
            f"{conditions('duckdb', 'wasmtime', 'pyarrow')[:-1]}; ClickHouse {version}.",
            "",
            f"| ns a row | {' | '.join(case.title for case in known)} |",
            f"|---|{'---:|' * len(known)}",
            row("Wasmverse", [taken[0] for taken in ours]),
            *(row(title, [found.get(way) for found in theirs]) for way, title in ways.items()),
            row("DuckDB, a function of Python's for each row", [taken[0] for taken in python]),
            row("DuckDB, one of pyarrow's for 2,048 rows", [taken[1] for taken in python]),
            row("DuckDB's own", [taken[1] for taken in ours]),
            row("ClickHouse's own", [found.get("own") for found in theirs]),
        ]
    )


if __name__ == "__main__":
    main()
