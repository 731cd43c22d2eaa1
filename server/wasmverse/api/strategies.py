"""Upload, list and remove strategies."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from wasmverse.api.body import read_body
from wasmverse.api.errors import HttpError
from wasmverse.api.gateway import gateway_of
from wasmverse.commands import RemoveStrategy, UploadStrategy
from wasmverse.wasm.check import inspect_module_apart

LISTED = (
    "select name, version, sha256, bytes, language, author, status, is_enabled from strategy order by name"
)

_ERROR = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
                }
            },
        }
    }
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": _ERROR}
    for status, text in {
        400: "The name or the request is wrong",
        401: "Who asks is not known",
        403: "Who asks may not do this",
        404: "There is no strategy of that name",
        408: "The module did not arrive in time",
        409: "The name belongs to somebody else",
        413: "The module is too long",
        422: "The module breaks a rule",
        503: "The universe does not answer",
    }.items()
}
_MODULE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/wasm": {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = APIRouter(prefix="/api/v1/strategies", tags=["strategies"], responses=_REFUSALS)


@router.put(
    "/{name}", status_code=201, openapi_extra=_MODULE, responses={200: {"description": "A new version"}}
)
async def upload(name: str, request: Request) -> Response:
    """Store a module as the strategy `name`; it flies from the next turn on. 201 for a new one, 200 for a new
    version."""
    gateway = gateway_of(request)
    settings = gateway.settings
    identity = gateway.may_command(request)
    module = await read_body(request, settings.module_bytes_max, settings.body_seconds_max)
    if not module:
        raise HttpError(400, "The body is empty; send the module's bytes, as `wasmverse strategy push` does")
    async with gateway.module_checks:
        inspection = await asyncio.to_thread(inspect_module_apart, module, name, settings)
    answer = await gateway.universe.ask(UploadStrategy(name, module, inspection.compiled, identity.author))
    gateway.metrics.commands.labels("upload_strategy").inc()
    rows = [_listed(row) for row in answer["strategies"]]
    is_new = all(row["version"] == 1 for row in rows)
    return _json({"strategies": rows, "turn": answer["tid"]}, 201 if is_new else 200)


@router.get("")
async def list_strategies(request: Request) -> Response:
    """Every strategy, by name, as of the newest turn."""
    gateway = gateway_of(request)
    gateway.may_ask(request)
    result = await gateway.pool.query(LISTED, format="rows")
    [rows] = orjson.loads(result.body)["results"]
    strategies = [row | {"is_enabled": bool(row["is_enabled"])} for row in rows["rows"]]
    return _json({"strategies": strategies, "turn": result.turn})


@router.delete("/{name}")
async def remove(name: str, request: Request) -> Response:
    """Remove a strategy; its ships hold until they die."""
    gateway = gateway_of(request)
    answer = await gateway.universe.ask(RemoveStrategy(name, gateway.may_command(request).author))
    gateway.metrics.commands.labels("remove_strategy").inc()
    return _json({"name": answer["name"], "turn": answer["tid"]})


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    keys = ("name", "version", "sha256", "bytes", "language", "author", "status", "is_enabled")
    return {key: row[key] for key in keys}


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, {"Cache-Control": "no-store"}, "application/json")
