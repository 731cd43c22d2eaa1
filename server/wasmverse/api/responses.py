"""Results on their way to a client: ready bytes, in parts, with the turn they belong to."""

from __future__ import annotations

import asyncio
import logging

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wasmverse.api.http.accept import MEDIA
from wasmverse.api.http.connections import connection_of
from wasmverse.query.query import Format
from wasmverse.query.result import Result
from wasmverse.settings import ConnectionSettings

log = logging.getLogger(__name__)

PART_BYTES = 64 << 10
"""Bytes handed to the connection at once: at most twice as many wait there unsent."""


class ResultResponse(Response):
    """Sends a result in parts, so that no answer fills the socket's queue, and closes the connection of a client that does not
    read.

    ``Wasmverse-Turn`` says which turn the result belongs to, ``Wasmverse-Truncated`` which limit cut it. Until it is sent, the
    result keeps its room.

    Parameters
    ----------
    settings : a client must take each part in ``send_seconds_max``, and all of it, from then on, at
        ``send_bytes_per_second_min``.
    """

    def __init__(self, result: Result, format_: Format, settings: ConnectionSettings) -> None:
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
        self._result = result
        self.headers["Content-Length"] = str(len(result.body))
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; if the client does not take it in time, the connection is closed before its end."""
        body = memoryview(self._result.body)
        size = len(body)
        settings, loop = self._settings, asyncio.get_running_loop()
        seconds, rate = settings.send_seconds_max, settings.send_bytes_per_second_min
        began = loop.time()
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            connection = connection_of(scope)
            if size <= PART_BYTES and connection is not None and not connection.unsent_bytes():
                # There is room for all of it, so sending does not wait for the client.
                await send({"type": "http.response.body", "body": bytes(body), "more_body": False})
                return
            for start in range(0, max(size, 1), PART_BYTES):
                more = start + PART_BYTES < size
                limit = loop.time() + seconds
                if rate:
                    limit = min(limit, began + seconds + start / rate)
                async with asyncio.timeout_at(limit):
                    part = bytes(body[start : start + PART_BYTES])
                    await send({"type": "http.response.body", "body": part, "more_body": more})
        except TimeoutError:
            log.info("a client took %d bytes too slowly; its connection is closed", size)
            connection = connection_of(scope)
            if connection is not None:
                connection.abort()
        finally:
            body.release()
            del self._result  # references to this response must not keep the room
