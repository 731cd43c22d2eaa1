"""/mcp, driven by the protocol's own client: a whole visit to a real universe, and the rules of the routes behind the tools."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.requests import HTTPConnection

from tests.api.conftest import RunningGateway, patient_gateway
from tests.api.test_strategies import HOLD, ROW
from tests.api.test_uploads import uploads_of
from tests.processes.universe import patient_server
from tests.waiting import wait_until
from wasmverse.api.mcp.inner import first_rows
from wasmverse.api.mcp.route import Mcp
from wasmverse.api.mcp.texts import PAGES
from wasmverse.api.rate import RateLimit
from wasmverse.client.answers import Raw
from wasmverse.commands import CheckUpload, UploadStrategy
from wasmverse.tokens import Role

EAST = """(module
  (memory (export "memory") 1)
  (func (export "decide")
    (param i32) (param $x i32) (param i32) (param $energy i32) (param i32) (param i32) (param i32) (param i32)
    (param i64) (param i32) (param i32) (result i64)
    (select (i64.const 0x51) (i64.const 0) (i32.lt_u (local.get $x) (i32.const 99)))))"""

MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def visit(url: str, acts: Callable[[Client], Awaitable[None]], token: str = "") -> None:
    async def go() -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=120, trust_env=False) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
        ):
            await acts(client)

    asyncio.run(go())


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool found; fails the test with its words if it refused."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def rows(client: Client, sql: str) -> list[list[Any]]:
    """The rows of a query, as soon as there are any."""
    for _ in range(1_000):
        if found := (await call(client, "query", sql=sql))["rows"]:
            break
        await asyncio.sleep(0.1)
    return list(found)


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(getattr(result.content[0], "text", ""))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with patient_server(tmp_path_factory.mktemp("mcp"), systems=2) as url:
        yield url


def test_a_whole_visit(server: str) -> None:
    async def acts(client: Client) -> None:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"query", "explain", "read_rules", "read_abi", "check", "duel", "push", "rollback"}
        rules = (await call(client, "read_rules"))["result"]
        assert "move n cells" in rules and "decide" in (await call(client, "read_abi"))["result"]
        assert "saturates" in (await call(client, "read_rules", to_the_byte=True))["result"]
        found = await call(client, "check", name="easterner", wat=EAST)
        assert found["strategies"][0]["trial"]["fault"] is None
        duel = await call(client, "duel", wat=EAST, against=["flee"], turns=30, seed=3)
        assert {row["name"] for row in duel["strategies"]} == {"mine", "strategy_flee"}
        pushed = await call(client, "push", name="easterner", wat=EAST)
        assert pushed["strategies"] == [{"name": "easterner", "version": 1, "status": "flying"}]
        await call(client, "push", name="easterner", wat=EAST.replace("0x51", "0x41"))
        [[version, sha256]] = await rows(client, "select version, sha256 from strategy_version")
        back = await call(client, "rollback", name="easterner", to=sha256[:16])
        assert (back["restored_version"], back["strategies"][0]["version"]) == (version, 3)
        plan = "decode_plan(last_plan) like '%Move(East, 1)%'"  # ships are born every turn, and dealt to whoever flies
        assert await rows(client, f"select eid from entity where strategy = 'easterner' and {plan}")

    visit(server, acts)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    long = {"compile_seconds_max": 300, "duel_seconds_max": 300}  # so that what ends earlier was ended
    with patient_gateway(tmp_path_factory.mktemp("gateway"), access_log=True, **long) as running:
        yield running


def test_tools_answer_as_their_routes_do(gateway: RunningGateway) -> None:
    async def acts(client: Client) -> None:
        turn = gateway.universe.last.tid
        answer = await call(client, "query", sql="select ? as one", args=[1])
        assert (answer["turn"], answer["rows"]) == (turn, [[1]])
        assert answer["columns"][0].startswith("one ")
        text = (await client.call_tool("query", {"sql": "select 'é' as one"})).content[0].text  # type: ignore[union-attr]
        assert f'"turn":{turn},' in text and '"rows":[["é"]]' in text and "\n" not in text
        many = await call(client, "query", sql="select * from range(5000)")
        assert len(many["rows"]) == 1_000 and many["left_out"].startswith("5,000 rows")
        described = await call(client, "explain", sql="select count(*) as ships from entity")
        assert described["rows"][0][:2] == ["ships", "BIGINT"]
        names = [column.split()[0] for column in described["plan"]["columns"]]
        [result, *_] = described["plan"]["rows"]
        assert result[names.index("operation")] == "result" and result[names.index("rows")] is None
        ran = await call(client, "explain", sql="select count(*) as ships from entity", run=True)
        assert ran["plan"]["rows"][0][names.index("rows")] == 1
        assert "Error 1064: " in await refused(client, "query", sql="selec")
        assert "1146" in await refused(client, "explain", sql="select * from nowhere")
        gateway.universe.answer = {"strategies": [ROW], "tid": 5}
        wasm = base64.b64encode(HOLD).decode()
        assert (await call(client, "check", name="mine", wasm=wasm))["strategies"][0]["export"] == "decide"
        assert isinstance(gateway.universe.commands[-1], CheckUpload)
        await call(client, "push", name="mine", wasm=wasm)
        upload = gateway.universe.commands[-1]
        assert isinstance(upload, UploadStrategy) and upload.module == HOLD
        for words, arguments in {
            "exports no function": {"wat": "(module)"},
            "the text is no module: expected `)` at line 1, column 8; correct it there": {"wat": "(module"},
            "not base64": {"wasm": "?"},
            "give the module once": {},
        }.items():
            assert words in await refused(client, "check", name="mine", **arguments)
        assert "is not bundled" in await refused(client, "duel", wasm=wasm, against=["../rules"])
        assert "duel_turns_max" in await refused(client, "duel", wasm=wasm, turns=601)

    visit(gateway.url, acts)


def test_query_commands_nothing(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"eid": 7, "tid": 5}
    commands = len(gateway.universe.commands)

    async def acts(client: Client) -> None:
        call = "call spawn_entity(1, 'ship', 1, 2, 'strategy_battle')"
        for sql in (call, f"\n {call.upper()};", f"{call} as of turn 1"):
            words = await refused(client, "query", sql=sql)
            assert "query only reads" in words and "push" in words and "/api/v2/exec" in words
        assert "is empty" in await refused(client, "query", sql=" ")

    visit(gateway.url, acts)
    assert len(gateway.universe.commands) == commands


def test_of_a_long_result_only_the_beginning_is_read(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def noted(raw: Raw, *limits: int) -> Any:
        sizes.append(len(raw.content))
        return first_rows(raw, *limits)

    async def acts(client: Client) -> None:
        await call(client, "query", sql="select 1")  # which loads the tools
        monkeypatch.setattr("wasmverse.api.mcp.tools.first_rows", noted)
        sql = "select repeat('é', 1000) as text, * from range(5000)"
        answer = await call(client, "query", sql=sql)
        count = len(answer["rows"])
        assert answer["rows"] == [["é" * 1_000, row] for row in range(count)] and 500 < count < 524
        assert answer["columns"][0].startswith("text ")
        assert answer["left_out"].startswith(f"more than 1,048,576 bytes; these are the first {count}: ")
        words = await refused(client, "query", sql="select repeat('x', 1048576)")
        assert "the first row have more than 1,048,576 bytes" in words and "left(text, n)" in words

    visit(gateway.url, acts)
    assert sizes == [(1 << 20) + 1] * 2


def test_a_call_counts_once_whatever_it_asks(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spent: list[str] = []

    class Counted(RateLimit):
        def __init__(self, name: str) -> None:
            super().__init__(0)
            self.name = name

        def spend(self, connection: HTTPConnection) -> None:
            spent.append(self.name)

    for name in ("queries", "commands"):
        monkeypatch.setattr(gateway.app.state.gateway, name, Counted(name))
    caplog.set_level(logging.INFO, "wasmverse.api.http.noted")
    gateway.universe.answer = {"strategies": [ROW], "tid": 5}
    for tool, arguments, limits in (
        ("query", {"sql": "select 1"}, ["queries"]),
        ("push", {"name": "mine", "wat": EAST}, ["queries", "commands"]),
        ("query", {"sql": "selec"}, ["queries"]),
    ):
        spent.clear()
        params = {"name": tool, "arguments": arguments}
        answer = gateway.http.post(
            "/mcp", json={**MESSAGE, "method": "tools/call", "params": params}, headers=ACCEPT
        )
        assert answer.json()["result"]["isError"] == ("selec" in arguments.values())
        assert spent == limits
    spent.clear()
    assert gateway.query("select 1").status_code == 200
    assert spent == ["queries"]

    def paths() -> list[str]:
        return [record.path for record in caplog.records]  # type: ignore[attr-defined]

    wait_until(lambda: "/api/v2/query/tuples" in paths() and paths().count("/mcp") >= 3)
    assert sorted(set(paths())) == ["/api/v2/query/tuples", "/mcp"]
    assert paths().count("/api/v2/query/tuples") == 1


PROGRAMS = {
    "translation": ("check", {"name": "mine", "wat": EAST}, b"wasmverse.strategies.text_process"),
    "check": ("check", {"name": "mine", "wasm": ""}, b"wasmverse.strategies.checker"),
    "duel": ("duel", {"wasm": "", "turns": 600}, b"wasmverse.strategies.duel_process"),
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_who_leaves_is_not_served_any_further(gateway: RunningGateway, kind: str) -> None:
    tool, arguments, program = PROGRAMS[kind]
    if "wasm" in arguments:
        arguments = arguments | {"wasm": base64.b64encode(HOLD).decode()}
    message = {**MESSAGE, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    body = json.dumps(message).encode()
    head = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\r\n"
    with socket.create_connection(gateway.address, timeout=20) as client:
        client.sendall(head.encode() + body)
        [pid] = wait_until(lambda: children(program))
        os.kill(pid, signal.SIGSTOP)  # as if it took long
    wait_until(lambda: not children(program))
    wait_until(lambda: not uploads_of(gateway).count)


def children(program: bytes) -> list[int]:
    """The processes of this one that run a program."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if program.decode() in child.cmdline():
                found.append(child.pid)
    return found


