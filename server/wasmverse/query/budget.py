"""Room for results: how many bytes of them the gateway holds, in all and for one client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

SMALL_BYTES = 64 << 10
"""Results up to this size are always accepted: each connection has at most one, and most queries have such a result."""

SHARE = 4
"""One client's large results may hold a quarter of the room; a single result may be larger than that, if there is room."""

RESERVE = 8
"""Large results leave an eighth of the room for small ones."""


class Lease:
    """The room that one result takes, until it is released or garbage-collected."""

    __slots__ = ("_budget", "bytes", "client")

    def __init__(self, budget: ByteBudget, client: str, size: int) -> None:
        self._budget: ByteBudget | None = budget
        self.client = client
        self.bytes = size

    def release(self) -> None:
        """Give the room back; a second call does nothing."""
        budget, self._budget = self._budget, None
        if budget is not None:
            budget._give_back(self)

    def __del__(self) -> None:
        self.release()


class ByteBudget:
    """Counts the bytes of results from the moment that a reader announces them until they are sent and out of the cache."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.used = 0
        self._large_max = bytes_max - bytes_max // RESERVE
        self._share_max = bytes_max // SHARE
        self._clients: Counter[str] = Counter()
        self.on_room: Callable[[], None] = lambda: None

    def lacks(self, client: str, size: int) -> int:
        """The bytes that are missing for a result of ``size``; 0 if it fits, -1 if its client has used up its share."""
        if size <= SMALL_BYTES:
            return 0
        held = self._clients.get(client, 0)
        if held and held + size > self._share_max:
            return -1
        return max(0, self.used + size - self._large_max)

    def take(self, client: str, size: int) -> Lease:
        """Take the room for a result; the caller has checked with ``lacks`` that it is there."""
        self.used += size
        if size > SMALL_BYTES:
            self._clients[client] += size
        return Lease(self, client, size)

    def pass_on(self, lease: Lease, client: str) -> None:
        """Count a result on account of another client; "" for what is kept for all."""
        self._leave(lease)
        lease.client = client
        if lease.bytes > SMALL_BYTES and client:
            self._clients[client] += lease.bytes

    def _give_back(self, lease: Lease) -> None:
        self.used -= lease.bytes
        self._leave(lease)
        if lease.bytes > SMALL_BYTES:
            self.on_room()

    def _leave(self, lease: Lease) -> None:
        if lease.bytes > SMALL_BYTES and lease.client:
            self._clients[lease.client] -= lease.bytes
            if self._clients[lease.client] <= 0:
                del self._clients[lease.client]
