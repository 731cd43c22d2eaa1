"""Functions over HTTP, by statements and by requests; modules are checked for real, in a process of their own."""

from __future__ import annotations

import base64
import time
from typing import Any

import httpx
import pytest

from tests.api.conftest import RunningGateway
from tests.api.test_strategies import basic, wat
from tests.functions.builder import GAIN
from wasmverse.commands import Author, CreateFunction, DropFunction, RollbackFunction
from wasmverse.errors import FunctionLimit, FunctionTaken, FunctionUnknown
from wasmverse.functions.definition import Definition
from wasmverse.messages import FunctionKey, FunctionUse
from wasmverse.wasm.types import F64, Field, Function

MODULE = wat(GAIN.format(plus=1))
TEXT = base64.b64encode(MODULE).decode()
LARGE = wat(f'(module (func (export "gain") (result f64) (f64.const 1)) (data "{"x" * 1_100_000}"))')
ANSWER: dict[str, Any] = {"name": "gain", "version": 1, "signature": "(a1 DOUBLE) RETURNS DOUBLE", "tid": 5}


def put(gateway: RunningGateway, module: bytes, name: str = "gain", **params: str) -> httpx.Response:
    return gateway.http.put(f"/api/v1/functions/{name}", content=module, params=params, headers=basic("ada"))


def execute(gateway: RunningGateway, sql: str, *args: object, version: str = "v2") -> httpx.Response:
    return gateway.http.post(
        f"/api/{version}/exec", json={"sql": sql, "args": list(args)}, headers=basic("ada")
    )


def last(gateway: RunningGateway) -> Any:
    return gateway.universe.commands[-1]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_statement_creates_a_function(gateway: RunningGateway, version: str) -> None:
    gateway.universe.answer = dict(ANSWER)
    sql = f"create or replace function gain(x double, y double) returns double as wasm from base64 '{TEXT}'"
    answer = execute(gateway, sql, version=version)
    assert (answer.status_code, answer.json()) == (200, {"lastInsertId": 0, "rowsAffected": 1})
    assert answer.headers["wasmverse-turn"] == "5"
    command = last(gateway)
    assert isinstance(command, CreateFunction)
    assert (command.module, command.may_replace, command.author) == (MODULE, True, Author("name:ada", "ada"))
    definition = Definition.of_row(command.definition)
    assert definition.function == Function((Field("x", F64), Field("y", F64)), F64)
    assert len(command.compiled) > len(MODULE)


def test_a_module_of_megabytes_may_be_in_a_statement(gateway: RunningGateway) -> None:
    gateway.universe.answer = dict(ANSWER)
    answer = execute(gateway, "create function gain as wasm from base64 ?", base64.b64encode(LARGE).decode())
    assert answer.status_code == 200, answer.text
    assert last(gateway).module == LARGE
    # Nothing else may be as long, and nothing may be longer.
    answer = execute(gateway, "drop function gain" + " " * (2 << 20))
    assert answer.status_code == 400
    assert "the limit is 16,000" in answer.text
    answer = execute(gateway, "call rollback_function('gain')" + " " * (2 << 20))
    assert "the limit is 2,000" in answer.text
    assert execute(gateway, " " * (12 << 20)).status_code == 413


def test_a_request_creates_a_function_as_curl_sends_it(gateway: RunningGateway) -> None:
    gateway.universe.answer = dict(ANSWER)
    answer = put(gateway, MODULE)
    assert (answer.status_code, answer.json()["turn"]) == (201, 5)
    assert answer.json()["function"] == {key: value for key, value in ANSWER.items() if key != "tid"}
    assert last(gateway).may_replace
    gateway.universe.answer = {**ANSWER, "version": 2}
    wit = "world w { export gain: func(x: f64, y: f64) -> f64; }"
    answer = put(
        gateway,
        MODULE,
        "other",
        args="x DOUBLE, y DOUBLE",
        returns="DOUBLE",
        wit=wit,
        export="gain",
        grow_to="70000",
    )
    assert answer.status_code == 200, answer.text
    definition = Definition.of_row(last(gateway).definition)
    assert (definition.name, definition.export, definition.pages_max) == ("other", "gain", 2)


