"""The wire format, over HTTP, as clients of the SingleStore Data API speak it."""

from __future__ import annotations

import socket
import zlib
from typing import Any

import pyarrow as pa
import pytest

from tests.api.conftest import RunningGateway
from tests.query.builder import BIG_PLAN
from wasmverse.commands import SpawnEntity, Transmit
from wasmverse.errors import CommandError, UniverseUnavailable


def _nested(depth: int) -> object:
    """A value in so many lists and objects."""
    value: object = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_tuples_and_rows(gateway: RunningGateway, version: str) -> None:
    sql = "select eid, last_plan from entity where sid = ? and kind = 1 order by eid limit 1"
    answer = gateway.query(sql, [1], path=f"/api/{version}/query/tuples", database="game")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["wasmverse-turn"] == str(gateway.universe.last.tid)
    assert answer.json() == {
        "results": [
            {
                "columns": [
                    {"name": "eid", "dataType": "BIGINT", "nullable": False},
                    {"name": "last_plan", "dataType": "UNSIGNED BIGINT", "nullable": False},
                ],
                "rows": [[1, BIG_PLAN]],
            }
        ]
    }
    answer = gateway.query(sql, [1], path=f"/api/{version}/query/rows")
    assert answer.json() == {"results": [{"rows": [{"eid": 1, "last_plan": BIG_PLAN}]}]}
    empty = gateway.query("select 1 where false", path=f"/api/{version}/query/rows")
    assert empty.text == '{"results":[{"rows":[]}]}'


def test_a_pinned_turn(gateway: RunningGateway) -> None:
    before = gateway.universe.last.tid
    after = gateway.turn()
    sql = "select tid from turns"
    assert gateway.query(sql, turn=before).json()["results"][0]["rows"] == [[before]]
    assert gateway.query(sql, turn=before).headers["wasmverse-turn"] == str(before)
    assert gateway.query(sql).headers["wasmverse-turn"] == str(after)
    missing = gateway.query(sql, turn=10**6)
    assert (missing.status_code, missing.text[:12]) == (400, "Error 1105: ")


def test_u64_as_text(gateway: RunningGateway) -> None:
    answer = gateway.query("select max(last_plan) p from entity", path="/api/v2/query/rows", bigint="string")
    assert answer.json()["results"][0]["rows"] == [{"p": str(BIG_PLAN)}]


def test_arrow_and_csv_by_accept(gateway: RunningGateway) -> None:
    body = {"sql": "select eid, strategy from entity order by eid limit 2"}
    answer = gateway.http.post(
        "/api/v2/query/tuples", json=body, headers={"Accept": "application/vnd.apache.arrow.stream"}
    )
    assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
    assert pa.ipc.open_stream(answer.content).read_all()["eid"].to_pylist() == [1, 2]
    answer = gateway.http.post("/api/v2/query/rows", json=body, headers={"Accept": "text/csv"})
    assert answer.text == '"eid","strategy"\n1,"strategy_battle"\n2,"strategy_blank"\n'


