"""A live query, what its watchers are told of it, and when it is ended. Knows neither sockets nor readers.

Each watcher has a place for one message per subscription: a newer result takes the place of one that was not sent yet, so a slow
client gets the newest and costs no more memory than a fast one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, islice

from wasmverse.api.live.messages import Payload, error_text, payload
from wasmverse.api.metrics import Metrics
from wasmverse.errors import QueryError, QueryOverload, QueryRefused, WasmverseError
from wasmverse.query.budget import SMALL_BYTES
from wasmverse.query.query import NOBODY, Client, Query
from wasmverse.query.result import Result

FAILURES_MAX = 3
"""Turns in a row in which a live query that has worked before may fail until it is ended."""

LASTING = frozenset({1052, 1054, 1055, 1064, 1146, 1305, 1041, 2013})
"""Errors that the next turn would meet again, some of which cost a reader: the query is ended at once."""

CLIENTS_MAX = 16
"""Clients on whose account a live query waits, at most."""
CLIENTS_LOOKED_AT = 64
"""Watchers among whom these are looked for: of thousands, most come from few places."""


@dataclass(slots=True)
class Watch:
    """One distinct live query and its latest outcome: ``latest`` of ``turn``, or ``error``.

    ``version`` counts the outcomes that differ; ``watchers`` has the one that each subscription was told. ``digest`` is that of
    the last result: the result itself is kept only while it is short, or waits to be sent. ``task`` brings the watch up to the
    newest turn; ``is_due`` says that there is a newer one by now, or a watcher who has not been told.
    """

    query: Query
    watchers: dict[tuple[Watcher, int], int] = field(default_factory=dict)
    version: int = 0
    turn: int = -1
    digest: bytes = b""
    latest: Result | None = None
    text: str = ""
    error: WasmverseError | None = None
    failures: int = 0
    task: asyncio.Task[None] | None = None
    is_due: bool = False

    def clients(self) -> list[Client]:
        """Those that it is run for, by different names: who was the first to watch of those that do, then the newest ones.

        Not the first alone: they could keep the others waiting, by asking for more than their share.
        """
        first, newest = islice(self.watchers, 1), islice(reversed(self.watchers), CLIENTS_LOOKED_AT)
        found: dict[str, Client] = {}
        for watcher, _ in chain(first, newest):
            found.setdefault(watcher.client.name, watcher.client)
        return list(found.values())[:CLIENTS_MAX] or [NOBODY]

    def is_current(self, newest: int | None) -> bool:
        """Whether its result is that of the newest turn and is still here, so that it need not be run again."""
        return self.error is None and self.turn == newest and self.latest is not None

    def succeed(self, result: Result) -> None:
        """It was answered; a result that differs from the last outcome is a new version."""
        digest = hashlib.blake2b(result.body, digest_size=16).digest()
        changed = self.error is not None or digest != self.digest
        self.turn, self.error, self.failures = result.turn, None, 0
        self.digest, self.latest = digest, result
        if changed:
            is_text = self.query.format != "arrow" and len(result.body) <= SMALL_BYTES
            self.text = result.body.decode() if is_text else ""
            self.version += 1

    def fail(self, error: WasmverseError) -> None:
        """It was not answered; an error of another text is a new version."""
        before, self.error = self.error, error
        self.failures += isinstance(error, QueryError)
        if self.is_over() and before is not None:
            self.error = QueryError(
                f"{error.message} (in {self.failures} turns, so it is ended)", code=error.code
            )
        self.version += before is None or str(before) != str(self.error)

    def is_over(self) -> bool:
        """Whether it has failed for good: there is no sense in it, it ends readers, or it has never yet succeeded.

        One that has may fail because of what is in one turn, and is tried for a few; and a server that is too busy says nothing
        about a query.
        """
        error = self.error
        if not isinstance(error, QueryError):
            return False
        has_failed = not self.digest and not isinstance(error, QueryOverload)
        return (
            has_failed
            or isinstance(error, QueryRefused)
            or error.code in LASTING
            or self.failures >= FAILURES_MAX
        )

    def tell(self) -> None:
        """Leave a message for each watcher that has not been told of the latest outcome."""
        for (watcher, identity), told in tuple(self.watchers.items()):
            if told != self.version:
                self.watchers[watcher, identity] = self.version
                watcher.offer(identity, self._message(identity))
        if self.latest is not None and len(self.latest.body) > SMALL_BYTES:
            self.latest = None

    def _message(self, identity: int) -> Payload:
        if self.error is not None:
            return error_text(identity, self.error)
        assert self.latest is not None
        return payload(self.latest, self.turn, identity, self.text, is_arrow=self.query.format == "arrow")


class Watcher:
    """One connection and what waits to be sent on it.

    Parameters
    ----------
    recheck : raises WasmverseError when the token by which it watches no longer holds; None where it watches without a token.
    client : whose share its queries are a part of.
    """

    def __init__(
        self, metrics: Metrics, recheck: Callable[[], object] | None = None, client: Client = NOBODY
    ) -> None:
        self.client = client
        self.watches: dict[int, Watch] = {}
        self.waiting: dict[int, Payload] = {}
        self.wakes = asyncio.Event()
        self.recheck = recheck
        self.end_code = 0
        """With which code the connection is to be closed once all is sent; 0 while it goes on."""
        self._drained = asyncio.Event()
        self._metrics = metrics

    def offer(self, identity: int, message: Payload) -> None:
        """Leave a message to be sent; one that still waits for the same subscription is dropped."""
        if self.end_code:
            return
        if identity in self.waiting:
            self._metrics.live_skipped.inc()
            del self.waiting[identity]  # so that the newest goes to the end of the queue
        self.waiting[identity] = message
        self.wakes.set()

    def refuse(self, identity: int, error: WasmverseError) -> None:
        """Leave the message that a subscription, or -1 for none in particular, met an error."""
        self.offer(identity, error_text(None if identity < 0 else identity, error))

    def next_message(self) -> tuple[int, Payload]:
        """Take the message that has waited longest, of which there must be one, and the subscription that it is for."""
        identity = next(iter(self.waiting))
        message = self.waiting.pop(identity)
        self._drained.set()
        return identity, message

    async def drain(self, most: int) -> None:
        """Wait until at most so many messages wait: who does not take answers is not listened to, as they are kept here."""
        while len(self.waiting) > most:
            self._drained.clear()
            await self._drained.wait()

    def end(self, code: int, error: WasmverseError) -> None:
        """Let a last message go out, and then the connection end."""
        self.waiting.clear()
        self.refuse(-1, error)
        self.end_code = code

    def give_up(self, code: int) -> None:
        """Nothing can be sent any more: whoever waits for what is kept here must not wait for ever."""
        self.end_code = self.end_code or code
        self.waiting.clear()
        self._drained.set()
