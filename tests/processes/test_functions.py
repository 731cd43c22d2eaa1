"""Functions from a statement to an answer, by a real server: created, called in queries and live queries, replaced, dropped."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import wasmtime
from websockets.sync.client import ClientConnection, connect

from tests.processes.universe import PATIENCE_SECONDS, Universe
from tests.reader.catalogued import CHARACTERS, POWER, TOTAL, WORDS

LOOP = '(module (func (export "f") (param f64) (result f64) (loop $again (br $again)) (unreachable)))'


class Client:
    """What a client of the server does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS)

    def execute(self, sql: str) -> int:
        """The turn after which a command was carried out."""
        answer = self.http.post("/api/v2/exec", json={"sql": sql})
        assert answer.status_code == 200, answer.text
        return int(answer.headers["wasmverse-turn"])

    def create(self, declaration: str, wat: str, rest: str = "") -> int:
        """Create a function from the text of its module, and wait until queries see it."""
        module = base64.b64encode(wasmtime.wat2wasm(wat)).decode()
        tid = self.execute(f"create or replace {declaration} as wasm from base64 '{module}' {rest}")
        self.wait_for_turn(tid + 1)
        return tid

    def ask(self, sql: str, **options: Any) -> httpx.Response:
        return self.http.post("/api/v2/query/tuples", json={"sql": sql, **options})

    def rows(self, sql: str, **options: Any) -> list[list[Any]]:
        answer = self.ask(sql, **options)
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["results"][0]["rows"]
        return rows

    def wait_for_turn(self, tid: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.rows("select max(tid) from turns")[0][0] < tid:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def client(universe: Universe) -> Iterator[Client]:
    universe.options[universe.options.index("--period") + 1] = "0.25"
    universe.start()
    client = Client(universe.url)
    yield client
    client.http.close()


def message(live: ClientConnection) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(live.recv(PATIENCE_SECONDS))
    return told


def test_the_life_of_functions(client: Client) -> None:
    client.create("function boost(x double, y double) returns double", POWER.wat, "using export 'f'")
    client.create(
        "function words(text text) returns table(place int unsigned, word text)",
        WORDS.wat,
        "using export 'f'",
    )
    client.create("function characters(text text) returns int unsigned", CHARACTERS.wat, "using export 'f'")
    client.create(
        "aggregate total(double) returns double with state double",
        TOTAL.wat,
        "initialize with initialize iterate with iterate merge with merge terminate with terminate",
    )
    assert client.rows("select boost(2, 3), characters('Grüße')") == [[12.0, 5]]
    assert client.rows("from words('to be')") == [[0, "to"], [1, "be"]]
    assert client.rows("select n % 2, total(n) from range(10) t (n) group by all order by all") == [
        [0, 20.0],
        [1, 25.0],
    ]

    # What they cost is told after a turn, and shown with the next one.
    sql = "select name from wasm_function where calls > 0 and rows > 0 and fuel_per_row > 0 and faults = 0 order by name"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while client.rows(sql) != [["boost"], ["characters"], ["total"], ["words"]]:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    # A live query goes on with what the newest turn has, and ends with a clear error once it is gone.
    with connect(client.url.replace("http", "ws") + "/api/v1/live") as live:
        live.send(json.dumps({"id": 1, "sql": "select boost(3, 1)"}))
        assert message(live)["rows"] == [[9.0]]
        address = f"/api/v1/query?sql={quote('select boost(3, 1) as one')}"
        old = client.http.get(address)
        constant = '(module (func (export "f") (param f64 f64) (result f64) (f64.const 7)))'
        before = client.create(
            "function boost(x double, y double) returns double", constant, "using export 'f'"
        )
        assert message(live)["rows"] == [[7.0]]
        # The turn before has the version before: no answer of one is given for the other.
        assert client.rows("select boost(3, 1)", turn=before) == [[9.0]]
        assert client.rows("select boost(3, 1)") == [[7.0]]
        again = client.http.get(address, headers={"If-None-Match": old.headers["ETag"]})
        assert (old.text, again.status_code, again.text) == ('"one"\n9\n', 200, '"one"\n7\n')
        client.execute("drop function boost")
        told = message(live)
        assert told["error"]["code"] == 1305 and "boost does not exist" in told["error"]["message"]
    assert client.ask("select boost(3, 1)").text.startswith("Error 1305: FUNCTION game.boost does not exist")


def test_what_fails_fails_alone(client: Client) -> None:
    client.create("function endless(x double) returns double", LOOP, "using export 'f'")
    client.create("function boost(x double, y double) returns double", POWER.wat, "using export 'f'")
    tid = client.rows("select max(tid) from turns")[0][0]
    answer = client.ask("select endless(eid) from entity order by eid")
    assert answer.status_code == 400
    assert (
        answer.text.startswith("Error 3200: FUNCTION endless failed in row 1, (")
        and "ran out of fuel" in answer.text
    )
    assert client.rows("select count(try_endless(n)) from range(2) t (n)") == [[0]]
    assert client.rows("select boost(1, 1)") == [[1.0]]
    client.wait_for_turn(tid + 2)
    assert client.http.get("/health").status_code == 200
