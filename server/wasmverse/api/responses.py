"""Results on their way to a client: ready bytes, in parts, with the turn they belong to."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wasmverse.api.accept import MEDIA
from wasmverse.api.connections import connection_of
from wasmverse.query.result import Format, Result

PART_BYTES = 256 << 10


class ResultResponse(Response):
    """Sends a result in parts, so that no answer fills the socket's queue, and gives up on who does not read.

    ``Wasmverse-Turn`` says which turn the result belongs to, ``Wasmverse-Truncated`` which limit cut it.
    """

    def __init__(self, result: Result, format_: Format, part_seconds_max: float) -> None:
        headers = {
            "Wasmverse-Turn": str(result.turn),
            "Vary": "Accept, Accept-Encoding",
            "Cache-Control": "no-store",
        }
        if result.cut:
            headers["Wasmverse-Truncated"] = result.cut
        if result.is_gzip:
            headers["Content-Encoding"] = "gzip"
        super().__init__(b"", 200, headers, MEDIA[format_])
        self.body = result.body
        self.headers["Content-Length"] = str(len(result.body))
        self._part_seconds_max = part_seconds_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; ends the connection when a part is not taken in time."""
        body = memoryview(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for start in range(0, max(len(body), 1), PART_BYTES):
            part = body[start : start + PART_BYTES]
            more = start + PART_BYTES < len(body)
            try:
                async with asyncio.timeout(self._part_seconds_max):
                    await send({"type": "http.response.body", "body": bytes(part), "more_body": more})
            except TimeoutError:
                connection = connection_of(scope)
                if connection is None:
                    raise
                connection.abort()
                return
