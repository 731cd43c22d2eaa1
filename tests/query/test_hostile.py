"""Statements meant to hurt: each ends in the right error within its limits, and the next query is answered.

Bombs may always end at the time limit; "OK" in the list means that one may also succeed: what matters
is that it ends and breaks nothing. Thefts are refused for what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.query.conftest import RunningPool
from wasmverse.errors import QueryError

OK = 0
SYNTAX, DENIED, TABLE, FUNCTION, TIME, MEMORY, VALUE = 1064, 1142, 1146, 1305, 3024, 1041, 1210

BOMBS = [
    ("select length(repeat('x', 2000000000))", {MEMORY}),
    ("select repeat(repeat('x', 100000), 100000)", {MEMORY, 1690}),
    ("select string_agg(repeat('x', 1000000), '') from range(100000)", {MEMORY}),
    ("select list(range) from range(1000000000)", {MEMORY, TIME}),
    ("select range(1000000000)", {MEMORY, VALUE, TIME}),
    ("select array_agg(a.range || repeat('y', 1000)) from range(10000000) a", {MEMORY, TIME}),
    ("select count(*) from range(10000000) a, range(10000000) b where a.range * b.range = 7", {TIME}),
    (
        "select count(*) from entity a, entity b, entity c, entity d, entity e, entity f, entity g, entity h",
        {OK, TIME},
    ),
    ("select sum(hash(range)) from range(1000000000000)", {TIME}),
    ("with recursive t as (select 1 a union all select a + 1 from t) select count(*) from t", {TIME, MEMORY}),
    ("with recursive t as (select 1 a union all select a + 1 from t) select * from t", {TIME, MEMORY, OK}),
    (
        "with recursive t as (select 'x' a union all select a || a from t) select max(length(a)) from t",
        {MEMORY, TIME},
    ),
    ("select * from range(100000000) order by hash(range) desc", {TIME, MEMORY}),
    ("select distinct hash(range) from range(1000000000)", {TIME, MEMORY}),
    ("select range, row_number() over (order by hash(range)) from range(100000000)", {TIME, MEMORY}),
    ("select median(range) from range(1000000000)", {TIME, MEMORY}),
    ("select hash(range) h, count(*) from range(1000000000) group by h", {TIME, MEMORY}),
    ("select regexp_matches(repeat('a', 50000), '(a*)*b') from range(1000000)", {OK, TIME, VALUE, MEMORY}),
    (
        "select regexp_replace(repeat('ab', 100000), '(.*)(.*)(.*)x', 'y', 'g') from range(100000)",
        {OK, TIME, MEMORY},
    ),
    ("select regexp_matches('a', 'a{1000}{1000}{1000}')", {OK, VALUE, MEMORY, TIME}),
    ("select levenshtein(repeat('a', 200000), repeat('b', 200000))", {TIME, MEMORY, OK}),
    (
        "select '%' || repeat('%a', 20000) like repeat('%a', 20000) || '%b' from range(1000)",
        {OK, TIME, MEMORY},
    ),
    ("select " + "(" * 5000 + "1" + ")" * 5000, {SYNTAX}),
    ("select " + "-" * 20001 + "1", {OK, SYNTAX}),
    ("select " + "not " * 50000 + "true", {SYNTAX, OK, MEMORY}),
    ("select " + "1 + " * 50000 + "1", {SYNTAX, MEMORY}),
    ("select " + "[" * 3000 + "]" * 3000, {SYNTAX}),
    ("select 1 in (" + ", ".join(map(str, range(100_000))) + ")", {OK, MEMORY, TIME}),
    (
        "select " + " or ".join(f"sid = {i}" for i in range(20_000)) + " from entity",
        {OK, SYNTAX, MEMORY, TIME},
    ),
    ("select " + ", ".join(["*"] * 2000) + " from entity", {OK, MEMORY, TIME}),
    ("select 1 " + "union all select 1 " * 5000, {SYNTAX}),
    ("with " + ", ".join(f"t{i} as (select 1)" for i in range(2000)) + " select 1", {SYNTAX}),
    (
        "select * from " + " join ".join(f"entity e{i} using (eid)" if i else "entity e0" for i in range(60)),
        {OK, TIME, MEMORY},
    ),
    ("select " + "case when true then " * 900 + "1" + " end" * 900, {OK, SYNTAX}),
    (
        "select list_transform(range(10000), x -> list_transform(range(10000), y -> x * y))",
        {MEMORY, TIME},
    ),
    ("select lpad('x', 2000000000, 'y')", {MEMORY, VALUE, TIME}),
    ("select format('{:>2000000000}', 1)", {MEMORY, VALUE, SYNTAX, 1105, 1690}),
    ("select printf('%2000000000d', 1)", {MEMORY, VALUE, SYNTAX, 1105, 1690}),
    ("select bitstring('1', 2000000000)", {DENIED}),
    ("select factorial(1000000)", {1690, VALUE}),
    ("select 10::decimal(38, 0) ** 1000", {OK, 1690, VALUE}),
    ("select generate_series(1, 9223372036854775807)", {MEMORY, VALUE, TIME}),
    ("select unnest(generate_series(1, 1000000000))", {MEMORY, VALUE, TIME}),
    ("select json_extract(repeat('[', 100000), '$')", {OK, VALUE, MEMORY}),
    ("select repeat('[', 100000)::json", {VALUE, 1292, MEMORY, OK}),
    ("select * from range(1000000) a pivot (count(*) for range in (1, 2, 3))", {OK, SYNTAX, TIME, MEMORY}),
    ("summarize select * from range(1000000000)", {TIME, MEMORY}),
    (
        "explain analyze select count(*) from range(10000000) a, range(10000000) b where a.range * b.range = 7",
        {TIME},
    ),
    ("explain analyze select list(range) from range(1000000000)", {MEMORY, TIME}),
    ("explain select 1 " + "union all select 1 " * 5000, {SYNTAX}),
]

THEFTS = [
    ("select * from read_csv('/etc/passwd')", {DENIED}),
    ("select content from read_text('/proc/self/environ')", {DENIED}),
    ("select * from read_blob('/proc/self/mem')", {DENIED}),
    ("select * from read_parquet('https://example.invalid/x.parquet')", {DENIED}),
    ("select * from 's3://bucket/x.csv'", {TABLE}),
    ("select * from '/proc/self/maps'", {TABLE}),
    ('select * from "/etc/shadow"', {TABLE}),
    ("copy (select 1) to '/tmp/stolen'", {DENIED}),
    ("export database '/tmp/stolen'", {DENIED}),
    ("attach '/tmp/universe.duckdb' as u", {DENIED}),
    ("detach memory", {DENIED}),
    ("install httpfs", {DENIED}),
    ("load '/tmp/evil.so'", {DENIED}),
    ("set enable_external_access = true", {DENIED}),
    ("reset lock_configuration", {DENIED}),
    ("pragma database_list", {DENIED}),
    ("create secret s (type s3, key_id 'a')", {DENIED}),
    ("from duckdb_secrets()", {DENIED}),
    ("from which_secret('s3://x', 's3')", {DENIED}),
    ("select getenv('HOME')", {FUNCTION, DENIED}),
    ("select current_setting('secret_directory')", {DENIED}),
    ("from duckdb_settings()", {DENIED}),
    ("from duckdb_logs()", {DENIED}),
    ("from duckdb_temporary_files()", {DENIED}),
    ("from sniff_csv('/etc/passwd')", {DENIED}),
    ("from python_map_function()", {DENIED}),
    ("from pandas_scan(140000000)", {DENIED}),
    ("from arrow_scan(140000000, 140000000, 140000000)", {DENIED}),
    ("select * from os", {TABLE}),
    ("select * from connection", {TABLE}),
    ("select * from tables", {TABLE}),
    ("from query('copy (select 1) to ''/tmp/x''')", {DENIED}),
    ("from json_execute_serialized_sql(json_serialize_sql('select 1'))", {DENIED}),
    ("prepare p as select 1", {DENIED}),
    ("execute p", {DENIED}),
    ("begin transaction", {DENIED}),
    ("create macro m() as 1", {DENIED}),
    ("create or replace view game.entity as select 1", {DENIED}),
    ("create temp table entity as select 1", {DENIED}),
    ("select 1; drop view game.entity", {SYNTAX}),
    ("select 1;;; pragma version", {SYNTAX}),
    ("select 1 /*;*/; /* drop */ select 2", {SYNTAX}),
    ("sel/**/ect 1", {SYNTAX}),
    ("select 1 -- \r\n; drop view game.entity", {SYNTAX, OK}),
    ("\ufeffselect 1", {OK, SYNTAX}),
    ("select\u00a01", {OK, SYNTAX, 1054}),
    ("select '\u202e\u0000'", {OK, SYNTAX, VALUE}),
    ("select 1\u0000; drop view game.entity", {SYNTAX, OK, VALUE}),
    ("\u0435ntity", {SYNTAX}),
    ("select * from \u0435ntity", {TABLE}),
    ("explain analyze copy (select 1) to '/tmp/stolen'", {DENIED}),
    ("explain analyze select * from read_csv('/etc/passwd')", {DENIED}),
    ("explain (analyze, format json) create table stolen as select 1", {DENIED}),
    ("explain select 1; drop view game.entity", {SYNTAX}),
    ("explain explain analyze select 1", {DENIED}),
    ("explain analyze execute p", {DENIED}),
    ("explain for connection 1", {SYNTAX}),
    ("explain from duckdb_settings()", {DENIED}),
    ("explain select * from 's3://bucket/x.csv'", {TABLE}),
    ("vacuum", {DENIED}),
    ("checkpoint", {DENIED}),
    ("from force_checkpoint()", {DENIED}),
    ("call enable_logging()", {DENIED}),
    ("insert into game.entity select * from game.entity", {DENIED}),
    ("merge into entity using turns on true when matched then delete", {DENIED}),
    ("with x as (update entity set x = 1 returning *) select * from x", {DENIED}),
]


def running_pool(folder: Path, seconds: float) -> RunningPool:
    running = RunningPool(
        folder,
        readers=1,
        reader_spares=2,
        query_seconds_max=seconds,
        query_wait_seconds_max=60,
        reader_memory_bytes_max=1 << 28,
        query_bytes_max=1 << 20,
        reader_nice=0,
    )
    running.publish(1)
    return running.start()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    """Readers that give a query half a second and 256 MB."""
    running = running_pool(tmp_path_factory.mktemp("hasty"), 0.5)
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    """Readers that give a query more time than any honest refusal takes."""
    running = running_pool(tmp_path_factory.mktemp("patient"), 20)
    try:
        yield running
    finally:
        running.close()


def outcome(pool: RunningPool, sql: str) -> int:
    try:
        pool.query(sql)
    except QueryError as error:
        assert "/work" not in error.message and "Traceback" not in error.message
        assert "\n" not in error.message
        return error.code
    return OK


@pytest.mark.parametrize(("sql", "codes"), BOMBS, ids=lambda value: str(value)[:40])
def test_a_bomb_is_stopped_and_hurts_nobody(hasty: RunningPool, sql: str, codes: set[int]) -> None:
    assert outcome(hasty, sql) in codes | {TIME}
    assert hasty.rows("select count(*) from solar_system") == [[4]]


@pytest.mark.parametrize(("sql", "codes"), THEFTS, ids=lambda value: str(value)[:40])
def test_a_theft_is_refused(patient: RunningPool, sql: str, codes: set[int]) -> None:
    assert outcome(patient, sql) in codes


def test_thefts_changed_nothing(patient: RunningPool, hasty: RunningPool) -> None:
    assert not list(Path("/tmp").glob("stolen*"))
    for pool in (patient, hasty):
        assert pool.rows("select count(*) from entity") == [[32]]
        assert pool.rows("show tables")[0] == ["entities_with_conflict"]
        assert pool.pool.counts.lost["crash"] == 0
