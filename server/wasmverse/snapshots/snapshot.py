"""Snapshots: what one turn left behind, as Arrow files that any number of processes map at once.

::

    folder/
        turn-000000000041/ship.arrow, node.arrow, ...     one folder a turn
        turn-000000000042/...
        newest -> turn-000000000042                        moved when the folder is complete
        modules/...                                        compiled strategies, see ``modules``
        past/...                                           the same of turns that were played again, if there are

A folder is written under the name ``writing`` and renamed, so whoever looks sees all of a turn or nothing.
Arrow's file format, uncompressed, is used as it lies on disk: attaching copies nothing. A reader that has a
turn mapped keeps it after the folder is gone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pyarrow as pa

from wasmverse.errors import SettingsError, SnapshotError
from wasmverse.snapshots.modules import MODULES, PAST, ModuleFolder, Modules
from wasmverse.text import printable

NEWEST = "newest"
WRITING = "writing"
_NEXT = f"{NEWEST}-next"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_PREFIX = "turn-"
_OWN = re.compile(rf"(?:turn|{WRITING}|removing)-\d+|{WRITING}|{NEWEST}(?:-next)?|{MODULES}|{PAST}")
"""What a snapshot folder may hold."""
_MAGIC_BYTES = 8
"""``ARROW1`` and what fills it up to 8 bytes, in front of the stream in a file: Arrow's columnar format, "IPC File Format"."""
_LARGE_ROWS = 200_000
"""Tables of more rows are written by threads side by side: filling fresh pages of shared memory is one core's
work."""


def turn_folder(folder: Path, tid: int) -> Path:
    """Where the snapshot of turn ``tid`` is, if it is kept."""
    return folder / f"{_PREFIX}{tid:012d}"


def _removing(folder: Path, tid: int) -> Path:
    """What a snapshot is renamed to before it is removed: a reader that is just attaching meets all of it or a missing file."""
    return folder / f"removing-{tid}"


def newest_turn(folder: Path) -> int | None:
    """The turn that was published last; None before the first."""
    try:
        return int((folder / NEWEST).readlink().name.removeprefix(_PREFIX))
    except (OSError, ValueError):
        return None


def kept_turns(folder: Path) -> list[int]:
    """The turns that a query may pin, ascending."""
    return sorted(
        int(path.name.removeprefix(_PREFIX))
        for path in folder.glob(f"{_PREFIX}*")
        if path.name.removeprefix(_PREFIX).isdigit()
    )


class FolderLost(FileNotFoundError):
    """The folder is another one than a reader was given: it was made again, and only readers that start now may read it."""


def attach(folder: Path, tid: int) -> dict[str, pa.Table]:
    """Map the snapshot of turn ``tid``: every table by its name, without copying a row.

    Raises
    ------
    FileNotFoundError : there is no snapshot of that turn (any more).
    FolderLost : this process may not read the folder.
    """
    tables: dict[str, pa.Table] = {}
    try:
        place = turn_folder(folder, tid)
        if not place.exists() and (again := turn_folder(folder / PAST, tid)).exists():
            place = again
        for path in sorted(place.iterdir()):
            with pa.memory_map(str(path)) as source:
                # A file is a stream between a magic number and a footer. Arrow opens the footer by handing work to threads and
                # waiting for them, eight times a turn in every reader: a third of what its queries took while all cores were
                # busy.
                stream = source.read_buffer()[_MAGIC_BYTES:]
                tables[path.stem] = pa.ipc.open_stream(stream).read_all()
    except PermissionError as error:
        raise FolderLost(error.errno, "the snapshot folder may not be read", str(folder)) from error
    except NotADirectoryError as error:
        raise FileNotFoundError(error.errno, "the snapshot folder is a file", str(folder)) from error
    except FileNotFoundError as error:
        if _is_another(folder, tid):
            raise FolderLost(error.errno, "the snapshot folder is another one now", str(folder)) from error
        raise
    return tables


def _is_another(folder: Path, tid: int) -> bool:
    """Whether a folder that is mounted for this process is not the one any more in which turn ``tid`` was published."""
    newest = newest_turn(folder)
    return folder.is_mount() and (newest is None or newest < tid)


