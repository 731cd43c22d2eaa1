"""The universe process: owns the database and the clock, plays a turn each period, and publishes it.

Started by ``universe_start`` it speaks with the gateway over one pipe. From there come commands and the wish
to stop; to there go progress at the start, a report after every turn, and answers. When the pipe breaks, the gateway is gone: the
universe finishes the turn, closes the database and ends too. A gateway that reads nothing holds up no turn.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pyarrow as pa

from wasmverse.errors import SnapshotError, UniverseBusy, WasmverseError
from wasmverse.messages import (
    Answer,
    Confined,
    Failure,
    FunctionsUsed,
    Progress,
    Request,
    Stop,
    Trouble,
    TurnReport,
)
from wasmverse.processes.schedule import Schedule
from wasmverse.recording.recorder import record
from wasmverse.settings import UniverseProcessSettings
from wasmverse.simulation.warmup import compile_kernels, settle_garbage
from wasmverse.snapshots.modules import Modules, callable_strategies, function_files
from wasmverse.snapshots.snapshot import SnapshotWriter
from wasmverse.storage.opening import disk_error, open_universe, storage_error
from wasmverse.storage.universe_store import UniverseStore
from wasmverse.universe.cache import keep_no_more

log = logging.getLogger("wasmverse.universe")

COMMANDS_LATE_MAX = 8


class TurnLoop:
    """Plays turns at their deadlines and carries out commands between them."""

    def __init__(
        self, store: UniverseStore, snapshots: SnapshotWriter, pipe: Connection, period_seconds: float
    ) -> None:
        self.store = store
        self.snapshots = snapshots
        self.pipe = pipe
        self.period_seconds = period_seconds
        self.is_stopping = False
        self._upkeep_seconds = 0.0
        self._is_unpublished = False
        self._strategy_rows: pa.Table | None = None
        self._published_strategies: tuple[pa.Table, Modules]

    def run(self) -> None:
        """Until told to stop."""
        if self.pipe.poll():  # nobody asks for anything before there is a turn
            return
        self._publish()
        self._tell_start()
        # A clock that nobody sets: an hour put back must not be an hour without turns.
        schedule = Schedule(time.monotonic() + min(self.period_seconds, 0.1), self.period_seconds)
        settle_garbage()
        while not self.is_stopping:
            if not self._serve_until(schedule.start):
                break
            deadline = time.time() + schedule.deadline - time.monotonic()
            report = self.store.advance(deadline, self.snapshots.prepare)
            clock = time.perf_counter()
            if self._publish_or_say_so():
                published = time.perf_counter() - clock
                self._send(replace(report, phase_seconds={**report.phase_seconds, "publish": published}))
            schedule.advance(time.monotonic())
            if report.grounded:
                names = ", ".join(report.grounded)
                log.warning("turn %d outlasted its period; grounded for their time: %s", report.tid, names)
                # The turns after it are not late for what these did.
                schedule.restart(time.monotonic())
            if report.tid % 64 == 0:
                gc.collect(1)
            if self.store.is_upkeep_due and not self._upkeep(schedule.start):
                break

    def stop(self) -> None:
        """End after the turn that is under way."""
        self.is_stopping = True

    def _upkeep(self, start: float) -> bool:
        """Have the store do its upkeep between two turns; whether there is to be another one.

        Half-way, because readers and watchers are busy at first; earlier if it might not be done by the next turn's start.
        """
        now = time.monotonic()
        begin = min((now + start) / 2, start - 2 * self._upkeep_seconds)
        if begin > now and not self._serve_until(begin):
            return False
        clock = time.perf_counter()
        self.store.upkeep()
        self._upkeep_seconds = time.perf_counter() - clock
        return True

    def _serve_until(self, moment: float) -> bool:
        """Carry out commands until then; before a turn's start, those that have arrived by then take effect in it.

        A turn that is due waits for ``COMMANDS_LATE_MAX`` of them at most: a flood of commands cannot hold it up, and turns that
        never keep up cannot shut commands out. Returns whether there is to be another turn.
        """
        late = 0
        while not self.is_stopping:
            left = moment - time.monotonic()
            late += left <= 0
            try:
                if late > COMMANDS_LATE_MAX or not self.pipe.poll(max(0.0, min(left, 0.5))):
                    if left <= 0:
                        return True
                    continue
                message = self.pipe.recv()
            except (EOFError, OSError):
                self.stop()
                return False
            if isinstance(message, Stop):
                self.stop()
            elif isinstance(message, FunctionsUsed):
                self.store.note_uses(message.uses)
            elif isinstance(message, Request):
                self._send(self._answer(message))
        return False

    def _answer(self, request: Request) -> Answer:
        late = time.monotonic() - request.deadline
        if late > 0:
            return Answer(
                request.number,
                None,
                UniverseBusy(
                    f"The universe got to the command {late:.1f} s too late and did not begin it: try again in a moment"
                ),
            )
        try:
            return Answer(request.number, self.store.carry_out(request.command), None)
        except WasmverseError as error:
            return Answer(request.number, None, error)
        except Exception as error:
            if (full := disk_error(error, self.store.settings.database_path)) is not None:
                self._send(Answer(request.number, None, full))
                raise full from error
            # Rolled back like any other: a command that nobody thought of must not end everybody's universe.
            log.exception("the command %r failed", type(request.command).__name__)
            failure = WasmverseError(f"the command failed: {type(error).__name__}: see the server's log")
            return Answer(request.number, None, failure)

    def _publish_or_say_so(self) -> bool:
        """Whether the turn can be seen: if not, turns go on, and readers answer from the last one that can."""
        try:
            self._publish()
        except SnapshotError as error:
            if not self._is_unpublished:
                log.error("%s", error.message)
            self._is_unpublished = True
            self._send(Trouble(self.store.tid, error.message))
            return False
        if self._is_unpublished:
            log.warning("turn %d is published, as those after it will be", self.store.tid)
        self._is_unpublished = False
        return True

    def _publish(self) -> None:
        tables = self.store.snapshot()
        if tables["strategy"] is not self._strategy_rows:
            self._strategy_rows = tables["strategy"]
            strategies = self.store.registry.roster.strategies
            guests = {s.strategy_id: s.guest for s in strategies if s.guest is not None}
            self._published_strategies = callable_strategies(self._strategy_rows, guests)
        tables["strategy"], modules = self._published_strategies
        functions = function_files(self.store.catalogue.modules)
        self.snapshots.publish(self.store.tid, tables, {**modules, **functions})

    def _tell_start(self) -> None:
        ships, nodes = self.store.size
        now = time.time()
        self._send(TurnReport(self.store.tid, now, now, 0, 0, ships, nodes, 0))

    def _send(self, message: object) -> None:
        """Tell the gateway, unless it has not read for so long that the pipe is half full: a later report says the same and more,
        and an answer that old is not waited for.
        """
        try:
            if _has_room(self.pipe):
                self.pipe.send(message)
        except OSError:
            self.stop()


def _has_room(pipe: Connection) -> bool:
    """Whether a message of a few kilobytes can be written without waiting: a socket that is less full than that is writable."""
    return bool(select.select([], [pipe], [], 0)[1])


class _Stopped(Exception):
    """The gateway has told us to stop, or is gone, before the first turn."""


def run_universe(
    settings: UniverseProcessSettings,
    snapshot_folder: Path,
    pipe: Connection,
    close_in: Callable[[], dict[str, str]],
) -> None:
    """The process: open, warm up, turn until told to stop. Exit status 1 after a failure that was told over the pipe.

    ``close_in`` takes from the process, before the first guest, what turns need not have; returns what holds.
    """
    # What its pool has to say of a database that failed comes before our own line, in forty of its own.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL + 1)

    def progress(text: str) -> None:
        if pipe.poll():
            raise _Stopped
        pipe.send(Progress(text))

    try:
        with suppress(_Stopped):
            _run(settings, snapshot_folder, pipe, progress, close_in)
        # duckdb's bindings report objects that live until the interpreter ends as leaked; there is nothing left to do.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    except Exception as thrown:
        error = thrown
        if not isinstance(thrown, SnapshotError):  # which names its own folder
            error = storage_error(thrown, settings.database_path) or thrown
        message = error.message if isinstance(error, WasmverseError) else f"{type(error).__name__}: {error}"
        if not isinstance(error, WasmverseError):
            log.exception("the universe stopped")
        try:
            pipe.send(Failure(message))
        except OSError:
            print(message, file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)


def _run(
    settings: UniverseProcessSettings,
    snapshot_folder: Path,
    pipe: Connection,
    progress: Callable[[str], None],
    close_in: Callable[[], dict[str, str]],
) -> None:
    def prepare(is_new: bool) -> None:
        if is_new:
            progress(f"making a universe of {settings.systems:,} systems, seed {settings.seed}")
        with _ends_at_once(pipe):
            compile_kernels(progress)
        keep_no_more()
        pipe.send(Confined(close_in()))

    progress(f"opening {settings.database_path}")
    store = open_universe(settings.database_path, settings, prepare)
    try:
        if settings.record_path is not None:
            record(store, settings.record_path, settings.record_hash_turns)
        snapshots = SnapshotWriter(snapshot_folder, settings.snapshots_kept, settings.snapshot_bytes_max)
        try:
            TurnLoop(store, snapshots, pipe, settings.period_seconds).run()
        finally:
            # The file is released last: whoever opens it next uses the same folder for snapshots.
            snapshots.close()
    finally:
        store.close()


@contextmanager
def _ends_at_once(pipe: Connection) -> Iterator[None]:
    """While kernels are compiled, half a minute perhaps, nothing but an idle file is open: who wants us to stop need not wait."""
    is_done = threading.Event()

    def watch() -> None:
        while not is_done.wait(0.1):
            if pipe.poll():
                os._exit(0)

    watcher = threading.Thread(target=watch, name="stop", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_done.set()
        watcher.join()
