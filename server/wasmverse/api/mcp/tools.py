"""The tools: each asks routes of this app in its caller's name. Imported only when somebody uses them; see `route`."""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import Field
from starlette.requests import Request

import wasmverse
from wasmverse.api.body import query_of
from wasmverse.api.client import uploader_of
from wasmverse.api.command_call import is_call
from wasmverse.api.gateway import gateway_of
from wasmverse.api.mcp.inner import READ_BYTES_MAX, ask, first_rows
from wasmverse.api.mcp.route import BODY_BYTES_MAX
from wasmverse.api.mcp.texts import PAGES, page
from wasmverse.api.modules import FOLDER, WASM
from wasmverse.api.uploads import unless_left
from wasmverse.client import requests
from wasmverse.errors import WasmverseError
from wasmverse.strategies.duel_start import Sizes, duel_check
from wasmverse.strategies.text_start import text_check

ROWS_MAX = 1_000
_CELLS_SHOWN = 20_000
RIVALS = ("strategy_battle",)
RESOURCE = "wasmverse://docs/{}"
"""The address of a page among the resources."""

_READING = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_CHANGING = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True)

INSTRUCTIONS = """A living universe in a database: ships fly by strategies, WebAssembly functions that anyone may upload.
To fly one: read_rules and read_abi, write a module as WebAssembly text, check it, duel it against bundled strategies, push it,
and watch its ships with query: select * from entity where strategy = 'NAME'."""

Sql = Annotated[
    str, Field(description="One SELECT, in DuckDB's dialect or MySQL's; 'show tables', 'describe entity'.")
]
Name = Annotated[str, Field(description="Of the strategy: lower-case letters, digits and '_'.")]
Text = Annotated[str | None, Field(description="The module as WebAssembly text (WAT): (module ...).")]
Wasm = Annotated[str | None, Field(description="Or the module's bytes in base64.")]
Fuel = Annotated[int | None, Field(description="What a call may take, if more than the usual.")]

T = TypeVar("T")
logging.getLogger("mcp").setLevel(logging.ERROR)  # its lines below that are about what clients send


class _Server(MCPServer):
    """Gives the text of a JSON answer on one line: its reader pays for every indent."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """What `MCPServer.call_tool` does."""
        result = await super().call_tool(name, arguments, context)
        if isinstance(result, CallToolResult) and result.structured_content is not None:
            for block in result.content:
                if isinstance(block, TextContent) and block.text.startswith("{"):
                    block.text = json.dumps(
                        result.structured_content, ensure_ascii=False, separators=(",", ":")
                    )
        return result


server = _Server("wasmverse", version=wasmverse.__version__, instructions=INSTRUCTIONS, log_level="CRITICAL")


def make_manager() -> StreamableHTTPSessionManager:
    """What answers requests; without sessions, so that a client holds nothing here between two of them."""
    return StreamableHTTPSessionManager(
        server._lowlevel_server,  # the public way to it makes an app of its own, with rules of its own
        json_response=True,
        stateless=True,
        max_request_body_size=BODY_BYTES_MAX,
        # Host and Origin were checked by SiteGuard, for all routes.
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )


def _request_of(context: Context[Any, Any]) -> Request:
    request = context.request_context.request
    assert isinstance(request, Request)
    return request


async def _ask(context: Context[Any, Any], wanted: requests.Request[T], bytes_max: int | None = None) -> T:
    """As `inner.ask`, for as long as the caller waits for it."""
    request = _request_of(context)
    return await _unless_left(request, ask(request, wanted, bytes_max))


async def _unless_left(request: Request, work: Awaitable[T]) -> T:
    """Do work for a caller, and cancel it if the caller leaves; what is refused is the tool's answer."""
    try:
        return await unless_left(request, work)
    except WasmverseError as error:
        raise ToolError(error.message) from error


