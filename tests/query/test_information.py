"""What ``information_schema`` says of relations, columns and functions, through real reader processes."""

from __future__ import annotations

from tests.query.conftest import RunningPool
from wasmverse.functions.names import OWN
from wasmverse.reader.allowed import ALLOWED
from wasmverse.reader.statement import TABLE_FUNCTIONS

PUBLIC = [
    "entities_with_conflict",
    "entity",
    "entity_strategy",
    "entity_turn",
    "event",
    "hero",
    "hit",
    "leaderboard",
    "solar_system",
    "story",
    "strategy",
    "strategy_fault",
    "strategy_log",
    "strategy_turn",
    "strategy_version",
    "transmission",
    "turn_kept",
    "turn_phase",
    "turns",
    "visible",
    "wasm_function",
]


def test_information_schema_lists_the_public_names_alone(pool: RunningPool) -> None:
    tables = pool.rows("select table_schema, table_name from information_schema.tables order by all")
    assert tables == [["game", name] for name in PUBLIC]
    columns = pool.rows("select distinct c.table_name from INFORMATION_SCHEMA.Columns c order by 1")
    assert columns == [[name] for name in PUBLIC]
    assert pool.rows("select schema_name from information_schema.schemata") == [["game"]]
    assert pool.rows("select count(*) from information_schema.character_sets") == [[1]]
    named = """select tables.table_name, information_schema.tables.table_type, n from information_schema.tables
        join (values (?, 'turns')) x (n, table_name) using (table_name) where table_name in (select table_name from
        information_schema.columns where column_name = ?)"""
    assert pool.rows(named, [5, "late"]) == [["turns", "VIEW", 5]]
    assert len(pool.rows("describe information_schema.columns")) > 20


def test_information_schema_has_words_for_every_column(pool: RunningPool) -> None:
    for relation, comment in pool.rows("select table_name, table_comment from information_schema.tables"):
        assert comment, relation
    said = {
        (relation, column): words
        for relation, column, *words in pool.rows(
            "select table_name, column_name, column_comment, column_unit, is_nullable from information_schema.columns"
        )
    }
    assert len(said) > 150
    assert [name for name, (comment, *_) in said.items() if not comment] == []
    assert said["turn_phase", "read_seconds"][1:] == ["seconds", "NO"]
    assert said["entity", "strategy"][1:] == ["", "YES"]
    assert said["entity_turn", "shield"] == said["entity", "shield"]


def test_a_column_that_is_said_never_to_be_null_never_is(pool: RunningPool) -> None:
    never: dict[str, list[str]] = {}
    for relation, column in pool.rows(
        "select table_name, column_name from information_schema.columns where is_nullable = 'NO'"
    ):
        never.setdefault(relation, []).append(column)
    for relation, columns in never.items():
        counts = ", ".join(f'count(*) - count("{column}")' for column in columns)
        assert set(pool.rows(f"select {counts} from {relation}")[0]) == {0}, relation


def test_information_schema_lists_the_functions_that_may_be_called(pool: RunningPool) -> None:
    listed = {
        name: kinds
        for name, kinds in pool.rows(
            "select lower(routine_name), list_sort(list(distinct routine_type)) from information_schema.routines group by 1"
        )
    }
    assert listed["abs"] == ["SCALAR"]
    assert listed["row_number"] == ["WINDOW"]
    assert listed["range"] == ["SCALAR", "TABLE"]
    assert listed["decode_plan"] == listed["sight"] == ["MACRO"]
    keywords = {"current_time", "current_timestamp", "localtime", "localtimestamp"}
    assert listed.keys() | keywords == ALLOWED | TABLE_FUNCTIONS | OWN
    about = """select parameters, data_type, routine_comment, example from information_schema.routines
        where routine_name = 'starts_with'"""
    assert pool.rows(about) == [
        [
            "string VARCHAR, search_string VARCHAR",
            "BOOLEAN",
            "Returns `true` if `string` begins with `search_string`.",
            "starts_with('abc', 'a')",
        ]
    ]
