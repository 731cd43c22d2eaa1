"""What each kind of process is left with, and how it is closed in."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from wasmverse.confinement import landlock, seccomp
from wasmverse.confinement.layers import Outcomes
from wasmverse.confinement.privileges import drop_privileges

_PACKAGES = Path(__file__).parents[2]
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/localtime")
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


def confine_reader(snapshots: Path) -> Outcomes:
    """Close in a reader: it computes, and reads snapshots. To be called before it loads an engine."""
    return {
        **landlock.restrict([snapshots, *interpreter()]),
        **drop_privileges(),
        **seccomp.restrict(),
    }


def confine_checker() -> Outcomes:
    """Close in a checker: it computes, on what it reads from its standard input."""
    return {
        **landlock.restrict(interpreter()),
        **drop_privileges(),
        **seccomp.restrict(),
    }


def bare_environment() -> dict[str, str]:
    """The environment that a confined process is started with."""
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}


def interpreter() -> list[Path]:
    """What anything that runs must be able to read: Python, the libraries, and facts about the machine."""
    named = (*sysconfig.get_paths().values(), *sys.path, sys.prefix, sys.base_prefix)
    # Where somebody happens to stand is no library, unless our own code is there.
    paths = {Path(path) for path in named if path} - {Path.cwd()} | {_PACKAGES}
    return [*sorted(paths), *map(Path, _SYSTEM + _MACHINE)]