async def _query(
    context: Context[Any, Any], sql: str, args: list[Any] | None, turn: int | None
) -> dict[str, Any]:
    raw = await _ask(context, requests.query(sql, args, turn, "tuples"), READ_BYTES_MAX)
    try:
        described, rows, left_out = first_rows(raw, ROWS_MAX, _CELLS_SHOWN)
    except WasmverseError as error:
        raise ToolError(error.message) from error
    columns = [f"{column['name']} {column['dataType']}" for column in described]
    answer: dict[str, Any] = {"turn": raw.turn, "columns": columns, "rows": rows}
    return answer | ({"left_out": left_out} if left_out else {})


async def _module(context: Context[Any, Any], text: str | None, wasm: str | None) -> bytes:
    """The module that was given; text is translated in a process of its own, and counts as an upload."""
    if (text is None) == (wasm is None):
        raise ToolError("give the module once: as text in 'wat', or as base64 in 'wasm'")
    if wasm is not None:
        try:
            return base64.b64decode(wasm, validate=True)
        except binascii.Error as error:
            raise ToolError(
                f"'wasm' is not base64 ({error}); give the module's bytes in base64, or its text in 'wat'"
            ) from error
    assert text is not None
    request = _request_of(context)
    return await _unless_left(request, _translated(request, text))


async def _translated(request: Request, text: str) -> bytes:
    gateway = gateway_of(request)
    owner = uploader_of(request, gateway.may_command(request))
    async with (
        gateway.uploads.place(owner, str(len(text))),
        gateway.uploads.checked(text_check(text, gateway.settings)) as module,
    ):
        return module


@server.tool(annotations=_READING)
async def query(
    context: Context, sql: Sql, args: list[Any] | None = None, turn: int | None = None
) -> dict[str, Any]:
    """Ask the universe in SQL. Gives the turn that the answer belongs to, the columns with their types, and the rows.

    `args` has a value for each '?'; `turn` names a past turn that is kept. show tables lists the relations.
    """
    try:
        is_command = is_call(query_of({"sql": sql}).sql)
    except WasmverseError as error:
        raise ToolError(error.message) from error
    if is_command:  # the route carries it out, as clients of its wire format expect
        raise ToolError(
            "query only reads, and CALL is a command: upload a strategy with push, send other commands to POST /api/v2/exec"
        )
    return await _query(context, sql, args, turn)


@server.tool(annotations=_READING)
async def explain(
    context: Context,
    sql: Sql,
    args: list[Any] | None = None,
    run: Annotated[bool, Field(description="Run it, for real rows, times and fuel.")] = False,
) -> dict[str, Any]:
    """Say whether a SELECT is right, and which columns of which types it would give, without running it. `plan` has the steps in
    which it would be carried out, with the rows that are expected; with `run` also what it really took."""
    described = await _query(context, f"describe {sql}", args, None)
    plan = await _query(context, f"explain {'analyze ' if run else ''}{sql}", args, described["turn"])
    return described | {"plan": {name: value for name, value in plan.items() if name != "turn"}}


@server.tool(annotations=_READING)
async def read_rules(to_the_byte: bool = False) -> str:
    """The rules: what a strategy is told, what it may return and what that costs; or all that happens in a turn, to the byte."""
    return _page("rules" if to_the_byte else "strategies")


@server.tool(annotations=_READING)
async def read_abi() -> str:
    """The interface of modules: what they export and may import, how values travel, what is refused."""
    return _page("abi")


@server.tool(annotations=_READING)
async def check(
    context: Context, name: Name, wat: Text = None, wasm: Wasm = None, budget_fuel: Fuel = None
) -> dict[str, Any]:
    """Say what an upload of a module as the strategy `name` would come to, or why it would be refused. Nothing is stored."""
    module = await _module(context, wat, wasm)
    return await _ask(context, requests.check(module, name, budget_fuel))


@server.tool(annotations=_CHANGING)
async def push(
    context: Context, name: Name, wat: Text = None, wasm: Wasm = None, budget_fuel: Fuel = None
) -> dict[str, Any]:
    """Upload a module as the strategy `name`: it flies from the next turn on, and new ships are dealt to it. A known name gets a
    new version."""
    pushed = await _ask(context, requests.push(await _module(context, wat, wasm), name, budget_fuel))
    rows = [{"name": each.name, "version": each.version, "status": each.status} for each in pushed.strategies]
    return {"strategies": rows, "turn": pushed.turn}


