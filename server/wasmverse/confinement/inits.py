"""A PID namespace: the process continues inside it as a child of itself, and whoever started it notices no difference.

There are then three processes of one program. The one that was started stays outside, waits, and ends as the one inside does,
by the same signal too. The first one inside is there because every such namespace must have one: it does nothing, and when it
ends, all inside end. The second one inside continues the program. To keep the two that wait small, `inside` calls this module
before it imports anything else.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal's own, without its names, which are large
import os
import sys

from wasmverse.confinement.calls import number_of
from wasmverse.confinement.prctl import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl, system_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn  # the module is large

IGNORED = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)
"""These often reach all processes of a server, but each process is ended by the one that started it."""

_USER, _PROCESSES = 0x10000000, 0x20000000
_ID_BYTES = 32

_outcome: list[str] = []
_seen_from_outside: list[int] = []
_starter: list[int] = []


def go_inside() -> str:
    """Continue in a PID namespace of our own. Returns "", or why there is none. Only the first call in a process does anything.

    The process must have one thread. If it has no right to make such a namespace, it makes a user namespace for it first, in
    which it stays the same user.

    Raises
    ------
    OSError : the namespace was made, but no process could be started in it. No thread could be started either, so this process
        cannot continue.
    """
    if not _outcome:
        _starter.append(os.getppid())
        _outcome.append(_leave())
        if not _outcome[0]:
            _seen_from_outside.append(_fork())
    return _outcome[0]


def process_id() -> int:
    """The number of this process as seen by all others."""
    return _seen_from_outside[0] if _seen_from_outside else os.getpid()


def starter() -> int:
    """The process that started this one, or started the one that waits for it outside; 1 if that had already ended."""
    return _starter[0] if _seen_from_outside else os.getppid()


def _leave() -> str:
    number = number_of("unshare")
    if sys.platform != "linux" or number is None:
        return f"{sys.platform} on this processor has no namespaces that are known here"
    user, group = os.geteuid(), os.getegid()
    if system_call(number, _PROCESSES) == 0:
        return ""
    status = system_call(number, _PROCESSES | _USER)
    if status < 0:
        return f"no namespace of processes may be made here ({os.strerror(-status)})"
    # If these may not be written, the process is inside all the same, and the layer of namespaces says what is wrong.
    maps = ("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")
    try:
        for name, text in maps:
            descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
    except OSError:
        pass
    return ""


def _fork() -> int:
    """Returns only in the process that continues the program: its number as seen from outside."""
    held, holding = os.pipe()
    told, telling = os.pipe()
    first = os.fork()
    if first == 0:
        _idle(held)
    try:
        worker = os.fork()
    except OSError:
        os.kill(first, _signal.SIGKILL)
        raise
    if worker:
        os.write(telling, str(worker).encode())
        _wait_for(first, worker, holding)
    # However the one outside ends, the first one inside ends with it, and then the kernel ends this one. To be sure, this one
    # asks for the same itself:
    prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)
    for descriptor in (held, holding, telling):
        os.close(descriptor)
    own = os.read(told, _ID_BYTES)
    os.close(told)
    if not own or os.getppid() != 0:  # the parent is outside, and processes there have no number in here
        os._exit(1)
    return int(own)


def _idle(held: int) -> NoReturn:
    """Wait until the process outside, the only one that could write to the pipe, has ended; then end."""
    _stand_by(held)
    prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)
    while True:
        try:
            if not os.read(0, 1):
                os._exit(0)
        except InterruptedError:
            continue


def _wait_for(first: int, worker: int, holding: int) -> NoReturn:
    _stand_by(holding)
    status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    # Whoever waits for this process may rely on no process being left inside.
    os.kill(first, _signal.SIGKILL)
    os.waitpid(first, 0)
    if status < 0:
        number = -status
        if number != _signal.SIGKILL:
            _signal.signal(number, _signal.SIG_DFL)
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    os._exit(status if status >= 0 else 128 - status)


def _stand_by(kept: int) -> None:
    """Keep only this descriptor, as number 0, close all other files, and ignore signals."""
    for number in IGNORED:
        _signal.signal(number, _signal.SIG_IGN)
    prctl(PR_SET_DUMPABLE, 0)  # no core file, and nobody looks into it
    os.dup2(kept, 0)
    os.closerange(1, os.sysconf("SC_OPEN_MAX"))
