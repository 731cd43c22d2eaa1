"""The query endpoint, in the wire format of the SingleStore Data API, versions 1 and 2. See docs/query.md."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from wasmverse.api.addressed_query import PARAMETERS, has_tag, query_of_address, tag_of
from wasmverse.api.body import Room, parse_query, read_body
from wasmverse.api.client import client_of, uploader_of
from wasmverse.api.command_call import is_call, parse_call
from wasmverse.api.errors import HttpError
from wasmverse.api.function_commands import carry_out, query_of_show, statement_bytes_max
from wasmverse.api.gateway import Gateway, gateway_of
from wasmverse.api.http.accept import accepts_gzip, negotiate
from wasmverse.api.http.address import counted_address
from wasmverse.api.http.presence import WhilePresent
from wasmverse.api.responses import ResultResponse
from wasmverse.api.session import is_setting, select_for
from wasmverse.commands import RollbackFunction, SpawnEntity, Transmit
from wasmverse.functions.grammar import (
    ShowCreate,
    ShowFunctions,
    is_about_functions,
    parse_statement,
    shows_functions,
)
from wasmverse.query.public import OWN_DATABASES
from wasmverse.query.query import Client, Format, Query
from wasmverse.query.result import Result
from wasmverse.tokens import Identity

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["sql"],
                    "properties": {
                        "sql": {
                            "type": "string",
                            "minLength": 1,
                            "example": "select * from entity where sid = ?",
                        },
                        "args": {"type": "array", "items": {}, "nullable": True, "example": [7]},
                        "database": {"type": "string", "nullable": True, "enum": list(OWN_DATABASES)},
                        "turn": {"type": "integer", "minimum": 0, "nullable": True},
                        "bigint": {"type": "string", "enum": ["number", "string"], "default": "number"},
                    },
                }
            }
        },
    }
}
_PLAIN = {
    "text/plain": {"schema": {"type": "string", "example": "Error 1146: Table 'game.bad' doesn't exist"}}
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": _PLAIN}
    for status, text in {
        400: "The statement or the request is wrong",
        401: "Who asks is not known",
        403: "The statement is denied",
        408: "A time limit was met",
        413: "The body is too long",
        429: "Too many requests",
        500: "The query ended its reader",
        503: "Too many queries or commands wait, or no turn has been published",
    }.items()
}
_RESULTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result; Wasmverse-Turn names its turn",
        "content": {
            "application/json": {"schema": {"type": "object", "required": ["results"]}},
            "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
            "text/csv": {"schema": {"type": "string"}},
        },
    },
    **_REFUSALS,
}
_DONE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The command was carried out",
        "content": {
            "application/json": {"schema": {"type": "object", "required": ["lastInsertId", "rowsAffected"]}}
        },
    },
    **_REFUSALS,
    504: {"description": "No answer in time: the command may have taken effect", "content": _PLAIN},
}


def data_api_router(version: str) -> APIRouter:
    """The routes of one version of the data API; they differ in their prefix only."""
    router = APIRouter(prefix=f"/api/{version}", tags=[f"data API {version}"])

    @router.get(
        "/query",
        responses={**_RESULTS, 304: {"description": "The client has this result, by its If-None-Match"}},
        openapi_extra=PARAMETERS,
        response_class=Response,
    )
    async def query(request: Request) -> Response:
        """Run one SELECT from an address, for spreadsheets and data frames; the answer's ETag stands for its turn."""
        return await _addressed(request)

    @router.post("/query/tuples", responses=_RESULTS, openapi_extra=_BODY, response_class=Response)
    async def query_tuples(request: Request) -> Response:
        """Run one SELECT; rows as arrays, with the columns' names and types."""
        return await _query(request, "tuples")

    @router.post("/query/rows", responses=_RESULTS, openapi_extra=_BODY, response_class=Response)
    async def query_rows(request: Request) -> Response:
        """Run one SELECT; rows as objects."""
        return await _query(request, "rows")

    @router.post("/exec", responses=_DONE, openapi_extra=_BODY, response_class=Response)
    async def execute(request: Request) -> Response:
        """Carry out one command: `call spawn_entity(sid, kind, x, y, strategy)`, `call transmit(text)`,
        `create function ... as wasm ...`, `drop function ...`, `call rollback_function(name, version)`; or `show functions`."""
        return await _execute(request)

    return router


async def _execute(request: Request) -> Response:
    gateway = gateway_of(request)
    identity = gateway.may_command(request)
    settings = gateway.settings
    announced = request.headers.get("content-length", "")
    with _room(request, gateway) as room:
        if not announced.isdigit() or int(announced) <= settings.body_bytes_max:
            call = parse_query(await _read(request, gateway, room))
        else:  # a module in it: counted as one upload while it is read
            most = statement_bytes_max(settings)
            async with gateway.uploads.place(uploader_of(request, identity), announced, most):
                call = parse_query(await read_body(request, most, settings.body_seconds_max))
        args = orjson.loads(call.args)
        if is_about_functions(call.sql):
            statement = parse_statement(call.sql, args, OWN_DATABASES)
            if isinstance(statement, ShowFunctions | ShowCreate):
                shown = replace(query_of_show(statement, call), format="rows")
                result = await gateway.service.query(shown, client=client_of(request, identity))
                return ResultResponse(result, shown.format, settings)
            changed, tid = await carry_out(request, gateway, identity, statement)
            return _done(0, changed, tid)
        if is_setting(call.sql):
            return _done(0, 0, gateway.service.newest)
        inserted, tid = await _called(request, gateway, identity, call.sql, args)
    return _done(inserted, 1, tid)