def test_a_request_creates_an_aggregate(gateway: RunningGateway) -> None:
    gateway.universe.answer = dict(ANSWER)
    module = wat(
        '(module (func (export "i") (result f64) (f64.const 0)) (func (export "j") (param f64 f64) (result f64) (local.get 0))'
        '(func (export "k") (param f64) (result f64) (local.get 0)))'
    )
    steps = {"initialize": "i", "iterate": "j", "terminate": "k"}
    answer = put(gateway, module, "total", args="DOUBLE", returns="DOUBLE", state="DOUBLE", **steps)
    assert answer.status_code == 201, answer.text
    assert Definition.of_row(last(gateway).definition).exports == ("i", "j", "k")


@pytest.mark.parametrize(
    ("name", "module", "params", "status", "part"),
    [
        ("gain", b"", {}, 400, "curl -T FILE"),
        ("gain", b"#!/bin/sh", {}, 422, "begins with"),
        ("gain", b"\0asm" + bytes(9 << 20), {}, 413, "8,388,608"),
        ("Gain", MODULE, {}, 400, "call it 'gain'"),
        ("gain", MODULE, {"arg": "x DOUBLE"}, 400, "'arg' is no parameter; there are args"),
        ("gain", MODULE, {"args": "x DOUBLE"}, 400, "both args and returns"),
        ("gain", MODULE, {"args": "x DOUBLE", "returns": "DOUBLE"}, 422, "needs (f64) -> f64"),
        ("gain", MODULE, {"args": "x MONEY", "returns": "DOUBLE"}, 400, "where a type such as DOUBLE"),
        ("gain", MODULE, {"abi": "fast"}, 400, "basic, canonical"),
        ("gain", MODULE, {"kind": "window"}, 400, "scalar, table, aggregate"),
        ("gain", MODULE, {"iterate": "j"}, 400, "An aggregate needs initialize, terminate"),
        ("gain", MODULE, {"grow_to": "all"}, 400, "65,536"),
        ("gain", MODULE, {"wit": "world"}, 422, "WIT"),
    ],
)
def test_what_is_refused(
    gateway: RunningGateway, name: str, module: bytes, params: dict[str, str], status: int, part: str
) -> None:
    sent = len(gateway.universe.commands)
    answer = put(gateway, module, name, **params)
    assert answer.status_code == status, answer.text
    assert part in answer.json()["error"]["message"]
    assert len(gateway.universe.commands) == sent


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (FunctionTaken("'gain' belongs to grace"), 409),
        (FunctionLimit("there would be 257 functions"), 409),
        (FunctionUnknown("FUNCTION gain does not exist"), 404),
    ],
)
def test_what_the_universe_refuses(gateway: RunningGateway, error: FunctionTaken, status: int) -> None:
    gateway.universe.answer = error
    for answer in (
        put(gateway, MODULE),
        gateway.http.delete("/api/v1/functions/gain"),
        gateway.http.post("/api/v1/functions/gain/rollback"),
    ):
        assert (answer.status_code, answer.json()["error"]["message"]) == (status, error.message)
    answer = execute(gateway, "drop function gain")
    assert (answer.status_code, answer.text) == (status, f"Error {error.code}: {error.message}")


