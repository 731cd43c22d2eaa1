"""Control groups: how much memory and how many threads one process may have, whatever it does about its own limits.

A process's own limits count what it allocates. Its group counts all memory that is used because of it, including unnamed
files in memory, and its threads. The server makes one folder of groups when it starts, and in it a group for each process;
the process enters it before it is confined, and can never leave it. Both versions of Linux's interface are supported: the
second below our own group, if it is delegated; the first, with a hierarchy for each controller, if its folders may be written
to.

A folder of groups is locked by the server that made it. A folder without a lock was left by a server that was killed.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wasmverse.confinement.layers import GROUPS, Outcomes

CONTROLLERS = ("memory", "pids")
VARIABLE = "CONTROL_GROUPS"
"""Tells a process that is started its groups, or, after the mark, why it has none."""
_WHY_NOT = "!"
_PREFIX = "wasmverse-"
_OURS = "server"

MEMORY_AROUND_BYTES = 1 << 30
"""What a process may use in its group beyond its limit of data: code, libraries' files, memory shared with it."""


@dataclass(frozen=True, slots=True)
class Group:
    """The groups of one process: one folder with all controllers, or one for each. If there are none, ``why`` says why."""

    folders: tuple[Path, ...]
    why: str = ""

    def environment(self) -> dict[str, str]:
        """What to add to the environment of the process, so that it enters its groups."""
        return {VARIABLE: _WHY_NOT + self.why if self.why else os.pathsep.join(map(str, self.folders))}

    def remove(self) -> None:
        """To be called when the process has ended."""
        for folder in self.folders:
            with suppress(OSError):
                folder.rmdir()


class Groups:
    """The groups of one server, or of a command that starts such processes.

    Nothing fails where groups cannot be made; ``why`` then says why.
    """

    def __init__(self, controllers: tuple[str, ...] = CONTROLLERS) -> None:
        self._folders: list[Path] = []
        self._locks: list[int] = []
        self._controllers = controllers
        self._second: Path | None = None
        try:
            self.why = self._make(controllers)
        except OSError as error:
            self.why = f"{error.filename} may not be changed ({error.strerror})"
        if self.why:
            self.close()

    def _make(self, controllers: tuple[str, ...]) -> str:
        mounts, own = _mounts(), _own_groups()
        second = _folder_of("", mounts, own)
        if second is not None and set(controllers) <= set(
            (second / "cgroup.controllers").read_text().split()
        ):
            self._add(second)
            return self._delegate(second, controllers)
        folders = [_folder_of(controller, mounts, own) for controller in controllers]
        if lacking := [name for name, folder in zip(controllers, folders, strict=True) if folder is None]:
            return f"no control groups of {' and '.join(lacking)} can be reached from here"
        for folder in filter(None, folders):
            self._add(folder)
        return ""

    def _add(self, parent: Path) -> None:
        """Make our folder below a group, and remove those that killed servers left."""
        for stale in parent.glob(f"{_PREFIX}*"):
            if (lock := _locked(stale)) is not None:
                _remove(stale)
                os.close(lock)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._folders.append(folder)
        lock = _locked(folder)
        if lock is not None:
            self._locks.append(lock)

    def _delegate(self, parent: Path, controllers: tuple[str, ...]) -> str:
        """In the second version, a group that passes controllers on may not contain a process: ours moves into a group below."""
        folder = self._folders[0]
        (folder / _OURS).mkdir()
        (folder / _OURS / "cgroup.procs").write_text("0")
        self._second = parent
        enabled = " ".join(f"+{name}" for name in controllers)
        try:
            for group in (parent, folder):
                (group / "cgroup.subtree_control").write_text(enabled)
        except OSError as error:
            return f"{parent} hands down no {' and '.join(controllers)} ({error.strerror}): other processes are in it"
        return ""

    def group(self, kind: str, threads_max: int, data_bytes: int) -> Group:
        """Make a group for a process of this kind that is about to be started; takes some 100 microseconds."""
        if self.why:
            return Group((), self.why)
        made: list[Path] = []
        memory = data_bytes + MEMORY_AROUND_BYTES
        try:
            for parent in self._folders:
                folder = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=parent))
                made.append(folder)
                for name, value in (
                    ("pids.max", threads_max),
                    ("memory.max", memory),
                    ("memory.limit_in_bytes", memory),
                ):
                    if (folder / name).exists():
                        (folder / name).write_text(str(value))
        except OSError as error:
            Group(tuple(made)).remove()
            return Group((), f"{error.filename} could not be made ({error.strerror})")
        return Group(tuple(made))

    def close(self) -> None:
        """Remove all groups; to be called when their processes have ended."""
        if self._second is not None:
            [folder] = self._folders
            for group in folder.iterdir():
                if group.is_dir() and group.name != _OURS:
                    _remove(group)
            disabled = " ".join(f"-{name}" for name in self._controllers)
            for file, text in (
                (folder / "cgroup.subtree_control", disabled),
                (self._second / "cgroup.subtree_control", disabled),
                (self._second / "cgroup.procs", "0"),
            ):
                with suppress(OSError):
                    file.write_text(text)
        for folder in self._folders:
            _remove(folder)
        for lock in self._locks:
            os.close(lock)
        self._folders, self._locks, self._second = [], [], None
        self.why = self.why or "the server is ending"


_ours: list[Groups] = []


def ours() -> Groups:
    """The groups of this process, made when they are first asked for."""
    if not _ours:
        _ours.append(Groups())
        atexit.register(close)
    return _ours[0]


def close() -> None:
    """Remove the groups of this process, if it has made any."""
    while _ours:
        _ours.pop().close()


def enter() -> Outcomes:
    """Enter the groups that this process was started with. It cannot leave them: their files will be closed to it.

    The layer ``GROUPS``.
    """
    told = os.environ.pop(VARIABLE, _WHY_NOT + "who started it made none")
    if told.startswith(_WHY_NOT):
        return {GROUPS: told.removeprefix(_WHY_NOT)}
    try:
        for folder in told.split(os.pathsep):
            Path(folder, "cgroup.procs").write_text("0")
    except OSError as error:
        return {GROUPS: f"{error.filename} could not be entered ({error.strerror})"}
    return {GROUPS: ""}


def _mounts() -> list[tuple[str, Path, set[str]]]:
    """For every mounted hierarchy: the group that is visible as its root, the folder, and the controllers ("" for the second
    version)."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        root, folder = before.split()[3:5]
        if kind in {"cgroup", "cgroup2"}:
            found.append((root, Path(folder), set(options.split(",")) if kind == "cgroup" else {""}))
    return found


def _own_groups() -> dict[str, str]:
    """Controller ("": the second version) -> the group that this process is in."""
    lines = (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
    return {controller: group for _, names, group in lines for controller in names.split(",")}


def _folder_of(controller: str, mounts: list[tuple[str, Path, set[str]]], own: dict[str, str]) -> Path | None:
    for root, mounted, controllers in mounts:
        group = own.get(controller)
        if controller in controllers and group is not None:
            below = os.path.relpath(group, root)
            folder = mounted if below.startswith("..") else mounted / below
            return folder if folder.is_dir() else None
    return None


def _locked(folder: Path) -> int | None:
    """The lock on a folder of groups, held until it is closed; None if somebody else has it or the folder is gone."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
        else:
            return descriptor
    return None


def _remove(folder: Path) -> None:
    """Remove a group and those below it, as far as no process is in them."""
    with suppress(OSError):
        for below in folder.iterdir():
            if below.is_dir():
                _remove(below)
    with suppress(OSError):
        folder.rmdir()
