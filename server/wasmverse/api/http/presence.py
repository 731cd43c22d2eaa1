"""Stops a query whose client has left."""

from __future__ import annotations

import asyncio
from types import TracebackType

from starlette.requests import Request

from wasmverse.api.errors import HttpError

LOOK_SECONDS = 0.1
"""After this time it is worth checking whether the client is still there; most answers take less."""


class WhilePresent:
    """``with WhilePresent(request): await ...`` cancels what is awaited once the client has left; the body must have been read.

    It raises ``HttpError`` then, which nobody reads.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._looking: asyncio.Task[None] | None = None
        self._has_left = False

    def __enter__(self) -> None:
        """Begin to check, after a moment."""
        self._waiting = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._looking = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._has_left = True
        assert self._waiting is not None
        self._waiting.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop checking."""
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
        if self._has_left and kind is asyncio.CancelledError:
            assert self._waiting is not None
            self._waiting.uncancel()
            raise HttpError(400, "The client left before it was answered") from None
