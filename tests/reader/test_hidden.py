"""No answer and no error tells a name that stands behind the public ones, and none is longer than a screen."""

import re
from collections.abc import Iterator

import pytest

from tests.reader.test_functions import Asked
from wasmverse.errors import QueryError

HIDDEN = re.compile(
    r"snapshot_|seen |public (?:tables|columns)|\x22call |call strategy|memory\.game|duckdb_|pg_|/work|/tmp|pragma|system\.main"
)

ERRORS = [
    "select sight(kin, 1, 2, 3) from entity",
    "select sight(eid, 1, 2, s_een) from entity",
    "select sight([1], 2, 3, 4)",
    "select sight(entity, 1, 2, 3) from entity",
    "select sight(*) from entity",
    "select strategy_flee(1)",
    "select strategy_flee(1, 2, 3, 4, 5, 6, 7, 8, 9, {'a': 1})",
    "select strategy_flee(1, 2, 3, 4, 5, 6, 7, 8, 9, [1]) over () from entity",
    "select strategy_flee(1, 2, 3, 4, 5, 6, 7, 8, 9, [1]).a",
    "select mine(1, 2, 3, 4, 5, 6, 7, 8, 9, [1]).a",
    "select strategy_fle(1)",
    "select fle(1)",
    "select decode_plan(1, 2)",
    "select decode_plan(last_pla) from entity",
    "select memory.main.entity.eid from entity",
    "select a.b.c.d.e from entity",
    "select nope from entity",
    "select * from entit",
    "select * from ship",
    "describe ship",
    "select table_name from information_schema.tables where foo",
    "select duck_tables(1)",
    "select pg_get_viewde(1)",
    "select getvariabl('x')",
    "select 1::nothing",
    "select 'a' collate nothing",
    "from read_csv_aut('x')",
    "select now() at time zone 'nothing'",
    "select from_json('1', '\"nothing\"')",
    "select list_aggr([1], 'summ')",
    "select x from entity group by y",
]
LONG = "x" * 100_000
LONG_NAMES = [
    f'select "{LONG}"',
    f'select "{LONG}" from entity',
    f'select entity."{LONG}" from entity',
    f'select "{LONG}"(1)',
    f'select game."{LONG}"(1)',
    f"select abs(1).{LONG}",
    f'from "{LONG}"',
    f'from "{LONG}".t',
    f'from "{LONG}"(1)',
    f'select 1::"{LONG}"',
    f"select 'a' collate \"{LONG}\"",
    f"select '{LONG}'::integer",
    f"select {LONG} {LONG}",
    f"select date_trunc('{LONG}', now())",
    f"select now() at time zone '{LONG}'",
    f"select list_aggr([1], '{LONG}')",
    f"select from_json('1', '\"{LONG}\"')",
    f"select error('{LONG}')",
    f"select ${LONG}",
    f'select * exclude ("{LONG}") from entity',
    f'select row(1)."{LONG}"',
    f"select decode_plan({LONG} := 1)",
]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    asked = Asked(tmp_path_factory.mktemp("hidden"))
    asked.publish(1, strategy_flee="(i64.const 5)", mine="(i64.const 6)")
    yield asked
    asked.writer.close()


@pytest.mark.parametrize("sql", ERRORS)
def test_an_error_tells_public_names_only(asked: Asked, sql: str) -> None:
    with pytest.raises(QueryError) as error:
        asked.rows(sql)
    words = error.value.message
    for written in re.findall(r"[\w.]+", sql):
        words = words.replace(written, "")
    assert not HIDDEN.search(words), words


@pytest.mark.parametrize("sql", LONG_NAMES, ids=lambda sql: sql.replace(LONG, "LONG"))
def test_a_long_name_is_cut(asked: Asked, sql: str) -> None:
    with pytest.raises(QueryError) as error:
        asked.rows(sql)
    assert len(error.value.message) < 1_100
    assert "x" * 200 not in error.value.message or "error(" in sql


def test_a_strategy_is_shown_without_its_ids_and_its_export(asked: Asked) -> None:
    assert [name for name, *_ in asked.rows("describe strategy")] == [
        "name", "version", "sha256", "bytes", "language", "author", "uploaded_at", "is_enabled", "status",
        "last_fault", "budget_fuel", "number",
    ]  # fmt: skip
    for hidden in ("export", "owner", "strategy_id"):
        with pytest.raises(QueryError):
            asked.rows(f"select {hidden} from strategy")


def test_a_close_name_is_offered(asked: Asked) -> None:
    with pytest.raises(QueryError, match='Did you mean "strategy_flee"') as error:
        asked.rows("select strategy_fle(1)")
    assert error.value.code == 1305
    with pytest.raises(QueryError, match='Did you mean "list_transform"'):
        asked.rows("select list_transfrom([1], x -> x)")


def test_the_call_behind_a_strategy_is_no_function_of_clients(asked: Asked) -> None:
    assert asked.rows("select strategy_flee(1, 2, 3, 4, 5, 6, 7, 8, 9, [1])") == [[5]]
    for name in ('"call strategy_flee"', 'memory.main."call strategy_flee"', 'main."CALL STRATEGY_FLEE"'):
        with pytest.raises(QueryError) as error:
            asked.rows(f"select {name}(1, 2, 3, 4, 5, 6, 7, 8, 9, [1])")
        assert error.value.code == 1305