async def _called(
    request: Request, gateway: Gateway, identity: Identity, sql: str, args: list[Any]
) -> tuple[int, int]:
    """Carry out a CALL; the eid of what it made, 0 if nothing, and the turn after which it did."""
    command = parse_call(sql, args, identity.author)
    answer = await gateway.carry_out(request, identity, command, _PROCEDURES[type(command)])
    return answer.get("eid", 0), answer["tid"]


async def _call_by_query(request: Request, gateway: Gateway, call: Query, default: Format) -> Response:
    """A CALL that was sent to ``query/...``, as clients of the wire format do: what ``exec`` answers, and the same as one row."""
    headers = request.headers
    if "origin" in headers or headers.get("sec-fetch-site") not in {None, "none", "same-origin"}:
        # Pages of other sites may read at these paths (api/http/origin.py), and must not command.
        raise HttpError(403, "A page sends commands to /api/v2/exec, not to query/...")
    if call.turn is not None:
        raise HttpError(
            400, f"A call is carried out in the next turn, not in turn {call.turn}; leave 'turn' out", 1210
        )
    if call.format != default:
        raise HttpError(
            400,
            f"A call is answered in JSON, not as {call.format}; accept application/json, or use exec",
            1210,
        )
    identity = gateway.may_command(request)
    inserted, tid = await _called(request, gateway, identity, call.sql, orjson.loads(call.args))
    answer: dict[str, Any] = {"lastInsertId": inserted, "rowsAffected": 1}
    if default == "rows":
        result: dict[str, Any] = {"rows": [answer]}
    else:
        columns = [{"name": name, "dataType": "BIGINT", "nullable": False} for name in answer]
        result = {"columns": columns, "rows": [list(answer.values())]}
    body = orjson.dumps({"results": [result], **answer})
    return Response(body, headers={"Wasmverse-Turn": str(tid)}, media_type="application/json")


_PROCEDURES = {SpawnEntity: "spawn_entity", Transmit: "transmit", RollbackFunction: "rollback_function"}


def _done(inserted: int, changed: int, tid: int | None) -> Response:
    """``tid`` None: no turn was published yet."""
    body = orjson.dumps({"lastInsertId": inserted, "rowsAffected": changed})
    headers = {} if tid is None else {"Wasmverse-Turn": str(tid)}
    return Response(body, headers=headers, media_type="application/json")


def _room(request: Request, gateway: Gateway) -> Room:
    return Room(gateway.bodies, counted_address(request.client.host if request.client else ""))


async def _read(request: Request, gateway: Gateway, room: Room) -> bytes:
    settings = gateway.settings
    return await read_body(request, settings.body_bytes_max, settings.body_seconds_max, room)


async def _query(request: Request, default: Format) -> Response:
    gateway = gateway_of(request)
    client = client_of(request, gateway.may_ask(request))
    with _room(request, gateway) as room:
        return await _answered(request, default, gateway, client, room)


async def _answered(
    request: Request, default: Format, gateway: Gateway, client: Client, room: Room
) -> Response:
    body = await _read(request, gateway, room)
    query = parse_query(body, negotiate(request, default), gzip=accepts_gzip(request))
    del body  # only its parts are held while the query waits
    if is_call(query.sql):
        return await _call_by_query(request, gateway, query, default)
    result, query = await _result(request, query, gateway, client)
    return ResultResponse(result, query.format, gateway.settings)


async def _result(request: Request, query: Query, gateway: Gateway, client: Client) -> tuple[Result, Query]:
    """The result, and the query that was run for it."""
    if shows_functions(query.sql):
        query = query_of_show(parse_statement(query.sql, orjson.loads(query.args), OWN_DATABASES), query)
    elif (select := select_for(query.sql)) is not None:
        query = replace(query, sql=select)
    began = time.perf_counter()
    with WhilePresent(request):
        result = await gateway.service.query(query, client=client)
    gateway.metrics.query_seconds.observe(time.perf_counter() - began)
    return result, query


async def _addressed(request: Request) -> Response:
    gateway = gateway_of(request)
    client = client_of(request, gateway.may_ask(request))
    query = query_of_address(request.query_params, gzip=accepts_gzip(request))
    had, newest = request.headers.get("if-none-match", ""), gateway.service.newest
    turn = newest if query.turn is None else query.turn
    if had and turn is not None and has_tag(had, tag := tag_of(query, turn)):
        return Response(status_code=304, headers={**_REVALIDATED, "ETag": tag, "Wasmverse-Turn": str(turn)})
    result, _ = await _result(request, query, gateway, client)
    response = ResultResponse(result, query.format, gateway.settings)
    response.headers.update(_REVALIDATED)
    if result.is_stable:
        response.headers["ETag"] = tag_of(query, result.turn)
    return response


_REVALIDATED = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
"""A client may keep the answer, and asks each time whether it still holds."""
