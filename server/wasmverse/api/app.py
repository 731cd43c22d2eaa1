"""The gateway: joins the routes, and the middleware that all of them share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import wasmverse
from wasmverse.api import functions, health, modules, picture, strategies, strategy_versions
from wasmverse.api.access import Access
from wasmverse.api.audit import Audit
from wasmverse.api.data_api import data_api_router
from wasmverse.api.errors import add_error_handlers
from wasmverse.api.function_uses import tell_uses
from wasmverse.api.gateway import Gateway
from wasmverse.api.host import Host
from wasmverse.api.http.base_path import BasePath
from wasmverse.api.http.noted import Noted
from wasmverse.api.http.origin import SiteGuard
from wasmverse.api.live.queries import LiveQueries
from wasmverse.api.live.socket import live_router
from wasmverse.api.mcp import route as mcp
from wasmverse.api.metrics import Metrics, note_turns
from wasmverse.api.page import add_page
from wasmverse.api.picture import Pictures
from wasmverse.api.rate import RateLimit
from wasmverse.api.uploads import Uploads
from wasmverse.messages import Universe
from wasmverse.query.budget import ByteBudget
from wasmverse.query.service import QueryService
from wasmverse.settings import GatewaySettings
from wasmverse.tokens import Tokens

DESCRIPTION = """SQL over a living universe. Reading is `POST /api/v2/query/tuples`; every answer names the
turn it belongs to. Live queries are a WebSocket at `/api/v1/live`. What every relation and column means, with type and unit:
`/api/v1/query?format=json&sql=select table_name, column_name, data_type, column_unit, column_comment \
from information_schema.columns`"""


def create_app(
    universe: Universe,
    service: QueryService,
    settings: GatewaySettings,
    tokens: Tokens,
    page_folder: Path | None,
    ready_token: str | None = None,
    audit: Audit | None = None,
    database_file: Path | None = None,
) -> FastAPI:
    """The gateway over a universe and a service of queries, which its caller starts and closes.

    The tokens are those of the universe. ``page_folder`` holds the built page; None or an empty folder
    answers ``/`` with how to build it. ``ready_token`` is accepted as an admin's. ``audit`` None writes down no commands. The
    size of ``database_file`` is among the metrics.
    """
    metrics = Metrics(universe, service)
    access = Access(settings, tokens, ready_token)
    live = LiveQueries(universe, service, settings, tokens, metrics)
    programs = mcp.Mcp()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        live.start()
        tasks = (
            asyncio.create_task(tell_uses(universe, service, live.count)),
            asyncio.create_task(note_turns(universe, metrics)),
        )
        async with programs.serving():
            yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await live.close()

    app = FastAPI(
        title="Wasmverse",
        version=wasmverse.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": settings.public_url.rstrip("/")}] if settings.public_url else None,
        # Environment variables of OpenTelemetry must not send requests' data elsewhere; and the check costs each request 10 us.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.gateway = Gateway(
        universe,
        service,
        settings,
        metrics,
        access,
        RateLimit(settings.queries_per_second_max),
        RateLimit(settings.commands_per_second_max),
        Uploads(settings, settings),
        ByteBudget(settings.bodies_bytes_max),
        audit or Audit(None, 0),
        Host(database_file, universe.snapshot_folder),
    )
    app.state.live = live
    app.state.pictures = Pictures(settings.pictures_per_second_max)
    add_error_handlers(app)
    app.include_router(data_api_router("v2"))  # routes are tried in order, and most requests are for these
    app.include_router(data_api_router("v1"))
    app.include_router(strategies.router)
    app.include_router(strategy_versions.router)
    app.include_router(functions.router)
    app.include_router(health.router)
    app.include_router(modules.router)
    app.include_router(picture.router)
    app.include_router(live_router)
    app.state.mcp = programs
    app.include_router(mcp.text_router)
    if settings.is_mcp_served:
        app.include_router(mcp.router)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["Authorization", "Content-Type", "Accept", "If-None-Match"],
        expose_headers=["Wasmverse-Turn", "Wasmverse-Truncated", "Retry-After", "ETag"],
        max_age=600,
    )
    if settings.proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxies))
    # The middleware that is added last runs first.
    app.add_middleware(SiteGuard, settings=settings, is_open=access.is_open)
    app.add_middleware(Noted, note=metrics.note_request, is_logged=settings.access_log)
    if settings.base_path:
        app.add_middleware(BasePath, base=settings.base_path)
    add_page(app, page_folder, settings.frame_ancestors, settings.public_url)
    return app
