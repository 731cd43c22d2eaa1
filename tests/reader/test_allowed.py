"""The list of functions and types against the catalogue of the engine that is installed, and every way to write a call."""

from collections.abc import Iterator

import duckdb
import pytest

from wasmverse.errors import QueryRefused
from wasmverse.reader import allowed
from wasmverse.reader.statement import Checker

WRITTEN_AS_COLUMNS = {"current_time", "current_timestamp", "localtime", "localtimestamp"}

CALLS = [
    '"="(sid, 1)',
    '"!="(row(1, 2), 7)',
    '"IS DISTINCT FROM"(1, [2])',
    '"+"(1, 2)',
    '"~~"(1, 2)',
    '"||"(1, 2)',
    '"->>"(1, 2)',
    'main."="(1, 2)',
    'system.main."<"(1, 2)',
    "1 operator(=) 2",
    "1 operator(main.>=) 2",
    '"+"(1) over ()',
    "__between(1, 2, 3)",
    "__internal_decompress_string(1)",
    "create_sort_key(1, 'asc')",
    "system.main.create_sort_key(1, 'asc')",
    "write_log('x')",
    "pg_sleep(1)",
    "pg_catalog.pg_get_viewdef(1)",
    "pg_get_constraintdef(1)",
    "PG_GET_VIEWDEF(1)",
    "col_description(1, 2)",
    "has_table_privilege('x', 'y')",
    "current_setting('threads')",
    "getvariable('x')",
    "get_block_size('memory')",
    "in_search_path('memory', 'game')",
    "json_serialize_plan('from duckdb_tables()')",
    "json_serialize_sql('select 1')",
    "json_deserialize_sql('{}')",
    "to_aggregate_state(1, 'sum', [1])",
    "finalize(1)",
    "cast_to_type(1, 2)",
    "stats(sid)",
    "index_key({'a': 1}, 'a', 1)",
    "parse_duckdb_log_message('a', 'b')",
    "collate_de('a')",
    "icu_collate_de('a')",
    "sid.pg_sleep()",
    "(sid).create_sort_key('asc')",
    "'a'.upper().sleep_ms()",
    "list_transform([1], x -> pg_sleep(x))",
    'list_transform([1], lambda x: "="(x, 1))',
    "[write_log('x') for x in [1]]",
    "{'a': [pg_sleep(1)]}",
    "case when pg_sleep(1) then 1 end",
    "sum(pg_sleep(1)) filter (where true)",
    "sum(1) filter (where pg_sleep(1))",
    "list(1 order by pg_sleep(1))",
    "sum(1) over (partition by pg_sleep(1))",
    "sum(1) over (order by pg_sleep(1))",
    "sum(1) over (rows between pg_sleep(1) preceding and current row)",
    "lag(1, 1, pg_sleep(1)) over ()",
    "(pg_sleep(1))::varchar",
    "try(pg_sleep(1))",
    "(select pg_sleep(1))",
    "1 in (select pg_sleep(1))",
    "[1, 2][pg_sleep(1)]",
    "[1, 2][1:pg_sleep(1)]",
    "* replace (pg_sleep(1) as sid)",
    "pg_sleep(columns(*))",
    "read_csv('/etc/passwd')",
    "list_aggr([1], 'sum_no_overflow')",
    "list_aggr([1], 'su' || 'm_no_overflow')",
    "list_aggr([1], ?)",
    "list_aggr([1], name := 'combine_aggr')",
    "[1].list_aggregate('combine_aggr')",
    "sid.array_aggr('combine_aggr')",
    "aggregate([1], 'pg_sleep')",
    "from_json('[1]', '\"INTEGER[1]\"')",
    "json_transform('[1]', '\"INTEGER[ 1 ]\"')",
    "json_transform('[1]', '\"INTEGER\\u005b1]\"')",
    "from_json_strict('[1]', '\"INTEGER' || '[1]\"')",
    "sid.json_transform_strict('[[\"INTEGER[1]\"]]')",
    "from_json('1', '\"bigNum\"')",
    "1::varint",
    "make_timestamp(1)",
    "sid.make_timestamp()",
    "array_value(1, 2)",
    "list_where([1], [true])",
    "array_select([1], [1])",
    "list_resize(1::variant, 1)",
]
CLAUSES = [
    "select 1 from entity where pg_sleep(1)",
    "select 1 from entity group by pg_sleep(1)",
    "select 1 from entity group by rollup (pg_sleep(1))",
    "select 1 from entity having pg_sleep(1)",
    "select 1 from entity qualify pg_sleep(1)",
    "select 1 from entity order by pg_sleep(1)",
    "select 1 from entity limit pg_sleep(1)",
    "select 1 from entity offset pg_sleep(1)",
    "select distinct on (pg_sleep(1)) 1 from entity",
    "select 1 from entity a join entity b on pg_sleep(1)",
    "select sum(1) over w from entity window w as (order by pg_sleep(1))",
    "from range(pg_sleep(1))",
    "from entity, lateral (select pg_sleep(1))",
    "from entity pivot (sum(pg_sleep(1)) for kind in (1))",
    "from entity pivot (sum(1) for pg_sleep(kind) in (1))",
    "values (pg_sleep(1))",
    "with x as (select pg_sleep(1)) select 1",
    "with recursive x as (select 1 union all select pg_sleep(1)) select 1",
    "select 1 union select pg_sleep(1)",
    "describe select pg_sleep(1)",
    "summarize select pg_sleep(1)",
]

