"""What the check lets pass and what it refuses; refusals name the culprit."""

import re
from collections.abc import Iterator

import duckdb
import pytest

from wasmverse.errors import QueryRefused
from wasmverse.reader.statement import Checker

RELATIONS = frozenset({"entity", "turns", "entity_turn"})

READS = [
    "select 1",
    "SELECT sid, count(*) FROM entity GROUP BY ALL HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 3 OFFSET 1",
    "from entity",
    "table entity",
    "values (1), (2)",
    "with t as (select * from entity) select * from t",
    "with recursive t as (select 1 a union all select a + 1 from t where a < 4) select * from t",
    "select * from game.entity e join turns t on e.sid = t.tid",
    "select * from entity where sid in (select tid from turns) and exists (select 1 from turns)",
    "select *, row_number() over (partition by sid order by eid) from entity qualify 1 = 1",
    "select * exclude (sid) from entity using sample 10",
    "select [x + 1 for x in [1, 2]], {'a': 1}, list_transform([1], x -> x)",
    "select unnest([1, 2]), * from range(3), generate_series(1, 2), json_each('[1]')",
    "pivot (from entity) on kind in (1, 2) using count(*)",
    "unpivot turns on tid into name n value v",
    "describe entity",
    "summarize entity",
    "show tables",
    "select table_name from information_schema.tables",
    "select 1 union all select 2 except select 3",
    "select now(), random(), uuid()",
    "with tables as (select 1), columns as (from tables) select * from columns, (with a as (from tables) from a)",
    'with "größe 1" as (select 1) from "größe 1"',
    "with entity as (select 1) from entity",
    "select #1 from entity",
    "select columns('s.*') from entity",
    "select unnest([{'a': 1}], recursive := true)",
    "describe select 1",
    "summarize select * from entity",
    "from entity select sid",
    "select * from (values (1)) as t (a)",
    "select list_transform((select [1]), lambda x: x), list_transform([1], x -> x), (select 'a') -> '$'",
    "select 1;",
    "select 'drop table entity; --'",
    "/* checkpoint() */ select 1 -- from checkpoint()",
]

REFUSED = [
    ("insert into entity values (1)", 1142, "INSERT"),
    ("with t as (insert into entity values (1) returning *) from t", 1142, "INSERT"),
    ("with t as (delete from entity returning *) from t", 1142, "DELETE"),
    ("create table t (a int)", 1142, "CREATE"),
    ("drop table entity", 1142, "DROP"),
    ("attach ':memory:' as x", 1142, "ATTACH"),
    ("set threads = 4", 1142, "SET"),
    ("pragma version", 1142, "PRAGMA"),
    ("call pragma_version()", 1142, "CALL"),
    ("copy entity to '/tmp/x'", 1142, "COPY"),
    ("load httpfs", 1142, "LOAD"),
    ("explain analyze select 1", 1142, "EXPLAIN"),
    ("select 1; select 2", 1064, "2 statements"),
    ("-- nothing", 1064, "0 statements"),
    ("from checkpoint()", 1142, "checkpoint"),
    ("from force_checkpoint()", 1142, "force_checkpoint"),
    ("select (select count(*) from read_csv('/etc/passwd'))", 1142, "read_csv"),
    ("from \"READ_TEXT\"('/etc/passwd')", 1142, "read_text"),
    ("from glob('/*')", 1142, "glob"),
    ("from duckdb_settings()", 1142, "duckdb_settings"),
    ("from duckdb_secrets()", 1142, "duckdb_secrets"),
    ("from query('select 1')", 1142, "query"),
    ("from query_table('entity')", 1142, "query_table"),
    ("from arrow_scan(1, 2, 3)", 1142, "arrow_scan"),
    ("from histogram(entity, x)", 1142, "histogram"),
    ("from histogram_values(entity, x)", 1142, "histogram_values"),
    ("from 'x.parquet'", 1146, "x.parquet"),
    ('from "https://example.invalid/x.csv"', 1146, "example.invalid"),
    ("from attached.main.t", 1146, "attached.main.t"),
    ("describe snapshot_ship", 1146, "snapshot_ship"),
    ("summarize snapshot_ship", 1146, "snapshot_ship"),
    ("describe select write_log('x')", 1142, "write_log"),
    ("from json_execute_serialized_sql('{}')", 1142, "json_execute_serialized_sql"),
    ("from '/etc/passwd'", 1146, "/etc/passwd"),
    ("from snapshot.ship", 1146, "snapshot.ship"),
    ("from memory.snapshot.ship", 1146, "memory.snapshot.ship"),
    ("from memory.game.entity", 1146, "memory.game.entity"),
    ("from snapshot_ship", 1146, "snapshot_ship"),
    ("from temp.snapshot_ship", 1146, "snapshot_ship"),
    ("from pg_catalog.pg_settings", 1146, "pg_settings"),
    ("from game.t", 1146, "game.t"),
    ("with t as (select 1) select * from game.t", 1146, "game.t"),
    ("select * from duckdb_views, (with duckdb_views as (select 1) select 1)", 1064, "duckdb_views"),
    ("with x as (with duckdb_views as (select 1) select 1) select * from duckdb_views", 1064, "duckdb_views"),
    ("with duckdb_views as (select * from duckdb_views) select * from duckdb_views", 1064, "duckdb_views"),
    ("with a as (from sqlite_master), sqlite_master as (select 1) select * from a", 1064, "sqlite_master"),
    (
        "with recursive snapshot_ship as (from snapshot_ship) select * from snapshot_ship",
        1064,
        "snapshot_ship",
    ),
    ("select (with pg_class as (select 1) select 1), (select count(*) from PG_CLASS)", 1064, "pg_class"),
    (
        "from pragma_database_list where 1 in (with PRAGMA_database_list as (select 1) select 1)",
        1064,
        "pragma",
    ),
    ('with "duc\u212adb_tables" as (select 1) select * from duckdb_tables', 1146, "duckdb_tables"),
    ('select * from "/etc/passwd", (with "/etc/passwd" as (select 1) select 1)', 1064, "/etc/passwd"),
    ('select * from "x.csv", (with "x.csv" as (select 1) select 1)', 1064, "x.csv"),
    ('select "PG_SLEEP"(1), "ran\u212a"() over (), pg_sleep(1)', 1142, "pg_sleep"),
    ("from entity at (version => 1)", 1064, "AT"),
    ("select current_setting('memory_limit')", 1142, "current_setting"),
    ("select getvariable('x')", 1142, "getvariable"),
    ("select nextval('s')", 1142, "nextval"),
    ("select setseed(0.5)", 1142, "setseed"),
    ("select sleep_ms(1)", 1142, "sleep_ms"),
    ("select write_log('x')", 1142, "write_log"),
    ("select * from entity order by sleep_ms(1)", 1142, "sleep_ms"),
    ("select list_transform([1], x -> sleep_ms(x))", 1142, "sleep_ms"),
    ("select txid_current()", 1142, "txid_current"),
    ("select 1::integer[3]", 1142, "INTEGER[]"),
    ("select try_cast([1] as struct(a integer[2])[])", 1142, "array"),
    ("select x::timestamp_s from entity", 1142, "timestamp_s"),
    ("select default", 1142, "VALUE_DEFAULT"),
    ("select sum(x) export_state from entity", 1142, "EXPORT_STATE"),
    ("select apply((select 1), x -> x)", 1142, "arrow"),
    ("select 1 where list_filter(exists (select 1), (x, y) -> x + y)", 1142, "arrow"),
    ("show all tables", 1142, "SHOW"),
    ("show databases", 1142, "SHOW"),
    ("select $name", 1064, "$name"),
    ('select $"1, (select count(*) from duckdb_functions())"', 1064, "has a name"),
    (
        'select $"1, (select count(*) from duckdb_functions())" from information_schema.tables',
        1064,
        "has a name",
    ),
]


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    with duckdb.connect() as connection:
        yield Checker(connection, RELATIONS)


