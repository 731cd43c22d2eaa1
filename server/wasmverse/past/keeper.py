"""Keeps turns as they are played, so that each can be played again: the writing end of `volume`.

The thread that plays turns only hands over what a turn was played with and what became of it; another one writes it down between
turns. A disk that is slow or full costs past turns, never a present one: what cannot be taken in time is left out, and the next
volume begins after it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import platform
import stat
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pyarrow as pa

import wasmverse
from wasmverse.errors import PastError
from wasmverse.messages import Kept
from wasmverse.past.changes import STATE, base_batches, changes
from wasmverse.past.volume import (
    BASE,
    FORMAT,
    KEYFRAME,
    TURN,
    Columns,
    Entry,
    Volume,
    other_columns,
    packed_entry,
    packed_rows,
    volume_path,
    volumes,
)
from wasmverse.recording.format import Limits
from wasmverse.settings import GuestSettings, PastSettings
from wasmverse.snapshots.modules import ModuleFolder, Modules
from wasmverse.universe.digest import hash_in_order
from wasmverse.universe.state import Nodes, Ships, State
from wasmverse.universe.turn import Laws

log = logging.getLogger("wasmverse.universe")

KEYFRAMES_A_VOLUME = 10
VOLUMES_MIN = 8
"""A volume ends before it has more than this part of all bytes, so that whole ones can be removed."""

TURNS_WAITING_MAX = 4
"""Turns that may wait to be written down, each with its tables in memory; then some are left out."""

RETRY_SECONDS = 30.0
"""How long nothing is written after a disk took no more, and there was nothing to give back."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Spawned:
    """An entity that a command put into the universe before a turn; ``strategy_id`` is that of a ship."""

    sid: int
    kind: int
    x: int
    y: int
    eid: int
    strategy_id: int | None


@dataclass(frozen=True, slots=True)
class Played:
    """A turn: what it was played with, and what became of it.

    spawned : since the turn before; roster : the table ``strategy`` as the turn began; next_eid : after the turn
    tables : of its snapshot; modules : what these call
    """

    tid: int
    next_eid: int
    spawned: tuple[Spawned, ...]
    roster: pa.Table
    tables: Mapping[str, pa.Table]
    modules: Modules


@dataclass(slots=True)
class _Open:
    """The volume that is written, with what its next entry depends on. code_bytes : of all modules when it began."""

    first: int
    file: int
    size: int
    tables: Mapping[str, pa.Table]
    roster: pa.Table
    modules: Modules
    keyframes: int = 1
    tid: int = 0
    code_bytes: int = 0


