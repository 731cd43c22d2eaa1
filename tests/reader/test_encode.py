"""Every type at its ends in every format: whatever a value is, the answer is in form."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import orjson
import pyarrow as pa
import pytest

from tests.query.builder import snapshot_tables
from wasmverse.query.query import FORMATS, Query
from wasmverse.query.readers import reader_config
from wasmverse.reader.engine import Engine
from wasmverse.settings import Settings
from wasmverse.snapshots.snapshot import SnapshotWriter

VALUES = {
    "'\\xff\\x00'::blob": "/wA=",
    "'0101'::bit": "0101",
    "1.50::decimal(38, 2)": "1.50",
    "170141183460469231731687303715884105727::hugeint": "170141183460469231731687303715884105727",
    "340282366920938463463374607431768211455::uhugeint": "340282366920938463463374607431768211455",
    "9" * 47: "9" * 47,
    "'nan'::float": None,
    "'-inf'::double": None,
    "true": 1,
    "date '0044-03-15 (BC)'": "0044-03-15 (BC)",
    "'infinity'::date": "9999-12-31",
    "'-infinity'::timestamp": "0001-01-01 00:00:00.000000",
    "'290000-01-01'::timestamp": "290000-01-01 00:00:00",
    "'infinity'::timestamp_ns": "9999-12-31 23:59:59.999999",
    "time '24:00:00'": "24:00:00",
    "time_ns '01:02:03.123456789'": "01:02:03.123456",
    "'12:00:00+15:59:59'::timetz": "12:00:00+15:59:59",
    "'inf'::timestamptz": "9999-12-31 23:59:59.999999",
    "'290000-01-01 00:00:00+00'::timestamptz": "290000-01-01 00:00:00",
    "'2020-01-01 00:00:00+02'::timestamptz": "2019-12-31 22:00:00.000000",
    "'178000000 years'::interval": "64080000000 days, 0:00:00",
    "interval '1 month 1 second'": "30 days, 0:00:01",
    "'00000000-0000-0000-0000-000000000001'::uuid": "00000000-0000-0000-0000-000000000001",
    "'a'::enum('a', 'INTERVAL')": "a",
    "('178000000 years'::interval)::variant": "178000000 years",
    "'2020-01-01 00:00:00+00'::timestamptz::variant": "2020-01-01 00:00:00+00",
    "['inf'::double]::variant": "[Infinity]",
    "union_value(i := 1)": 1,
    "row(1, 'a')": [1, "a"],
    "null": None,
    "chr(0)": "\0",
    "chr(65535) || chr(127)": "\uffff\x7f",
    "to_json('inf'::double)": "Infinity",
    "to_json(['nan'::double])": "[NaN]",
    "'[1,]'::json": "[1,]",
    "'1e999'::json": "1e999",
    "'[1e400]'::json": "[1e400]",
    "repeat('9', 5000)::json": "9" * 5000,
    '\'{"a": 1, "a": 2}\'::json': {"a": 2},
    "(repeat('[', 200) || repeat(']', 200))::json": json.loads("[" * 200 + "]" * 200),
    "(repeat('[', 201) || repeat(']', 201))::json": "[" * 201 + "]" * 201,
    "to_json(repeat('[', 300))": "[" * 300,
    "map {1.5::decimal(3, 1): 1}": {"1.5": 1},
    "map {'\\xff'::blob: 1}": {"/w==": 1},
    "map {[1]: 2}": {"key": [[1]], "value": [2]},
    "map {interval 1 day: 'nan'::double}": {"1 day, 0:00:00": None},
    "map {340282366920938463463374607431768211455::uhugeint: 1}": {
        "340282366920938463463374607431768211455": 1
    },
    "map {'nan'::double: 1}": {"null": 1},
    "map {date '0044-03-15 (BC)': 1}": {"0044-03-15 (BC)": 1},
    "{'INTERVAL': 1, 'VARIANT': interval 1 day, 'a\"b': {'x': 'inf'::timestamptz}}": {
        "INTERVAL": 1,
        "VARIANT": "1 day, 0:00:00",
        'a"b': {"x": "9999-12-31 23:59:59.999999"},
    },
}
WRAPPED = [
    "[{}]",
    "{{'a': {}}}",
    "map {{{}: 1}}",
    "map {{'k': [{}]}}",
    "union_value(u := {})",
    "[{}]::variant",
    "map {{[{}]: 1}}",
]


class Asked:
    """An engine in this process."""

    def __init__(self, folder: Path) -> None:
        self.writer = SnapshotWriter(folder / "snapshots", keep=2, bytes_max=1 << 30)
        self.writer.publish(1, snapshot_tables(1))
        settings = Settings(database_path=folder / "none.duckdb")
        self.engine = Engine(asdict(reader_config(settings, self.writer.folder)))

    def answer(self, sql: str, form: Any = "tuples", **options: Any) -> tuple[Any, bytes]:
        return self.engine.answer(Query(sql, turn=1, format=form, **options))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    asked = Asked(tmp_path_factory.mktemp("asked"))
    yield asked
    asked.writer.close()


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is not JSON")


def check(body: bytes, form: str) -> None:
    if form == "arrow":
        table = pa.ipc.open_stream(body).read_all()
        table.validate()
        assert table.num_rows == 1
    elif form == "csv":
        [_, row] = csv.reader(io.StringIO(body.decode(), newline=""))
        assert len(row) == 2
    else:
        body = b"{%b}" % body if form == "live" else body
        orjson.loads(body)
        json.loads(body, parse_constant=refuse)


@pytest.mark.parametrize(("expression", "value"), VALUES.items(), ids=lambda value: str(value)[:40])
def test_a_value_in_json(asked: Asked, expression: str, value: object) -> None:
    head, body = asked.answer(f'select {expression} as v, 1 as "b""c"')
    assert "error" not in head
    assert orjson.loads(body)["results"][0]["rows"] == [[value, 1]]
    json.loads(body, parse_constant=refuse)


@pytest.mark.parametrize("expression", VALUES, ids=lambda value: str(value)[:40])
def test_a_value_in_every_format(asked: Asked, expression: str) -> None:
    for wrapped in ("{}", *WRAPPED):
        sql = f'select {wrapped.format(expression)} as "v""w", 1 as n -- end'
        for form in FORMATS:
            for big_as_string in (False, True):
                head, body = asked.answer(sql, form, big_as_string=big_as_string)
                assert "ends" not in head, sql
                if "error" in head:  # a map's key that is null; a variant of what none can hold
                    assert head["code"] in {1210, 1235, 1292}, sql
                else:
                    check(body, form)


@pytest.mark.parametrize(
    "name", ["", '"', "a\nb", "\0x", "é\U0001f600", "rows", "\u202e", "'", "#1", "a" * 5000], ids=repr
)
def test_columns_of_any_name(asked: Asked, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    for form in FORMATS:
        head, body = asked.answer(f"select 1 as {quoted}, interval 1 day as {quoted}", form)
        if "error" in head:
            assert head["code"] == 1064 and (not name or "\0" in name), head
        else:
            check(body, form)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("late", "code"),
    [
        ("cast(case when range = 45000 then 'a' else '1' end as int)", 1292),
        ("error(case when range = 45000 then 'late' end)", 1210),
        ("case when range = 45000 then 1 // (range - 45000) end", 1210),
        ("(case when range = 45000 then 300 else 1 end)::utinyint", 1292),
        ("case when range = 45000 then 9223372036854775807 else 1 end + 1", 1690),
        ("list_value('1 day'::interval, case when range = 45000 then 'a'::varchar::interval end)", 1292),
    ],
)
def test_an_error_of_a_late_row(asked: Asked, form: str, late: str, code: int) -> None:
    """A statement's own error, wherever it is met; the engine goes on."""
    head, body = asked.answer(f"select {late} from range(100000)", form)
    assert (head["code"], body) == (code, b"") and "ends" not in head
    assert "LINE" not in head["error"] and "Error:" not in head["error"]
    assert asked.answer("select 7")[1].endswith(b'"rows":[[7]]}]}')


@pytest.mark.parametrize(
    ("sql", "form"),
    [
        ("select map {range::decimal(18, 1): [range]} from range(3000000)", "tuples"),
        ("select [{'a': range, 'b': interval 1 day}] from range(3000000)", "csv"),
    ],
)
def test_work_outside_the_engine_is_interrupted_too(asked: Asked, sql: str, form: str) -> None:
    alarm = threading.Timer(0.3, asked.engine.interrupt)
    began = time.process_time()
    alarm.start()
    head, _ = asked.answer(sql, form)
    assert head["kind"] == "QueryTimeout" and "ends" not in head
    assert time.process_time() - began < 5, "a few batches at most, of the minute that it takes"
    assert asked.answer("select 7")[1].endswith(b'"rows":[[7]]}]}')
