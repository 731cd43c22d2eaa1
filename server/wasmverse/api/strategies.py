"""Upload, list and remove strategies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from wasmverse.api.client import client_of, uploader_of
from wasmverse.api.errors import HttpError
from wasmverse.api.gateway import Gateway, gateway_of
from wasmverse.api.uploads import unless_left
from wasmverse.commands import (
    CheckUpload,
    Cost,
    EnableStrategy,
    Inspection,
    RemoveStrategies,
    RemoveStrategy,
    UploadStrategy,
)
from wasmverse.errors import StrategyCostly
from wasmverse.query.query import Query
from wasmverse.strategies.names import check_name
from wasmverse.strategies.trial_report import plain
from wasmverse.text import printable, some_of
from wasmverse.tokens import Identity

LISTED = Query(
    "select name, version, sha256, bytes, language, author, status, is_enabled, budget_fuel from strategy order by name",
    format="rows",
)

_SHOWN = """
select name, version, sha256, bytes, language, author, status, is_enabled, budget_fuel, uploaded_at, last_fault,
  (select ships from strategy_turn where strategy = name order by tid desc limit 1) as ships,
  (select energy from strategy_turn where strategy = name order by tid desc limit 1) as energy,
  (select list({'fault_id': fault_id, 'tid': tid, 'version': strategy_fault.version, 'sid': sid, 'eid': eid, 'reason': reason}
    order by fault_id desc) from strategy_fault where strategy = name) as faults,
  (select list({'version': kept.version, 'sha256': kept.sha256, 'bytes': kept.bytes, 'author': kept.author,
    'uploaded_at': strftime(kept.uploaded_at, '%Y-%m-%d %H:%M:%S'), 'replaced_tid': replaced_tid} order by kept.version desc)
    from strategy_version as kept where kept.strategy = name) as versions
from strategy where name = ?"""

_ERROR = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "code": {"type": "integer"},
                        "message": {"type": "string"},
                        "place": {
                            "type": "object",
                            "description": "Of a refused module: what in it is the reason, if it is something in it.",
                            "required": ["kind"],
                            "properties": {
                                "kind": {"enum": ["import", "export", "function"]},
                                "module": {"type": "string"},
                                "name": {"type": "string"},
                                "index": {"type": "integer"},
                            },
                        },
                    },
                }
            },
        }
    }
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": _ERROR}
    for status, text in {
        400: "The name or the request is wrong",
        401: "Who asks is not known",
        403: "Who asks may not do this",
        404: "There is none of that name",
        408: "The module did not arrive in time",
        409: "The name belongs to somebody else, or there may be no more",
        413: "The module is too long",
        422: "The module breaks a rule",
        429: "Too many commands, or uploads at once, of one client",
        503: "Too many uploads at once, or the universe cannot take it now; nothing was changed",
        504: "No answer in time: it may have taken effect",
    }.items()
}
_MODULE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/wasm": {"schema": {"type": "string", "format": "binary"}}},
    },
    "parameters": [
        {
            "name": "budget_fuel",
            "in": "query",
            "required": False,
            "description": "What a call may take, in fuel, up to budget_fuel_max; the universe's budget_fuel if it is left out.",
            "schema": {"type": "integer", "minimum": 100},
        }
    ],
}

_NAMES: dict[str, Any] = {
    "parameters": [
        {
            "name": "name",
            "in": "query",
            "required": True,
            "description": "A strategy; once for each.",
            "schema": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        }
    ]
}

_Then = Callable[[Identity, UploadStrategy], Awaitable[dict[str, Any]]]

router = APIRouter(prefix="/api/v1/strategies", tags=["strategies"], responses=REFUSALS)


@router.put(
    "/{name}", status_code=201, openapi_extra=_MODULE, responses={200: {"description": "A new version"}}
)
async def upload(name: str, request: Request) -> Response:
    """Store a module as the strategy `name`; it flies from the next turn on. 201 for a new one, 200 for a new
    version. `?budget_fuel=N` declares what a call may take: more than the usual, and it is dealt fewer ships. `trial` says what
    each strategy answered to a hundred observations, and `warnings` in it what is wrong and no reason to refuse it."""
    gateway = gateway_of(request)

    async def store(identity: Identity, upload: UploadStrategy) -> dict[str, Any]:
        return await gateway.carry_out(request, identity, upload, "upload_strategy")

    inspection, answer = await _sent(request, name, store)
    trials = inspection.trials
    rows = [listed(row) | {"trial": plain(trials[row["name"]])} for row in answer["strategies"]]
    is_new = all(row["version"] == 1 for row in rows)
    return json_response({"strategies": rows, "turn": answer["tid"]}, 201 if is_new else 200)


@router.post("/{name}/check", openapi_extra=_MODULE)
async def check(name: str, request: Request) -> Response:
    """Say what an upload of this module as `name` would come to, or refuse it as the upload would be; nothing is changed.

    With each strategy as it would be listed: the export that flies it, and its trial: its plans for a hundred observations, how
    many calls were faults and why, the fuel of a call on average (`fuel`) and at most, and of a start; and warnings.
    """
    universe = gateway_of(request).universe

    async def ask(_: Identity, upload: UploadStrategy) -> dict[str, Any]:
        return await universe.ask(CheckUpload.of(upload))

    inspection, answer = await _sent(request, name, ask)
    rows = [listed(row) | _found(inspection, row["name"]) for row in answer["strategies"]]
    return json_response({"strategies": rows, "turn": answer["tid"]})


async def _sent(request: Request, name: str, then: _Then) -> tuple[Inspection, dict[str, Any]]:
    """Read the module of a request, check it, and ask the universe about it; what was found, and the universe's answer."""
    gateway = gateway_of(request)
    budget_fuel = _budget_fuel(request.query_params.get("budget_fuel"))
    settings = gateway.settings
    identity = gateway.may_command(request)
    async with gateway.uploads.place(
        uploader_of(request, identity), request.headers.get("content-length", "")
    ):
        module = await gateway.uploads.read(request, settings.body_seconds_max)
        if not module:
            raise HttpError(
                400, "The body is empty; send the module's bytes, as `wasmverse strategy push` does"
            )
        return await unless_left(request, judged(gateway, module, name, identity, budget_fuel, then))


