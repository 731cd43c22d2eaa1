"""The pool of readers: answers queries in order, replaces readers that are lost, and never runs SQL
itself."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter, deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb_engine
import orjson

from wasmverse.database import schema
from wasmverse.errors import QueryError, QueryOverload, QueryRefused, QueryTimeout, UniverseUnavailable
from wasmverse.query import wire
from wasmverse.query.cache import Key, ResultCache
from wasmverse.query.relations import PREFIX
from wasmverse.query.result import Format, Result
from wasmverse.query.snapshot import kept_turns, newest_turn
from wasmverse.query.worker import BEHIND, ReaderGone, Worker
from wasmverse.settings import Settings

log = logging.getLogger(__name__)

RESTART_SECONDS_MAX = 5.0
WATCH_SECONDS = 0.05
OUTSTANDING_MAX = 8
"""Quick queries that one reader may have been sent: it goes on to the next while the gateway is busy with its last answer."""


@dataclass(slots=True)
class PoolCounts:
    """What happened since the start, for metrics; ``queries`` by outcome, ``lost`` readers by reason."""

    queries: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    cached: int = 0
    bytes: int = 0


@dataclass(eq=False, slots=True)
class _Waiter:
    """Who waits for a reader, and whether one with other quick queries will do."""

    is_quick: bool
    worker: asyncio.Future[Worker] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class ReaderPool:
    """Runs queries in reader processes; for the event loop's thread.

    Parameters
    ----------
    settings : limits (``readers`` and everything that begins with ``reader_`` or ``query_``).
    snapshot_folder : where the universe publishes its turns.
    """

    def __init__(self, settings: Settings, snapshot_folder: Path) -> None:
        self._settings = settings
        self._folder = snapshot_folder
        self._config = reader_config(settings, snapshot_folder)
        self._idle: deque[Worker] = deque()
        self._waiting: deque[_Waiter] = deque()
        self._all: set[Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[Key, asyncio.Task[Result]] = {}
        self._cache = ResultCache(settings.query_cache_bytes_max)
        self._at_work: set[Worker] = set()
        self._is_closed = False
        self.counts = PoolCounts()

    @property
    def newest(self) -> int | None:
        """The newest published turn; None before the first."""
        return newest_turn(self._folder)

    @property
    def kept(self) -> list[int]:
        """The turns that a query may pin, ascending."""
        return kept_turns(self._folder)

    @property
    def busy(self) -> int:
        """Readers at work."""
        return len(self._at_work)

    @property
    def idle(self) -> int:
        """Readers that have started and wait for a query."""
        return len(self._idle)

    @property
    def busy_pids(self) -> list[int]:
        """The process ids of the readers at work."""
        return [worker.pid for worker in self._at_work]

    @property
    def waiting(self) -> int:
        """Queries that wait for a reader."""
        return len(self._waiting)

    @property
    def pids(self) -> list[int]:
        """The readers' process ids."""
        return [worker.pid for worker in self._all if worker.is_usable]

    async def start(self) -> None:
        """Start the readers and the spares and wait until all can answer.

        Raises
        ------
        UniverseUnavailable : a reader could not be started.
        """
        count = self._settings.readers + self._settings.reader_spares
        outcomes = await asyncio.gather(*(self._add() for _ in range(count)), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                await self.close()
                raise UniverseUnavailable(f"A reader process could not be started: it {outcome}") from outcome
        self._keep(self._watch())

    async def close(self) -> None:
        """End all readers; whoever waits is refused."""
        self._is_closed = True
        for task in (*self._tasks, *self._running.values()):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._running.values(), return_exceptions=True)
        for waiter in self._waiting:
            if not waiter.worker.done():
                waiter.worker.set_exception(
                    UniverseUnavailable("The server is shutting down; ask again in a moment")
                )
        await asyncio.gather(*(worker.end() for worker in self._all))
        self._all.clear()
        self._idle.clear()

    async def query(
        self,
        sql: str,
        args: Sequence[Any] = (),
        *,
        turn: int | None = None,
        format: Format = "tuples",
        big_as_string: bool = False,
        gzip: bool = False,
        is_quick: bool = False,
    ) -> Result:
        """Run one SELECT on one turn.

        Parameters
        ----------
        sql : one statement, DuckDB's dialect or SingleStore's.
        args : one plain JSON value for each ``?``.
        turn : the turn to read; None for the newest.
        format : what the body is; see ``result.Format``.
        big_as_string : 64-bit integers as strings in JSON.
        gzip : pack the body, if that is worth it.
        is_quick : it took next to no time before; then it may be sent to a reader that still has others like it to answer.

        Raises
        ------
        QueryRefused, QueryError : the statement is wrong or denied; ``code`` is MySQL's.
        QueryTimeout : it ran past ``query_seconds_max``.
        QueryOverload : too many queries wait, or this one waited too long.
        UniverseUnavailable : no turn has been published, or the pool is closing.
        """
        newest = newest_turn(self._folder)
        if newest is None or self._is_closed:
            raise UniverseUnavailable("No turn has been published yet; ask again in a moment")
        key = Key(
            newest if turn is None else turn, sql, orjson.dumps(list(args)), format, big_as_string, gzip
        )
        kept = self._cache.get(key)
        if kept is not None:
            self.counts.cached += 1
            return self._count("ok", kept)
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(
                self._run(key, list(args), is_pinned=turn is not None, is_quick=is_quick)
            )
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        try:
            # Others may wait for the same query: one who leaves must not take it away from them.
            result = await asyncio.shield(task)
        except QueryError as error:
            self._count(type(error).__name__)
            raise
        return self._count("ok", result)

    def _forget(self, key: Key, task: asyncio.Task[Result]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # seen here, in case everybody who waited has left

    def _count(self, outcome: str, result: Result | None = None) -> Result:
        self.counts.queries[outcome] += 1
        if result is not None:
            self.counts.bytes += len(result.body)
        return result  # type: ignore[return-value]

    async def _run(self, key: Key, args: list[Any], *, is_pinned: bool, is_quick: bool) -> Result:
        turn = key.turn
        while True:
            request: wire.Request = {
                "sql": key.sql,
                "args": args,
                "turn": turn,
                "format": key.format,
                "big_as_string": key.big_as_string,
                "gzip": key.gzip,
            }
            head, body = await self._ask(request, is_quick)
            if not head.get("turn_missing"):
                break
            newest = self.newest
            if is_pinned or newest is None or newest == turn:
                kept = self.kept
                have = f"turns {kept[0]} to {kept[-1]} are kept" if kept else "none is kept"
                raise QueryRefused(
                    f"There is no snapshot of turn {turn}: {have}; leave 'turn' out for the newest", code=1105
                )
            turn = newest  # the query waited so long that its turn was removed
        if "ends" in head:
            self.counts.lost["internal"] += 1
            log.warning("a query met an internal error, its reader is replaced: %s", head["ends"])
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
        )
        self._cache.put(key._replace(turn=turn), result)
        return result

    async def _ask(self, request: wire.Request, is_quick: bool) -> tuple[wire.Answer, bytes]:
        while True:
            worker = await self._acquire(is_quick)
            try:
                return await worker.ask(request)
            except ReaderGone as gone:
                if gone.reason != BEHIND:
                    raise self._lost(gone) from gone
                is_quick = False  # whatever happened in front of it, it is to have a reader of its own now
            finally:
                self._release(worker)

    def _lost(self, gone: ReaderGone) -> QueryError:
        """Count a reader that a query has ended; what to tell of it."""
        self.counts.lost[gone.reason] += 1
        log.warning("a query %s; its reader is replaced", gone.detail)
        if gone.reason == "time":
            return QueryTimeout(
                f"The query {gone.detail}, the limit for one query; ask for less, or filter by sid"
            )
        if gone.reason == "memory":
            return QueryError(
                f"The query {gone.detail}; filter or aggregate earlier, or ask for less", code=1041
            )
        return QueryError(f"The query {gone.detail}; it was not answered", code=2013)

    async def _acquire(self, is_quick: bool) -> Worker:
        """The next free reader, or for a quick query one with few others; whoever came first is served first."""
        waiter = _Waiter(is_quick)
        if len(self._waiting) >= self._settings.query_queue_max and self._find(waiter) is None:
            raise QueryOverload(
                f"{len(self._waiting)} queries wait for a reader already; ask again in a second"
            )
        self._waiting.append(waiter)
        self._serve()
        try:
            return await asyncio.wait_for(waiter.worker, self._settings.query_wait_seconds_max)
        except TimeoutError:
            raise QueryOverload(
                f"No reader was free in {self._settings.query_wait_seconds_max:g} s; ask again in a second"
            ) from None
        finally:
            if waiter.worker.cancelled() and waiter in self._waiting:
                self._waiting.remove(waiter)

    def _find(self, waiter: _Waiter) -> Worker | None:
        """A reader for who waits: the one that was last at work, because it has the turn mapped already."""
        if self._idle and len(self._at_work) < self._settings.readers:
            return self._idle[-1]
        if not waiter.is_quick:
            return None
        shared = [
            worker
            for worker in self._at_work
            if worker.is_shared
            and worker.is_usable
            and not worker.retires
            and worker.outstanding < OUTSTANDING_MAX
        ]
        return min(shared, key=lambda worker: worker.outstanding, default=None)

    def _serve(self) -> None:
        """Hand readers to those who wait."""
        while self._waiting:
            waiter = self._waiting[0]
            if not waiter.worker.done():
                worker = self._find(waiter)
                if worker is None:
                    return
                if worker not in self._at_work:
                    self._idle.remove(worker)
                    self._at_work.add(worker)
                    worker.is_shared = waiter.is_quick
                worker.outstanding += 1
                waiter.worker.set_result(worker)
            self._waiting.popleft()

    def _release(self, worker: Worker) -> None:
        """Take a reader back once it has no more to answer, or replace it if it is lost or wants to retire."""
        worker.outstanding -= 1
        if not worker.outstanding:
            self._at_work.discard(worker)
        if self._is_closed:
            return
        if not worker.outstanding:
            if worker.is_usable and not worker.retires:
                self._idle.append(worker)
            else:
                self.counts.lost["retired"] += worker.is_usable
                self._keep(self._replace(worker))
        self._serve()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for worker in tuple(self._at_work):
                worker.watch()

    async def _replace(self, worker: Worker) -> None:
        await worker.end()
        self._all.discard(worker)  # not before: `close` ends all that are left
        pause = 0.1
        while True:
            try:
                await self._add()
                return
            except ReaderGone as gone:
                log.error("a reader could not be started: it %s", gone.detail)
                await asyncio.sleep(pause)
                pause = min(pause * 2, RESTART_SECONDS_MAX)

    async def _add(self) -> None:
        worker = Worker(self._config)
        self._all.add(worker)
        try:
            await worker.start()
        except ReaderGone:
            self._all.discard(worker)
            raise
        self._idle.append(worker)
        self._serve()


def reader_config(settings: Settings, snapshot_folder: Path) -> wire.ReaderConfig:
    """What readers are told, made from the settings and the schema."""
    dialect = duckdb_engine.Dialect()
    return wire.ReaderConfig(
        parent_pid=os.getpid(),
        snapshot_folder=str(snapshot_folder.absolute()),
        views={name: schema.snapshot_view_sql(name, dialect, PREFIX) for name in schema.CLIENT_NAMES},
        threads=settings.reader_threads,
        nice=settings.reader_nice,
        memory_bytes=settings.reader_memory_bytes_max,
        seconds_max=settings.query_seconds_max,
        rows_max=settings.query_rows_max,
        bytes_max=settings.query_bytes_max,
        budget_fuel=settings.budget_fuel,
        guest_memory_bytes_max=settings.guest_memory_bytes_max,
        guest_table_elements_max=settings.guest_table_elements_max,
        block_faults_max=settings.block_faults_max,
    )
