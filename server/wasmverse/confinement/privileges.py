"""Capabilities, new privileges and resources that a process gives up; and that it ends when its parent ends."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys

from wasmverse.confinement import inits
from wasmverse.confinement.calls import number_of
from wasmverse.confinement.layers import LIMITS, PRIVILEGES, Outcomes
from wasmverse.confinement.prctl import (
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAPBSET_DROP,
    PR_GET_NO_NEW_PRIVS,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    prctl,
    system_call,
)

DESCRIPTORS_MAX = 128

CAP_DAC_OVERRIDE = 1
_CAPABILITIES = 64
"""More than any kernel has; the bounding set refuses what it does not know."""
_CAPABILITY_VERSION = 0x20080522


def end_with_parent(parent_pid: int) -> None:
    """End this process when the process ``parent_pid``, which started it, ends; at once if that has already ended.

    Where another process waits for this one outside (`inits`), this one ends with it, and it ends with ``parent_pid``.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if inits.starter() != parent_pid:
        sys.exit(0)


def drop_privileges(kept: int | None = None) -> Outcomes:
    """Give up every capability but ``kept``, in all five sets, and the means to get new ones; the layer ``PRIVILEGES``.

    Holds for this thread and those that it starts. It also holds for a process that has no capability to begin with.
    """
    number = number_of("capset")
    if sys.platform != "linux" or number is None:
        return {PRIVILEGES: f"{sys.platform} on this processor has no capabilities that are known here"}
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    drop_bounding_set(kept)
    low = 0 if kept is None else 1 << kept
    has = _effective()
    sets = struct.pack("6I", low & has, low & has, 0, 0, 0, 0)
    status = system_call(number, _header(), sets)
    left = _effective()
    if status != 0 or left & ~low:
        return {PRIVILEGES: f"capabilities {left:#x} are left: {os.strerror(-status)}"}
    if prctl(PR_GET_NO_NEW_PRIVS, 0) != 1:
        return {PRIVILEGES: "this kernel cannot refuse new privileges"}
    return {PRIVILEGES: ""}


def drop_bounding_set(kept: int | None = None) -> None:
    """No program that this process starts can have a capability but ``kept``."""
    for capability in range(_CAPABILITIES):
        if capability != kept and prctl(PR_CAPBSET_DROP, capability) != 0:
            break  # the kernel does not know this one; or we have none, and may drop none


def _effective() -> int:
    """The effective capabilities as a set of bits; 0 where they cannot be known."""
    number = number_of("capget")
    assert number is not None
    sets = ctypes.create_string_buffer(24)
    if system_call(number, _header(), sets) != 0:
        return 0
    low, _, _, high, _, _ = struct.unpack("6I", sets.raw)
    return int(low | high << 32)


def _header() -> ctypes.Array[ctypes.c_char]:
    """Whose capabilities, in which version: this thread's. The kernel may write to it."""
    return ctypes.create_string_buffer(struct.pack("II", _CAPABILITY_VERSION, 0))


def limit_resources(data_bytes: int, file_bytes: int = 0, descriptors: int = DESCRIPTORS_MAX) -> Outcomes:
    """Bound what this process may allocate, write and open; never above a limit that is already in force. The layer ``LIMITS``.

    data_bytes : bound of its writable memory; unlike a bound of address space, it does not count what WebAssembly only reserves.
    file_bytes : bound of the unnamed files in which WebAssembly keeps the first contents of a memory.
    """
    _lower(resource.RLIMIT_DATA, data_bytes)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, file_bytes)
    _lower(resource.RLIMIT_NOFILE, descriptors)
    return {LIMITS: ""}


def refuse_core_files() -> Outcomes:
    """Write no copy of this process's memory to a file when it crashes. The layer ``LIMITS``."""
    _lower(resource.RLIMIT_CORE, 0)
    return {LIMITS: ""}


def limit_processor_seconds(seconds: float) -> None:
    """End this process when it has used ``seconds`` more of processor time than it has used by now.

    The pool ends a query that runs too long; this holds even if the pool cannot.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))