def _budget_fuel(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise HttpError(
            400,
            f"budget_fuel is {printable(text, 40)!r}; give a whole number of fuel, as in ?budget_fuel=50000",
        )
    return int(text)


async def judged(
    gateway: Gateway, module: bytes, name: str, identity: Identity, budget_fuel: int | None, then: _Then
) -> tuple[Inspection, dict[str, Any]]:
    """Check a module, and ask the universe about it; what was found, and the universe's answer."""
    async with gateway.uploads.check(module, name, budget_fuel) as inspection:
        upload = UploadStrategy(name, module, inspection, identity.author, budget_fuel)
        try:
            return inspection, await then(identity, upload)
        except StrategyCostly:
            # Other work on this machine may have slowed the trial: the shortest of several counts.
            again = await gateway.uploads.measure(module, name, budget_fuel)
            least = {
                strategy: Cost(*map(min, cost, again[strategy]))
                for strategy, cost in inspection.costs.items()
            }
            measured = replace(inspection, costs=least)
            return measured, await then(identity, replace(upload, inspection=measured))


@router.get("")
async def list_strategies(request: Request) -> Response:
    """Every strategy, by name, as of the newest turn."""
    gateway = gateway_of(request)
    client = client_of(request, gateway.may_ask(request))
    result = await gateway.service.query(LISTED, client=client)
    [rows] = orjson.loads(result.body)["results"]
    strategies = [row | {"is_enabled": bool(row["is_enabled"])} for row in rows["rows"]]
    return json_response({"strategies": strategies, "turn": result.turn})


@router.get("/{name}")
async def show(name: str, request: Request) -> Response:
    """One strategy, as of the newest turn: what the list says of it, when it was uploaded, its last fault, its ships and their
    energy, its kept faults, and its earlier versions that are kept, the newest first."""
    gateway = gateway_of(request)
    client = client_of(request, gateway.may_ask(request))
    result = await gateway.service.query(
        Query(_SHOWN, orjson.dumps([check_name(name)]), format="rows"), client=client
    )
    [rows] = orjson.loads(result.body)["results"]
    if not rows["rows"]:
        listed = await gateway.service.query(LISTED, client=client)
        known = orjson.loads(listed.body)["results"][0]["rows"]
        names = some_of(each["name"] for each in known if each["status"] != "removed")
        raise HttpError(404, f"there is no strategy {name!r}; there are {names}: correct the name")
    [row] = rows["rows"]
    row |= {
        "is_enabled": bool(row["is_enabled"]),
        "faults": row["faults"] or [],
        "versions": row["versions"] or [],
    }
    return json_response({"strategy": row, "turn": result.turn})


@router.post("/{name}/enable")
async def enable(name: str, request: Request) -> Response:
    """Deal new ships to a strategy."""
    return await _enable(name, request, is_enabled=True)


@router.post("/{name}/disable")
async def disable(name: str, request: Request) -> Response:
    """Deal no new ships to a strategy; those that it has fly on."""
    return await _enable(name, request, is_enabled=False)


async def _enable(name: str, request: Request, *, is_enabled: bool) -> Response:
    gateway = gateway_of(request)
    identity = gateway.may_command(request)
    command = EnableStrategy(check_name(name), is_enabled, identity.author)
    answer = await gateway.carry_out(request, identity, command, "enable_strategy")
    shown = {"name": answer["name"], "is_enabled": answer["is_enabled"], "turn": answer["tid"]}
    return json_response(shown)


@router.delete("", openapi_extra=_NAMES)
async def remove_several(request: Request) -> Response:
    """Remove the strategies `?name=a&name=b`, all of them at once, or none if one cannot be removed."""
    gateway = gateway_of(request)
    identity = gateway.may_command(request)
    names = tuple(dict.fromkeys(request.query_params.getlist("name")))
    if not names:
        raise HttpError(400, "No strategy is named; give one or more, as in ?name=a&name=b")
    for name in names:
        check_name(name)
    command = RemoveStrategies(names, identity.author)
    answer = await gateway.carry_out(request, identity, command, "remove_strategy")
    return json_response({"names": answer["names"], "turn": answer["tid"]})


@router.delete("/{name}")
async def remove(name: str, request: Request) -> Response:
    """Remove a strategy; its ships hold until they die."""
    gateway = gateway_of(request)
    identity = gateway.may_command(request)
    command = RemoveStrategy(name, identity.author)
    answer = await gateway.carry_out(request, identity, command, "remove_strategy")
    return json_response({"name": answer["name"], "turn": answer["tid"]})


def listed(row: dict[str, Any]) -> dict[str, Any]:
    """What an answer says of a strategy."""
    keys = ("name", "version", "sha256", "bytes", "language", "author", "status", "is_enabled", "budget_fuel")
    return {key: row[key] for key in keys}


def _found(inspection: Inspection, name: str) -> dict[str, Any]:
    return {
        "export": inspection.strategies[name],
        "trial": plain(inspection.trials[name]),
    }


def json_response(value: object, status: int = 200) -> Response:
    """An answer that nobody keeps."""
    return Response(orjson.dumps(value), status, {"Cache-Control": "no-store"}, "application/json")