class SnapshotWriter:
    """Publishes turns into ``folder`` and prunes the old ones. For one thread of one process; `prepare` is for any thread.

    Parameters
    ----------
    folder : made if missing, its parents too; whatever a dead process left in it is removed. It must be ours, and
        hold nothing else.
    keep : turns kept at most, the newest always.
    bytes_max : bytes of all kept turns and modules together (a file shared by several turns counts once); the
        newest is kept even if it alone is larger.
    """

    def __init__(self, folder: Path, keep: int, bytes_max: int) -> None:
        self.folder = folder
        self.keep = keep
        self.bytes_max = bytes_max
        self._previous: dict[str, pa.Table] = {}
        self._previous_tid: int | None = None
        self._prepared: dict[str, Future[None]] = {}
        self._pruning: Future[None] | None = None
        self._threads = ThreadPoolExecutor(2, "snapshot")
        self._is_broken = False
        self._inode = _take(folder)
        _clear(folder)
        self._modules = ModuleFolder(folder)

    def kept(self) -> list[int]:
        """The turns that are there, ascending."""
        return kept_turns(self.folder)

    def prepare(self, name: str, table: pa.Table) -> None:
        """Begin to write a table of the turn that is published next, before that may be seen. What fails is told by `publish`."""
        # What a publish that failed left in the folder may be linked to a turn that is shown, so nothing is written there yet.
        if not self._is_broken and self._is_ours():
            self._prepared[name] = self._threads.submit(self._write_early, name, table)

    def _write_early(self, name: str, table: pa.Table) -> None:
        temporary = self.folder / WRITING
        temporary.mkdir(exist_ok=True)
        _write(temporary / f"{name}.arrow", table)

    def publish(
        self,
        tid: int,
        tables: Mapping[str, pa.Table],
        modules: Modules | None = None,
    ) -> None:
        """Write the tables of turn ``tid`` and the modules it needs, and make it the newest; old turns are pruned beside what
        is done next.

        A table that was prepared is not written again, and one that is the same object as at the publish before is linked. A
        turn that is published twice is replaced. The speed is measured by tests/bench/bench_query.py.

        A folder that was removed is made again; where there is no room, all turns but the newest are given up.

        Raises
        ------
        SnapshotError : it could not be written all the same. What was published stays, and the next publish tries again.
        """
        may_try_again = not self._is_broken
        while True:
            try:
                if self._is_broken or not self._is_ours():
                    self._mend()
                self._publish(tid, tables, modules or {})
                return
            except (OSError, SettingsError) as error:
                self._is_broken = True
                if not may_try_again:
                    reason = error.message if isinstance(error, SettingsError) else _reason(error)
                    raise SnapshotError(
                        f"turn {tid} cannot be published in {self.folder}: {reason}; it is committed, and queries are answered "
                        "from the last turn that was published. Make room, or put the folder right: the next turn tries again"
                    ) from error
                may_try_again = False
                if isinstance(error, OSError) and _number(error) in _FULL:
                    with contextlib.suppress(OSError):
                        self._prune(keep=1)

    def _is_ours(self) -> bool:
        """Whether the folder is the one that was taken, with what was published: another, or a link, may be there instead."""
        try:
            status = self.folder.lstat()
            if self._previous_tid is not None:
                (self.folder / NEWEST).lstat()
        except OSError:
            return False
        # The number alone says little: the next thing that is made may be given that of one that was removed.
        found = (stat.S_ISDIR(status.st_mode), status.st_uid, status.st_ino)
        return found == (True, os.geteuid(), self._inode)

    def _mend(self) -> None:
        """Have a folder of our own again, with nothing in it of a publish that failed."""
        wait(self._prepared.values())
        self._prepared = {}
        self._inode, self._modules = _take(self.folder), ModuleFolder(self.folder)
        if (self.folder / WRITING).exists():
            shutil.rmtree(self.folder / WRITING)
        (self.folder / _NEXT).unlink(missing_ok=True)
        self._previous, self._previous_tid = {}, None
        self._is_broken = False

    def _publish(self, tid: int, tables: Mapping[str, pa.Table], modules: Modules) -> None:
        temporary = self.folder / WRITING
        prepared, self._prepared = self._prepared, {}
        try:
            self.finish()
            self._modules.keep(tid, modules)
            temporary.mkdir(exist_ok=True)
            self._write_all(temporary, tables, prepared)
        except BaseException:
            wait(prepared.values())
            # What is linked must not be found here and written over by the next.
            if self._is_ours():
                shutil.rmtree(temporary, ignore_errors=True)
            self._is_broken = True
            raise
        final = turn_folder(self.folder, tid)
        replaced = final.rename(_removing(self.folder, tid)) if final.exists() else None
        temporary.rename(final)
        if replaced is not None:
            shutil.rmtree(replaced)
        link = self.folder / _NEXT
        link.symlink_to(final.name)
        link.replace(self.folder / NEWEST)
        self._previous, self._previous_tid = dict(tables), tid
        self._pruning = self._threads.submit(self._prune, self.keep)

    def finish(self) -> None:
        """Wait until what the last `publish` left to do is done: the old turns are gone."""
        if self._pruning is not None:
            pruning, self._pruning = self._pruning, None
            pruning.result()

    def _write_all(
        self, temporary: Path, tables: Mapping[str, pa.Table], prepared: Mapping[str, Future[None]]
    ) -> None:
        """Write or link what is not prepared, and wait until nobody writes any more, whatever fails."""
        before = None if self._previous_tid is None else turn_folder(self.folder, self._previous_tid)
        waiting = list(prepared.values())
        try:
            for name, table in tables.items():
                path = temporary / f"{name}.arrow"
                if name in prepared:
                    continue
                if before is not None and self._previous.get(name) is table:
                    path.hardlink_to(before / path.name)
                elif table.num_rows > _LARGE_ROWS:
                    waiting.append(self._threads.submit(_write, path, table))
                else:
                    _write(path, table)
        finally:
            wait(waiting)
        for future in waiting:
            future.result()

    def close(self) -> None:
        """Remove every snapshot and the folder itself, as far as it is still there and ours."""
        with contextlib.suppress(OSError):
            self.finish()
        self._threads.shutdown()
        self._previous = {}
        with contextlib.suppress(OSError, SettingsError):
            _take(self.folder)
            _clear(self.folder)
            self.folder.rmdir()

    def _by_worth(self, turns: list[int]) -> list[int]:
        """Turns in the order in which they are kept, given in ascending order."""
        return turns[::-1]

    def _prune(self, keep: int) -> None:
        """Keep the turns that are worth most, until their count or bytes are used up."""
        seen: set[int] = set()
        total = self._modules.size_bytes
        for kept, tid in enumerate(self._by_worth(kept_turns(self.folder))):
            folder = turn_folder(self.folder, tid)
            for entry in os.scandir(folder):
                status = entry.stat()
                if status.st_ino not in seen:
                    seen.add(status.st_ino)
                    total += status.st_size
            if tid != self._previous_tid and (kept >= keep or total > self.bytes_max):
                shutil.rmtree(folder.rename(_removing(self.folder, tid)))
        self._modules.prune(set(kept_turns(self.folder)))


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _number(error: OSError) -> int:
    """The system's number of an error; Arrow tells it in the text."""
    told = re.search(r"\[errno (\d+)\]", str(error))
    return int(told[1]) if told else error.errno or 0


