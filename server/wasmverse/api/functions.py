"""Store, list, roll back and remove functions of SQL."""

from __future__ import annotations

from typing import Any, get_args

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from wasmverse.api.body import read_body
from wasmverse.api.client import client_of, uploader_of
from wasmverse.api.errors import HttpError
from wasmverse.api.function_commands import create_function, drop_function
from wasmverse.api.gateway import gateway_of
from wasmverse.api.strategies import REFUSALS, json_response
from wasmverse.commands import RollbackFunction
from wasmverse.errors import FunctionUnknown
from wasmverse.functions.definition import Abi, Kind
from wasmverse.functions.grammar import parse_declaration, parse_types
from wasmverse.functions.names import check_name
from wasmverse.functions.wanted import GROW_BYTES_MAX, PAGE_BYTES, WIT_BYTES_MAX, Wanted
from wasmverse.query.query import Query
from wasmverse.text import printable

_COLUMNS = """name, kind, signature, version, is_current, sha256, bytes, language, author, created_at, refusal, calls, rows,
faults, fuel_per_row, nanoseconds_per_row"""
_LISTED = f"select {_COLUMNS} from wasm_function where is_current order by name, signature"
_VERSIONS = f"select {_COLUMNS} from wasm_function where name = ? order by signature, version"

_PARAMETERS = {
    "args": "The parameters, as a statement declares them: `x DOUBLE, y VARCHAR`. Of an aggregate, their types.",
    "returns": "What is returned: `DOUBLE`, or `TABLE(a INT, b VARCHAR)`.",
    "wit": "The WIT of the module's exports, a text.",
    "export": "The export to call; without it the function's name says it.",
    "kind": "`scalar`, `table` or `aggregate`; needed only for what `returns` and `state` do not say.",
    "abi": "`basic` or `canonical`.",
    "grow_to": "Bytes that an instance's memory may have.",
    "state": "Of an aggregate: the type of its state, or `HANDLE`.",
    "initialize": "Of an aggregate: an export.",
    "iterate": "Of an aggregate: an export.",
    "merge": "Of an aggregate: an export, or nothing.",
    "terminate": "Of an aggregate: an export.",
}
_TYPES = {"args": "Of functions of one name, the one with these parameters' types: `DOUBLE, BIGINT`."}


def _in_query(parameters: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in parameters.items()
    ]


_MODULE: dict[str, Any] = {
    "parameters": _in_query(_PARAMETERS),
    "requestBody": {
        "required": True,
        "content": {"application/wasm": {"schema": {"type": "string", "format": "binary"}}},
    },
}

router = APIRouter(prefix="/api/v1/functions", tags=["functions"], responses=REFUSALS)


@router.put(
    "/{name}", status_code=201, openapi_extra=_MODULE, responses={200: {"description": "A new version"}}
)
async def store(name: str, request: Request) -> Response:
    """Store a module as the function `name`; queries call it from the next turn on. 201 for a new one, 200 for a new version."""
    gateway = gateway_of(request)
    settings = gateway.settings
    identity = gateway.may_command(request)
    wanted = _wanted(name, dict(request.query_params))
    most = settings.function_module_bytes_max
    announced = request.headers.get("content-length", "")
    async with gateway.uploads.place(uploader_of(request, identity), announced, most):
        module = await read_body(request, most, settings.body_seconds_max)
        if not module:
            raise HttpError(
                400,
                "The body is empty; send the module's bytes, as `curl -T FILE` or `wasmverse function push` does",
            )
        answer = await create_function(request, gateway, identity, module, wanted, may_replace=True)
    return json_response(_told(answer), 201 if answer["version"] == 1 else 200)


@router.get("")
async def list_functions(request: Request) -> Response:
    """The present version of every function, by name, as of the newest turn."""
    return await _listed(request, Query(_LISTED, format="rows"))


@router.get("/{name}")
async def show(name: str, request: Request) -> Response:
    """Every kept version of the functions of one name."""
    return await _listed(request, Query(_VERSIONS, orjson.dumps([name]), format="rows"), name)


@router.delete("/{name}", openapi_extra={"parameters": _in_query(_TYPES)})
async def drop(name: str, request: Request) -> Response:
    """Remove the functions of a name with all their versions; with `?args=DOUBLE,BIGINT` only the one with these parameters."""
    gateway = gateway_of(request)
    identity = gateway.may_command(request)
    parameters = _parameters(request)
    answer = await drop_function(gateway, identity, check_name(name), parameters, may_be_missing=False)
    return json_response({"name": name, "dropped": answer["dropped"], "turn": answer["tid"]})