def test_drop_and_rollback(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"name": "gain", "dropped": 1, "tid": 6}
    ada = Author("name:ada", "ada")
    assert execute(gateway, "drop function if exists gain(int)").json()["rowsAffected"] == 1
    assert last(gateway) == DropFunction("gain", "INTEGER", True, ada, is_aggregate=False)
    assert execute(gateway, "drop aggregate gain").json()["rowsAffected"] == 1
    assert last(gateway) == DropFunction("gain", None, False, ada, is_aggregate=True)
    answer = gateway.http.delete("/api/v1/functions/gain?args=double,int", headers=basic("ada"))
    assert answer.json() == {"name": "gain", "dropped": 1, "turn": 6}
    assert last(gateway) == DropFunction("gain", "DOUBLE, INTEGER", may_be_missing=False, author=ada)
    gateway.universe.answer = dict(ANSWER)
    assert execute(gateway, "call rollback_function('Gain', ?, 'double')", 3).status_code == 200
    assert last(gateway) == RollbackFunction("gain", "DOUBLE", 3, ada)
    answer = gateway.http.post("/api/v1/functions/gain/rollback?version=2", headers=basic("ada"))
    assert answer.json()["function"]["version"] == 1
    assert last(gateway) == RollbackFunction("gain", None, 2, ada)
    assert gateway.http.post("/api/v1/functions/gain/rollback?version=-1").status_code == 400
    assert "takes 1 to 3" in execute(gateway, "call rollback_function()").text


def test_functions_are_shown_by_every_door(gateway: RunningGateway) -> None:
    """The scripted universe has none; what is shown of real ones is tested with processes."""
    assert gateway.http.get("/api/v1/functions").json() == {"functions": [], "turn": 1}
    answer = gateway.http.get("/api/v1/functions/gain")
    assert (answer.status_code, "does not exist in turn 1" in answer.text) == (404, True)
    for path in ("/api/v2/exec", "/api/v1/query/rows"):
        answer = gateway.query("show functions like '%'", path=path)
        assert (answer.status_code, answer.json()) == (200, {"results": [{"rows": []}]})
    answer = gateway.query("show create function gain")
    names = [column["name"] for column in answer.json()["results"][0]["columns"]]
    assert names == ["Function", "Create Function"]
    # Other statements that begin so are the reader's affair, or refused there.
    assert gateway.query("show tables").status_code == 200
    assert "Error 1064" in gateway.query("create function f as wasm from base64 ''").text


def test_a_statement_that_is_wrong_is_one_line(gateway: RunningGateway) -> None:
    answer = execute(gateway, "create function f(x\nint) as wasm")
    assert answer.status_code == 400
    assert answer.text.startswith("Error 1064: You have an error in your SQL syntax: found 'as wasm'")
    assert "\n" not in answer.text


def test_what_readers_count_is_told_to_the_universe_turn_by_turn(gateway: RunningGateway) -> None:
    gateway.universe.uses.clear()
    gateway.turn()
    gateway.pool.counts.functions.add([["gain", "DOUBLE", 1, 10, 1, 500, 2_000]])
    gateway.turn()
    end = time.monotonic() + 10
    while not gateway.universe.uses and time.monotonic() < end:
        time.sleep(0.01)
    assert gateway.universe.uses == [{FunctionKey("gain", "DOUBLE", 1): FunctionUse(1, 10, 1, 500, 2e-6)}]


def test_a_dry_run_calls_a_module_for_the_rows_of_a_query(gateway: RunningGateway) -> None:
    sent = len(gateway.universe.commands)

    def dry_run(module: bytes = MODULE, **params: str) -> httpx.Response:
        return gateway.http.post("/api/v1/functions/gain/dry-run", content=module, params=params)

    answer = dry_run(sql="select x, y from entity")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["rows"], found["is_compared"], found["faults"], found["examples"]) == (32, False, 0, [])
    assert found["turn"] == gateway.universe.last.tid  # type: ignore[union-attr]
    for status, part, params in (
        (400, "?sql=", {}),
        (400, "columns", {"sql": "select x from entity"}),
        (400, "Could not convert", {"sql": "select 'a', 'b'"}),
        (422, "not other", {"sql": "select 1, 2", "export": "other"}),
    ):
        answer = dry_run(**params)
        assert answer.status_code == status, answer.text
        assert part in answer.json()["error"]["message"]
    assert dry_run(b"x", sql="select 1, 2").status_code == 422
    assert len(gateway.universe.commands) == sent
