"""What each kind of process is left with, and how it is closed in."""

from __future__ import annotations

import os
import sys
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wasmverse.confinement import groups, inits, landlock, namespaces, seccomp, users
from wasmverse.confinement.layers import PROCESSES, Outcomes
from wasmverse.confinement.privileges import CAP_DAC_OVERRIDE, drop_privileges, refuse_core_files

_PACKAGES = Path(__file__).parents[2]
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/etc/ld.so.cache",
)
_MACHINE = (
    "/sys/fs/cgroup",
    "/sys/devices/system",
    "/sys/kernel/mm",
    "/dev/urandom",
    "/dev/null",
    "/proc/self",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/stat",
    "/proc/filesystems",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/vm",
)
"""The engines look up the size of the machine and of their container here; DuckDB aborts when it may not. Of /proc only the
process's own folder: other processes are not to be seen."""


_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "MALLOC_ARENA_MAX")
"""The only variables of the environment that are passed on: the others may hold secrets."""


def confine_reader(snapshots: Path, user: int) -> Outcomes:
    """Close in a reader: it computes, and reads snapshots. To be called before it loads an engine.

    user : who it is where the server is root's.
    """
    return _confine(user, snapshots)


def confine_checker(user: int) -> Outcomes:
    """Close in a checker: it computes, on what it reads from its standard input."""
    return _confine(user)


def _confine(user: int, *readable: Path) -> Outcomes:
    needed = [*libraries(), *readable]
    alone = {PROCESSES: inits.go_inside()}
    grouped = groups.enter()
    return {
        **alone,
        **grouped,
        **namespaces.separate(is_read_only=True, later=user, needed=needed),
        **landlock.restrict([*readable, *interpreter()]),
        **users.become(user, needed, bounds_threads=any(grouped.values())),
        **drop_privileges(),
        **seccomp.restrict(),
    }


@dataclass(frozen=True, slots=True)
class UniversePlaces:
    """What the universe must be able to change: its file, its recording, its snapshots; at first also the compiled kernels.

    readers_group : who besides may look into the snapshots, where root runs it.
    """

    database: Path
    snapshots: Path
    kernels: Path
    recording: Path | None = None
    readers_group: int | None = None

    def folders(self) -> list[Path]:
        """The folders of all but the kernels.

        DuckDB makes and removes its log, and a snapshot folder that somebody removes is made anew: the folders around them are
        what a rule can be made for.
        """
        paths = [path for path in (self.database, self.recording, self.snapshots) if path is not None]
        return sorted({folder for path in paths for folder in (path.parent, path.resolve().parent)})


def confine_universe(places: UniversePlaces) -> Outcomes:
    """Close in the universe before it loads anything: files and privileges; `close_universe` has the rest.

    Folders that are missing are made, as far as one may; who needs them says so if they are not there.
    """
    for folder in (places.database.parent, places.kernels):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        places.snapshots.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not places.snapshots.is_symlink() and places.snapshots.stat().st_uid == os.geteuid():
            places.snapshots.chmod(0o700)  # later nothing may be said any more of who may look into what
            if places.readers_group is not None:
                users.hand_over(places.snapshots, places.readers_group)
    folders = places.folders()
    used = [path for path in (places.database.parent, places.database) if path.exists()]
    owned = all(path.stat().st_uid == os.geteuid() for path in used)
    return {
        **namespaces.separate(is_read_only=False),
        **landlock.restrict(interpreter(), [*folders, places.kernels]),
        **drop_privileges(None if owned else CAP_DAC_OVERRIDE),
        **refuse_core_files(),
    }


def close_universe(places: UniversePlaces) -> Outcomes:
    """Before the first guest: the compiled kernels can be changed no more, and only the calls that turns take can be made.

    The new rule for files holds for this thread and those that it starts, as guests' are; the list of calls for all.
    """
    landlock.restrict(interpreter(), places.folders())
    return seccomp.restrict(changes_files=True)


def inside(module: str) -> list[str]:
    """The command that starts the reader or the checker, before its arguments."""
    # By its path: what finds a module by name is large, too.
    return [sys.executable, "-PS", str(Path(__file__).with_name("inside.py")), module]


def bare_environment() -> dict[str, str]:
    """The environment that a reader or checker is started with."""
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}


def universe_environment() -> dict[str, str]:
    """That of the universe: besides, where the compiled kernels are and how they are made."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(("NUMBA_", "PYTHON"))}
    folders = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}
    return bare_environment() | ours | folders


def interpreter() -> list[Path]:
    """What anything that runs must be able to read: Python, the libraries, and facts about the machine."""
    return [*libraries(), *map(Path, _SYSTEM + _MACHINE)]


def libraries() -> list[Path]:
    """Python, and what is installed for it."""
    named = (*sysconfig.get_paths().values(), *sys.path, sys.prefix, sys.base_prefix)
    # Where somebody happens to stand is no library, unless our own code is there.
    here = Path()
    paths = {path for path in map(Path, filter(None, named)) if not _is_same(path, here)} | {_PACKAGES}
    return sorted(paths)


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False
