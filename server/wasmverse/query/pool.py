"""The pool of readers: answers queries, each client's share at a time, and never runs SQL itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from wasmverse.errors import QueryError, QueryRefused, QueryTimeout, UniverseUnavailable
from wasmverse.query.budget import ByteBudget
from wasmverse.query.cache import ResultCache
from wasmverse.query.dispatch import Dispatcher
from wasmverse.query.past import Past
from wasmverse.query.query import NOBODY, Client, Query
from wasmverse.query.readers import Readers
from wasmverse.query.result import Result
from wasmverse.query.run import Run
from wasmverse.query.service import Counts, PoolState
from wasmverse.settings import PoolSettings
from wasmverse.snapshots.snapshot import kept_turns, newest_turn, turn_folder

REPLAYS_MAX = 3
"""How often the turn of one query may be played again: others may have asked for so many that it is gone by then."""

LOOK_SECONDS = 0.05
"""How often to look for a turn while none is published."""


class ReaderPool:
    """Runs queries in reader processes; for the event loop's thread.

    Parameters
    ----------
    settings : limits (``readers`` and everything that begins with ``reader_``, ``query_`` or ``results_``).
    snapshot_folder : where the universe publishes its turns.

    past : has turns played again that are in memory no more; None if nobody does.
    """

    past: Past | None = None

    def __init__(self, settings: PoolSettings, snapshot_folder: Path) -> None:
        self._settings = settings
        self._folder = snapshot_folder
        self._running: dict[Query, Run] = {}
        self._tasks: set[asyncio.Task[Result]] = set()  # also of queries that nobody waits for any more
        self._cache = ResultCache(settings.query_cache_bytes_max)
        self._dispatcher = Dispatcher(settings, snapshot_folder, self._cache)
        self._costs = self._dispatcher.admission.costs
        self._is_closed = False

    @property
    def newest(self) -> int | None:
        """The newest published turn; None before the first."""
        return newest_turn(self._folder)

    @property
    def kept(self) -> list[int]:
        """The turns in memory, ascending."""
        return kept_turns(self._folder)

    @property
    def oldest(self) -> int | None:
        """The oldest turn that a query may pin."""
        kept = self.kept[:1]
        if self.past is not None and (oldest := self.past.oldest) is not None:
            kept.append(oldest)
        return min(kept, default=None)

    @property
    def counts(self) -> Counts:
        """What happened since the start."""
        return self._dispatcher.counts

    @property
    def state(self) -> PoolState:
        """How the readers are now."""
        readers = self.readers
        return PoolState(
            usable=readers.usable,
            wanted=readers.wanted,
            busy=self.busy,
            waiting=self.waiting,
            held_bytes=self.budget.used,
            start_seconds=readers.start_seconds,
            confinement=readers.confinement,
        )

    @property
    def readers(self) -> Readers:
        """The processes."""
        return self._dispatcher.readers

    @property
    def budget(self) -> ByteBudget:
        """The room for results."""
        return self._dispatcher.budget

    @property
    def busy(self) -> int:
        """Readers at work."""
        return len(self.readers.at_work)

    @property
    def idle(self) -> int:
        """Readers that have started and wait for a query."""
        return len(self.readers.idle)

    @property
    def busy_pids(self) -> list[int]:
        """The process ids of the readers at work."""
        return [worker.pid for worker in self.readers.at_work]

    @property
    def waiting(self) -> int:
        """Queries that wait for a reader."""
        return len(self._dispatcher.queue)

    @property
    def pids(self) -> list[int]:
        """The readers' process ids."""
        return self.readers.pids

    async def start(self) -> None:
        """Start the readers and the spares and wait until all can answer.

        Raises
        ------
        UniverseUnavailable : a reader could not be started.
        """
        await self._dispatcher.start()

    async def close(self) -> None:
        """End all readers; whoever waits is refused."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._dispatcher.close()

    async def query(
        self,
        query: Query,
        *,
        client: Client = NOBODY,
        others: Iterable[Client] = (),
        is_live: bool = False,
    ) -> Result:
        """As ``service.QueryService`` says."""
        newest = newest_turn(self._folder)
        if newest is None or self._is_closed:
            newest = await self._first_turn()
        is_pinned = query.turn is not None
        if not is_pinned:
            query = query.at(newest)
        kept = self._cache.get(query)
        if kept is not None:
            self.counts.cached += 1
            if is_live:
                self._costs.note_live(query, kept.seconds)
            return self._count("ok", kept)
        is_quick = is_live and self._costs.is_quick(query)
        if is_live:
            self._costs.note_live(query, None)  # until it is answered
        run = self._running.get(query)
        if run is None:
            run = self._begin(query, client, is_pinned=is_pinned, is_live=is_live, is_quick=is_quick)
        else:
            self._dispatcher.join(run, client)
        for other in others:
            self._dispatcher.join(run, other)
        task = run.task
        assert task is not None
        run.waiters += 1
        try:
            # Others may wait for the same query: one who leaves must not take it away from them.
            result = await asyncio.shield(task)
        except QueryError as error:
            self._count(type(error).__name__)
            raise
        finally:
            run.waiters -= 1
            if not run.waiters and not task.done():
                self._forget(run, task)
                if run.is_replaying:
                    task.cancel()
                else:
                    self._dispatcher.leave(run)
        if is_live:
            self._costs.note_live(query, result.seconds)
        return self._count("ok", result)

    def _begin(self, query: Query, client: Client, *, is_pinned: bool, is_live: bool, is_quick: bool) -> Run:
        assert query.turn is not None
        run = Run(query, client, query.turn, is_pinned, is_live, is_quick)
        run.task = asyncio.create_task(self._carry_out(run))
        self._running[query] = run
        self._tasks.add(run.task)
        run.task.add_done_callback(self._tasks.discard)
        run.task.add_done_callback(partial(self._forget, run))
        return run

    async def _first_turn(self) -> int:
        """Wait for a turn: somebody removed the folder, and the next published turn makes it again."""
        deadline = time.monotonic() + self._settings.query_wait_seconds_max
        while not self._is_closed and time.monotonic() < deadline:
            if (newest := self.newest) is not None:
                return newest
            await asyncio.sleep(LOOK_SECONDS)
        raise UniverseUnavailable("No turn is published; ask again in a moment")

    def _forget(self, run: Run, task: asyncio.Task[Result]) -> None:
        if self._running.get(run.query) is run:
            del self._running[run.query]
        if task.done() and not task.cancelled():
            task.exception()  # retrieved, in case nobody waits any more: asyncio would log it

    def _count(self, outcome: str, result: Result | None = None) -> Result:
        self.counts.queries[outcome] += 1
        if result is not None:
            self.counts.bytes += len(result.body)
        return result  # type: ignore[return-value]

    def _missing(self, turn: int) -> QueryRefused:
        oldest, newest = self.oldest, self.newest
        have = "none is kept" if oldest is None else f"turns {oldest} to {newest} are kept"
        return QueryRefused(
            f"There is no snapshot of turn {turn}: {have}; leave 'turn' out for the newest", code=1105
        )

    def _apart(self, run: Run) -> QueryRefused:
        """Of turns that were each played again, and sent each other away."""
        turns = ", ".join(map(str, run.turns))
        return QueryRefused(
            f"Turns {turns} are not in memory together: name fewer; an operator may raise replayed_kept and replayed_bytes_max",
            code=1105,
        )

    async def _replay(self, run: Run) -> bool:
        """Have the turns of a query played again that are in memory no more; whether that was done."""
        past, turns = self.past, [turn for turn in run.turns if not turn_folder(self._folder, turn).exists()]
        if past is None or not turns:
            return False
        if (oldest := past.oldest) is None or turns[0] < oldest:
            return False
        run.is_replaying = True
        try:
            for turn in turns:
                await past.show(turn, (run.client, *run.others))
        finally:
            run.is_replaying = False
        return True

    async def _carry_out(self, run: Run) -> Result:
        try:
            return await self._answer(run)
        finally:
            # A cancelled query is kept alive by its traceback until the cyclic garbage collector runs: its room must not wait
            # for that.
            if run.lease is not None:
                run.lease.release()

    async def _answer(self, run: Run) -> Result:
        if run.is_pinned and ((newest := self.newest) is None or run.turn > newest):
            raise self._missing(run.turn)  # a reader would take it for a turn that was removed
        replays = 0
        deadline = time.monotonic() + self._settings.query_wait_seconds_max
        if run.is_pinned:
            replays += await self._replay(run)
        tries = self._settings.readers + self._settings.reader_spares + 1
        while True:
            head, body = await self._dispatcher.ask(run)
            self.counts.functions.add(head.get("functions", ()))
            if not head.get("turn_missing"):
                break
            if "ends" in head and tries:
                tries -= (
                    1  # the folder was made again, and a reader from before cannot read it: ask a newer one
                )
                continue
            # It was in memory a moment ago, or its snapshot has gone because others were asked for.
            if run.is_pinned and replays < REPLAYS_MAX and await self._replay(run):
                replays += 1
                continue
            newest = self.newest
            if run.is_pinned:
                raise self._apart(run) if replays and run.query.earlier else self._missing(run.turns[0])
            if newest is None or newest == run.turn:
                # The snapshots are being made again: whoever names no turn gets the one that comes next.
                if time.monotonic() > deadline:
                    raise self._missing(run.turns[0])
                await asyncio.sleep(LOOK_SECONDS)
            else:
                run.turn = newest  # the query waited so long that its turn was removed
        if "error" in head:
            kinds: dict[str, type[QueryError]] = {"QueryRefused": QueryRefused, "QueryTimeout": QueryTimeout}
            raise kinds.get(head.get("kind", ""), QueryError)(head["error"], code=head["code"])
        result = Result(
            body=body,
            turn=head["turn"],
            rows=head["rows"],
            cut=head["cut"],
            is_stable=head["is_stable"],
            is_gzip=head["is_gzip"],
            seconds=head["seconds"],
            lease=run.lease,
        )
        run.lease = None
        query = run.query if run.turn == run.query.turn else run.query.at(run.turn)
        if self._cache.put(query, result) and result.lease is not None:
            self.budget.pass_on(result.lease, "")
        return result