def _reason(error: OSError) -> str:
    number = _number(error)
    return os.strerror(number) if number else printable(error)


def _take(folder: Path) -> int:
    """Make sure of a folder of our own that nobody else has put something in or can look into, but a group that it was handed
    over to (``confinement.users``); its inode.

    Raises
    ------
    SettingsError : it is a link or a file, belongs to somebody else, or holds what no snapshot is.
    """
    remedy = "remove it, or name another with WASMVERSE_SNAPSHOT_FOLDER"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise SettingsError(f"the snapshot folder {folder} is a link or a file; {remedy}")
    if status.st_uid != os.geteuid():
        raise SettingsError(
            f"the snapshot folder {folder} belongs to user {status.st_uid}, not to us; {remedy}"
        )
    is_handed_over = status.st_gid not in {os.getegid(), *os.getgroups()}
    if stat.S_IMODE(status.st_mode) not in ({0o700, 0o750} if is_handed_over else {0o700}):
        folder.chmod(0o700)
    strange = sorted(path.name for path in folder.iterdir() if _OWN.fullmatch(path.name) is None)
    if strange:
        raise SettingsError(
            f"the snapshot folder {folder} holds {strange[0]!r}, and all in it would be removed; name an empty or new one "
            "with WASMVERSE_SNAPSHOT_FOLDER"
        )
    return status.st_ino


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path)
