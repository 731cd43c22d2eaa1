"""In which lane a query waits, by what is known of it and of who asks; and which queries may not wait at all."""

from __future__ import annotations

import time

from wasmverse.errors import QueryError, QueryOverload
from wasmverse.query.budget import SMALL_BYTES, ByteBudget
from wasmverse.query.costs import ENDINGS_SECONDS, SLOW_SECONDS, Costs
from wasmverse.query.fair import FairQueue, Lane
from wasmverse.query.query import Query
from wasmverse.query.run import Run, Try
from wasmverse.settings import QuerySettings

SUSPECTS_MAX = 10_000


class Admission:
    """What is known of queries and of clients, and the limits of the queue.

    A client is *suspect* for a minute after one of its queries has ended a reader: its queries are run one at a time, and never
    in the last reader.
    """

    def __init__(self, settings: QuerySettings, queue: FairQueue, budget: ByteBudget) -> None:
        self._settings = settings
        self._queue = queue
        self._budget = budget
        self._suspects: dict[str, float] = {}
        self.costs = Costs()

    @property
    def has_suspects(self) -> bool:
        """Whether there may be suspect clients; False if there are none."""
        return bool(self._suspects)

    def check(self, query: Query) -> None:
        """Refuse a query that is known to end its reader; raises QueryError."""
        if self.costs.ends_readers(query):
            raise QueryError(
                "The query has ended its reader twice in a minute; it is not run again before "
                f"{ENDINGS_SECONDS:g} s have passed",
                code=2013,
            )

    def enter(self, run: Run) -> Try:
        """An entry for the queue, in the lane that the query belongs to; a lane that the run has already stays."""
        known = self.costs.of(run.query)
        if known is not None and run.lane is Lane.normal:
            run.bytes = known.bytes
            large = known.bytes > SMALL_BYTES and self._budget.lacks(run.client.name, known.bytes)
            run.lane = Lane.large if large else Lane.slow if known.seconds >= SLOW_SECONDS else Lane.normal
        if run.lane is Lane.normal:
            cost = self.costs.expected_seconds(run.query)
            if self._suspects and all(self.is_suspect(client.name) for client in (run.client, *run.others)):
                run.lane = Lane.slow
        else:
            cost = SLOW_SECONDS if known is None else known.seconds
        return Try(run.lane, cost, not run.is_live, run=run)

    def bound(self, run: Run, entry: Try) -> None:
        """Refuse a query that waits, or one that waits longer, where too many wait.

        Raises
        ------
        QueryOverload : it is this one.
        """
        settings, queue = self._settings, self._queue
        most = settings.query_queue_max_per_client
        is_cheap = entry.lane is Lane.normal and entry.cost < SLOW_SECONDS
        if queue.counted_of(run.client) > most and not is_cheap:
            queue.remove(entry)
            raise QueryOverload(
                f"{most} queries of this client wait for a reader already; ask again in a second"
            )
        if queue.counted > settings.query_queue_max:
            refused = queue.last_of_longest()
            assert isinstance(refused, Try)
            queue.remove(refused)
            full = QueryOverload(
                f"{settings.query_queue_max} queries wait for a reader already; ask again in a second"
            )
            if refused is entry:
                raise full
            if refused.ready is not None and not refused.ready.done():
                refused.ready.set_exception(full)

    def waited_too_long(self, run: Run) -> QueryOverload:
        """What to tell of a query that was not begun in time."""
        what = "There was no room for its result" if run.lane is Lane.large else "No reader was free"
        return QueryOverload(f"{what} in {self._settings.query_wait_seconds_max:g} s; ask again in a second")

    def note_ending(self, run: Run) -> None:
        """A query has ended its reader: that is remembered of it, and of who asked."""
        self.costs.note_ending(run.query)
        if len(self._suspects) >= SUSPECTS_MAX:
            self._suspects.clear()
        self._suspects[run.client.name] = time.monotonic()

    def is_suspect(self, name: str) -> bool:
        """Whether a client has ended a reader within the last minute."""
        since = self._suspects.get(name)
        if since is None:
            return False
        if time.monotonic() - since > ENDINGS_SECONDS:
            del self._suspects[name]
            return False
        return True
