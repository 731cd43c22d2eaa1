"""SingleStore's SQL as DuckDB's: what it means is kept, and no text keeps or breaks the translator."""

from __future__ import annotations

import time
from collections.abc import Iterator

import duckdb
import pytest

from wasmverse.reader.dialect import TRANSLATED_MAX, translate

BREAK_THE_TRANSLATOR = [
    "select 1::",
    "select DATE_SUB(",
    "SHOW FULL ",
    "select date_add(1)",
    "select adddate(1)",
    "select timestampdiff()",
    "select timestampdiff(day)",
    "select 'a",
    "select `",
    "select 1 :>",
    "select interval",
    "select cast(1 as)",
    "select json_build_object(1",
    "select group_concat(",
    "select match(",
    "select * from t as of",
    "create table",
    "alter",
    "set",
    "kill",
    "",
    ";",
    "select 1; select 2",
    "\ud800",
    "select '\0'",
    "select " + "(" * 1500,
    "select " + "case when " * 300,
    "x" * (TRANSLATED_MAX + 1),
]
KEEP_THE_TRANSLATOR = ["select " + "date (" * 60 + "1" + ")" * 60, "select " + "date(" * 600]


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize("sql", BREAK_THE_TRANSLATOR)
def test_no_text_breaks_the_translator(sql: str) -> None:
    assert translate(sql) is None or isinstance(translate(sql), str)


# The alarm may ring while the garbage collector calls back: it is dropped there, and rings again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("sql", KEEP_THE_TRANSLATOR)
def test_no_text_keeps_the_translator(sql: str) -> None:
    began = time.process_time()
    translate(sql)
    assert time.process_time() - began < 1
    assert translate("select ifnull(1, 2)") == "SELECT COALESCE(1, 2)"


def test_nothing_is_said_of_strangers_texts(caplog: pytest.LogCaptureFixture) -> None:
    translate("alter table t evil '\x1b[31m' unsupported")
    translate("select to_char(now(), 'YYYY')")
    assert not caplog.records


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("timestampdiff(second, '2020-01-01', '2020-01-02')", 86_400),
        ("timestampdiff(day, '2020-01-01 23:00:00', '2020-01-02 01:00:00')", 0),
        ("timestampdiff(hour, '2020-01-01 23:00:00', '2020-01-02 01:00:00')", 2),
        ("timestampdiff(month, date '2020-01-31', timestamp '2020-02-28 00:00:00')", 0),
        (
            "date_format(date_add('2020-01-01 10:00:00', interval 1 hour), '%Y-%m-%d %H:%i')",
            "2020-01-01 11:00",
        ),
        ("date_format(date_sub(date_add('2020-01-31', interval 1 month), interval 1 day), '%d')", "28"),
        ("date_format(adddate('2020-01-01', 3), '%e')", "4"),
        ("date_format(subdate('2020-01-01', interval 1 day), '%d')", "31"),
        ("datediff('2020-01-03', '2020-01-01')", 2),
        ("dayofweek('2020-01-05')", 1),
        ("weekday('2020-01-06')", 0),
        ("hour('2020-01-01 03:04:05')", 3),
        ("extract(minute from '2020-01-01 03:04:05')", 4),
        ("quarter('2020-05-01')", 2),
        ("unix_timestamp('1970-01-02')", 86_400),
        ("dayname('2020-01-06')", "Monday"),
        ("date_format('2020-01-01' + interval 1 day, '%d')", "02"),
        ("time('2020-01-01 03:04:05') :> text", "03:04:05"),
    ],
)
def test_dates_mean_what_they_mean_in_mysql(
    engine: duckdb.DuckDBPyConnection, expression: str, value: object
) -> None:
    sql = translate(f"select {expression}")
    assert sql is not None
    assert engine.execute(sql).fetchall() == [(value,)]
