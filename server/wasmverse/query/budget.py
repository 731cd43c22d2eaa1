"""Room for results: how many bytes of them the gateway holds, in all and for one client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

SMALL_BYTES = 64 << 10
"""A result up to this size is always taken: there is one to a connection at most, and they are what most ask for."""

SHARE = 4
"""One client's large results may hold a quarter of the room; one result it may always have, if there is room for it."""

RESERVE = 8
"""Large results leave an eighth of the room to small ones."""


class Lease:
    """The room of one result, until it is released or nobody has it any more."""

    __slots__ = ("_budget", "bytes", "client")

    def __init__(self, budget: ByteBudget, client: str, size: int) -> None:
        self._budget: ByteBudget | None = budget
        self.client = client
        self.bytes = size

    def release(self) -> None:
        """Give the room back; nothing happens the second time."""
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
        """How many bytes too few there are for a result of ``size``; 0 if it fits, -1 if its client has its share already."""
        if size <= SMALL_BYTES:
            return 0
        held = self._clients.get(client, 0)
        if held and held + size > self._share_max:
            return -1
        return max(0, self.used + size - self._large_max)

    def take(self, client: str, size: int) -> Lease:
        """Take the room for a result; the caller has asked whether it is there."""
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
