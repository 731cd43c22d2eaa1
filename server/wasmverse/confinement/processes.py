"""What each kind of process is left with, and how it is closed in."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from wasmverse.confinement import landlock, seccomp
from wasmverse.confinement.layers import Outcomes
from wasmverse.confinement.privileges import drop_privileges

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


def confine_reader(snapshots: Path) -> Outcomes:
    """Close in a reader: it computes, and reads snapshots. To be called before it loads an engine."""
    return {
        **landlock.restrict([snapshots, *interpreter()]),
        **drop_privileges(),
        **seccomp.restrict(),
    }


def interpreter() -> list[Path]:
    """What anything that runs must be able to read: Python, the libraries, and facts about the machine."""
    paths = {
        Path(path)
        for path in (*sysconfig.get_paths().values(), *sys.path, sys.prefix, sys.base_prefix)
        if path
    }
    return [*sorted(paths), *map(Path, _SYSTEM + _MACHINE)]
