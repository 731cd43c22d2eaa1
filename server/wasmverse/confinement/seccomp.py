"""Seccomp: which system calls a process may make, and with which arguments.

The filter is a list of what is allowed. It is built here as a program for the kernel (classic BPF), so the machine needs no
library for it. This is what it does with all other calls:

- A call that every kernel has is refused with ``EPERM``.
  - Any other, listed here or not, fails with ``ENOSYS``, as on a kernel without it. The C library and the engines can do
  without what an older kernel lacks, so a release that starts to use a newer call still works. ``clone3`` is treated like
  this, because a filter cannot read its flags.
- A call by the numbers of another processor (32-bit programs, x32) ends the process: none of our code makes such calls.

Nothing else ends the process. Libraries try calls that they may not make, and ending the process would end their query; an
attacker gains nothing from a call that fails.

Since Linux 5.11 the kernel remembers which calls are allowed whatever their arguments, and does not run the program for
these any more.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

from wasmverse.confinement import calls
from wasmverse.confinement.layers import CALLS, Outcomes
from wasmverse.confinement.prctl import PR_SET_NO_NEW_PRIVS, prctl, system_call

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST = 0x15, 0x35
_ALLOW, _FAIL, _END_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_NUMBERS = 0x40000000
_MODE_FILTER, _ALL_THREADS = 1, 1

_CLONE_THREAD, _CLONE_NAMESPACES = 0x10000, 0x7E020000
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1033, 1034)
"""Copies, flags, locks, seals; not F_SETOWN, which makes the kernel send signals to any process."""
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""Whether it is a terminal and how wide, how much can be read, whether to wait, to be closed by exec; not TIOCSTI, which
types."""
_PRCTL = (3, 15, 16, 39, 41, 42, 0x53564D41)
"""Names of threads and of memory, reading attributes, huge pages."""

Instruction = tuple[int, int, int, int]
"""Code, how far to jump if true and if not, operand."""


UNIX, INTERNET = (1,), (2, 10)
"""Families of sockets: those of files, and those of IPv4 and IPv6."""


def restrict(*, changes_files: bool = False, sockets: tuple[int, ...] = ()) -> Outcomes:
    """Apply the filter to this process, to all its threads and to all that it starts; the layer ``CALLS``.

    sockets : the families in which it may open connections.
    """
    machine = platform.machine()
    number = calls.number_of("seccomp")
    if sys.platform != "linux" or number is None or sys.maxsize < 1 << 32:
        return {CALLS: f"no list of calls for {sys.platform} on {machine}"}
    program = filter_program(machine, os.getpid(), changes_files=changes_files, sockets=sockets)
    packed = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    kept = ctypes.create_string_buffer(packed, len(packed))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    described = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(kept))
    status = system_call(number, _MODE_FILTER, _ALL_THREADS, described)
    if status != 0:
        why = f"thread {status} has a filter of its own" if status > 0 else os.strerror(-status)
        return {CALLS: f"the filter was refused: {why}"}
    return {CALLS: ""}


def filter_program(
    machine: str, pid: int, *, changes_files: bool, sockets: tuple[int, ...] = ()
) -> list[Instruction]:
    """The filter for a processor (``x86_64``, ``aarch64``) and a process: the program that the kernel runs before each call."""
    allowed = calls.computing(machine)
    if changes_files:
        allowed |= calls.changing_files(machine)
    if sockets:
        allowed |= calls.connecting(machine)
    conditions = {
        "clone": _masked(0, _CLONE_THREAD | _CLONE_NAMESPACES, _CLONE_THREAD),
        "clone3": [(_RETURN, 0, 0, _FAIL | errno.ENOSYS)],
        "fcntl": _one_of(1, _FCNTL),
        "ioctl": _one_of(1, _IOCTL),
        "prctl": _one_of(0, _PRCTL),
        "socket": _one_of(0, sockets),
        "prlimit64": _one_of(0, (0,)),
        "kill": _one_of(0, (pid,)),
        "tgkill": _one_of(0, (pid,)),
        "sendto": _no_address(4),
    }
    program: list[Instruction] = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_IF_EQUAL, 1, 0, calls.AUDIT_ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _END_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine == "x86_64":
        program += [(_IF_AT_LEAST, 0, 1, _X32_NUMBERS), (_RETURN, 0, 0, _END_PROCESS)]
    for name, number in allowed.items():
        body = conditions.get(name, [(_RETURN, 0, 0, _ALLOW)])
        program += [(_IF_EQUAL, 0, len(body), number), *body]
    for number in calls.refused(machine).values():
        program += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | errno.EPERM)]
    if not changes_files:
        for number in calls.changing_files(machine).values():
            program += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | errno.EPERM)]
    return [*program, (_RETURN, 0, 0, _FAIL | errno.ENOSYS)]


def _one_of(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allowed if an argument that the kernel reads as 32 bits has one of these values."""
    tests = [(_IF_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)]
    end = [(_RETURN, 0, 0, _FAIL | errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
    return [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument), *tests, *end]


def _masked(argument: int, mask: int, value: int) -> list[Instruction]:
    """Allowed if these bits of an argument have this value."""
    return [
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument),
        (_AND, 0, 0, mask),
        (_IF_EQUAL, 1, 0, value),
        (_RETURN, 0, 0, _FAIL | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _no_address(argument: int) -> list[Instruction]:
    """Allowed if a pointer is null: what is sent then goes where the socket is already connected to."""
    return [
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument),
        (_IF_EQUAL, 0, 2, 0),
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument + 4),
        (_IF_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _FAIL | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
