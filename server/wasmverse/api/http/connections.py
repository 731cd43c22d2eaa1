"""All connections, counted by address, and which of them is closed when there is no room for a new one. It is the one that has
kept the server waiting longest: first those that never sent a whole request head, then kept ones without a request, then those
whose body does not arrive, then sockets without a live query. An address that has more than its share of live sockets loses one
of these. Only when all are being served is the new one refused.
"""

from __future__ import annotations

import enum
import logging
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from starlette.types import Scope

from wasmverse.api.http.address import counted_address
from wasmverse.settings import ConnectionSettings

log = logging.getLogger(__name__)

SCOPE_KEY = "wasmverse.connection"
GRACE_SECONDS = 1.0
"""A request that began to arrive later than this is closed only if there is no other."""
DESCRIPTORS_KEPT = 256
"""File descriptors for everything but connections."""


class Kind(enum.IntEnum):
    """What a connection does. Those listed first are closed first for new ones, the last two never."""

    head = 0
    """Its request head has not arrived, or not whole."""
    kept = 1
    """It was answered, and may ask again."""
    body = 2
    """Its request's body has not arrived whole."""
    socket = 3
    """A WebSocket without a live query."""
    live = 4
    """A WebSocket with live queries."""
    busy = 5
    """It is being answered."""


class Connection(Protocol):
    """One connection, as the registry sees it."""

    address: str
    kind: Kind
    since: float

    def make_way(self) -> None:
        """Close, and tell the client where the protocol allows that."""

    def check_time(self, now: float) -> None:
        """Close if a limit of time is past."""

    def abort(self) -> None:
        """End at once; nothing more is sent."""

    def unsent_bytes(self) -> int:
        """Bytes that wait here for the client to take them."""

    def note_live(self, is_live: bool) -> None:
        """Whether there is a live query on it."""


@dataclass(slots=True)
class _Address:
    count: int = 0
    kinds: tuple[dict[Connection, None], ...] = field(default_factory=lambda: tuple({} for _ in Kind))


class Connections:
    """All connections of one server. ``refused`` counts new connections without room, ``closed`` those that were closed for new
    ones. ``is_exempt`` tells whether an address stands for many clients, as a proxy's does.
    """

    def __init__(self, settings: ConnectionSettings, is_exempt: Callable[[str], bool]) -> None:
        self.settings = settings
        self.total = 0
        self.refused = 0
        self.closed: Counter[str] = Counter()
        self._most = within_descriptors(settings.connections_max)
        self._is_exempt = is_exempt
        self._addresses: dict[str, _Address] = {}
        self._kinds: tuple[dict[Connection, None], ...] = tuple({} for _ in Kind)

    def address_of(self, host: str) -> str:
        """The address on whose account a connection from ``host`` is."""
        return host if self._is_exempt(host) else counted_address(host)

    def admit(self, connection: Connection) -> bool:
        """Count a new connection, if need be by closing another; False when none can be closed."""
        address = self._addresses.get(connection.address)
        count = 0 if address is None else address.count
        victim: Connection | None = None
        if address is not None and count >= self._most_of(connection.address):
            victim = _first(address.kinds, connection.since)
        elif self.total >= self._most:
            victim = _first(self._kinds, connection.since) or self._of_the_heaviest(count + 1)
        else:
            self._add(connection)
            return True
        if victim is None:
            self.refused += 1
            return False
        self.closed[victim.kind.name] += 1
        self.forget(victim)
        victim.make_way()
        self._add(connection)
        return True

    def move(self, connection: Connection, kind: Kind) -> None:
        """Note what a connection does now; it is the newest of that kind."""
        address = self._addresses.get(connection.address)
        if address is None or connection not in self._kinds[connection.kind]:
            connection.kind = kind  # it was closed for a new one already
            return
        for kinds in (self._kinds, address.kinds):
            del kinds[connection.kind][connection]
            kinds[kind][connection] = None
        connection.kind = kind

    def replace(self, old: Connection, new: Connection) -> None:
        """Count ``new`` in place of ``old``: the same connection, which has changed its protocol."""
        self.forget(old)
        self._add(new)

    def forget(self, connection: Connection) -> None:
        """Stop counting a connection."""
        address = self._addresses.get(connection.address)
        if address is None or connection not in self._kinds[connection.kind]:
            return
        for kinds in (self._kinds, address.kinds):
            del kinds[connection.kind][connection]
        self.total -= 1
        address.count -= 1
        if not address.count:
            del self._addresses[connection.address]

    def check_times(self, now: float) -> None:
        """Close connections that are past a limit of time."""
        for kind in self._kinds:
            for connection in tuple(kind):
                connection.check_time(now)

    def _add(self, connection: Connection) -> None:
        address = self._addresses.setdefault(connection.address, _Address())
        for kinds in (self._kinds, address.kinds):
            kinds[connection.kind][connection] = None
        address.count += 1
        self.total += 1

    def _most_of(self, address: str) -> int:
        return self._most if self._is_exempt(address) else self.settings.connections_max_per_address

    def _of_the_heaviest(self, count: int) -> Connection | None:
        """The newest live socket of the address with most connections, if that has more than ``count``."""
        heaviest = max(self._addresses.values(), key=lambda address: address.count)
        if heaviest.count <= count:
            return None
        return next(reversed(heaviest.kinds[Kind.live]), None)


def connection_of(scope: Scope) -> Connection | None:
    """The connection that a request or WebSocket came by; None when no server of ours runs the app."""
    connection: Connection | None = scope.get(SCOPE_KEY)
    return connection


def within_descriptors(connections_max: int) -> int:
    """As many of ``connections_max`` as there may be file descriptors, after asking for as many as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + DESCRIPTORS_KEPT
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections_max
    room = max(1, soft - DESCRIPTORS_KEPT)
    log.warning(
        "connections_max is %s, but this process may have %s files open: %s connections then; raise `ulimit -n`",
        f"{connections_max:,}",
        f"{soft:,}",
        f"{room:,}",
    )
    return room


def _first(kinds: tuple[dict[Connection, None], ...], now: float) -> Connection | None:
    """The oldest connection of the first kind that has any, among the kinds that may be closed."""
    young: list[Connection] = []
    for kind in (Kind.head, Kind.kept, Kind.body, Kind.socket):
        oldest = next(iter(kinds[kind]), None)
        if oldest is None:
            continue
        if kind in {Kind.head, Kind.body} and now - oldest.since < GRACE_SECONDS:
            young.append(oldest)
        else:
            return oldest
    return min(young, key=lambda connection: connection.since, default=None)