class Keeper:
    """For the thread that plays turns; a thread of its own writes.

    Parameters
    ----------
    folder : made if missing. What volumes of another universe, of another version, with other tables or of turns that were not
        played (a copy of the universe was put back) it holds is removed.
    universe : what tells this universe from others.
    columns : of each table that is published, in a snapshot of any turn.
    tid : the turn that it is at.
    kept : what there is, as of the turn that was written down last.
    """

    def __init__(
        self,
        folder: Path,
        laws: Laws,
        universe: str,
        tid: int,
        settings: PastSettings,
        limits: GuestSettings,
        columns: Columns,
    ) -> None:
        self.folder = folder
        self._columns = columns
        self.keyframe_turns = settings.keyframe_turns
        self.bytes_max = settings.past_bytes_max
        self._base = {
            "format": FORMAT,
            "made_by": made_by(),
            "universe": universe,
            "laws": asdict(laws),
            "limits": Limits.of(limits).model_dump(),
        }
        self._waiting: SimpleQueue[Played | None] = SimpleQueue()
        self._handed_over = self._done = 0
        self._spawned: list[Spawned] = []
        self._roster: pa.Table | None = None
        self._open: _Open | None = None
        self._sizes: dict[int, int] = {}
        self._paused_until = 0.0
        self._trouble: str | None = None
        self._newest = tid
        self._modules = ModuleFolder(folder)
        self.kept = Kept(None, None, 0)
        self._take_up(tid)
        self._thread = threading.Thread(target=self._write_all, name="past", daemon=True)
        self._thread.start()

    def spawned(self, entity: Spawned) -> None:
        """A command has put an entity into the universe, before the next turn."""
        self._spawned.append(entity)

    def begins(self, roster: pa.Table) -> None:
        """A turn begins; ``roster`` is the table ``strategy`` as `callable_strategies` gives it."""
        self._roster = roster

    def published(self, tid: int, next_eid: int, tables: Mapping[str, pa.Table], modules: Modules) -> None:
        """A turn is committed; the tables are not modified any more. Returns at once."""
        spawned, self._spawned = tuple(self._spawned), []
        if self.waiting < TURNS_WAITING_MAX:
            self._handed_over += 1
            roster = tables["strategy"] if self._roster is None else self._roster
            self._waiting.put(Played(tid, next_eid, spawned, roster, tables, modules))

    @property
    def waiting(self) -> int:
        """How many turns are not written down yet, the one that is being written included."""
        return self._handed_over - self._done

    def close(self) -> None:
        """Write what was handed over, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _write_all(self) -> None:
        while (played := self._waiting.get()) is not None:
            try:
                if time.monotonic() >= self._paused_until:
                    self._write(played)
                    self._trouble = None
            except (OSError, PastError) as error:
                self._give_up(error)
            except Exception as error:  # nothing that this thread meets may cost a turn
                log.exception("turn %d is not kept for later", played.tid)
                self._give_up(error)
            if self._open is not None:
                self._newest = self._open.tid
            self._tell()
            self._done += 1
        self._end_volume()

    def _tell(self) -> None:
        newest = self._newest if self._sizes else None
        self.kept = Kept(min(self._sizes, default=None), newest, self._bytes(), self._trouble)

    def _give_up(self, error: Exception) -> None:
        why = (
            error.message if isinstance(error, PastError) else getattr(error, "strerror", None) or repr(error)
        )
        is_new = self._trouble is None
        if is_new:
            log.error("past turns cannot be kept in %s: %s; turns go on without", self.folder, why)
        self._trouble = (
            f"past turns cannot be kept: {why}"  # for everybody to see: the log says in which folder
        )
        self._end_volume()
        is_full = isinstance(error, OSError) and error.errno in _FULL
        given = self._give_back(1 if is_new else 0) if is_full else 0
        if given:
            log.warning("the oldest past turns are removed from the full disk: %s bytes", f"{given:,}")
        if not given or not is_new:
            self._paused_until = time.monotonic() + RETRY_SECONDS

    def _give_back(self, volumes_min: int) -> int:
        """Remove the oldest volumes, a part of all that is kept, from a full disk; returns how many bytes became free."""
        before = self._bytes()
        with contextlib.suppress(OSError):
            while len(self._sizes) > volumes_min and before - self._bytes() <= before // VOLUMES_MIN:
                self._remove(min(self._sizes))
        return before - self._bytes()

    def _write(self, played: Played) -> None:
        open_ = self._open
        limit = max(1, self.bytes_max // VOLUMES_MIN)
        if open_ is None or played.tid != open_.tid + 1 or self._is_full(open_, limit):
            self._begin(played)
            return
        said, batches = changes(open_.tables, played.tables)
        entry: dict[str, Any] = {
            "next_eid": played.next_eid,
            "spawned": [asdict(each) for each in played.spawned],
            "state": hash_in_order(state_of(played.tables), played.tid, played.next_eid),
            "changes": said,
        }
        if played.roster is not open_.roster:
            batches["roster"] = packed_rows(played.roster)
        if played.modules.keys() != open_.modules.keys():
            self._modules.keep(open_.first, {**self._modules.needed(open_.first), **played.modules})
            entry["modules"] = sorted(played.modules)
        self._append(open_, Entry(TURN, played.tid, entry, batches))
        open_.tables, open_.roster, open_.modules = played.tables, played.roster, played.modules
        open_.tid = played.tid
        if (played.tid - open_.first) % self.keyframe_turns == 0:
            state = {name: packed_rows(played.tables[name]) for name in STATE}
            self._append(open_, Entry(KEYFRAME, played.tid, {}, state))
            open_.keyframes += 1

    def _is_full(self, open_: _Open, limit: int) -> bool:
        # Old volumes are removed when a new one begins: that cannot wait while uploads bring more and more code.
        if self._modules.size_bytes - open_.code_bytes > limit:
            return True
        # Just before a keyframe, in whose place the next volume has its base.
        is_due = (open_.tid + 1 - open_.first) % self.keyframe_turns == 0
        return is_due and (open_.keyframes >= KEYFRAMES_A_VOLUME or open_.size > limit)

    def _begin(self, played: Played) -> None:
        self._end_volume()
        _check_folder(self.folder)
        first = played.tid
        self._modules.keep(first, played.modules)
        said = {
            **self._base,
            "next_eid": played.next_eid,
            "state": hash_in_order(state_of(played.tables), first, played.next_eid),
            "tables": list(played.tables),
            "modules": sorted(played.modules),
        }
        # Under another name until the base is whole: a crash leaves no volume without one.
        path = volume_path(self.folder, first)
        temporary = path.with_suffix(".writing")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        open_ = _Open(
            first, descriptor, 0, played.tables, played.tables["strategy"], played.modules, tid=first
        )
        self._open = open_
        batches = base_batches(played.tables)
        try:
            self._append(open_, Entry(BASE, first, said, batches))
            temporary.rename(path)
        except BaseException:
            self._sizes.pop(first, None)
            temporary.unlink(missing_ok=True)
            raise
        self._forget()
        open_.code_bytes = self._modules.size_bytes

    def _append(self, open_: _Open, entry: Entry) -> None:
        packed = packed_entry(open_.first, open_.size, entry)
        written = 0
        try:
            while written < len(packed):
                written += os.pwrite(open_.file, packed[written:], open_.size + written)
        except OSError:
            os.ftruncate(open_.file, open_.size)
            raise
        open_.size += len(packed)
        self._sizes[open_.first] = open_.size

    def _end_volume(self) -> None:
        if self._open is not None:
            os.close(self._open.file)
            self._open = None

    def _bytes(self) -> int:
        return sum(self._sizes.values()) + self._modules.size_bytes

    def _forget(self) -> None:
        """Remove the oldest volumes until there is room for one more; the newest stays."""
        limit = self.bytes_max
        room = limit // VOLUMES_MIN
        for first in sorted(self._sizes)[:-1]:
            if self._bytes() + room <= limit:
                break
            self._remove(first)

    def _remove(self, first: int) -> None:
        volume_path(self.folder, first).unlink(missing_ok=True)
        del self._sizes[first]
        self._modules.prune(set(self._sizes))

    def _take_up(self, tid: int) -> None:
        """Go on with the volumes that are there, as far as they are of this universe and this version."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_folder(self.folder)
            for path in self.folder.glob("*.writing"):
                path.unlink()
            needed: dict[int, list[str]] = {}
            for first in volumes(self.folder):
                names = None if first > tid else self._modules_of(first)
                if names is None:
                    volume_path(self.folder, first).unlink(missing_ok=True)
                else:
                    needed[first] = names
                    self._sizes[first] = volume_path(self.folder, first).stat().st_size
            self._modules = ModuleFolder(self.folder, needed)
            self._forget()
        except (OSError, PastError) as error:
            self._give_up(error)
        self._tell()

    def _modules_of(self, first: int) -> list[str] | None:
        """The modules that a volume of an earlier process needs; None if it cannot be played by this one."""
        with contextlib.suppress(PastError), contextlib.closing(Volume(self.folder, first)) as volume:
            volume.look()
            if not volume.places:
                return None
            base = volume.read(volume.places[0])
            ours = ("format", "made_by", "universe", "laws")
            if any(base.said.get(name) != self._base[name] for name in ours):
                return None
            if (other := other_columns(base, self._columns)) is not None:
                log.warning("past turns from %d on are removed, they have other tables: %s", first, other)
                return None
            names = set(base.said["modules"])
            for entry in volume.turns(first, volume.last):
                names |= set(entry.said.get("modules", ()))
            return sorted(names)
        return None


def _check_folder(folder: Path) -> None:
    """Compiled code in the folder is run as it is. Raises PastError if somebody else could put some there."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        what = "is a link or a file"
    elif status.st_uid != os.geteuid():
        what = f"belongs to user {status.st_uid}, not to us"
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        what = "can be written to by others"
    else:
        return
    raise PastError(f"the folder {what}: move it away, or have it belong to us alone (mode 700)")


def made_by() -> str:
    """What plays turns: only the same plays one again exactly, and runs what was compiled."""
    return f"wasmverse {wasmverse.__version__}, wasmtime {version('wasmtime')}, {platform.machine()}"


def universe_name(laws: Laws, made_at: str) -> str:
    """What tells a universe from others of the same laws."""
    return hashlib.sha256(json.dumps([asdict(laws), made_at]).encode()).hexdigest()


def state_of(tables: Mapping[str, pa.Table]) -> State:
    """The ships and nodes of a snapshot's tables; views."""

    def columns(name: str, fields: tuple[str, ...]) -> list[Any]:
        return [tables[name][field].combine_chunks().to_numpy() for field in fields]

    return State(Ships._make(columns("ship", Ships._fields)), Nodes._make(columns("node", Nodes._fields)))