USED = [
    "1 = 2, 1 <> 2, 1 < 2, 1 >= 2, 1 is distinct from 2, 1 between 0 and 2, 1 not between 0 and 2",
    "1 in (1, 2), 1 not in (1, 2)",
    "1 + 2, -1, 1 - 2, 2 * 3, 7 / 2, 7 // 2, 7 % 2, 2 ** 3, 2 ^ 3, ~1, 1 & 2, 1 | 2, 1 << 2, 1 >> 2, @ -1, 3!",
    "'a' || 'b', 'a' like 'b', 'a' not like 'b' escape '!', 'a' ilike 'b', 'a' glob 'b', 'a' similar to 'b'",
    "'a' ~ 'b', 'a' ^@ 'b'",
    "[1, 2] <-> [3, 4], [1] && [2], [1] @> [1], [1] <@ [1], [1, 2][1], [1, 2][1:2], [1, 2][:-:-1], 1 in [1]",
    "'{}'::json -> 'a', '{}'::json ->> 'a', {'a': 1}.a, {'a': 1}['a'], map {1: 2}[1], (1, 2), row(1, 2)",
    "not true, true and false, true or false, 1 is null, 1 is not null, true is not false, 1 isnull",
    "ifnull(1, 2), coalesce(1, 2)",
    "cast(1 as varchar), try_cast('x' as integer), 1::decimal(5, 2), '1'::enum('1'), [1]::integer[][]",
    "'a' collate nocase, 'a' collate de",
    "extract(year from now()), position('a' in 'b'), substring('a' from 1 for 1), overlay('a' placing 'b' from 1)",
    "trim(both 'a' from 'b')",
    "now() at time zone 'UTC', interval 1 year, interval '3 days', date '2030-01-01', current_date, current_timestamp, localtime",
    "case when true then 1 else 2 end, case 1 when 2 then 3 end, nullif(1, 2), if(true, 1, 2), try(1)",
    "exists (select 1), 1 = any ([1])",
    "list_transform([1], x -> x + 1), list_reduce([1], lambda x, y: x + y), [x for x in [1] if x = 1], list_aggr([1], 'SUM')",
    "count(*), sum(distinct 1) filter (where true), list(1 order by 2), row_number() over (), string_agg('a', ','), median(1)",
    "'a'.upper(), [1].list_sum(), {'a': 1}.struct_extract('a'), main.abs(1), system.main.abs(1), pg_catalog.pg_typeof(1)",
    "array(select 1), unnest([1, 2]), array[1, 2], grouping(1), percentile_cont(0.5) within group (order by 1), version(), user",
    "from_json('[1]', '[\"INTEGER\"]'), json_transform('{}', '{\"array\": \"VARCHAR[]\"}')",
    "json_group_array(1), to_json({'a': 1})",
    "decode_plan(1), strategy_default(1), list_value(1), struct_pack(a := 1), printf('%d', 1), strftime(now(), '%Y')",
]  # fmt: skip


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    with duckdb.connect() as connection:
        yield Checker(connection, frozenset({"entity"}))


