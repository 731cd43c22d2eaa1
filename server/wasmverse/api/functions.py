"""Store, list, roll back and remove functions of SQL."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from wasmverse.api.body import read_body, too_long
from wasmverse.api.client import client_of, uploader_of
from wasmverse.api.errors import HttpError
from wasmverse.api.function_commands import create_function, drop_function, run_dry
from wasmverse.api.gateway import gateway_of
from wasmverse.api.strategies import REFUSALS, json_response
from wasmverse.api.uploads import unless_left
from wasmverse.commands import RollbackFunction
from wasmverse.errors import FunctionUnknown
from wasmverse.functions.declared import PARAMETERS, declared_function
from wasmverse.functions.grammar import parse_types
from wasmverse.functions.limits import largest_upload_bytes, upload_bytes_max
from wasmverse.functions.names import check_name
from wasmverse.query.query import Query
from wasmverse.settings import GatewaySettings
from wasmverse.text import printable

_COLUMNS = """name, kind, signature, version, is_current, sha256, bytes, language, author, created_at, refusal, calls, rows,
faults, fuel_per_row, nanoseconds_per_row"""
_LISTED = f"select {_COLUMNS} from wasm_function where is_current order by name, signature"
_VERSIONS = f"select {_COLUMNS} from wasm_function where name = ? order by signature, version"

_TYPES = {"args": "Of functions of one name, the one with these parameters' types: `DOUBLE, BIGINT`."}


def _in_query(parameters: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in parameters.items()
    ]


_MODULE: dict[str, Any] = {
    "parameters": _in_query(PARAMETERS),
    "requestBody": {
        "required": True,
        "content": {"application/wasm": {"schema": {"type": "string", "format": "binary"}}},
    },
}

_DRY_RUN = {
    **_MODULE,
    "parameters": _in_query({"sql": "A query with a column for each parameter.", **PARAMETERS}),
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
    wanted = declared_function(name, dict(request.query_params))
    most = largest_upload_bytes(settings)
    announced = request.headers.get("content-length", "")
    async with gateway.uploads.place(uploader_of(request, identity), announced, most):
        module = await _read_module(request, most, settings)
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
    answer = await drop_function(
        request, gateway, identity, check_name(name), parameters, may_be_missing=False
    )
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
    answer = await gateway.carry_out(request, identity, command, "rollback_function")
    return json_response(_told(answer))


@router.post("/{name}/dry-run", openapi_extra=_DRY_RUN)
async def dry_run(name: str, request: Request) -> Response:
    """Call a module for the rows of a query, beside the present version of the function, and change nothing.

    The query has a column for each parameter. Answered are how many results differ, with examples, rows that failed, and
    what a row costs.
    """
    gateway = gateway_of(request)
    settings = gateway.settings
    identity = gateway.may_command(request)
    client = client_of(request, identity)
    given = dict(request.query_params)
    sql = given.pop("sql", "")
    if not sql.strip():
        raise HttpError(400, "Give the query of the arguments as ?sql=select x, y from entity")
    wanted = declared_function(name, given)
    most = largest_upload_bytes(settings)
    announced = request.headers.get("content-length", "")
    async with gateway.uploads.place(uploader_of(request, identity), announced, most):
        module = await _read_module(request, most, settings)
        found = await unless_left(request, run_dry(gateway, client, module, wanted, sql))
    return json_response(found)


async def _read_module(request: Request, most: int, settings: GatewaySettings) -> bytes:
    """The body of a request that has a module, as long as what it begins like may be. Raises HttpError."""
    module = await read_body(request, most, settings.body_seconds_max)
    allowed = upload_bytes_max(module, settings)
    if len(module) > allowed:
        raise too_long(allowed)
    return module


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
