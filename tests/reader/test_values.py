"""Every value the engine has can be answered, also those that Python has none for."""

import datetime
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import duckdb
import orjson
import pytest

from tests.query.builder import snapshot_tables
from wasmverse.query.query import Format, Query
from wasmverse.query.readers import reader_config
from wasmverse.reader.engine import Engine
from wasmverse.reader.values import values_of
from wasmverse.settings import Settings
from wasmverse.snapshots.snapshot import SnapshotWriter

ZONED = "'2030-01-01 00:00:00+00'::timestamptz"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    writer = SnapshotWriter(tmp_path_factory.mktemp("values") / "snapshots", keep=2, bytes_max=1 << 30)
    writer.publish(1, snapshot_tables(1))
    yield Engine(asdict(reader_config(Settings(), writer.folder)))
    writer.close()


def ask(engine: Engine, sql: str, form: Format = "tuples") -> tuple[Any, bytes]:
    return engine.answer(Query(sql, turn=1, format=form))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("interval '178000000 years'", "64080000000 days, 0:00:00"),
        ("interval '-178956970 years'", "-64424509200 days, 0:00:00"),
        ("interval '2147483647 days'", "2147483647 days, 0:00:00"),
        ("[interval '178000000 years']", ["64080000000 days, 0:00:00"]),
        ("{'a': interval '178000000 years', 'b': [2]}", {"a": "64080000000 days, 0:00:00", "b": [2]}),
        ("date '5877642-06-25 (BC)'", "5877642-06-25 (BC)"),
        ("date '5881580-07-10'", "5881580-07-10"),
        ("date 'infinity'", "9999-12-31"),
        ("timestamp '290309-12-22 (BC) 00:00:00'", "290309-12-22 (BC) 00:00:00"),
        ("timestamp '294247-01-10 04:00:54.775806'", "294247-01-10 04:00:54.775806"),
        ("'0044-03-15 (BC) 10:00:00+00'::timestamptz", "0044-03-15 (BC) 10:00:00"),
        ("'2262-04-11 23:47:16.854775806'::timestamp_ns", "2262-04-11 23:47:16.854775"),
        ("'23:59:59.999999999'::time_ns", "23:59:59.999999"),
        ("[date '5877642-06-25 (BC)']", ["5877642-06-25 (BC)"]),
        ("{'a': date '5877642-06-25 (BC)'}", {"a": "5877642-06-25 (BC)"}),
        ("interval '1 month -1 hour'", "29 days, 23:00:00"),
        ("interval '-0.5 seconds'", "-1 day, 23:59:59.500000"),
    ],
)
def test_far_values_are_answered(engine: Engine, value: str, text: Any) -> None:
    for sql in (f"select {value}", f"select {value}, {ZONED}", f"select {value}, interval '178000000 years'"):
        head, body = ask(engine, sql)
        assert "error" not in head, (sql, head)
        assert orjson.loads(body)["results"][0]["rows"][0][0] == text, sql
        for form in ("rows", "csv", "arrow"):
            assert "error" not in ask(engine, sql, form)[0]


def test_rows_before_a_far_one_are_not_sent_twice(engine: Engine) -> None:
    sql = "select range n, interval (if(range = 15000, 999999999, range)) day from range(15002)"
    rows = orjson.loads(ask(engine, sql)[1])["results"][0]["rows"]
    assert [row[0] for row in rows] == list(range(15002))
    assert [row[1] for row in rows[14999:]] == [f"{days} days, 0:00:00" for days in (14999, 999999999, 15001)]


def test_a_message_cut_within_a_character_is_told(engine: Engine) -> None:
    head, _ = ask(engine, f"select regexp_full_match('[', null, '{'🦆' * 70}')")
    assert head["code"] == 1210 and "Regex" in head["error"] and "ends" not in head


@pytest.mark.parametrize("form", ["tuples", "rows", "csv", "arrow"])
@pytest.mark.parametrize("ends", [("[", "]"), ("{'a': ", "}")])
def test_a_result_that_nests_too_deeply_is_refused_and_ends_no_engine(
    engine: Engine, ends: tuple[str, str], form: str
) -> None:
    head, _ = ask(engine, f"select {ends[0] * 260}1{ends[1] * 260}", form)
    assert head["code"] == 1064 and "too deeply" in head["error"] and "ends" not in head


def test_an_error_without_a_class_is_the_statements(engine: Engine) -> None:
    head, _ = ask(engine, "select list_reduce([]::integer[], lambda x, y: x)")
    assert head["code"] == 1210 and "empty input list" in head["error"] and "ends" not in head


def test_near_values_are_pythons() -> None:
    with duckdb.connect() as connection:
        batch = connection.sql(
            "select date '2030-01-02' d, time '24:00:00' t, timestamp '2030-01-02 03:04:05.000006' m, [1, null] l, null n"
        ).to_arrow_reader(10)
        values = [values_of(column)[0] for column in batch.read_next_batch().columns]
    assert values[0] == datetime.date(2030, 1, 2)
    assert values[2:] == [datetime.datetime(2030, 1, 2, 3, 4, 5, 6), [1, None], None]
