"""The routes of programs that reason: /mcp, /llms.txt and the pages that it names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib import import_module
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from wasmverse.api.body import Room, read_body
from wasmverse.api.errors import HttpError
from wasmverse.api.gateway import gateway_of
from wasmverse.api.http.address import counted_address
from wasmverse.api.http.inner import begin
from wasmverse.api.mcp.texts import PAGES, llms_text, page

BODY_BYTES_MAX = 1 << 20
"""Of a call: a module of 700 kB in base64, or its text. Longer ones are uploaded by PUT."""

router = APIRouter(include_in_schema=False)
text_router = APIRouter(include_in_schema=False)


@text_router.get("/llms.txt")
async def llms(request: Request) -> Response:
    """What this server is, for programs that read."""
    settings = gateway_of(request).settings
    return PlainTextResponse(llms_text(settings.base_path, is_mcp_served=settings.is_mcp_served))


@text_router.get("/docs/{name}.md")
async def pages(name: str) -> Response:
    """A page of the documentation."""
    if name not in PAGES:
        raise HttpError(404, f"There is no page of this name; there are {', '.join(PAGES)}")
    return Response(page(name), media_type="text/markdown")


class Mcp:
    """The tools, which are loaded when they are first asked for, in a thread, so that nobody else waits for that."""

    def __init__(self) -> None:
        self._loading: asyncio.Task[Any] | None = None
        self._ending = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def handler(self) -> Any:
        """What answers a request once its body has been read. After a load that failed, the next request tries again."""
        loading = self._loading
        if loading is None or (loading.done() and (loading.cancelled() or loading.exception() is not None)):
            loading = self._loading = asyncio.create_task(self._load())
        return await asyncio.shield(loading)

    async def _load(self) -> Any:
        tools = await asyncio.to_thread(import_module, "wasmverse.api.mcp.tools")
        manager = tools.make_manager()
        ready = asyncio.get_running_loop().create_future()
        self._running = asyncio.create_task(self._run(manager, ready))
        await ready
        return manager.handle_request

    async def _run(self, manager: Any, ready: asyncio.Future[None]) -> None:
        try:
            async with manager.run():
                ready.set_result(None)
                await self._ending.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)  # of the load, which waits for it

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """End what was loaded at the end of the app."""
        try:
            yield
        finally:
            self._ending.set()
            if self._running is not None:
                await self._running


class _Answered(Response):
    """An answer that another ASGI app makes, to a body that was read already."""

    def __init__(self, handle: Any, body: bytes, room: ExitStack) -> None:
        super().__init__()
        self._handle, self._body, self._room = handle, body, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give it the body, and then whatever else comes from the client."""
        given = False

        async def receive_body() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": self._body, "more_body": False}

        with self._room:
            await self._handle(scope, receive_body, send)


@router.post("/mcp")
async def mcp(request: Request) -> Response:
    """One message of the protocol, without a session: each request is answered on its own, in JSON."""
    gateway = gateway_of(request)
    begin(request.scope)
    gateway.may_ask(request)
    with ExitStack() as stack:
        address = counted_address(request.client.host if request.client else "")
        room = stack.enter_context(Room(gateway.bodies, address))
        body = await read_body(request, BODY_BYTES_MAX, gateway.settings.body_seconds_max, room)
        handle = await request.app.state.mcp.handler()
        return _Answered(handle, body, stack.pop_all())  # which keeps the room until it has been sent
