"""What each kind of process keeps, and how it is confined."""

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
"""The engines look up the size of the machine and of their container here; DuckDB aborts when it cannot. Of /proc only the
process's own folder is here: other processes must stay invisible."""


_CLIENT = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/passwd",
    "/etc/ssl",
    "/etc/pki/tls",
)
_CLIENT_VARIABLES = ("PGPASSFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL")

_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "MALLOC_ARENA_MAX")
"""The only variables of the environment that are passed on: the others may hold secrets."""


def confine_reader(snapshots: Path, user: int) -> Outcomes:
    """Confine this process as a reader, which computes and reads snapshots. To be called before it loads an engine.

    user : the user that it becomes if root started the server.
    """
    return _confine(user, snapshots)


def confine_checker(user: int) -> Outcomes:
    """Confine this process as a checker, which computes on what it reads from its standard input."""
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
class Servers:
    """What it takes to connect to the servers of a universe that is in no file, now and whenever a connection was lost.

    ports : of TCP; none where all have Unix sockets
    has_unix : whether one has
    files : what its URLs name: certificates, keys, passwords
    folders : with the files of Unix sockets, where URLs name them
    """

    ports: frozenset[int] = frozenset()
    has_unix: bool = False
    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()

    def are_open(self) -> bool:
        """Whether this user may connect to the Unix sockets without being root."""
        used = [path for folder in self.folders for path in (folder, *folder.glob(".s.PGSQL.*"))]
        return all(_is_open(path) for path in used if path.exists())

    @property
    def families(self) -> tuple[int, ...]:
        """Those of the sockets."""
        return (*(seccomp.INTERNET if self.ports else ()), *(seccomp.UNIX if self.has_unix else ()))

    def readable(self) -> list[Path]:
        """What is read to find a server by its name, and to say who connects: passwords and certificates in libpq's places."""
        home = Path(os.environ.get("HOME", "/"))
        named = [os.environ[name] for name in _CLIENT_VARIABLES if name in os.environ]
        paths = [*map(Path, (*_CLIENT, *named)), home / ".pgpass", home / ".postgresql", *self.files]
        return [found for path in paths for found in {path, path.resolve()}]


@dataclass(frozen=True, slots=True)
class UniversePaths:
    """What the universe must be able to change: its file, its recording, its snapshots; at first also the compiled kernels.

    database : None if that is no file; ``servers`` says then what has it.
    readers_group : the group that may also look into the snapshots, if root runs the universe.
    """

    database: Path | None
    snapshots: Path
    kernels: Path
    recording: Path | None = None
    readers_group: int | None = None
    servers: Servers | None = None

    def folders(self) -> list[Path]:
        """The folders of all of these but the kernels.

        A rule can only be made for a file that exists. DuckDB makes and removes its log, and a snapshot folder that somebody
        removed is made again, so the rules are for the folders around them.
        """
        paths = [path for path in (self.database, self.recording, self.snapshots) if path is not None]
        return sorted({folder for path in paths for folder in (path.parent, path.resolve().parent)})

    def readable(self) -> list[Path]:
        """What it must be able to read."""
        return interpreter() if self.servers is None else [*interpreter(), *self.servers.readable()]

    def ports(self) -> frozenset[int]:
        """The TCP ports that it must be able to connect to."""
        return frozenset() if self.servers is None else self.servers.ports


