"""The reader processes of a pool: which are at work, which wait, and new ones for those that were lost."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import duckdb_engine

from wasmverse.confinement.layers import refusal
from wasmverse.confinement.users import reader_user
from wasmverse.errors import UniverseUnavailable
from wasmverse.query import wire
from wasmverse.query.public import SNAPSHOT_PREFIX
from wasmverse.query.worker import ReaderGone, Worker
from wasmverse.settings import PoolSettings
from wasmverse.storage import dictionary, views

log = logging.getLogger(__name__)

RESTART_SECONDS_MAX = 5.0
WATCH_SECONDS = 0.05
OUTSTANDING_MAX = 8
"""Quick queries that may be queued at one reader: it starts on the next while the gateway still handles its last answer."""


class Readers:
    """The processes; ``lost`` counts those that were replaced, by reason.

    Parameters
    ----------
    changed : called when a reader has become free or was added.
    watched : called every ``WATCH_SECONDS``.
    """

    def __init__(
        self,
        settings: PoolSettings,
        snapshot_folder: Path,
        changed: Callable[[], None],
        watched: Callable[[], None],
    ) -> None:
        self._config = reader_config(settings, snapshot_folder)
        self._required = settings.confinement_required
        self._at_work_max = settings.readers
        self.wanted = settings.readers + settings.reader_spares
        self._changed = changed
        self._watched = watched
        self._all: set[Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self.idle: deque[Worker] = deque()
        self.at_work: set[Worker] = set()
        self.lost: Counter[str] = Counter()
        self.start_seconds = 0.0
        """Seconds that the last reader took to start."""

    @property
    def confinement(self) -> dict[str, str]:
        """Layer -> nothing where it holds around every reader, else why it does not around one."""
        found: dict[str, str] = {}
        for worker in self._all:
            for layer, why in worker.confinement.items():
                found[layer] = found.get(layer) or why
        return found

    @property
    def usable(self) -> int:
        """Readers that have started and have not ended."""
        return len(self.idle) + sum(worker.is_usable for worker in self.at_work)

    @property
    def pids(self) -> list[int]:
        """The process ids."""
        return [worker.pid for worker in self._all if worker.is_usable]

    async def start(self) -> None:
        """Start all and wait until they can answer.

        Raises
        ------
        UniverseUnavailable : a reader could not be started.
        """
        outcomes = await asyncio.gather(*(self._add() for _ in range(self.wanted)), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                await self.close()
                raise UniverseUnavailable(f"A reader process could not be started: it {outcome}") from outcome
        self._keep(self._watch())

    async def close(self) -> None:
        """End all."""
        self._is_closed = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._all))
        self._all.clear()
        self.idle.clear()

    @property
    def is_shared(self) -> bool:
        """Whether a reader at work has quick queries only, so that another one may be queued there."""
        return any(worker.is_shared for worker in self.at_work)

    def find(self, *, is_quick: bool) -> Worker | None:
        """A free reader: the one that worked last, because it has the turn mapped. For a quick query, else a shared one with
        few others."""
        if self.idle and len(self.at_work) < self._at_work_max:
            return self.idle[-1]
        if not is_quick:
            return None
        shared = [
            worker
            for worker in self.at_work
            if worker.is_shared
            and worker.is_usable
            and not worker.retires
            and worker.outstanding < OUTSTANDING_MAX
        ]
        return min(shared, key=lambda worker: worker.outstanding, default=None)

    def lend(self, worker: Worker, *, is_quick: bool, is_slow: bool) -> None:
        """Hand out a reader that ``find`` gave, for one query."""
        if worker not in self.at_work:
            self.idle.remove(worker)
            self.at_work.add(worker)
            worker.is_shared, worker.is_slow = is_quick, is_slow
            worker.since = time.monotonic()
        worker.outstanding += 1

    def take_back(self, worker: Worker) -> None:
        """Count one answer of a reader; when it was the last, the reader is idle again, or is replaced if it has ended or wants
        to retire."""
        worker.outstanding -= 1
        if worker.outstanding:
            return
        self.at_work.discard(worker)
        if self._is_closed:
            return
        if worker.is_usable and not worker.retires:
            self.idle.append(worker)
        else:
            self.lost["retired"] += worker.is_usable
            self._keep(self._replace(worker))

    def _gone(self, worker: Worker) -> None:
        """A process has ended; if it was at work, whoever awaits its answer learns that from there."""
        if worker in self.idle and not self._is_closed:
            self.idle.remove(worker)
            self.lost["idle"] += 1
            log.warning(
                "a reader that waited for queries has ended (process %d); it is replaced",
                worker.pid,
                extra={"event": "reader"},
            )
            self._keep(self._replace(worker))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for worker in tuple(self.at_work):
                worker.watch()
            self._watched()

    async def _replace(self, worker: Worker) -> None:
        await worker.end()
        self._all.discard(worker)  # not before it has ended: `close` ends all that are in the set
        pause = 0.1
        while True:
            try:
                await self._add()
                return
            except (ReaderGone, OSError) as problem:
                log.error("a reader could not be started: it %s", problem)
                await asyncio.sleep(pause)
                pause = min(pause * 2, RESTART_SECONDS_MAX)

    async def _add(self) -> None:
        worker = Worker(self._config)
        self._all.add(worker)
        began = time.monotonic()
        try:
            await worker.start()
            if (lacking := refusal(self._required, {"reader": worker.confinement})) is not None:
                await worker.end()
                raise ReaderGone("confinement", f"is confined by less than it must be: {lacking}")
        except (ReaderGone, OSError):
            self._all.discard(worker)
            raise
        self.start_seconds = time.monotonic() - began
        self.idle.append(worker)
        worker.on_gone = self._gone
        if not worker.is_usable:
            self._gone(worker)
        self._changed()


def reader_config(settings: PoolSettings, snapshot_folder: Path) -> wire.ReaderConfig:
    """What readers are told, made from the settings and the schema."""
    dialect = duckdb_engine.Dialect()
    names = (*views.CLIENT_NAMES, *views.READER_NAMES)
    return wire.ReaderConfig(
        parent_pid=os.getpid(),
        snapshot_folder=str(snapshot_folder.absolute()),
        views={name: views.snapshot_view_sql(name, dialect, SNAPSHOT_PREFIX) for name in names},
        dictionary=list(dictionary.rows()),
        threads=settings.reader_threads,
        nice=settings.reader_nice,
        memory_bytes=settings.reader_memory_bytes_max,
        seconds_max=settings.query_seconds_max,
        rows_max=settings.query_rows_max,
        bytes_max=settings.query_bytes_max,
        budget_fuel=settings.budget_fuel,
        start_fuel=settings.start_fuel,
        guest_log_bytes_max=settings.guest_log_bytes_max,
        strategy_log_lines_max=settings.strategy_log_lines_max,
        strategy_log_line_characters_max=settings.strategy_log_line_characters_max,
        component_memory_bytes_max=settings.component_memory_bytes_max,
        component_table_elements_max=settings.component_table_elements_max,
        guest_memory_bytes_max=settings.guest_memory_bytes_max,
        guest_table_elements_max=settings.guest_table_elements_max,
        block_faults_max=settings.block_faults_max,
        function_budget_fuel=settings.function_budget_fuel,
        function_start_fuel=settings.function_start_fuel,
        function_guest_memory_bytes_max=settings.function_guest_memory_bytes_max,
        function_guest_table_elements_max=settings.function_guest_table_elements_max,
        function_component_table_elements_max=settings.function_component_table_elements_max,
        function_values_bytes_max=settings.function_values_bytes_max,
        process_threads_max=settings.process_threads_max + settings.reader_threads,
        user=reader_user(settings.user_ids_first),
    )
