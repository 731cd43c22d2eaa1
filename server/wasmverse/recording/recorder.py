"""Write down a run while it is played, so that it can be played again: the writing end of `recording`.

What is written is on disk before the database commits what hangs on it, so a recording lacks at most its last turn, which follows
from those before it. After a crash the recorder finds out from the database whether the last command was committed.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wasmverse import __version__
from wasmverse.commands import Command
from wasmverse.errors import DatabaseLost, RecordingError
from wasmverse.recording.format import (
    FORMAT,
    LINE_BYTES_MAX,
    Dropped,
    Fact,
    Founder,
    Given,
    Grounded,
    Limits,
    Recording,
    Start,
    Stop,
    Turn,
    Universe,
    command_fact,
    seal,
)
from wasmverse.storage.universe_store import UniverseStore
from wasmverse.strategies.roster import REMOVED
from wasmverse.universe.genesis import populate
from wasmverse.universe.state import state_hash


def roster_hash(store: UniverseStore) -> str:
    """SHA-256 of who flies: every strategy's id, name, version, module, author, status and
    declared fuel; and of the functions, if there are."""
    tables = store.snapshot()
    columns = ["strategy_id", "name", "version", "sha256", "author", "is_enabled", "status"]
    rows = tables["strategy"].select(columns).sort_by("strategy_id").to_pylist()
    declared = tables["strategy"].select(["strategy_id", "budget_fuel"]).to_pylist()
    rows += [row for row in declared if row["budget_fuel"] is not None]
    if tables["wasm_function"].num_rows:
        rows += tables["wasm_function"].select(_OF_A_FUNCTION).to_pylist()
    return hashlib.sha256(json.dumps([list(row.values()) for row in rows]).encode()).hexdigest()


_OF_A_FUNCTION = ["name", "signature", "version", "is_current", "sha256", "author", "function", "export"]


class Recorder:
    """Appends the facts of one simulation to a recording; made by `record`."""

    def __init__(self, path: Path, store: UniverseStore, hash_turns: int) -> None:
        self.path = path
        self.store = store
        self.hash_turns = hash_turns
        self._check = ""
        self._size = 0
        self._is_hash_due = False
        self._is_broken = False
        self._is_new = not path.exists()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RecordingError(
                f"{path} cannot be written ({error.strerror}): check its folder and rights, or name another with --record"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise RecordingError(
                f"{path} is being written by another process: name another with --record"
            ) from error

    def begin(self) -> None:
        """Write the first line, or find the end of what is there and make sure that the database goes on from it."""
        try:
            if os.fstat(self._file).st_size:
                self._resume()
            else:
                self._write(_universe(self.path, self.store))
            store = self.store
            faulting = {name: turns for name, turns in store.registry.bad_turns.items() if turns}
            state, roster = store.state_hash(), roster_hash(store)
            limits = Limits.of(store.settings)
            self._write(
                Start(
                    tid=store.tid,
                    format=FORMAT,
                    limits=limits,
                    faulting=faulting,
                    state=state,
                    roster=roster,
                )
            )
        except BaseException:
            if self._is_new and not self._size:
                self.path.unlink()
            os.close(self._file)
            raise

    def turn(self) -> None:
        """The simulation has committed a turn."""
        tid = self.store.tid
        if tid % self.hash_turns and not self._is_hash_due:
            self._write(Turn(tid=tid))
        else:
            state, roster = self.store.state_hash(), roster_hash(self.store)
            self._write(Turn(tid=tid, state=state, roster=roster))
        self._is_hash_due = False

    @contextmanager
    def command(self, command: Command) -> Iterator[Callable[[], None]]:
        """Around a command's transaction; what is yielded is to be called right before it is committed."""
        is_noted = False

        def note() -> None:
            nonlocal is_noted
            before, roster = self.store, roster_hash(self.store)
            self._write(
                Given(tid=before.tid, next_eid=before.next_eid, roster=roster, command=command_fact(command))
            )
            is_noted = self._is_hash_due = True

        try:
            yield note
        except DatabaseLost:  # whether it was committed, the next start finds out, as after a crash
            raise
        except BaseException:
            if is_noted:
                self._write(Dropped(tid=self.store.tid))
            raise

    def grounded(self, seconds: dict[str, float]) -> None:
        """The next turn is about to be committed, and grounds strategies for the time they took."""
        self._write(Grounded(tid=self.store.tid, seconds=seconds))
        self._is_hash_due = True

    def close(self, *, is_complete: bool) -> None:
        """Release the file; is_complete says that all that was committed has been written down."""
        try:
            if is_complete and not self._is_broken:
                state, roster = self.store.state_hash(), roster_hash(self.store)
                self._write(Stop(tid=self.store.tid, state=state, roster=roster))
        finally:
            os.close(self._file)

    def _write(self, fact: Fact) -> None:
        """One line, whole and on disk, or none at all."""
        line, check = seal(fact, self._check)
        try:
            if self._is_broken:
                raise OSError(0, "an earlier line could not be written")
            if len(line) > LINE_BYTES_MAX:
                raise OSError(0, f"a line of {len(line):,} bytes; {LINE_BYTES_MAX:,} are allowed")
            written = 0
            while written < len(line):
                written += os.pwrite(self._file, line[written:], self._size + written)
            os.fdatasync(self._file)
        except OSError as error:
            self._is_broken = True
            os.ftruncate(self._file, self._size)
            raise RecordingError(
                f"{self.path} cannot be written ({error.strerror}): make room, then start again with the same --record"
            ) from error
        self._size += len(line)
        self._check = check

    def _resume(self) -> None:
        recording = Recording(self.path)
        first = last = None
        for _, fact in recording:
            first, last = first or fact, fact
        assert isinstance(first, Universe)
        assert last is not None
        store = self.store
        mine = _laws(store)
        theirs = {name: getattr(first, name) for name in mine}
        if mine != theirs:
            name = next(name for name in mine if mine[name] != theirs[name])
            raise RecordingError(
                f"{self.path} is of another universe ({name} {theirs[name]}, the database has {mine[name]}): "
                "name another with --record"
            )
        ahead = store.tid - last.tid
        is_clean = isinstance(last, Stop)
        if ahead not in ((0,) if is_clean else (0, 1)):
            raise RecordingError(
                f"{self.path} ends with turn {last.tid}, the database has turn {store.tid}: turns that were played without "
                "--record cannot be played again; go on without it, or record a new universe"
            )
        known = last.state if ahead == 0 and isinstance(last, Start | Turn | Stop) else None
        if known is not None and known != store.state_hash():
            raise RecordingError(
                f"{self.path} ends with another state of turn {last.tid} than the database has: somebody changed the database; "
                "go on without --record, or record a new universe"
            )
        os.ftruncate(self._file, recording.end)  # what a crash cut off
        self._size, self._check = recording.end, recording.check
        if isinstance(last, Given) and ahead == 0:
            before = (store.next_eid, roster_hash(store))
            if before == (last.next_eid, last.roster):
                self._write(Dropped(tid=last.tid))


