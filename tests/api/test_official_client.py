"""What the official client of the Data API and its SQLAlchemy dialect promise, with the real packages."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import singlestoredb
import sqlalchemy as sa

from tests.api.conftest import RunningGateway
from wasmverse.commands import SpawnEntity, Transmit

BIG = 2**60 + 1


@pytest.fixture
def connection(gateway: RunningGateway) -> Iterator[Any]:
    with singlestoredb.connect(f"{gateway.url.replace('://', '://ada:x@')}/game") as connection:
        yield connection


def ask(connection: Any, sql: str, *args: object) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, args or None)
        return list(cursor.fetchall())


def test_a_select_with_arguments(connection: Any) -> None:
    assert ask(
        connection, "select eid, kind from entity where sid = %s and kind = %s order by eid limit 1", 1, 1
    ) == [(1, 1)]


@pytest.mark.parametrize("results_type", ["pandas", "numpy", "arrow"])
def test_a_data_frame_keeps_integers(gateway: RunningGateway, results_type: str) -> None:
    with singlestoredb.connect(f"{gateway.url}/game", results_type=results_type) as connection:
        cursor = connection.cursor()
        cursor.execute(f"select {BIG} as n, energy, 0.5::double as d from entity where kind = 1 limit 2")
        assert [column.null_ok for column in cursor.description] == [False, False, True]
        frame = cursor.fetchall()
    assert int(frame["n"][0].as_py() if results_type == "arrow" else frame["n"][0]) == BIG


def test_a_column_with_a_null_may_have_one(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("select eid, strategy, nullif(eid, 1) as other from entity where sid = 1 order by eid")
    assert [column.null_ok for column in cursor.description] == [False, True, True]


def test_a_procedure_is_called(gateway: RunningGateway, connection: Any) -> None:
    gateway.universe.answer = {"eid": 77, "tid": 5}
    connection.cursor().callproc("spawn_entity", [7, "Ship", 5, 6, "strategy_battle"])
    assert gateway.universe.commands[-1] == SpawnEntity(7, 1, 5, 6, "strategy_battle")
    assert ask(connection, "call spawn_entity(%s, 2, 1, 1, null)", 8) == [(77, 1)]
    assert ask(connection, "call transmit('hello')") == [(77, 1)]
    assert isinstance(gateway.universe.commands[-1], Transmit)
    answer = gateway.query("call transmit('hello')", path="/api/v2/query/rows").json()
    assert answer["results"] == [{"rows": [{"lastInsertId": 77, "rowsAffected": 1}]}]
    assert answer["lastInsertId"] == 77
    with pytest.raises(singlestoredb.Error, match="takes 5"):
        ask(connection, "call spawn_entity(1)")


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_commands_nothing_where_it_may_read(gateway: RunningGateway, page: dict[str, str]) -> None:
    before = len(gateway.universe.commands)
    for path in ("/api/v2/query/rows", "/api/v1/query/tuples"):
        body = {"sql": "call transmit('hello')"}
        assert gateway.http.post(path, json=body, headers=page).status_code == 403
    assert len(gateway.universe.commands) == before


def test_what_clients_ask_of_a_session(connection: Any) -> None:
    assert ask(connection, "select version()")[0][0].startswith("5.7.")
    assert ask(connection, "SELECT @@version, @@session.autocommit AS auto") == [("5.7.32-wasmverse", 1)]
    assert ask(connection, "show variables like 'character%client'") == [("character_set_client", "utf8mb4")]
    assert ask(connection, "show warnings") == ask(connection, "show index from entity") == []
    assert ("game",) in ask(connection, "show databases")
    for sql in (
        "set names 'utf8mb4'",
        "SET sql_mode = 'TRADITIONAL'",
        "set autocommit=1",
        "use game",
        "commit",
    ):
        assert connection.cursor().execute(sql) == 0
    for sql, number in (
        ("set names 'latin1'", 1193),
        ("set autocommit = 0", 1193),
        ("set global read_only = 0", 1193),
        ("use mysql", 1049),
        ("select @@datadir", 1193),
        ("show tables from mysql", 1049),
    ):
        with pytest.raises(singlestoredb.Error) as refused:
            connection.cursor().execute(sql)
        assert refused.value.errno == number, sql


def test_what_clients_ask_of_relations(connection: Any) -> None:
    assert ("entity",) in ask(connection, "show tables")
    assert ask(connection, "SHOW TABLES LIKE 'entity%turn'") == [("entity_turn",)]
    assert ("turns", "BASE TABLE") in ask(connection, "show full tables from `game`")
    columns = ask(connection, "show columns from entity")
    assert columns[0] == ("sid", "int unsigned", "NO", "", None, "")
    assert ask(connection, "show full columns from game.entity like 'strategy'")[0][-1].startswith("Name of")
    assert [row[0] for row in ask(connection, "describe entity")] == [row[0] for row in columns]
    assert ask(connection, "DESCRIBE `game`.`entity`") == ask(connection, "describe entity")
    for (relation,) in ask(connection, "show tables"):
        described = ask(connection, f"describe {relation}")
        nullable = [column[2] for column in ask(connection, f"show columns from {relation}")]
        of_the_engine = ask(connection, f"describe select * from {relation}")
        assert described == [
            (*row[:2], null, *row[3:]) for row, null in zip(of_the_engine, nullable, strict=True)
        ]
    assert ask(connection, "describe entity")[0][2] == "NO"
    assert len(ask(connection, "describe information_schema.columns")) > 20
    [(name, text)] = ask(connection, "show create table turns")
    assert name == "turns" and '"late" tinyint(1) NOT NULL COMMENT' in text
    assert ask(connection, "show functions") == []
    for sql in ("show columns from nothing", "show create table nothing", "describe `nothing`"):
        with pytest.raises(singlestoredb.Error) as refused:
            ask(connection, sql)
        assert refused.value.errno == 1146


@pytest.fixture(scope="module")
def engine(gateway: RunningGateway) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"singlestoredb+{gateway.url.replace('://', '://ada:x@')}/game")
    yield engine
    engine.dispose()


def test_sqlalchemy_connects_reflects_and_selects(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert {"entity", "turns", "strategy"} <= set(inspector.get_table_names())
    assert inspector.has_table("entity") and not inspector.has_table("nothing")
    metadata = sa.MetaData()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metadata.reflect(engine)
    entity = metadata.tables["entity"]
    assert not entity.c.eid.nullable and entity.c.strategy.nullable
    assert isinstance(entity.c.last_plan.type, sa.BigInteger)
    assert entity.c.shield.comment is not None and entity.c.shield.comment.startswith("What is left")
    chosen = sa.select(entity.c.eid, sa.func.count().over()).where(entity.c.kind == 1, entity.c.sid == 1)
    with engine.connect() as connection:
        rows = connection.execute(chosen.order_by(entity.c.eid).limit(1)).all()
    assert rows[0][0] == 1
