"""Whether the server answers, what it is, whether turns advance, and its metrics."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

import wasmverse
from wasmverse.api.client import client_of
from wasmverse.api.gateway import gateway_of
from wasmverse.api.metrics import STRATEGIES_SQL, StrategyRow
from wasmverse.api.modules import rules_hash
from wasmverse.errors import WasmverseError
from wasmverse.messages import Universe
from wasmverse.query.public import SCHEMA
from wasmverse.query.query import Query
from wasmverse.query.service import QueryService

STALE_PERIODS = 3
STALE_SECONDS_MIN = 5.0
"""Turns have stopped when none was published for three periods and five seconds."""

router = APIRouter(tags=["health"])


@router.get("/ping", response_class=PlainTextResponse)
async def ping() -> Response:
    """Answer at once, whatever state the universe is in."""
    return PlainTextResponse("pong")


@router.get("/connect")
async def connect(request: Request) -> Response:
    """Say what this server is and how to talk to it."""
    gateway = gateway_of(request)
    report = gateway.universe.last
    facts: dict[str, Any] = {
        "name": "wasmverse",
        "version": wasmverse.__version__,
        "database": SCHEMA,
        "turn": None if report is None else report.tid,
        "periodSeconds": gateway.universe.period_seconds,
        "turnsKept": gateway.service.kept,
        "oldestTurn": gateway.service.oldest,
        "query": "/api/v2/query/tuples",
        "live": "/api/v1/live",
        "rules": rules_hash(),
        "spec": "/api/v2/spec",
        "url": gateway.settings.public_url,
    }
    return JSONResponse(facts)


@router.get("/health", responses={503: {"description": "Turns do not advance, or no reader is there"}})
async def health(request: Request) -> Response:
    """Tell whether turns advance and queries can be answered: 200, or 503 with the reason."""
    gateway = gateway_of(request)
    universe, readers = gateway.universe, gateway.service.state
    report = universe.last
    limit = max(STALE_PERIODS * universe.period_seconds, STALE_SECONDS_MIN)
    age = None if report is None else max(0.0, time.time() - report.ended_at)
    if not universe.is_alive:
        problem = "the universe process has ended"
    elif age is None:
        problem = "no turn has been published yet"
    elif age > limit:
        problem = f"the last turn was published {age:.1f} s ago, more than {limit:g} s"
    elif not readers.usable:
        problem = "no reader can be had: all have ended and new ones are being started"
    else:
        problem = ""
    if universe.is_alive and (trouble := universe.trouble) is not None:
        problem = trouble
    # Readers that were replaced have been confined again.
    confinement = {**gateway.confinement}
    if "reader" in confinement and readers.usable:
        confinement["reader"] = readers.confinement
    condition = universe.condition
    facts = {
        "healthy": not problem,
        "problem": problem or None,
        "turn": None if report is None else report.tid,
        "ageSeconds": age,
        "lateTurns": None if report is None else report.late_turns,
        "database": {
            "engine": condition.engine,
            "servers": condition.servers,
            "play": condition.play,
            "isClock": condition.is_clock,
            "clock": condition.clock,
            "lagTurns": condition.lag_turns,
            "recoveries": condition.recoveries,
            "lastRecovery": condition.recovered,
        },
        "past": _past(universe, gateway.service),
        "readers": {"usable": readers.usable, "wanted": readers.wanted, "busy": readers.busy},
        "confinement": {
            kind: {layer: not why for layer, why in layers.items()} for kind, layers in confinement.items()
        },
    }
    return JSONResponse(facts, 503 if problem else 200, {"Cache-Control": "no-store"})


def _past(universe: Universe, service: QueryService) -> dict[str, Any]:
    """Which turns can be asked for; what is wrong with keeping them makes nobody unhealthy, as turns go on without."""
    kept = universe.kept
    return {
        "oldestTurn": service.oldest,
        "newestOnDisk": None if kept is None else kept.newest_tid,
        "bytes": 0 if kept is None else kept.bytes,
        "replays": dict(service.counts.replays.outcomes),
        "problem": None if kept is None else kept.trouble,
    }


@router.get(
    "/metrics", response_class=PlainTextResponse, responses={401: {"description": "Reading needs a token"}}
)
async def metrics(request: Request) -> Response:
    """Prometheus' text format, for those who may read: they tell about ships, strategies and queries."""
    gateway = gateway_of(request)
    client = client_of(request, gateway.may_ask(request))
    strategies: list[StrategyRow] = []
    with suppress(WasmverseError):  # metrics are wanted most when no reader is there
        result = await gateway.service.query(Query(STRATEGIES_SQL, format="tuples"), client=client)
        strategies = [StrategyRow(*row) for row in orjson.loads(result.body)["results"][0]["rows"]]
    text = gateway.metrics.text(await gateway.host.facts(), strategies)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/api/v2/spec", include_in_schema=False)
async def spec(request: Request) -> Response:
    """The OpenAPI document of this server."""
    return JSONResponse(request.app.openapi())