def record(store: UniverseStore, path: Path, hash_turns: int) -> None:
    """Have a simulation recorded from now on: from its beginning, or on from where its recording ends.

    Parameters
    ----------
    hash_turns : a turn in this many is written down with the hash of its state; and every turn that follows a command.

    Raises
    ------
    RecordingError : the file cannot be written, or is not of this universe; or turns were played that it does not have.
    """
    recorder = Recorder(path, store, hash_turns)
    recorder.begin()
    store.recorder = recorder


def _laws(store: UniverseStore) -> dict[str, Any]:
    laws, made_at = store.laws, store.founding().made_at
    return {
        "made_at": made_at.isoformat(),
        "seed": laws.seed,
        "systems": laws.systems,
        "ships": laws.ships_min,
        "nodes": laws.nodes_min,
        "block_systems": laws.block_systems,
        "upkeep": laws.upkeep,
    }


def _universe(path: Path, store: UniverseStore) -> Universe:
    """The first line; only of a universe that nothing has happened in yet."""
    found, laws = store.founding(), store.laws
    rows, modules = found.strategies, found.modules
    dealt = [row.strategy_id for row in sorted(rows, key=lambda row: row.name) if row.is_enabled]
    ships, nodes, next_eid = populate(laws.seed, laws.systems, laws.ships_min, laws.nodes_min, dealt)
    is_changed = any(row.status == REMOVED for row in rows)
    if is_changed or store.state_hash() != state_hash(ships, nodes, 0, next_eid):
        raise RecordingError(
            f"{path} is a new recording, but the universe is at turn {store.tid} or was changed since it was made: "
            "a run is recorded from its beginning; name a new universe with --db, or go on without --record"
        )
    return Universe(
        format=FORMAT,
        wasmverse=__version__,
        wasmtime=version("wasmtime"),
        strategies=[
            Founder(
                name=row.name,
                is_enabled=row.is_enabled,
                language=row.language,
                author=row.author,
                owner=row.owner,
                sha256=row.sha256,
                module=base64.b64encode(modules[row.sha256]).decode(),
            )
            for row in rows
        ],
        **_laws(store),
    )
