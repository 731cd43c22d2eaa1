"""A PID namespace: the process goes on inside it as a child of itself, and whoever started it notices nothing.

Three processes of one program. The one that was started stays outside, waits, and ends as the one inside does, by the same signal
too. The first one inside is what every such namespace must have: it idles, and its end is the end of all inside. The second one
inside goes on. To keep the two that wait small, `inside` comes here before it imports anything else.
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
"""These often reach all processes of a server; each is ended by who started it."""

_USER, _PROCESSES = 0x10000000, 0x20000000
_ID_BYTES = 32

_outcome: list[str] = []
_seen_from_outside: list[int] = []
_starter: list[int] = []


def go_inside() -> str:
    """Go on in a namespace of one's own; nothing, or why there is none. Only the first call in a process does anything.

    Needs a process of one thread. Whoever has no right to it makes a user namespace for it first, and stays the user they were.

    Raises
    ------
    OSError : the namespace is there, and no process could be started in it. Nor could a thread: there is no way to go on.
    """
    if not _outcome:
        _starter.append(os.getppid())
        _outcome.append(_leave())
        if not _outcome[0]:
            _seen_from_outside.append(_fork())
    return _outcome[0]


def process_id() -> int:
    """The number by which all others know this process."""
    return _seen_from_outside[0] if _seen_from_outside else os.getpid()


def starter() -> int:
    """The process that started this one, or the one that waits for it outside; 1 if that had ended already."""
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
    # Where these may not be written the process is inside all the same, and the layer of namespaces says what is wrong.
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
    """Returns in the process that goes on."""
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
    # However the one outside ends, the first one inside ends with it, and the kernel this one; and this one besides:
    prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)
    for descriptor in (held, holding, telling):
        os.close(descriptor)
    own = os.read(told, _ID_BYTES)
    os.close(told)
    if not own or os.getppid() != 0:  # the parent is outside, where nobody has a number here
        os._exit(1)
    return int(own)


def _idle(held: int) -> NoReturn:
    """Until the one outside, which alone can write to the pipe, has ended."""
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
    # Whoever waits for this process may count on it that none is left inside.
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
    """Keep this one descriptor, as the first, hold no other file, and heed and tell nothing."""
    for number in IGNORED:
        _signal.signal(number, _signal.SIG_IGN)
    prctl(PR_SET_DUMPABLE, 0)  # no core file, and nobody looks into it
    os.dup2(kept, 0)
    os.closerange(1, os.sysconf("SC_OPEN_MAX"))
