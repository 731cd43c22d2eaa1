"""Several turns in one statement: each relation is as it was in the turn that it names, and nothing else can be read so."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from tests.reader.catalogued import POWER, TOTAL
from tests.reader.test_wasm_functions import SETTINGS, Catalogued
from wasmverse.errors import QueryError
from wasmverse.query.public import of_turn, read_of_turn
from wasmverse.query.query import Query
from wasmverse.reader import kept_turns
from wasmverse.storage import views


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogued]:
    asked = Catalogued(tmp_path_factory.mktemp("turns"), SETTINGS)
    for tid in (1, 2):
        asked.have(tid, POWER, TOTAL)
    yield asked
    asked.writer.close()


def rows(asked: Catalogued, sql: str, *earlier: int, turn: int = 2) -> list[list[object]]:
    head, body = asked.engine.answer(Query(sql, turn=turn, earlier=earlier))
    assert "ends" not in head
    if "code" in head:
        raise QueryError(head["error"], code=head["code"])
    assert not head.get("turn_missing") and head["turn"] == turn
    found: list[list[object]] = orjson.loads(body)["results"][0]["rows"]
    return found


NAMES = [name for name in (*views.CLIENT_NAMES, *views.READER_NAMES) if name != kept_turns.NAME]


@pytest.mark.parametrize("name", NAMES)
def test_every_relation_is_as_it_was_in_each_turn(asked: Catalogued, name: str) -> None:
    then, now = (f'"{of_turn(name, turn)}"' for turn in (1, 2))
    both = rows(asked, f"select 1, * from {then} union all select 2, * from {now} order by all", 1)
    for turn in (1, 2):
        alone = rows(asked, f"select {turn}, * from {name} order by all", turn=turn)
        assert [row for row in both if row[0] == turn] == alone


def test_a_relation_is_called_by_its_name(asked: Catalogued) -> None:
    sql = 'select entity.eid, b.sid from "entity as of turn 1" join game."Entity AS OF turn 2" b using (eid) where b.eid = 5'
    assert rows(asked, sql, 1) == [[5, 2]]


def test_functions_are_those_of_the_latest_turn(asked: Catalogued) -> None:
    sql = 'select total(boost(a.x, 1)) from "entity as of turn 1" a join "entity as of turn 2" b using (eid) where a.kind = 1'
    assert rows(asked, sql, 1) == [[4 * (0.0 + 1.0 + 4.0)]]


@pytest.mark.parametrize(
    ("sql", "code", "part"),
    [
        ('select 1 from "entity as of turn 1", turns', 1064, "'turns' has none"),
        ('select sight(1, 2, 3, 4) from "entity as of turn 1"', 1064, "sight"),
        ('select 1 from "turns as of turn 1", information_schema.tables', 1064, "information_schema"),
        ('select 1 from "entity_turn as of turn 1"', 1064, "'entity_turn' has none"),
        ('select 1 from "entity as of turn 3"', 1146, "entity as of turn 3"),
        ('select 1 from "entity as of turn 01"', 1146, "entity as of turn 01"),
        ('select 1 from "snapshot_ship as of turn 1"', 1146, "snapshot_ship as of turn 1"),
        ('select 1 from information_schema."tables as of turn 1"', 1146, "tables as of turn 1"),
        ("select 1 from snapshot_ship_of_1", 1146, "snapshot_ship_of_1"),
        ('select nope from "entity as of turn 1"', 1054, "nope"),
    ],
)
def test_what_cannot_be_read_is_refused(asked: Catalogued, sql: str, code: int, part: str) -> None:
    with pytest.raises(QueryError, match=part) as error:
        rows(asked, sql, 1)
    assert error.value.code == code


def test_a_turn_that_the_query_does_not_name_cannot_be_read(asked: Catalogued) -> None:
    for sql in ('select 1 from "entity as of turn 1"', 'select 1 from "entity as of turn 2"'):
        with pytest.raises(QueryError) as error:
            rows(asked, sql)
        assert error.value.code == 1146


def test_a_turn_without_a_snapshot_is_missing(asked: Catalogued) -> None:
    head, _ = asked.engine.answer(
        Query('from "turns as of turn 7", "turns as of turn 2"', turn=2, earlier=(7,))
    )
    assert head["turn_missing"] and "ends" not in head


def test_nothing_is_left_after_the_statement(asked: Catalogued) -> None:
    rows(asked, 'select 1 from "entity as of turn 1", "visible as of turn 2"', 1)
    with pytest.raises(QueryError):
        rows(asked, 'select nope from "entity as of turn 1"', 1)
    left = asked.engine._connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE view_name LIKE '%_of_%' OR view_name LIKE '% as of %'"
    ).fetchall()
    assert not left


def test_names_of_turns_are_read_as_they_are_written() -> None:
    assert read_of_turn(of_turn("entity", 120)) == ("entity", 120)
    for name in (
        "entity",
        "entity as of turn",
        "entity as of turn 007",
        "entity as of turn x",
        "as of turn 5",
        "a b as of turn 5",
    ):
        assert read_of_turn(name) is None
