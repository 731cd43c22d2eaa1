"""The query endpoint, in the wire format of the SingleStore Data API, versions 1 and 2. See docs/query.md."""

from __future__ import annotations

import time
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from wasmverse.api.body import Room, parse_query, read_body
from wasmverse.api.client import client_of
from wasmverse.api.command_call import parse_call
from wasmverse.api.gateway import Gateway, gateway_of
from wasmverse.api.http.accept import accepts_gzip, negotiate
from wasmverse.api.http.address import counted_address
from wasmverse.api.http.presence import WhilePresent
from wasmverse.api.responses import ResultResponse
from wasmverse.query.public import OWN_DATABASES
from wasmverse.query.query import Client, Format

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
        """Carry out one command: `call spawn_entity(sid, kind, x, y, strategy)`."""
        gateway = gateway_of(request)
        gateway.may_command(request)
        with _room(request, gateway) as room:
            call = parse_query(await _read(request, gateway, room))
            answer = await gateway.universe.ask(parse_call(call.sql, orjson.loads(call.args)))
        gateway.metrics.commands.labels("spawn_entity").inc()
        body = orjson.dumps({"lastInsertId": answer["eid"], "rowsAffected": 1})
        return Response(body, headers={"Wasmverse-Turn": str(answer["tid"])}, media_type="application/json")

    return router


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
    began = time.perf_counter()
    with WhilePresent(request):
        result = await gateway.service.query(query, client=client)
    gateway.metrics.query_seconds.observe(time.perf_counter() - began)
    return ResultResponse(result, query.format, gateway.settings)
