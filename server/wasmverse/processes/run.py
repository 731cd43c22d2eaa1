"""The universe process: owns the database, or a session of its server; plays turns or follows who does, and publishes them.

Started by ``universe_start`` it speaks with the gateway over one pipe. From there come commands and the wish
to stop; to there go progress at the start, a report after every turn, and answers. When the pipe breaks, the gateway is gone: the
universe finishes the turn, closes the database and ends too.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from wasmverse.errors import DatabaseLocked, RecordingError, SnapshotError, WasmverseError
from wasmverse.messages import Confined, Failure, Progress
from wasmverse.past.keeper import Keeper, universe_name
from wasmverse.past.volume import past_folder
from wasmverse.processes.copying_desk import CopyingDesk
from wasmverse.processes.following import play_or_follow
from wasmverse.processes.gateway_end import GatewayEnd
from wasmverse.recording.recorder import record
from wasmverse.settings import UniverseProcessSettings
from wasmverse.simulation.asked import check_asked
from wasmverse.simulation.warmup import compile_kernels
from wasmverse.snapshots.snapshot import SnapshotWriter
from wasmverse.storage.arrow import snapshot_columns
from wasmverse.storage.opening import open_universe, storage_error
from wasmverse.storage.universe_store import FileStore, SharedStore, UniverseStore
from wasmverse.universe.cache import keep_no_more

log = logging.getLogger("wasmverse.universe")


class _Stopped(Exception):
    """The gateway has told us to stop, or is gone, before the first turn."""


def run_universe(
    settings: UniverseProcessSettings,
    snapshot_folder: Path,
    pipe: Connection,
    close_in: Callable[[], dict[str, str]],
    asked: Mapping[str, int] | None = None,
) -> None:
    """The process: open, warm up, turn until told to stop. Exit status 1 after a failure that was told over the pipe.

    ``asked`` : sizes and seed that were named at the start, by the settings' names.
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
            _run(settings, snapshot_folder, pipe, progress, close_in, asked or {})
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
    asked: Mapping[str, int],
) -> None:
    is_prepared = False

    def prepare(is_new: bool) -> None:
        nonlocal is_prepared
        if is_new:
            progress(f"making a universe of {settings.systems:,} systems, seed {settings.seed}")
        if is_prepared:
            return
        with _ends_at_once(pipe):
            compile_kernels(progress)
        keep_no_more()
        pipe.send(Confined(close_in()))
        is_prepared = True

    progress(f"opening {settings.database_path}")
    store = _opened(settings, prepare, progress)
    try:
        check_asked(store.laws, asked, settings.database_path)
        if settings.record_path is not None:
            if isinstance(store, SharedStore):
                if not store.claim():
                    raise RecordingError(
                        f"--record is {settings.record_path}, but another process plays the turns of "
                        f"{settings.database_path}: record there, or stop that one first"
                    )
                store.keep_commands()
            record(store, settings.record_path, settings.record_hash_turns)
        snapshots = SnapshotWriter(snapshot_folder, settings.snapshots_kept, settings.snapshot_bytes_max)
        with ExitStack() as closing:
            # The file is released last: whoever opens it next uses the same folder for snapshots.
            closing.callback(snapshots.close)
            keeper = _keeper(settings, store)
            if keeper is not None:
                closing.callback(keeper.close)
            desk = None
            place = settings.database_path
            if isinstance(store, FileStore) and isinstance(place, Path):
                desk = CopyingDesk(store, place, settings.backup_growth_bytes_max)
                closing.callback(desk.close)
            end = GatewayEnd(store, snapshots, pipe, keeper, desk)
            if not end.is_asked:  # nobody asks for anything before there is a turn
                play_or_follow(end, settings.period_seconds)
    finally:
        store.close()


def _keeper(settings: UniverseProcessSettings, store: UniverseStore) -> Keeper | None:
    """Who keeps past turns on disk. In a database several servers command, and what others did between two turns is not known
    here: there only the newest turns are kept, in memory."""
    place = settings.database_path
    if not isinstance(place, Path) or not settings.past_bytes_max:
        return None
    name = universe_name(store.laws, store.founding().made_at.isoformat())
    return Keeper(past_folder(place), store.laws, name, store.tid, settings, settings, snapshot_columns())


def _opened(
    settings: UniverseProcessSettings, prepare: Callable[[bool], None], progress: Callable[[str], None]
) -> UniverseStore:
    """The universe; one that others may open, too, is waited for while somebody is at work on it."""
    while True:
        try:
            return open_universe(settings.database_path, settings, prepare)
        except DatabaseLocked as error:
            if isinstance(settings.database_path, Path):
                raise
            progress(f"waiting: {error.message}")


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
