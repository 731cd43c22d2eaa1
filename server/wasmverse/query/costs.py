"""What is known of queries from when they last ran: their time, the size of their result, and whether they ended readers."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from wasmverse.query.query import Query

KEPT_MAX = 8_192
SLOW_SECONDS = 0.1
"""A query that ran so long is slow: it must leave its reader to queries that have not been tried yet."""
QUICK_SECONDS = 0.01
"""A live query that took its reader no longer than this at the turn before may be queued at one that has others like it."""
QUICK_KEPT_MAX = 65_536
ENDINGS_MAX = 2
ENDINGS_SECONDS = 60.0
"""A query that ended two readers within a minute is not run again in the minute after."""


@dataclass(slots=True)
class QueryCost:
    """What is known of one statement with its arguments: reader seconds, bytes of its result, and when it ended readers."""

    seconds: float = SLOW_SECONDS
    bytes: int = 0
    endings: int = 0
    ended_at: float = 0.0


class Costs:
    """The costs of the queries that ran last, by a hash of the query, as texts may be long. That a query is slow or large holds
    for the same arguments only: otherwise one client could make another's query wait, by asking for much with the same text.
    That a text is cheap is a guess, which is corrected while it runs.
    """

    def __init__(self) -> None:
        self._exact: OrderedDict[int, QueryCost] = OrderedDict()
        self._texts: OrderedDict[int, float] = OrderedDict()
        self._quick: dict[int, None] = {}

    def of(self, query: Query) -> QueryCost | None:
        """What is known of exactly this query."""
        return self._exact.get(_exactly(query))

    def expected_seconds(self, query: Query) -> float:
        """The seconds that it is expected to take, from what its text took before; at most ``SLOW_SECONDS``."""
        return min(self._texts.get(hash(query.sql), SLOW_SECONDS), SLOW_SECONDS)

    def note(self, query: Query, seconds: float, size: int) -> None:
        """A query was answered, or was stopped after ``seconds``."""
        text = hash(query.sql)
        before = self._texts.pop(text, seconds)
        self._texts[text] = max(seconds, (before + seconds) / 2)
        if len(self._texts) > KEPT_MAX:
            self._texts.popitem(last=False)
        exact = _exactly(query)
        if seconds >= SLOW_SECONDS or exact in self._exact:
            cost = self._keep(exact)
            cost.seconds, cost.bytes = seconds, size

    def is_quick(self, query: Query) -> bool:
        """Whether a live query took next to no time when it was asked last."""
        return _exactly(query) in self._quick

    def note_live(self, query: Query, seconds: float | None) -> None:
        """A live query was answered by a reader in ``seconds``, or was not answered: None."""
        exact = _exactly(query)
        self._quick.pop(exact, None)
        if seconds is not None and seconds <= QUICK_SECONDS:
            self._quick[exact] = None
            if len(self._quick) > QUICK_KEPT_MAX:
                del self._quick[next(iter(self._quick))]

    def note_size(self, query: Query, size: int) -> None:
        """A result had so many bytes, for which there was no room."""
        self._keep(_exactly(query)).bytes = size

    def note_ending(self, query: Query) -> None:
        """A query has ended its reader."""
        cost = self._keep(_exactly(query))
        now = time.monotonic()
        cost.endings = 1 if now - cost.ended_at > ENDINGS_SECONDS else cost.endings + 1
        cost.ended_at = now

    def ends_readers(self, query: Query) -> bool:
        """Whether a query has ended so many readers lately that it must not run now."""
        cost = self._exact.get(_exactly(query)) if self._exact else None
        return (
            cost is not None
            and cost.endings >= ENDINGS_MAX
            and time.monotonic() - cost.ended_at < ENDINGS_SECONDS
        )

    def _keep(self, exact: int) -> QueryCost:
        cost = self._exact.pop(exact, None) or QueryCost()
        self._exact[exact] = cost
        if len(self._exact) > KEPT_MAX:
            self._exact.popitem(last=False)
        return cost


def _exactly(query: Query) -> int:
    """A hash that is the same for all turns."""
    return hash((query.sql, query.args, query.format, query.gzip))
