"""A query in an address, as spreadsheets and data frames ask it: formats, arguments, turns, tags, errors."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import httpx
import pyarrow as pa
import pytest

from tests.api.conftest import RunningGateway
from wasmverse.api.addressed_query import has_tag

PATH = "/api/v1/query"
SHIPS = "select eid, strategy, energy from entity where sid = ? and kind = 1 order by eid limit 2"


def ask(gateway: RunningGateway, headers: dict[str, str] | None = None, **parameters: Any) -> httpx.Response:
    return gateway.http.get(PATH, params=parameters, headers=headers or {})


def test_csv_json_and_arrow(gateway: RunningGateway) -> None:
    asked = {"sql": SHIPS, "args": "[1]"}
    as_csv = ask(gateway, **asked)
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert as_csv.headers["wasmverse-turn"] == str(gateway.universe.last.tid)
    read = list(csv.DictReader(io.StringIO(as_csv.text)))
    assert list(read[0]) == ["eid", "strategy", "energy"] and len(read) == 2
    rows = ask(gateway, format="json", **asked).json()["results"][0]["rows"]
    assert [{name: str(value) for name, value in row.items()} for row in rows] == read
    table = pa.ipc.open_stream(ask(gateway, format="arrow", **asked).content).read_all()
    assert table.to_pylist() == rows
    big = ask(gateway, sql="select 1152921504606846977 as n", format="json", bigint="string")
    assert big.json() == {"results": [{"rows": [{"n": "1152921504606846977"}]}]}


def test_a_turn_may_be_named(gateway: RunningGateway) -> None:
    before = gateway.universe.last.tid
    gateway.turn()
    assert ask(gateway, sql="select max(tid) as tid from turns", turn=before).text == f'"tid"\n{before}\n'
    missing = ask(gateway, sql="select 1", turn=10**6)
    assert (missing.status_code, missing.text[:12]) == (400, "Error 1105: ")


def test_who_has_the_answer_is_told_so_without_a_query(gateway: RunningGateway) -> None:
    first = ask(gateway, sql=SHIPS, args="[1]")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    asked = gateway.pool.counts.queries.total()
    for header in (tag, f'"other", W/{tag}'):
        again = ask(gateway, {"If-None-Match": header}, sql=SHIPS, args="[1]")
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["wasmverse-turn"] == first.headers["wasmverse-turn"]
    assert gateway.pool.counts.queries.total() == asked
    others: list[dict[str, Any]] = [
        {"args": "[2]"},
        {"args": "[1]", "format": "json"},
        {"args": "[1]", "bigint": "string"},
    ]
    for other in others:
        answer = ask(gateway, {"If-None-Match": tag}, sql=SHIPS, **other)
        assert answer.status_code == 200 and answer.headers["etag"] != tag, other
    gateway.turn()
    assert ask(gateway, {"If-None-Match": tag}, sql=SHIPS, args="[1]").status_code == 200
    pinned = ask(gateway, {"If-None-Match": tag}, sql=SHIPS, args="[1]", turn=first.headers["wasmverse-turn"])
    assert pinned.status_code == 304


def test_what_may_differ_next_time_has_no_tag(gateway: RunningGateway) -> None:
    assert "etag" not in ask(gateway, sql="select random() as r").headers
    assert has_tag("*", '"x"') is False


def test_the_document_of_the_interface_says_where_the_data_dictionary_is(gateway: RunningGateway) -> None:
    said = gateway.http.get("/api/v2/spec").json()["info"]["description"]
    [address] = re.findall(r"`(/api/v1/query\?[^`]+)`", said)
    [result] = gateway.http.get(address.replace(" ", "%20")).json()["results"]
    shield = {"table_name": "entity", "column_name": "shield"}
    [found] = [row for row in result["rows"] if shield.items() <= row.items()]
    assert found["data_type"] == "UTINYINT" and found["column_unit"] == "shield" and found["column_comment"]


def test_head_is_the_answer_without_its_body(gateway: RunningGateway) -> None:
    whole = ask(gateway, sql="select 1 as n")
    head = gateway.http.head(PATH, params={"sql": "select 1 as n"})
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", whole.headers["etag"])
    assert head.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.parametrize(
    ("parameters", "status", "part"),
    [
        ({}, 400, "Error 1065: 'sql' is empty"),
        ({"sql": "selec"}, 400, "Error 1064"),
        ({"sql": "drop table entity"}, 403, "Error 1142"),
        ({"sql": "call spawn_entity(1, 1, 1, 1, 'x')"}, 403, "Error 1142"),
        ({"sql": "select 1", "format": "xml"}, 400, "give csv, json, arrow"),
        ({"sql": "select ?", "args": "7"}, 400, "'args' is"),
        ({"sql": "select ?", "args": "[7"}, 400, "'args' is not JSON"),
        ({"sql": "select ?"}, 400, "Error 1210"),
        ({"sql": "select 1", "turn": "x"}, 400, "'turn' is 'x'"),
        ({"sql": "select 1", "limit": "5"}, 400, "The address has 'limit'"),
        ({"sql": ["select 1", "select 2"]}, 400, "more than once"),
        ({"sql": "select 1", "database": "mysql"}, 400, "Error 1049"),
    ],
)
def test_a_wrong_address_is_told_what_is_wrong(
    gateway: RunningGateway, parameters: dict[str, Any], status: int, part: str
) -> None:
    answer = ask(gateway, **parameters)
    assert answer.status_code == status and part in answer.text, answer.text
    assert answer.text.startswith("Error ")


def test_a_page_of_another_site_may_read_it_only_where_it_may_read(gateway: RunningGateway) -> None:
    page = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    answer = ask(gateway, page, sql="select 1 as n")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert "ETag" in answer.headers["access-control-expose-headers"]
    refused = ask(gateway, {"Host": "elsewhere.example"}, sql="select 1 as n")
    assert refused.status_code == 403 and refused.text.startswith("Error 1130")
