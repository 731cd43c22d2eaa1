"""Dry runs of functions of every kind: what the query around a client's gives, and what a new version makes of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.reader.catalogued import CHARACTERS, TOTAL, WEIGHTED_WAT, WORDS, Given, aggregate, tables_with
from tests.reader.test_functions import SETTINGS
from tests.reader.test_wasm_functions import Catalogued
from tests.wasm.builder import compile_wat
from wasmverse.errors import QueryError
from wasmverse.functions.compare import compare
from wasmverse.functions.dry_run import rows_query
from wasmverse.query.query import Query
from wasmverse.wasm.types import F64, U64, Field, Record

TEXTS = "select t from (values ('a bb ccc'), (''), (null), ('one')) v (t)"


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Catalogued]:
    asked = Catalogued(tmp_path, SETTINGS)
    asked.writer.publish(1, *tables_with(1, (CHARACTERS, WORDS_TABLE, TOTAL, WEIGHTED)))
    yield asked
    asked.writer.close()


WEIGHTED = aggregate(
    "weighted",
    "func(x: f64, w: u32) -> option<f64>",
    Record((Field("weight", U64), Field("sum", F64))),
    WEIGHTED_WAT,
)
WORDS_TABLE = Given(replace(WORDS.definition, kind="table"), WORDS.wat)


def dry_run(
    asked: Catalogued, one: Given, sql: str, wat: str = "", *, is_compared: bool = True
) -> dict[str, Any]:
    """What a new version with this text comes to; without one, the same version."""
    query = rows_query(one.definition, sql, is_compared=is_compared)
    head, body = asked.engine.answer(Query(query, turn=1, format="arrow"))
    if "code" in head:
        raise QueryError(head["error"], code=head["code"])
    compiled = bytes(compile_wat(wat or one.wat).serialize())
    return compare(one.definition, compiled, bytes(body), SETTINGS, is_compared=is_compared)


def counts(found: dict[str, Any]) -> tuple[int, int, int]:
    return found["rows"], found["differences"], found["faults"]


def test_the_same_version_differs_in_nothing(asked: Catalogued) -> None:
    numbers = "select x, strategy from entity order by eid"
    for one, sql, rows in (
        (CHARACTERS, TEXTS, 4),
        (WORDS_TABLE, TEXTS, 4),
        (TOTAL, "select x from entity", 1),
        (TOTAL, numbers, 4),
        (TOTAL, "select x from entity where false", 1),
        (TOTAL, "select nullif(range, 3), range % 2 from range(9)", 2),
    ):
        for is_compared in (True, False):
            found = dry_run(asked, one, sql, is_compared=is_compared)
            assert counts(found) == (rows, 0, 0), (sql, found)


def test_rows_of_a_table_that_differ_are_told(asked: Catalogued) -> None:
    shorter = WORDS.wat.replace("(i32.const 32)", "(i32.const 98)")
    assert shorter != WORDS.wat
    found = dry_run(asked, WORDS_TABLE, TEXTS, shorter)
    assert counts(found) == (4, 1, 0)
    assert found["examples"][0]["arguments"] == "('a bb ccc')"
    assert "'bb'" in found["examples"][0]["present"] and "' ccc'" in found["examples"][0]["new"]


def test_groups_of_an_aggregate_that_differ_or_fail_are_told(asked: Catalogued) -> None:
    sql = "select range, range % 3 from range(90)"
    added = "(f64.add (local.get 0) (local.get 1))"
    more = TOTAL.wat.replace(added, "(f64.add (f64.const 1) (f64.add (local.get 0) (local.get 1)))")
    assert more != TOTAL.wat
    found = dry_run(asked, TOTAL, sql, more)
    assert counts(found) == (3, 3, 0)
    assert {one["arguments"][:3] for one in found["examples"]} == {"(0,", "(1,", "(2,"}
    assert found["fuel"] > 30
    traps = TOTAL.wat.replace(
        '(func (export "terminate") (param f64) (result f64) ',
        '(func (export "terminate") (param f64) (result f64) (if (f64.gt (local.get 0) (f64.const 1336)) (then (unreachable))) ',
    )
    assert traps != TOTAL.wat
    found = dry_run(asked, TOTAL, sql, traps)
    assert counts(found)[2] == 1 and "unreachable" in found["examples"][0]["why"]


def test_an_aggregate_of_several_values(asked: Catalogued) -> None:
    found = dry_run(asked, WEIGHTED, "select range, range, range % 2 from range(10)")
    assert counts(found) == (2, 0, 0)
