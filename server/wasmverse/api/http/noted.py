"""Counts requests by status and time, and writes the access log: who, what, how it was answered. Never a request's query string,
headers or body."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wasmverse.api.http.inner import is_inner
from wasmverse.text import printable

log = logging.getLogger(__name__)


class Noted:
    """An ASGI middleware; outside of those that find out who the visitor behind a proxy is, as it looks when all is done.

    Parameters
    ----------
    note : is told the status of each answer over HTTP and the seconds that it took.
    is_logged : whether there is an access log.
    """

    def __init__(self, app: ASGIApp, note: Callable[[int, float], None], is_logged: bool) -> None:
        self.app = app
        self._note = note
        self._is_logged = is_logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; note it when it is over, unless it is part of another."""
        if scope["type"] == "lifespan" or is_inner(scope):
            await self.app(scope, receive, send)
            return
        began, status, size = time.perf_counter(), 0, 0

        async def noting(message: Message) -> None:
            nonlocal status, size
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - began
            if scope["type"] == "http" and status:
                self._note(status, seconds)
            if self._is_logged:
                _log(scope, status, size, seconds)


def _log(scope: Scope, status: int, size: int, seconds: float) -> None:
    client = scope.get("client")
    address, method = client[0] if client else "-", scope.get("method", "GET")
    path = printable(scope["path"])
    log.info(
        "%s %s %s %d %d bytes %.4f s",
        *(address, method, path, status, size, seconds),
        extra={
            "event": "access",
            "address": address,
            "method": method,
            "path": path,
            "status": status,
            "bytes": size,
            "seconds": round(seconds, 6),
        },
    )
