"""Which query goes to which reader, and when: the queue, the readers, and the room for results together."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from pathlib import Path

from wasmverse.errors import QueryError, QueryTimeout, UniverseUnavailable
from wasmverse.query import wire
from wasmverse.query.admission import Admission
from wasmverse.query.budget import SMALL_BYTES, ByteBudget
from wasmverse.query.cache import ResultCache
from wasmverse.query.costs import SLOW_SECONDS
from wasmverse.query.fair import Entry, FairQueue, Lane
from wasmverse.query.query import Client
from wasmverse.query.readers import Readers
from wasmverse.query.run import Run, Try, run_of
from wasmverse.query.service import Counts
from wasmverse.query.worker import BEHIND, UNREAD, NoRoom, ReaderGone, Worker
from wasmverse.settings import PoolSettings

log = logging.getLogger(__name__)

_READER = {"event": "reader"}

TRIES_MAX = 8
"""How often a query may be tried again because its reader was lost or it was stopped for others; more would be our fault."""


class Dispatcher:
    """Gives queries to readers, sharing the readers' time by client; for the event loop's thread.

    Parameters
    ----------
    cache : kept results, which are dropped where others need room.
    """

    def __init__(self, settings: PoolSettings, snapshot_folder: Path, cache: ResultCache) -> None:
        self._settings = settings
        self._cache = cache
        self._slow_max = max(1, settings.readers - 1)
        self._at: dict[Worker, Try] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self.queue = FairQueue()
        self.readers = Readers(settings, snapshot_folder, self._serve, self._make_way)
        self.budget = ByteBudget(settings.results_bytes_max)
        self.budget.on_room = self._on_room
        self.counts = Counts(lost=self.readers.lost)
        self.admission = Admission(settings, self.queue, self.budget)

    async def start(self) -> None:
        """Start the readers; raises UniverseUnavailable."""
        self._loop = asyncio.get_running_loop()
        await self.readers.start()

    async def close(self) -> None:
        """End the readers; whoever asks them has been cancelled."""
        self._is_closed = True
        await self.readers.close()

    def join(self, run: Run, client: Client) -> None:
        """Add a client that waits for the same query: it is answered when any of them is next."""
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

    async def ask(self, run: Run) -> tuple[wire.AnswerHead, bytes | bytearray]:
        """The answer of a reader; asks again where the query failed because of other queries."""
        query, costs = run.query, self.admission.costs
        while True:
            run.lease = None
            run.tries += 1
            if run.tries > TRIES_MAX:
                raise UniverseUnavailable("The readers that were asked have all ended; ask again in a moment")
            self.admission.check(query)
            worker, entry = await self._acquire(run)
            run.worker = worker
            seconds = 0.0
            try:
                head, body = await worker.ask(wire.pack_query(query, run.turn), partial(self._admit, run))
                seconds = head.get("seconds", 0.0)
            except NoRoom as full:
                seconds = time.monotonic() - worker.since
                self.counts.dropped += 1
                costs.note_size(query, full.size)
                run.lane, run.bytes, run.is_quick = Lane.large, full.size, False
                continue
            except ReaderGone as gone:
                run.is_quick = False  # whatever happened, it gets a reader of its own now
                if gone.reason == BEHIND:
                    continue
                self.readers.lost[gone.reason] += 1
                if gone.reason == UNREAD:
                    continue
                seconds = time.monotonic() - worker.since + self.readers.start_seconds
                if gone.reason == "heedless":
                    if run.is_left:
                        # Otherwise a client could end readers without blame, by leaving.
                        self.admission.note_ending(run)
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
                log.warning(
                    "a query met an internal error, its reader is replaced: %s", head["ends"], extra=_READER
                )
                self.admission.note_ending(run)
                return head, body
            costs.note(query, SLOW_SECONDS if is_stopped else seconds, len(body))
            if not is_stopped:
                return head, body
            if run.is_left:
                raise asyncio.CancelledError
            self.counts.interrupted += 1
            run.lane, run.is_quick = Lane.slow, False

    def _lost(self, run: Run, gone: ReaderGone) -> QueryError:
        """Note that a query has ended its reader; returns what to tell the client."""
        log.warning(
            "a query %s; its reader is replaced", gone.detail, extra={**_READER, "reason": gone.reason}
        )
        self.admission.note_ending(run)
        if gone.reason == "time":
            return QueryTimeout(
                f"The query {gone.detail}, the limit for one query; ask for less, or filter by sid"
            )
        if gone.reason == "memory":
            return QueryError(
                f"The query {gone.detail}; filter or aggregate earlier, or ask for less", code=1041
            )
        return QueryError(f"The query {gone.detail}; it was not answered", code=2013)

    async def _acquire(self, run: Run) -> tuple[Worker, Try]:
        """Wait for the query's turn; returns the reader that was lent for it."""
        entry = self._enter(run)
        if entry.worker is None:
            self._serve()
        if (worker := entry.worker) is not None:
            return worker, entry
        if not run.is_live:
            self.admission.bound(run, entry)
        entry.ready = asyncio.get_running_loop().create_future()
        run.entry = entry
        try:
            limit = None if run.is_live else self._settings.query_wait_seconds_max
            return await asyncio.wait_for(entry.ready, limit), entry
        except TimeoutError:
            self._withdraw(entry)
            raise self.admission.waited_too_long(run) from None
        except asyncio.CancelledError:
            self._withdraw(entry)
            raise
        finally:
            run.entry = None
            self.queue.remove(entry)

    def _withdraw(self, entry: Try) -> None:
        """Take back a reader that was lent at the moment at which the query was withdrawn."""
        if entry.worker is not None:
            self._give_back(entry.worker, entry, 0.0)

    def _enter(self, run: Run) -> Try:
        """Give a query a reader at once if nobody waits, else put it into the queue."""
        entry = self.admission.enter(run)
        if (
            run.lane is Lane.normal
            and not self.queue
            and not self.admission.has_suspects
            and not self._is_closed
        ):
            worker = self.readers.find(is_quick=run.is_quick)
            if worker is not None:
                self.queue.go(entry, run.client)
                self._lend(entry, worker, run)
                return entry
        self.queue.push(entry, run.client)
        for other in run.others:
            self.queue.push(entry, other)
        return entry

    def _serve(self) -> None:
        """Lend readers to waiting queries, as long as there are both."""
        queue, readers = self.queue, self.readers
        while queue and not self._is_closed:
            free = readers.find(is_quick=False)
            if free is None and not readers.is_shared:
                return
            entry = queue.first(Lane.normal, self._may_be_risked if self.admission.has_suspects else None)
            worker = None if entry is None else free or readers.find(is_quick=run_of(entry).is_quick)
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
        run = run_of(entry)
        assert isinstance(entry, Try)
        self.queue.take(entry)
        self._lend(entry, worker, run)
        if entry.lane is Lane.large:
            run.lease = self.budget.take(run.client.name, run.bytes)
        if entry.ready is not None and not entry.ready.done():
            entry.ready.set_result(worker)

    def _lend(self, entry: Try, worker: Worker, run: Run) -> None:
        self.readers.lend(worker, is_quick=run.is_quick, is_slow=entry.lane is not Lane.normal)
        self._at[worker] = entry
        entry.worker = worker

    def _give_back(self, worker: Worker, entry: Try, seconds: float) -> None:
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

    def _may_be_risked(self, entry: Try, name: str) -> bool:
        return not self.admission.is_suspect(name) or len(self.readers.idle) > 1 or self.readers.wanted == 1

    def _has_room(self, entry: Try, _name: str) -> bool:
        run = run_of(entry)
        return self._find_room(run.client.name, run.bytes)

    def _find_room(self, name: str, size: int) -> bool:
        lacking = self.budget.lacks(name, size)
        if lacking > 0:
            self._cache.shrink(lacking)
            lacking = self.budget.lacks(name, size)
        return not lacking

    def _admit(self, run: Run, _head: wire.AnswerHead, size: int) -> bool:
        """Whether an answer is to be read: if there is room for it, which is taken then."""
        run.lease = None  # that was for the expected size; now the size is known
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
        """Stop long queries where new ones wait; they run again, in the lane of slow queries. So with two readers or more, at
        least one is free within ``SLOW_SECONDS`` for queries that are quick or new.
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
            # Of those, stop the one whose client has used most.
            max(
                stoppable, key=lambda worker: self.queue.level_after(self._at[worker]) + now - worker.since
            ).interrupt()
