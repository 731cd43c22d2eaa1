"""A query that is under way, and each time that it waits for a reader."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from wasmverse.query.budget import Lease
from wasmverse.query.fair import Entry, Lane
from wasmverse.query.query import Client, Query
from wasmverse.query.result import Result
from wasmverse.query.worker import Worker


@dataclass(eq=False, slots=True)
class Run:
    """One query that is under way, for all who asked for it; its tries are entries in the queue, one at a time.

    query : what was asked, with the turn that was the newest then if it named none
    turn : the turn that it reads; a later one if that was removed while the query waited
    is_pinned : whether the query named its turn
    is_live : whether it is asked again every turn
    is_quick : whether it took next to no time at the turn before; then it may be sent to a reader that has others like it
    bytes : what its result is known to have, where it needs room first
    waiters : how many wait for it now
    is_left : nobody waits any more
    is_replaying : its turn is being played again; no reader has been asked
    """

    query: Query
    client: Client
    turn: int
    is_pinned: bool
    is_live: bool
    is_quick: bool
    lane: Lane = Lane.normal
    bytes: int = 0
    others: list[Client] = field(default_factory=list)
    waiters: int = 0
    tries: int = 0
    task: asyncio.Task[Result] | None = None
    entry: Try | None = None
    worker: Worker | None = None
    lease: Lease | None = None
    is_left: bool = False
    is_replaying: bool = False

    @property
    def turns(self) -> tuple[int, ...]:
        """All turns that it reads, ascending."""
        return (*self.query.earlier, self.turn)


@dataclass(eq=False, slots=True)
class Try(Entry):
    """A try of a query, which has a reader or waits for one; ``ready`` is there if it had to wait."""

    run: Run | None = None
    worker: Worker | None = None
    ready: asyncio.Future[Worker] | None = None


def run_of(entry: Entry) -> Run:
    """Which query a queue's entry is a try of."""
    assert isinstance(entry, Try) and entry.run is not None
    return entry.run
