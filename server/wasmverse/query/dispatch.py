"""Which query goes to which reader, and when: the queue, the readers, and the room for results together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import orjson

from wasmverse.errors import QueryError, QueryOverload, QueryTimeout, UniverseUnavailable
from wasmverse.query import wire
from wasmverse.query.budget import SMALL_BYTES, ByteBudget, Lease
from wasmverse.query.cache import Key, ResultCache
from wasmverse.query.costs import ENDINGS_SECONDS, SLOW_SECONDS, Costs
from wasmverse.query.fair import Client, Entry, FairQueue, Lane
from wasmverse.query.readers import Readers
from wasmverse.query.result import Result
from wasmverse.query.worker import BEHIND, UNREAD, NoRoom, ReaderGone, Worker
from wasmverse.settings import PoolSettings

log = logging.getLogger(__name__)

TRIES_MAX = 8
"""Times that a query is asked again because its reader was lost or it was stopped for others; more is a fault of ours."""

SUSPECTS_MAX = 10_000


@dataclass(slots=True)
class PoolCounts:
    """What happened since the start, for metrics; ``queries`` by outcome, ``lost`` readers by reason.

    ``interrupted`` : queries that were stopped for others and run again; ``left`` : that nobody waited for any more.
    ``dropped`` : results for which there was no room.
    """

    queries: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    cached: int = 0
    bytes: int = 0
    interrupted: int = 0
    left: int = 0
    dropped: int = 0


@dataclass(eq=False, slots=True)
class Run:
    """One query that is under way, for all who asked for it; the tries of it are entries in the queue, one at a time."""

    key: Key
    client: Client
    is_pinned: bool
    is_quick: bool
    is_patient: bool
    turn: int
    lane: Lane = Lane.normal
    bytes: int = 0
    others: list[Client] = field(default_factory=list)
    waiters: int = 0
    tries: int = 0
    task: asyncio.Task[Result] | None = None
    entry: _Wait | None = None
    worker: Worker | None = None
    lease: Lease | None = None
    is_left: bool = False


@dataclass(eq=False, slots=True)
class _Wait(Entry):
    """A try of a query that waits for a reader; ``ready`` is there if it had to."""

    run: Run | None = None
    worker: Worker | None = None
    ready: asyncio.Future[Worker] | None = None


class Dispatcher:
    """Has queries answered by readers, each client's share at a time; for the event loop's thread.

    Parameters
    ----------
    cache : kept results, which make room for others.
    """

    def __init__(self, settings: PoolSettings, snapshot_folder: Path, cache: ResultCache) -> None:
        self._settings = settings
        self._cache = cache
        self._slow_max = max(1, settings.readers - 1)
        self._costs = Costs()
        self._suspects: dict[str, float] = {}
        self._at: dict[Worker, _Wait] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self.queue = FairQueue()
        self.readers = Readers(settings, snapshot_folder, self._serve, self._make_way)
        self.budget = ByteBudget(settings.results_bytes_max)
        self.budget.on_room = self._on_room
        self.counts = PoolCounts(lost=self.readers.lost)

    async def start(self) -> None:
        """Start the readers; raises UniverseUnavailable."""
        self._loop = asyncio.get_running_loop()
        await self.readers.start()

    async def close(self) -> None:
        """End the readers; whoever asks them has been cancelled."""
        self._is_closed = True
        await self.readers.close()

    def join(self, run: Run, client: Client) -> None:
        """Another client waits for a query too: it is to be answered when it is the turn of any of them."""
        if client.name != run.client.name and client not in run.others:
            run.others.append(client)
            if run.entry is not None:
                self.queue.push(run.entry, client)
                self._serve()

    def leave(self, run: Run) -> None:
        """Stop a query that nobody waits for any more."""
        self.counts.left += 1
        run.is_left = True
        entry, worker = run.entry, run.worker
        if entry is not None and entry.ready is not None and not entry.ready.done():
            entry.ready.cancel()
        elif worker is not None and worker.outstanding == 1:
            worker.interrupt()

    async def ask(self, run: Run) -> tuple[wire.Answer, bytes | bytearray]:
        """One answer of a reader that has nothing to do with other queries; asks again for as long as it has."""
        key = run.key
        while True:
            run.lease = None
            run.tries += 1
            if run.tries > TRIES_MAX:
                raise UniverseUnavailable("The readers that were asked have all ended; ask again in a moment")
            if self._costs.ends_readers(key):
                raise QueryError(
                    "The query has ended its reader twice in a minute; it is not run again before "
                    f"{ENDINGS_SECONDS:g} s have passed",
                    code=2013,
                )
            worker, entry = await self._acquire(run)
            run.worker = worker
            seconds = 0.0
            try:
                head, body = await worker.ask(self._frame(run), partial(self._admit, run))
                seconds = head.get("seconds", 0.0)
            except NoRoom as full:
                seconds = time.monotonic() - worker.since
                self.counts.dropped += 1
                self._costs.note_size(key, full.size)
                run.lane, run.bytes, run.is_quick = Lane.large, full.size, False
                continue
            except ReaderGone as gone:
                run.is_quick = False  # whatever happened, it is to have a reader of its own now
                if gone.reason == BEHIND:
                    continue
                self.readers.lost[gone.reason] += 1
                if gone.reason == UNREAD:
                    continue
                seconds = time.monotonic() - worker.since + self.readers.start_seconds
                if gone.reason == "heedless":
                    if run.is_left:
                        self._note_ending(
                            run
                        )  # or leaving would be a way to end readers that nobody is blamed for
                        raise asyncio.CancelledError from None
                    run.lane = Lane.slow
                    continue
                raise self._lost(run, gone) from gone
            finally:
                run.worker = None
                self._give_back(worker, entry, seconds)
            is_stopped = (
                head.get("kind") == "QueryTimeout" and seconds < 0.9 * self._settings.query_seconds_max
            )
            if "ends" in head:
                self.readers.lost["internal"] += 1
                log.warning("a query met an internal error, its reader is replaced: %s", head["ends"])
                self._note_ending(run)
                return head, body
            self._costs.note(key, SLOW_SECONDS if is_stopped else seconds, len(body))
            if not is_stopped:
                return head, body
            if run.is_left:
                raise asyncio.CancelledError
            self.counts.interrupted += 1
            run.lane, run.is_quick = Lane.slow, False

    def _frame(self, run: Run) -> bytes:
        key = run.key
        return wire.pack(
            wire.Request(
                sql=key.sql,
                args=cast("Any", orjson.Fragment(key.args)),  # packed already
                turn=run.turn,
                format=key.format,
                big_as_string=key.big_as_string,
                gzip=key.gzip,
            )
        )

    def _lost(self, run: Run, gone: ReaderGone) -> QueryError:
        """Note that a query has ended its reader; what to tell of it."""
        log.warning("a query %s; its reader is replaced", gone.detail)
        self._note_ending(run)
        if gone.reason == "time":
            return QueryTimeout(
                f"The query {gone.detail}, the limit for one query; ask for less, or filter by sid"
            )
        if gone.reason == "memory":
            return QueryError(
                f"The query {gone.detail}; filter or aggregate earlier, or ask for less", code=1041
            )
        return QueryError(f"The query {gone.detail}; it was not answered", code=2013)

    def _note_ending(self, run: Run) -> None:
        self._costs.note_ending(run.key)
        if len(self._suspects) >= SUSPECTS_MAX:
            self._suspects.clear()
        self._suspects[run.client.name] = time.monotonic()

    async def _acquire(self, run: Run) -> tuple[Worker, _Wait]:
        """A reader for a query, when it is its turn."""
        entry = self._enter(run)
        if entry.worker is None:
            self._serve()
        if (worker := entry.worker) is not None:
            return worker, entry
        if not run.is_patient:
            self._bound(run, entry)
        entry.ready = asyncio.get_running_loop().create_future()
        run.entry = entry
        try:
            limit = None if run.is_patient else self._settings.query_wait_seconds_max
            return await asyncio.wait_for(entry.ready, limit), entry
        except TimeoutError:
            what = "There was no room for its result" if run.lane is Lane.large else "No reader was free"
            self._withdraw(entry)
            raise QueryOverload(
                f"{what} in {self._settings.query_wait_seconds_max:g} s; ask again in a second"
            ) from None
        except asyncio.CancelledError:
            self._withdraw(entry)
            raise
        finally:
            run.entry = None
            self.queue.remove(entry)

    def _withdraw(self, entry: _Wait) -> None:
        """Take back a reader that was handed out at the very moment at which nobody wanted it any more."""
        if entry.worker is not None:
            self._give_back(entry.worker, entry, 0.0)

    def _enter(self, run: Run) -> _Wait:
        """Put a query into the queue, by what is known of it."""
        known = self._costs.of(run.key)
        if known is not None and run.lane is Lane.normal:
            run.bytes = known.bytes
            large = known.bytes > SMALL_BYTES and self.budget.lacks(run.client.name, known.bytes)
            run.lane = Lane.large if large else Lane.slow if known.seconds >= SLOW_SECONDS else Lane.normal
        if run.lane is Lane.normal:
            cost = self._costs.expected_seconds(run.key)
            if self._suspects and all(self._is_suspect(client.name) for client in (run.client, *run.others)):
                run.lane = Lane.slow
        else:
            cost = SLOW_SECONDS if known is None else known.seconds
        entry = _Wait(run.lane, cost, not run.is_patient, run=run)
        if run.lane is Lane.normal and not self.queue and not self._suspects and not self._is_closed:
            worker = self.readers.find(is_quick=run.is_quick)
            if worker is not None:
                self.queue.go(entry, run.client)
                self._lend(entry, worker, run)
                return entry
        self.queue.push(entry, run.client)
        for other in run.others:
            self.queue.push(entry, other)
        return entry

    def _bound(self, run: Run, entry: _Wait) -> None:
        """Refuse a query, or one that waits longer, where too many wait.

        Raises
        ------
        QueryOverload : it is this one.
        """
        settings, queue = self._settings, self.queue
        most = settings.query_queue_max_per_client
        is_cheap = entry.lane is Lane.normal and entry.cost < SLOW_SECONDS
        if queue.counted_of(run.client) > most and not is_cheap:
            queue.remove(entry)
            raise QueryOverload(
                f"{most} queries of this client wait for a reader already; ask again in a second"
            )
        if queue.counted > settings.query_queue_max:
            refused = queue.last_of_longest()
            assert isinstance(refused, _Wait)
            queue.remove(refused)
            full = QueryOverload(
                f"{settings.query_queue_max} queries wait for a reader already; ask again in a second"
            )
            if refused is entry:
                raise full
            if refused.ready is not None and not refused.ready.done():
                refused.ready.set_exception(full)

    def _is_suspect(self, name: str) -> bool:
        """Whether a client has ended a reader lately: its queries are run one at a time, and never in the last reader."""
        since = self._suspects.get(name)
        if since is None:
            return False
        if time.monotonic() - since > ENDINGS_SECONDS:
            del self._suspects[name]
            return False
        return True

    def _serve(self) -> None:
        """Hand readers to those who wait, while there are readers."""
        queue, readers = self.queue, self.readers
        while queue and not self._is_closed:
            free = readers.find(is_quick=False)
            if free is None and not readers.is_shared:
                return
            entry = queue.first(Lane.normal, self._may_be_risked if self._suspects else None)
            worker = None if entry is None else free or readers.find(is_quick=_run_of(entry).is_quick)
            if worker is None:
                entry = None
            waits = free is not None and (queue.waits(Lane.slow) or queue.waits(Lane.large))
            if waits and self._slow_at_work() < self._slow_max:
                for lane, fits in ((Lane.slow, self._may_be_risked), (Lane.large, self._has_room)):
                    other = queue.first(lane, fits)
                    if other is not None and (
                        entry is None or queue.level_after(other) < queue.level_after(entry)
                    ):
                        entry, worker = other, free
            if entry is None or worker is None:
                return
            self._hand(entry, worker)

    def _hand(self, entry: Entry, worker: Worker) -> None:
        run = _run_of(entry)
        assert isinstance(entry, _Wait)
        self.queue.take(entry)
        self._lend(entry, worker, run)
        if entry.lane is Lane.large:
            run.lease = self.budget.take(run.client.name, run.bytes)
        if entry.ready is not None and not entry.ready.done():
            entry.ready.set_result(worker)

    def _lend(self, entry: _Wait, worker: Worker, run: Run) -> None:
        self.readers.lend(worker, is_quick=run.is_quick, is_slow=entry.lane is not Lane.normal)
        self._at[worker] = entry
        entry.worker = worker

    def _give_back(self, worker: Worker, entry: _Wait, seconds: float) -> None:
        self.queue.charge(entry, seconds)
        self.readers.take_back(worker)
        if not worker.outstanding:
            self._at.pop(worker, None)
            if not self._at:
                self.queue.forget()
        if self.queue:
            self._serve()

    def _slow_at_work(self) -> int:
        before = time.monotonic() - SLOW_SECONDS
        return sum(worker.is_slow or worker.since < before for worker in self.readers.at_work)

    def _may_be_risked(self, entry: _Wait, name: str) -> bool:
        return not self._is_suspect(name) or len(self.readers.idle) > 1 or self.readers.wanted == 1

    def _has_room(self, entry: _Wait, _name: str) -> bool:
        run = _run_of(entry)
        return self._find_room(run.client.name, run.bytes)

    def _find_room(self, name: str, size: int) -> bool:
        lacking = self.budget.lacks(name, size)
        if lacking > 0:
            self._cache.shrink(lacking)
            lacking = self.budget.lacks(name, size)
        return not lacking

    def _admit(self, run: Run, _head: wire.Answer, size: int) -> bool:
        """Whether an answer that a reader has ready is to be read: then there is room for it, and this is taken."""
        run.lease = None  # what was expected; now it is known
        if run.is_left:
            return False
        if size > SMALL_BYTES:
            name = run.client.name
            if not self._find_room(name, size):
                return False
            run.lease = self.budget.take(name, size)
        return True

    def _on_room(self) -> None:
        if self._loop is not None and len(self.queue) and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._serve)

    def _make_way(self) -> None:
        """Stop what has had its try where others have not: it is run again when it is its turn among the slow.

        So of two readers or more, one at least is always free for queries that are quick, or new, within ``SLOW_SECONDS``.
        """
        before = time.monotonic() - SLOW_SECONDS
        long = [worker for worker in self.readers.at_work if worker.since < before]
        for worker in long:
            if worker.outstanding > 1:
                worker.interrupt()
        if len(long) <= self._slow_max or self.queue.first(Lane.normal) is None:
            return
        now = time.monotonic()
        stoppable = [worker for worker in long if not worker.is_slow and worker in self._at]
        if stoppable and not any(worker.interrupted_at for worker in long):
            # Of those, the one whose client has used most.
            max(
                stoppable, key=lambda worker: self.queue.level_after(self._at[worker]) + now - worker.since
            ).interrupt()


def _run_of(entry: Entry) -> Run:
    assert isinstance(entry, _Wait) and entry.run is not None
    return entry.run
