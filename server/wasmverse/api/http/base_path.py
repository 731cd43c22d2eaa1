"""A server under a path of its own: a proxy may pass requests on with the base path or without it."""

from __future__ import annotations

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class BasePath:
    """The outermost ASGI middleware, where there is a base path: takes it away, so that nobody else has to know of it.

    Parameters
    ----------
    base : such as ``/wasmverse``, without a slash at the end. A request for it alone is sent to ``/wasmverse/``, as the page's
        own URLs are relative to that.
    """

    def __init__(self, app: ASGIApp, base: str) -> None:
        self.app = app
        self._base = base
        self._prefix = f"{base}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as if the server were at the root."""
        path: str = scope.get("path", "")
        if path == self._base and scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            query = scope["query_string"].decode("latin-1")
            where = f"{self._prefix}?{query}" if query else self._prefix
            await RedirectResponse(where, 308)(scope, receive, send)
            return
        if path.startswith(self._prefix):
            scope["path"] = path[len(self._base) :]
            raw: bytes | None = scope.get("raw_path")
            if raw is not None and raw.startswith(self._prefix.encode()):
                scope["raw_path"] = raw[len(self._base) :]
        await self.app(scope, receive, send)