def confine_universe(paths: UniversePaths) -> Outcomes:
    """Take files and privileges from the universe before it loads anything; `close_universe` takes the rest.

    Folders that are missing are made, if that is allowed; whoever needs one reports later that it is missing.
    """
    file = paths.database
    for folder in (paths.kernels,) if file is None else (file.parent, paths.kernels):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        paths.snapshots.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not paths.snapshots.is_symlink() and paths.snapshots.stat().st_uid == os.geteuid():
            paths.snapshots.chmod(0o700)  # once confined, it may not change any mode
            if paths.readers_group is not None:
                users.hand_over(paths.snapshots, paths.readers_group)
    folders = paths.folders()
    used = [path for path in (file.parent, file) if path.exists()] if file is not None else []
    owned = all(path.stat().st_uid == os.geteuid() for path in used)
    if paths.servers is not None and not paths.servers.are_open():
        owned = False
    return {
        **namespaces.separate(is_read_only=False, keeps_network=bool(paths.ports())),
        **landlock.restrict(paths.readable(), [*folders, paths.kernels], paths.ports()),
        **drop_privileges(None if owned else CAP_DAC_OVERRIDE),
        **refuse_core_files(),
    }


def close_universe(paths: UniversePaths) -> Outcomes:
    """Before the first guest runs: the compiled kernels can no longer be changed, and only the calls that turns need can be made.

    The new rule for files holds for this thread and those that it starts, such as the guests'; the list of calls holds for all.
    """
    landlock.restrict(paths.readable(), paths.folders(), paths.ports())
    return seccomp.restrict(
        changes_files=True, sockets=() if paths.servers is None else paths.servers.families
    )


@dataclass(frozen=True, slots=True)
class HistorianPaths:
    """What the historian must be able to read, the kept turns; and to change: the snapshots that it makes, at first also the
    compiled kernels. ``readers_group`` as in `UniversePaths`."""

    past: Path
    shown: Path
    kernels: Path
    readers_group: int | None = None

    def readable(self) -> list[Path]:
        """What it must be able to read."""
        return [*interpreter(), self.past]


def confine_historian(paths: HistorianPaths) -> Outcomes:
    """Confine this process as the universe is, but to one folder that it may write to, without a database or a network."""
    with suppress(OSError):
        paths.shown.mkdir(mode=0o700, parents=True, exist_ok=True)
        if paths.readers_group is not None:
            users.hand_over(paths.shown, paths.readers_group)
    return {
        **namespaces.separate(is_read_only=False),
        **landlock.restrict(paths.readable(), [paths.shown, paths.kernels]),
        **drop_privileges(),
        **refuse_core_files(),
    }


def close_historian(paths: HistorianPaths) -> Outcomes:
    """As `close_universe`, before the first guest runs."""
    landlock.restrict(paths.readable(), [paths.shown])
    return seccomp.restrict(changes_files=True)


def inside(module: str) -> list[str]:
    """The command that starts the reader or the checker, before its arguments."""
    # By its path: the code that finds a module by its name is large, too.
    return [sys.executable, "-PS", str(Path(__file__).with_name("inside.py")), module]


def bare_environment() -> dict[str, str]:
    """The environment that a reader or checker is started with."""
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}


def universe_environment(*, connects: bool = False) -> dict[str, str]:
    """The environment of the universe, which also says where the compiled kernels are and how they are made; and if it connects
    to a server, what libpq goes by.
    """
    prefixes = ("NUMBA_", "PYTHON", "PG") if connects else ("NUMBA_", "PYTHON")
    ours = {name: value for name, value in os.environ.items() if name.startswith(prefixes)}
    folders = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}
    return bare_environment() | ours | folders


def interpreter() -> list[Path]:
    """What every process must be able to read: Python, the libraries, and facts about the machine."""
    return [*libraries(), *map(Path, _SYSTEM + _MACHINE)]


def libraries() -> list[Path]:
    """The folders of Python and of what is installed for it."""
    named = (*sysconfig.get_paths().values(), *sys.path, sys.prefix, sys.base_prefix)
    # The current folder is not a library, unless our own code is there.
    here = Path()
    paths = {path for path in map(Path, filter(None, named)) if not _is_same(path, here)} | {_PACKAGES}
    return sorted(paths)


def _is_open(path: Path) -> bool:
    """Whether others than its owner may go through a folder, or connect to a socket; or we are the owner."""
    status = path.stat()
    return status.st_uid == os.geteuid() or bool(status.st_mode & (0o001 if path.is_dir() else 0o002))


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False
