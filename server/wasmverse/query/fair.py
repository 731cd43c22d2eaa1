"""Whose query is next: the readers' time is shared by client, and a client's share by its connections.

Start-time fair queueing (Goyal, Vin and Cheng, 1996), on two levels. Every client has a *level*, the seconds of readers that it
has been given; the next query is the one whose client would have the lowest level after it. So cheap queries, and clients that
have used little, go ahead; and nobody waits for ever, because a level rises only by what was used. A client that is new or
comes back begins at the level of the least served client that waits, so unused time is not saved up. Of equal levels the newest
goes first: most clients ask little and are soon done. What a client used beyond the others is remembered up to
``LEAD_SECONDS_MAX``, and until nobody asks any more.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from wasmverse.query.query import Client

LEAD_SECONDS_MAX = 10.0
"""A client that had all readers to itself falls behind the others by no more than this."""

GRAIN_SECONDS = 0.1
"""Levels that differ by less than this are equal: a few quick queries do not put a client behind one that has had none."""

SHARES_MAX = 10_000


class Lane(IntEnum):
    """Where a query waits: nothing bad is known of it; it is known to take long; its result needs room first."""

    normal = 0
    slow = 1
    large = 2


@dataclass(eq=False, slots=True)
class Entry:
    """One query that waits.

    ``cost`` : reader seconds that it is expected to take. ``is_counted`` : whether it counts towards the limits of waiting
    queries. ``payer`` : the client whose turn it was, once it was chosen.
    """

    lane: Lane
    cost: float
    is_counted: bool = True
    shares: list[_Share] = field(default_factory=list)
    payer: _Share | None = None
    session: _Session | None = None
    is_gone: bool = False


@dataclass(eq=False, slots=True)
class _Share:
    """One client: its level, and its waiting queries by lane, those of the least served connection first."""

    name: str
    level: float
    lanes: tuple[list[_Place], list[_Place], list[_Place]] = field(default_factory=lambda: ([], [], []))
    sessions: dict[str, _Session] = field(default_factory=dict)
    session_level: float = 0.0
    waiting: int = 0
    counted: int = 0

    def head(self, lane: Lane) -> _Place | None:
        """The first place in a lane whose query still waits."""
        places = self.lanes[lane]
        while places and places[0].entry.is_gone:
            heapq.heappop(places).session.waiting -= 1
        return places[0] if places else None

    def drop_gone(self) -> None:
        """Drop the places of queries that no longer wait, once they are the majority: each place keeps its query's text in
        memory. A place that is not at the head would otherwise stay for as long as newer queries come.
        """
        if sum(map(len, self.lanes)) <= 2 * self.waiting:
            return
        for places in self.lanes:
            for place in places:
                place.session.waiting -= place.entry.is_gone
            places[:] = [place for place in places if not place.entry.is_gone]
            heapq.heapify(places)

    def floor(self) -> float:
        """The level of its least served connection that waits, or else that of the one served last."""
        heads = [place.start for lane in Lane if (place := self.head(lane)) is not None]
        return min(heads, default=self.session_level)


@dataclass(eq=False, slots=True)
class _Session:
    """One connection of a client: its level, its waiting queries, and ``youth``, which is lower the later it began to wait."""

    level: float = 0.0
    waiting: int = 0
    youth: int = 0


class _Place(NamedTuple):
    """A place in the order: of equal levels the youngest connection, within one the oldest query."""

    grains: int
    youth: int
    number: int
    start: float
    session: _Session
    entry: Entry


class FairQueue:
    """The queries that wait, and what each client has used."""

    def __init__(self) -> None:
        self._level = 0.0
        self._shares: dict[str, _Share] = {}
        self._lanes: tuple[dict[str, _Share], dict[str, _Share], dict[str, _Share]] = ({}, {}, {})
        self._numbers = itertools.count()
        self._waiting = 0
        self.counted = 0
        """How many of those that wait are counted."""

    def __len__(self) -> int:
        return self._waiting

    def waits(self, lane: Lane) -> bool:
        """Whether there may be a query in a lane; False if there is none."""
        return bool(self._lanes[lane])

    def counted_of(self, client: Client) -> int:
        """How many queries of a client wait and are counted."""
        share = self._shares.get(client.name)
        return share.counted if share else 0

    def push(self, entry: Entry, client: Client) -> None:
        """Let a query wait on behalf of a client; more clients may be added for one that waits already."""
        share = self._share(client.name)
        if share in entry.shares:
            return
        number = next(self._numbers)
        session = self._session(share, client.session)
        start = max(session.level, share.floor())
        session.level = start + entry.cost
        if not session.waiting:
            session.youth = -number
        session.waiting += 1
        place = _Place(_grains(session.level), session.youth, number, start, session, entry)
        heapq.heappush(share.lanes[entry.lane], place)
        self._lanes[entry.lane][share.name] = share
        if not entry.shares:
            self._waiting += 1
            self.counted += entry.is_counted
        share.waiting += 1
        share.counted += entry.is_counted
        entry.shares.append(share)

    def go(self, entry: Entry, client: Client) -> None:
        """Choose a query at once, when nobody waits: the same as ``push``, ``first`` and ``take``, for less."""
        share = self._share(client.name)
        session = self._session(share, client.session)
        start = max(session.level, share.session_level)
        session.level = start + entry.cost
        share.session_level = max(share.session_level, start)
        self._level = max(self._level, share.level)
        share.level += entry.cost
        entry.payer, entry.session, entry.is_gone = share, session, True

    def first(self, lane: Lane, fits: Callable[[Any, str], bool] | None = None) -> Entry | None:
        """The next query of a lane, among those for which ``fits(entry, name of its client)`` holds."""
        best, best_order = None, (0, 0)
        for share in tuple(self._lanes[lane].values()):
            place = share.head(lane)
            if place is None:
                del self._lanes[lane][share.name]
                continue
            entry = place.entry
            order = (_grains(share.level + entry.cost), place.youth)
            if (best is None or order < best_order) and (fits is None or fits(entry, share.name)):
                best, best_order, entry.payer = entry, order, share
        return best

    def level_after(self, entry: Entry) -> float:
        """The level that its client would have after it; for a query that ``first`` returned."""
        assert entry.payer is not None
        return entry.payer.level + entry.cost

    def take(self, entry: Entry) -> None:
        """Choose a query that ``first`` returned; its client is charged the expected cost."""
        share = entry.payer
        assert share is not None
        place = heapq.heappop(share.lanes[entry.lane])
        place.session.waiting -= 1
        entry.session = place.session
        share.session_level = max(share.session_level, place.start)
        self._level = max(self._level, share.level)
        share.level += entry.cost
        self._leave(entry)

    def remove(self, entry: Entry) -> None:
        """Remove a query that need not be answered any more."""
        if not entry.is_gone and entry.shares:
            self._leave(entry)

    def charge(self, entry: Entry, seconds: float) -> None:
        """Correct the charge of a chosen query to what it really cost."""
        share = entry.payer
        if share is None:
            return
        share.level = min(share.level + seconds - entry.cost, self._level + LEAD_SECONDS_MAX)
        if entry.session is not None:
            entry.session.level += seconds - entry.cost

    def last_of_longest(self) -> Entry | None:
        """The query that would be answered last, of the client with the most counted queries."""
        share = max(self._shares.values(), key=lambda share: share.counted, default=None)
        if share is None or not share.counted:
            return None
        places = (place for place in itertools.chain(*share.lanes) if not place.entry.is_gone)
        return max(place for place in places if place.entry.is_counted).entry

    def forget(self) -> None:
        """Forget all levels, when nobody waits and nothing runs."""
        if not self._waiting:
            self._shares.clear()
            self._level = 0.0

    def _share(self, name: str) -> _Share:
        share = self._shares.get(name)
        if share is None:
            if len(self._shares) >= SHARES_MAX:
                self._shares = {key: share for key, share in self._shares.items() if share.waiting}
            share = self._shares[name] = _Share(name, self._floor())
        elif share.level < self._level and not share.waiting:
            share.level = max(share.level, self._floor())
        return share

    def _session(self, share: _Share, name: str) -> _Session:
        session = share.sessions.get(name)
        if session is None:
            if len(share.sessions) >= SHARES_MAX:
                share.sessions.clear()
            session = share.sessions[name] = _Session()
        return session

    def _floor(self) -> float:
        """The level of the least served client that waits, or else that of the one served last."""
        if not self._waiting:
            return self._level
        return min(share.level for share in self._shares.values() if share.waiting)

    def _leave(self, entry: Entry) -> None:
        entry.is_gone = True
        self._waiting -= 1
        self.counted -= entry.is_counted
        for share in entry.shares:
            share.waiting -= 1
            share.counted -= entry.is_counted
            share.drop_gone()


def _grains(level: float) -> int:
    return int(level / GRAIN_SECONDS + 1e-6)