@server.tool(annotations=_CHANGING.model_copy(update={"idempotent_hint": False}))
async def rollback(
    context: Context,
    name: Name,
    to: Annotated[
        str | None, Field(description="The sha256 of a version in strategy_version, or how it begins.")
    ] = None,
) -> dict[str, Any]:
    """Fly the module again that the strategy `name` flew before its present one, or the kept version `to`, as a new version."""
    done = await _ask(context, requests.rollback(name, to))
    row = done.strategy
    return {
        "strategies": [{"name": row.name, "version": row.version, "status": row.status}],
        "restored_version": done.restored_version,
        "turn": done.turn,
    }


@server.tool(annotations=_READING)
async def duel(
    context: Context,
    wat: Text = None,
    wasm: Wasm = None,
    against: Annotated[
        tuple[str, ...], Field(description="One to three bundled strategies, as in 'flee'.")
    ] = RIVALS,
    turns: Annotated[int, Field(description="Turns to play.", ge=1)] = 300,
    seed: Annotated[int, Field(description="The same seed, the same duel.", ge=0, lt=2**63)] = 1,
) -> dict[str, Any]:
    """Let a module, called `mine`, fly against bundled strategies in one solar system of 32 ships and 64 energy nodes, apart
    from the universe. Says what each did; the one with the most ships at the end comes first. `last_fault` says why calls
    failed."""
    module = await _module(context, wat, wasm)
    request = _request_of(context)
    settings = gateway_of(request).settings
    bundled = {path.stem: path for path in FOLDER.glob(f"strategy_*{WASM}")}
    against = tuple(f"strategy_{name}" if f"strategy_{name}" in bundled else name for name in against)
    if unknown := [name for name in against if name not in bundled]:
        raise ToolError(f"{', '.join(unknown)} is not bundled; there are {', '.join(sorted(bundled))}")
    if turns > settings.duel_turns_max:
        raise ToolError(
            f"turns is {turns:,}; {settings.duel_turns_max:,} are allowed (duel_turns_max): play fewer"
        )
    modules = {"mine": module, **{name: bundled[name].read_bytes() for name in against}}
    sizes = Sizes(turns, seed)
    rows = await _unless_left(request, _played(request, modules, sizes, len(module)))
    return {**sizes._asdict(), "strategies": rows}


async def _played(
    request: Request, modules: dict[str, bytes], sizes: Sizes, sent_bytes: int
) -> list[dict[str, Any]]:
    gateway = gateway_of(request)
    settings = gateway.settings
    owner = uploader_of(request, gateway.may_command(request))
    async with (
        gateway.uploads.place(owner, str(sent_bytes)),
        gateway.uploads.checked(duel_check(modules, sizes, settings.duel_seconds_max, settings)) as rows,
    ):
        return rows


def _page(name: str) -> str:
    try:
        return page(name, RESOURCE)
    except WasmverseError as error:
        raise ToolError(error.message) from error


@server.resource("wasmverse://schema/{relation}", mime_type="application/json")
async def schema(context: Context, relation: str) -> str:
    """The columns of a relation of this server, with type, unit and meaning; wasmverse://docs/data-dictionary has all of them."""
    sql = (
        "select column_name, data_type, is_nullable, column_unit, column_comment from information_schema.columns "
        "where table_name = ? order by ordinal_position"
    )
    raw = await _ask(context, requests.query(sql, [relation], None, "rows"))
    return json.dumps(raw.json()["rows"], ensure_ascii=False)


def _reader(name: str) -> Callable[[], str]:
    def read() -> str:
        return page(name, RESOURCE)

    return read


for _name, (_title, _about, _) in PAGES.items():
    server.resource(
        RESOURCE.format(_name), name=_name, title=_title, description=_about, mime_type="text/markdown"
    )(_reader(_name))
