"""How a tool asks a route of this app, and what of a long answer it reads. Loaded with ``tools`` only."""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypeVar

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wasmverse.api.http.inner import make_inner
from wasmverse.client import requests
from wasmverse.client.answers import Raw
from wasmverse.errors import ServerRefused

READ_BYTES_MAX = 1 << 20
"""Of a result: parsing holds up the gateway, and nobody is shown more. A reader may send 64 times as much."""

_BEFORE_COLUMNS, _BEFORE_ROWS = '{"results":[{"columns":', ',"rows":['
"""What `reader.encode` writes."""

T = TypeVar("T")


async def ask(outer: Request, wanted: requests.Request[T], bytes_max: int | None = None) -> T:
    """Ask a route of this app as whoever sent ``outer``: with its token, from its address, under the same host.

    ``bytes_max`` : no more of the body is kept than this and one byte, which says that there was more.

    Raises
    ------
    WasmverseError : what the route refused, in its words.
    """
    headers = {name: outer.headers[name] for name in ("host", "authorization") if name in outer.headers}
    client = (outer.client.host, outer.client.port) if outer.client else ("", 0)
    app = _Inner(outer, None if bytes_max is None else bytes_max + 1)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=client)
    options = dict(wanted.options)
    # Within the process nothing is gained by compressing.
    options["headers"] = headers | {"accept-encoding": "identity"} | options.get("headers", {})
    async with httpx.AsyncClient(transport=transport, base_url="http://wasmverse", timeout=None) as http:
        return requests.outcome(wanted, await http.request(wanted.method, wanted.path, **options))


class _Inner:
    """The app to which ``outer`` came, for requests that are part of it.

    ``bytes_max`` : of an answer only so many bytes arrive; the others are dropped as they come. None: all.
    """

    def __init__(self, outer: Request, bytes_max: int | None) -> None:
        self._outer = outer
        self._app: ASGIApp = outer.app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        make_inner(scope, self._outer.scope)
        if self._bytes_max is None:
            await self._app(scope, receive, send)
            return
        left = self._bytes_max

        async def send_beginning(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.body":
                body = message.get("body", b"")[:left]
                left -= len(body)
                message = {**message, "body": body}
            await send(message)
            if left <= 0:
                await asyncio.sleep(0)  # nothing else in here waits, and what is dropped may be long

        await self._app(scope, receive, send_beginning)


def first_rows(raw: Raw, rows_max: int, cells_max: int) -> tuple[list[dict[str, Any]], list[list[Any]], str]:
    """The columns of a result in the format "tuples", its first rows, and how many are left out in words, "" if none are.

    ``raw`` may end after `READ_BYTES_MAX` and one byte. There is at least one row, if the result has one.

    Raises
    ------
    ServerRefused : not even one row is whole.
    """
    is_whole = len(raw.content) <= READ_BYTES_MAX
    if is_whole:
        result = raw.json()
        columns, found = result["columns"], result["rows"]
    else:
        columns, found = _beginning_of(raw.content[:READ_BYTES_MAX], rows_max)
    rows = found[: max(1, min(rows_max, cells_max // max(1, len(columns))))]
    if is_whole and len(rows) == len(found) and not raw.truncated:
        return columns, rows, ""
    there = f"{len(found):,} rows" if is_whole else f"more than {READ_BYTES_MAX:,} bytes"
    return columns, rows, f"{there}; these are the first {len(rows):,}: ask for fewer, or add them up"


def _beginning_of(content: bytes, rows_max: int) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """The columns, and the rows that are whole; the end of ``content`` may be in the midst of anything."""
    text = content.decode("utf-8", "ignore")
    decoder, rows = json.JSONDecoder(), list[list[Any]]()
    try:
        columns, at = decoder.raw_decode(text, len(_BEFORE_COLUMNS))
        at += len(_BEFORE_ROWS)
        while len(rows) < rows_max:
            row, at = decoder.raw_decode(text, at)
            rows.append(row)
            at += 1
    except ValueError:
        if not rows:
            raise ServerRefused(
                f"the column names and the first row have more than {READ_BYTES_MAX:,} bytes, the limit here: "
                "select fewer columns, or shorten texts with left(text, n)"
            ) from None
    return columns, rows