@pytest.mark.parametrize("sql", READS)
def test_what_only_reads_passes(checker: Checker, sql: str) -> None:
    assert checker.check(sql).parameters == 0


@pytest.mark.parametrize(("sql", "code", "culprit"), REFUSED)
def test_what_does_more_is_refused(checker: Checker, sql: str, code: int, culprit: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        checker.check(sql)
    assert refusal.value.code == code
    assert culprit in refusal.value.message


@pytest.mark.parametrize(
    ("text", "error", "culprit"),
    [
        ("select * from duckdb_tables()", QueryRefused, "Table function 'duckdb_tables' is denied"),
        ('select "="(1, 2)', QueryRefused, "Function '=' is denied"),
        ("select 1; select 2", QueryRefused, "This form of SELECT is not served"),
        ("select $x", QueryRefused, "The parameter $x has a name"),
        ("select * from game.snapshot_ship", QueryRefused, "Table 'game.snapshot_ship' doesn't exist"),
        ("select 1)", duckdb.ParserException, 'syntax error at or near ")"'),
    ],
)
def test_what_the_engine_rewrites_is_judged_again(text: str, error: type[Exception], culprit: str) -> None:
    """It has not quoted all names, so what it writes may be another statement than the one that was judged."""
    with duckdb.connect() as connection:
        checker = Checker(connection, RELATIONS)
        checker.check("select table_name from information_schema.tables")
        connection.execute(f"create macro json_deserialize_sql(tree) as '{text}'")
        with pytest.raises(error, match=re.escape(culprit)):
            checker.check("select table_name from information_schema.columns")
        with pytest.raises(error, match=re.escape(culprit)):
            checker.plain("select 1")


def test_every_table_function_of_the_engine_is_judged(checker: Checker) -> None:
    """Whatever this version of the engine offers, only the listed few pass."""
    with duckdb.connect() as connection:
        names = connection.execute(
            "select distinct function_name from duckdb_functions() "
            "where function_type in ('table', 'table_macro')"
        ).fetchall()
    passed = set()
    for (name,) in names:
        try:
            checker.check(f'select * from "{name}"(1)')
            passed.add(name)
        except QueryRefused as refusal:
            assert refusal.code == 1142, name
    assert passed == {"range", "generate_series", "unnest", "json_each", "json_tree", "repeat"}


def test_stability_is_known(checker: Checker) -> None:
    assert checker.check("select sid from entity where x = ?").is_stable
    assert not checker.check("select random()").is_stable
    assert not checker.check("select 1 from entity where uuid() is null").is_stable
    assert not checker.check("select current_timestamp").is_stable
    assert not checker.check("select (select count(*) from Game.Entity_Turn) from entity").is_stable


def test_parameters_are_counted(checker: Checker) -> None:
    assert checker.check("select ?, ? from entity where sid = ?").parameters == 3
