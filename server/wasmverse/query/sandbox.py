"""What the operating system forbids a reader, on top of what DuckDB does.

Everything here is given up by a process for itself and for good, so it works for any user and in any
container. Linux has all of it; elsewhere the resource limits alone are set.

- ``PR_SET_PDEATHSIG``: the process ends with the one that started it.
- ``PR_SET_NO_NEW_PRIVS``: no set-user-id program can raise it.
- Resource limits: data (what the process may write to, which unlike address space leaves out what WebAssembly
  only reserves), no core files, small files (memory of WebAssembly begins as one), few descriptors.
- Landlock (kernel 5.13 on; 6.7 on for the network): reads below the given folders only, no writing, no
  programs, no
  TCP. The numbers are those of <linux/landlock.h>, which the kernel promises not to change.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from wasmverse.prctl import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl

_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_ADD_RULE = 445
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_VERSION = 1
_LANDLOCK_PATH_BENEATH = 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""Rights over files that each version of Landlock knows; all of them are taken away."""

DESCRIPTORS_MAX = 128


def end_with_parent(parent_pid: int) -> None:
    """End this process when the process ``parent_pid``, its parent, ends, or at once if it has ended
    already."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit(0)


def limit_resources(data_bytes: int, file_bytes: int = 0) -> None:
    """Cap what this process may allocate, write and open; never above a limit that is already in force.

    ``file_bytes`` is for the files without a name in which WebAssembly keeps the first contents of a memory.
    """
    _lower(resource.RLIMIT_DATA, data_bytes)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, file_bytes)
    _lower(resource.RLIMIT_NOFILE, DESCRIPTORS_MAX)


def limit_processor_seconds(seconds: float) -> None:
    """End this process when it has used ``seconds`` more of processor time than it has by now.

    The pool ends a query that runs too long; this holds even if the pool cannot.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


def restrict_files(readable: Iterable[Path]) -> bool:
    """Give up all files but those below ``readable``, for reading, and TCP; False where the kernel cannot do
    that.

    Holds for this thread and what it starts, so it must be called before other threads are there.
    """
    if sys.platform != "linux":
        return False
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    version = _syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    if version < 1:
        return False
    files = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    network = 0b11 if version >= 4 else 0
    attributes = struct.pack("QQ", files, network)
    rules = _syscall(_LANDLOCK_CREATE_RULESET, attributes, 16 if version >= 4 else 8, 0)
    if rules < 0:
        return False
    try:
        for path in readable:
            _allow_reading(rules, path)
        return _syscall(_LANDLOCK_RESTRICT_SELF, rules, 0) == 0
    finally:
        os.close(rules)


def _allow_reading(rules: int, path: Path) -> None:
    if not path.exists():
        return
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _READ_FILE | _READ_FOLDER if path.is_dir() else _READ_FILE
        _syscall(_LANDLOCK_ADD_RULE, rules, _LANDLOCK_PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _syscall(number: int, *arguments: int | bytes | None) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    return int(
        call(ctypes.c_long(number), *(a if not isinstance(a, int) else ctypes.c_long(a) for a in arguments))
    )