def test_gzip_is_negotiated(gateway: RunningGateway) -> None:
    body = {"sql": "select * from range(2000)"}
    with gateway.http.stream("POST", "/api/v2/query/tuples", json=body) as packed:
        raw = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["vary"]
    plain = gateway.http.post("/api/v2/query/tuples", json=body, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert zlib.decompress(raw, 31) == plain.content


def test_a_large_answer_arrives_whole(gateway: RunningGateway) -> None:
    rows = gateway.query("select range, 'some text' t from range(300000)").json()["results"][0]["rows"]
    assert len(rows) == 300_000 and rows[-1] == [299_999, "some text"]


def test_cors(gateway: RunningGateway) -> None:
    ask = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = gateway.http.options(
        "/api/v2/query/tuples", headers=ask | {"Access-Control-Request-Headers": "content-type,authorization"}
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    answer = gateway.http.post(
        "/api/v2/query/tuples", json={"sql": "select 1"}, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Wasmverse-Turn" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("body", "status", "start"),
    [
        ({"sql": "select * from bad"}, 400, "Error 1146: Table 'game.bad' doesn't exist"),
        ({"sql": "selec"}, 400, "Error 1064: "),
        ({"sql": "select bad from entity"}, 400, "Error 1054: Unknown column 'bad'"),
        ({"sql": "drop table entity"}, 403, "Error 1142: "),
        ({"sql": "from checkpoint()"}, 403, "Error 1142: "),
        ({"sql": "select 1; select 2"}, 400, "Error 1064: The request holds 2 statements"),
        ({"sql": "select ?", "args": []}, 400, "Error 1210: "),
        ({"sql": "select 1", "database": "mysql"}, 400, "Error 1049: Unknown database 'mysql'"),
        ({"sql": "select 1", "database": 3}, 400, "Error 1049: "),
        ({"sql": "select count(*) from range(1000000) a, range(1000000) b"}, 408, "Error 3024: "),
        ({"sql": "select length(repeat('x', 2000000000))"}, 400, "Error 1041: "),
        ({"sql": ""}, 400, "Error 1065: "),
        ({"sql": 1}, 400, "Error 1064: 'sql' is the number 1"),
        ({}, 400, "Error 1064: 'sql' is null or missing"),
        ([], 400, "Error 1064: The body is a list"),
        ({"sql": "select 1", "args": {}}, 400, "Error 1210: 'args' is an object"),
        ({"sql": "select ?", "args": [_nested(65)]}, 400, "Error 1210: 'args' nests more than 64"),
        ({"sql": "select ?", "args": [_nested(254)]}, 400, "Error 1210: 'args' nests more than 64"),
        ({"sql": "select 1", "turn": -1}, 400, "Error 1210: 'turn' is the number -1"),
        ({"sql": "select 1", "turn": True}, 400, "Error 1210: 'turn'"),
        ({"sql": "select 1", "bigint": "no"}, 400, "Error 1210: 'bigint'"),
    ],
)
def test_errors_are_a_bare_line(gateway: RunningGateway, body: Any, status: int, start: str) -> None:
    answer = gateway.http.post("/api/v2/query/tuples", json=body)
    assert (answer.status_code, answer.text[: len(start)]) == (status, start)
    assert answer.headers["content-type"].startswith("text/plain")
    assert "\n" not in answer.text


def test_bodies_that_are_no_bodies(gateway: RunningGateway) -> None:
    def send(content: bytes, **headers: str) -> tuple[int, str]:
        answer = gateway.http.post("/api/v2/query/tuples", content=content, headers=headers)
        return answer.status_code, answer.text

    assert send(b"")[0] == 400
    assert send(b"{")[1].startswith("Error 1064: The body is not JSON")
    assert send(b'{"sql":"\xff"}')[0] == 400
    assert send(b"[" * 100_000)[0] == 400
    status, text = send(b'{"sql":"' + b"x" * (1 << 20) + b'"}')
    assert (status, text[:11]) == (413, "Error 1153:")

    def endless() -> Any:
        for _ in range(40):
            yield b" " * 50_000

    answer = gateway.http.post("/api/v2/query/tuples", content=endless())
    assert answer.status_code == 413


def test_a_body_that_never_comes(gateway: RunningGateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.address[1]), timeout=20) as slow:
        slow.sendall(b"POST /api/v2/query/rows HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert slow.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_methods_and_paths(gateway: RunningGateway) -> None:
    answer = gateway.http.get("/api/v2/query/rows")
    assert (answer.status_code, answer.text[:11]) == (405, "Error 1105:")
    answer = gateway.http.get("/api/v3/query")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == 1105


@pytest.mark.parametrize(
    ("sql", "args", "command"),
    [
        (
            "call spawn_entity(?,?,?,?,?)",
            [7, "Ship", 5, 6, "strategy_battle"],
            SpawnEntity(7, 1, 5, 6, "strategy_battle"),
        ),
        ("CALL game.spawn_entity(7, 'EnergyNode', 0, 99, null);", None, SpawnEntity(7, 2, 0, 99, None)),
        ('/* now */ call spawn_entity(1, 1, ?, 3, "s")', [2], SpawnEntity(1, 1, 2, 3, "s")),
        (
            "call spawn_entity(1, 2, 3.0, 4, 'ignored')".replace("3.0", "?"),
            [3.0],
            SpawnEntity(1, 2, 3, 4, None),
        ),
    ],
)
def test_spawn(gateway: RunningGateway, sql: str, args: Any, command: SpawnEntity) -> None:
    gateway.universe.answer = {"eid": 42, "tid": 9}
    answer = gateway.query(sql, args, path="/api/v2/exec")
    assert answer.json() == {"lastInsertId": 42, "rowsAffected": 1}
    assert answer.headers["wasmverse-turn"] == "9"
    assert gateway.universe.commands[-1] == command


@pytest.mark.parametrize(
    ("sql", "args"), [("call transmit('it''s me')", []), ("CALL game.transmit(?)", ["it's me"])]
)
def test_transmit(gateway: RunningGateway, sql: str, args: list[Any]) -> None:
    gateway.universe.answer = {"tid": 9}
    answer = gateway.query(sql, args, path="/api/v2/exec")
    assert answer.json() == {"lastInsertId": 0, "rowsAffected": 1}
    assert answer.headers["wasmverse-turn"] == "9"
    command = gateway.universe.commands[-1]
    assert isinstance(command, Transmit)
    assert command.text == "it's me"


@pytest.mark.parametrize(
    ("sql", "args", "status", "code", "part"),
    [
        ("call transmit()", [], 400, 1318, "takes 1"),
        ("call transmit(7)", [], 400, 1210, "text is 7"),
        ("call transmit(null)", [], 400, 1210, "text is None"),
        ("call spawn_entity(?,?,?,?,?)", [1], 400, 1210, "5 '?' and 'args' has 1"),
        ("call spawn_entity(1,2,3)", [], 400, 1318, "takes 5"),
        ("call spawn_entity(1,3,3,3,null)", [], 400, 1210, "kind is 3"),
        ("call spawn_entity(1,'Star',3,3,null)", [], 400, 1210, "kind is 'Star'"),
        ("call spawn_entity(1,true,3,3,null)", [], 400, 1064, "not a literal"),
        ("call spawn_entity(1,1,100,3,'s')", [], 400, 1210, "x is 100"),
        ("call spawn_entity(1,1,3,-1,'s')", [], 400, 1210, "y is -1"),
        ("call spawn_entity(0,1,3,3,'s')", [], 400, 1210, "sid is 0"),
        ("call spawn_entity(1,1,3,3,null)", [], 400, 1210, "needs a strategy"),
        ("call spawn_entity(1,1,3,3,?)", [7], 400, 1210, "strategy is 7"),
        ("call spawn_entity(?,1,3,3,'s')", ["1"], 400, 1210, "sid is '1'"),
        ("call spawn_entity((select 1),1,3,3,'s')", [], 400, 1064, "not a literal"),
        ("call spawn_entity(1,1,3,3,'s'); call spawn_entity(1,1,3,3,'s')", [], 400, 1064, "one call"),
        ("call drop_everything()", [], 403, 1142, "drop_everything"),
        ("call checkpoint", [], 400, 1064, "spawn_entity"),
        ("select 1", [], 403, 1142, "query/rows"),
        ("insert into entity values (1)", [], 403, 1142, "Only call"),
        ("call spawn_entity(" + "(" * 1500, [], 400, 1064, "syntax"),
        ("call spawn_entity(" + " " * 3000 + ")", [], 400, 1064, "characters"),
        ("call 'unclosed", [], 400, 1064, "syntax"),
    ],
)
def test_wrong_commands(
    gateway: RunningGateway, sql: str, args: list[Any], status: int, code: int, part: str
) -> None:
    sent = len(gateway.universe.commands)
    answer = gateway.query(sql, args, path="/api/v1/exec")
    assert (answer.status_code, answer.text.split(":")[0]) == (status, f"Error {code}")
    assert part in answer.text
    assert len(gateway.universe.commands) == sent


def test_what_the_universe_refuses(gateway: RunningGateway) -> None:
    call = "call spawn_entity(1,1,3,3,'s')"
    gateway.universe.answer = CommandError("there is no strategy 's'; it flies after it was uploaded")
    answer = gateway.query(call, path="/api/v2/exec")
    assert (answer.status_code, answer.text) == (
        400,
        "Error 1064: there is no strategy 's'; it flies after it was uploaded",
    )
    gateway.universe.answer = UniverseUnavailable("the universe process ended")
    answer = gateway.query(call, path="/api/v2/exec")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
