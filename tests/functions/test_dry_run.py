"""A dry run: a new version beside the present one, over the same rows, in a process of its own."""

import json
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import wasmtime

from tests.functions.test_signature import NUMBERS, TEXT
from wasmverse.errors import FunctionError, ModuleRefused
from wasmverse.functions.dry_run import EXAMPLES_MAX, DryRun, Example, dry_run_check, rows_query
from wasmverse.functions.enclosed import check_enclosed
from wasmverse.functions.grammar import parse_declaration
from wasmverse.functions.inspection import inspect_function
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import Settings

SETTINGS = Settings()
HALF = """(module (func (export "half") (param f64) (result f64)
    (if (f64.gt (local.get 0) (f64.const 100)) (then (unreachable))) (f64.mul (local.get 0) (f64.const 0.5))))"""


def checked(text: str, wanted: Wanted) -> Any:
    return inspect_function(bytes(wasmtime.wat2wasm(text)), wanted, SETTINGS)


def stream(**columns: Any) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def test_differences_faults_and_costs_are_told() -> None:
    rows = stream(a1=[1.0, 4.0, None, 200.0, float("nan")], present=[0.5, 3.0, None, 100.0, float("nan")])
    found = dry_run_check(checked(HALF, Wanted("half")), rows, SETTINGS, is_compared=True).run()
    assert (found.rows, found.differences, found.faults, found.is_compared) == (5, 2, 1, True)
    assert found.examples[0] == Example(2, "(4.0)", "3.0", "2.0")
    assert (
        found.examples[1].row == 4
        and found.examples[1].new == "NULL"
        and "unreachable" in found.examples[1].why
    )
    assert 0 < found.fuel < 1_000 and found.nanoseconds > 0


def test_without_a_present_version_only_what_fails_is_told() -> None:
    rows = stream(a1=[float(n) for n in range(130)])
    found = dry_run_check(checked(HALF, Wanted("half")), rows, SETTINGS, is_compared=False).run()
    assert (found.rows, found.differences, found.faults) == (130, 0, 29)
    assert [one.row for one in found.examples] == list(range(102, 102 + EXAMPLES_MAX))
    assert found.examples[0].present is None
    found = dry_run_check(
        checked(HALF, Wanted("half")), stream(a1=pa.array([], pa.float64())), SETTINGS, is_compared=False
    ).run()
    assert (found.rows, found.examples) == (0, [])


def test_the_query_of_the_rows() -> None:
    definition, _ = checked(TEXT, parse_declaration(Wanted("shout"), "words TEXT", "TEXT", None))
    text = rows_query(definition, "select name from strategy -- all\n ; ", is_compared=True)
    assert text.startswith(
        "SELECT *, try_shout(a1) AS present FROM (\nSELECT a1::VARCHAR AS a1 FROM (\nselect name"
    )
    assert ";" not in text
    table, _ = checked(TEXT, parse_declaration(Wanted("rows"), "n UINTEGER", "TABLE(a INT)", None))
    assert "(SELECT list(one) FROM try_rows(a1) AS one) AS present" in rows_query(
        table, "select 1", is_compared=True
    )
    none, _ = checked(NUMBERS, Wanted("my_own"))
    with pytest.raises(FunctionError, match="my_own takes nothing"):
        rows_query(none, "select 1", is_compared=False)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "select (1), ')' as \")\" -- (one)\n from t /* ( /* ) */ */ where x = $$a b$$",
        "select 'it''s', 'a\\b' || x, #1 from t",
        "select $1$ from t",
    ],
)
def test_a_query_that_stays_within_its_parentheses(sql: str) -> None:
    if "$1$" not in sql:
        duckdb.extract_statements(f"select * from ({sql}\n)")
    check_enclosed(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1) as a, (select 2",
        "select 1 union (select 2",
        "select ')",
        'select "a) ',
        "select 1 /* ) ",
        "select 1 /* a /* b */",
        "select 1 --\r) as a, (select 2",
        "select `'` ) as a, (select 1 as `'`",
        "select '\\' ) as a, (select '\\'",
        "select 1 # '\n ) as a, (select 2 -- '",
        "select $$ ' $$ ) as a, (select $$ ' $$",
        "select $a$ ' $a$ ) as a, (select $a$ ' $a$",
        "select E'\\'' ) as a, (select E'\\''",
        "select $b$ ( $b$ as p, 1 as x$a$) as g, (select 3 as y$a$, $b$ ) $b$ as z",
    ],
)
def test_a_query_that_leaves_its_parentheses_is_refused(sql: str) -> None:
    with pytest.raises(FunctionError, match="closes a parenthesis that it did not open"):
        check_enclosed(sql)


def test_an_answer_is_data() -> None:
    check = dry_run_check(checked(HALF, Wanted("half")), b"", SETTINGS, is_compared=True)
    good = {"rows": 1, "differences": 1, "faults": 0, "fuel": 2.5, "nanoseconds": 3, "examples": [
        {"row": 1, "arguments": "(\x1b[2J)", "present": None, "new": "x" * 500, "why": ""}]}  # fmt: skip

    def answered(**changed: Any) -> DryRun:
        return check.answer(0, json.dumps({**good, **changed}).encode() + b"\n")

    [example] = answered().examples
    assert example.arguments == "(\\x1b[2J)" and len(example.new or "") < 130
    for changed in ({"rows": None}, {"examples": [1]}, {"examples": 5}, {"fuel": "x"}, {"rows": [1]}):
        with pytest.raises(ModuleRefused, match="not understood"):
            answered(**changed)
    with pytest.raises(ModuleRefused, match="the compiler ended with"):
        check.run()  # no rows at all are no stream
