"""A line of the log for each request: who, what, how it was answered. Never its query string, headers or body."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wasmverse.text import printable

log = logging.getLogger(__name__)


class AccessLog:
    """An ASGI middleware; outside of those that find out who the visitor behind a proxy is, as it looks when all is done."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and log it when it is over."""
        if scope["type"] == "lifespan":
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
            client = scope.get("client")
            address, method = client[0] if client else "-", scope.get("method", "GET")
            seconds = time.perf_counter() - began
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