@router.post(
    "/{name}/rollback",
    openapi_extra={"parameters": _in_query({"version": "A kept version's number.", **_TYPES})},
)
async def roll_back(name: str, request: Request) -> Response:
    """Have the version before the present one called again; with `?version=N` that one."""
    gateway = gateway_of(request)
    identity = gateway.may_command(request)
    version = request.query_params.get("version")
    if version is not None and not (version.isascii() and version.isdigit() and 0 < len(version) < 10):
        raise HttpError(400, f"version is '{printable(version, 20)}'; give the number of a kept version")
    number = None if version is None else int(version)
    command = RollbackFunction(check_name(name), _parameters(request), number, identity.author)
    answer = await gateway.universe.ask(command)
    gateway.metrics.commands.labels("rollback_function").inc()
    return json_response(_told(answer))


async def _listed(request: Request, query: Query, name: str = "") -> Response:
    gateway = gateway_of(request)
    client = client_of(request, gateway.may_ask(request))
    result = await gateway.service.query(query, client=client)
    [rows] = orjson.loads(result.body)["results"]
    if name and not rows["rows"]:
        raise FunctionUnknown(
            f"FUNCTION {printable(name, 64)} does not exist in turn {result.turn}; `show functions` lists those that do"
        )
    functions = [row | {"is_current": bool(row["is_current"])} for row in rows["rows"]]
    return json_response({"functions": functions, "turn": result.turn})


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    return {"function": {key: answer[key] for key in answer if key != "tid"}, "turn": answer["tid"]}


def _parameters(request: Request) -> str | None:
    types = request.query_params.get("args")
    return None if types is None else parse_types(types)


def _wanted(name: str, given: dict[str, str]) -> Wanted:
    """What the parameters of a request declare."""
    for unknown in given.keys() - _PARAMETERS.keys():
        raise HttpError(
            400, f"'{printable(unknown, 40)}' is no parameter; there are {', '.join(_PARAMETERS)}"
        )
    step_names = ("initialize", "iterate", "merge", "terminate")
    is_aggregate = given.get("kind") == "aggregate" or any(step in given for step in step_names)
    kind: Kind = _one_of("kind", given.get("kind", "aggregate" if is_aggregate else "scalar"), get_args(Kind))
    abi: Abi | None = _one_of("abi", given["abi"], get_args(Abi)) if "abi" in given else None
    wit = given.get("wit")
    if wit is not None and len(wit.encode(errors="replace")) > WIT_BYTES_MAX:
        raise HttpError(
            413, f"The WIT is longer than {WIT_BYTES_MAX:,} bytes; send the one world that is exported"
        )
    steps = None
    if is_aggregate:
        lacking = [step for step in ("initialize", "iterate", "terminate") if step not in given]
        if lacking:
            raise HttpError(400, f"An aggregate needs {', '.join(lacking)}; give the names of its exports")
        steps = given["initialize"], given["iterate"], given.get("merge"), given["terminate"]
    wanted = Wanted(
        check_name(name),
        kind,
        wit=wit,
        abi=abi,
        export=given.get("export"),
        steps=steps,
        pages_max=_pages(given["grow_to"]) if "grow_to" in given else None,
    )
    wanted = parse_declaration(wanted, given.get("args"), given.get("returns"), given.get("state"))
    if wit is None and wanted.has_params != wanted.has_result:
        raise HttpError(400, "Give both args and returns, or neither; or give wit as well")
    if wit is None and is_aggregate and not (wanted.has_params and (wanted.is_handle or wanted.state)):
        raise HttpError(400, "An aggregate needs args, returns and state, or wit")
    return wanted


def _one_of(name: str, value: str, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise HttpError(400, f"{name} is '{printable(value, 20)}'; it is one of {', '.join(allowed)}")
    return value


def _pages(text: str) -> int:
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
    if not PAGE_BYTES <= size <= GROW_BYTES_MAX:
        raise HttpError(
            400, f"grow_to is '{printable(text, 20)}'; give bytes from {PAGE_BYTES:,} to {GROW_BYTES_MAX:,}"
        )
    return -(-size // PAGE_BYTES)