def catalogue(kinds: str) -> set[str]:
    with duckdb.connect() as connection:
        return {
            name.lower()
            for (name,) in connection.execute(
                f"select distinct function_name from duckdb_functions() where function_type in ({kinds})"
            ).fetchall()
        }


def test_the_list_judges_every_function_of_this_engine_and_no_other() -> None:
    """A new engine with a new function fails here: try it with tests/attack, then list it in functions.toml."""
    names = catalogue("'scalar', 'aggregate', 'window', 'macro'")
    listed = allowed.ALLOWED | allowed.OPERATORS
    assert not sorted(name for name in names if name not in listed and not allowed.denial_of(name))
    assert not sorted(listed - names - WRITTEN_AS_COLUMNS - {"unnest"})
    assert not [name for name in listed if any(name in denial.names for denial in allowed.DENIALS.values())]
    for denial in allowed.DENIALS.values():
        assert not sorted(name for name in denial.names if not name.endswith("*") and name not in names)
    assert duckdb.__version__ == allowed.ENGINE


def test_what_the_engine_calls_volatile_is_unstable_or_denied() -> None:
    with duckdb.connect() as connection:
        names = connection.execute(
            "select distinct function_name from duckdb_functions() where function_type = 'scalar' "
            "and (has_side_effects or stability <> 'CONSISTENT')"
        ).fetchall()
    assert not [name for (name,) in names if name not in allowed.UNSTABLE and not allowed.denial_of(name)]


def test_the_list_judges_every_type_of_this_engine() -> None:
    with duckdb.connect() as connection:
        names = {
            name.lower()
            for (name,) in connection.execute("select distinct type_name from duckdb_types()").fetchall()
        }
    assert names == allowed.TYPES | set(allowed.DENIED_TYPES)


def test_a_name_that_nobody_judged_is_refused() -> None:
    with duckdb.connect() as connection:
        connection.execute("create macro of_tomorrow(x) as x")
        with pytest.raises(QueryRefused, match="of_tomorrow"):
            Checker(connection, frozenset()).check("select of_tomorrow(1)")


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_is_not_allowed_is_refused(checker: Checker, call: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        checker.check(f"select {call} from entity")
    assert refusal.value.code == 1142
    assert ";" in refusal.value.message


@pytest.mark.parametrize("sql", CLAUSES)
def test_it_is_refused_in_every_clause(checker: Checker, sql: str) -> None:
    with pytest.raises(QueryRefused, match="pg_sleep") as refusal:
        checker.check(sql)
    assert refusal.value.code == 1142


@pytest.mark.parametrize("expressions", USED)
def test_what_people_write_passes(checker: Checker, expressions: str) -> None:
    checker.check(f"select {expressions} from entity")


def test_an_unknown_type_may_be_the_other_dialects(checker: Checker) -> None:
    with pytest.raises(duckdb.CatalogException, match="Type with name nothing does not exist"):
        checker.check("select 1::nothing")


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ('select 1::"{}"', duckdb.CatalogException),
        ('from "{}"', QueryRefused),
        ("select ${}", QueryRefused),
        ('from a."{}"', QueryRefused),
        ('select "pg_{}"()', QueryRefused),
    ],
)
def test_a_long_name_is_cut(checker: Checker, sql: str, error: type[Exception]) -> None:
    with pytest.raises(error) as refusal:
        checker.check(sql.format("x" * 100_000))
    assert len(str(refusal.value)) < 500