def test_resources_are_the_pages_and_the_schema(gateway: RunningGateway) -> None:
    async def acts(client: Client) -> None:
        pages = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert "wasmverse://docs/abi" in pages and len(pages) == 8
        for uri in pages:
            text = (await client.read_resource(uri)).contents[0].text  # type: ignore[union-attr]
            assert text.startswith("# ")
            assert {link for link in linked(text) if not link.startswith(("#", "https:"))} <= set(pages)
        columns = (await client.read_resource("wasmverse://schema/entity")).contents[0].text  # type: ignore[union-attr]
        assert '"column_name":"sid"' in columns.replace(": ", ":")

    visit(gateway.url, acts)


def linked(text: str) -> list[str]:
    """Where the links of a page lead, without anchors of other pages."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    return [re.sub(r"(?<=.)#.*", "", target) for target in re.findall(r"\]\(([^)]*)\)", prose)]


def test_pages_link_to_pages_that_are_served(gateway: RunningGateway) -> None:
    texts = {name: gateway.http.get(f"/docs/{name}.md").text for name in PAGES}
    links = {link for text in texts.values() for link in linked(text) if not link.startswith("https:")}
    assert {link for link in links if not link.startswith("#")} <= {f"{name}.md" for name in PAGES}
    assert "[all that happens in a turn](rules.md)" in texts["mcp"]
    assert "([abi.md](abi.md)); any" in texts["functions"] and "(security.md)." in texts["functions"]
    assert "[component](abi.md#components)" in texts["strategies"]


def test_llms_txt_names_pages_that_are_there(gateway: RunningGateway) -> None:
    answer = gateway.http.get("/llms.txt")
    assert answer.headers["content-type"].startswith("text/plain") and "/mcp" in answer.text
    links = [part.partition(")")[0] for part in answer.text.split("](")[1:]]
    assert len(links) == 9
    assert [link for link in links if gateway.http.get(link).status_code != 200] == []
    assert gateway.http.get("/docs/secrets.md").status_code == 404


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Origin": "http://elsewhere.example"}, MESSAGE, 403),
        ({"Sec-Fetch-Site": "cross-site"}, MESSAGE, 403),
        ({"Host": "elsewhere.example"}, MESSAGE, 403),
        ({}, {"long": "x" * (1 << 20)}, 413),
        ({}, MESSAGE, 200),
    ],
)
def test_requests_are_judged_like_all_others(
    gateway: RunningGateway, headers: dict[str, str], body: Any, status: int
) -> None:
    answer = gateway.http.post("/mcp", json=body, headers=ACCEPT | headers)
    assert answer.status_code == status, answer.text
    assert gateway.http.get("/mcp").status_code == 405


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("guarded")
    with patient_gateway(folder, access="token", is_reading_public=False) as running:
        yield running


def test_a_token_may_here_what_it_may_elsewhere(guarded: RunningGateway) -> None:
    assert guarded.http.post("/mcp", json=MESSAGE, headers=ACCEPT).status_code == 401
    reader = guarded.app.state.gateway.access.tokens.create("rita", Role.reader)

    async def acts(client: Client) -> None:
        assert (await call(client, "query", sql="select 1 as one"))["rows"] == [[1]]
        for tool in ("check", "push"):
            assert "needs a pilot's token" in await refused(client, tool, name="mine", wat="(module)")
        assert "needs a pilot's token" in await refused(client, "duel", wat="(module)")

    visit(guarded.url, acts, reader)
    assert guarded.universe.commands == []
    guarded.app.state.gateway.queries = RateLimit(0.001)
    headers = ACCEPT | {"Authorization": f"Bearer {reader}"}
    answers = [guarded.http.post("/mcp", json=MESSAGE, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


def test_nothing_is_loaded_until_somebody_asks() -> None:
    program = (
        "import sys, wasmverse, wasmverse.api.app; "
        "print([name for name in ('mcp', 'httpx', 'wasmverse.api.mcp.tools') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    with patient_gateway(tmp_path, is_mcp_served=False) as running:
        assert running.http.post("/mcp", json=MESSAGE, headers=ACCEPT).status_code == 404
        answer = running.http.get("/llms.txt")
        assert answer.status_code == 200 and "SQL: POST" in answer.text and "mcp" not in answer.text.lower()


class FakeTools:
    """What `tools` has, as far as it is loaded: a manager that fails so often."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def make_manager(self) -> FakeTools:
        return self

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        self.failures -= 1
        if self.failures >= 0:
            raise OSError("no room")
        yield

    def handle_request(self) -> None: ...


def test_a_load_that_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = FakeTools(failures=1)
    loads = iter([ImportError("not installed"), tools, tools])

    def load(name: str) -> FakeTools:
        found = next(loads)
        if isinstance(found, ImportError):
            raise found
        return found

    monkeypatch.setattr("wasmverse.api.mcp.route.import_module", load)

    async def acts() -> None:
        programs = Mcp()
        with pytest.raises(KeyError):
            async with asyncio.timeout(20), programs.serving():
                with pytest.raises(ImportError, match="not installed"):
                    await programs.handler()
                with pytest.raises(OSError, match="no room"):
                    await programs.handler()
                handlers = await asyncio.gather(programs.handler(), programs.handler())
                assert handlers == [tools.handle_request] * 2
                raise KeyError  # the app ends by an error
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(acts())
