"""What a process asks of Linux, some of it also for what it starts: prctl(2) and bare system calls. Nothing elsewhere."""

from __future__ import annotations

import ctypes
import sys

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
PR_SET_THP_DISABLE = 41
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4


def prctl(option: int, value: int) -> int:
    """Set one attribute of the process; -1 and no effect where the kernel does not know it."""
    if sys.platform != "linux":
        return -1
    return int(ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def system_call(number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call that has no name in Python: what it returns, or minus the error's number."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    given = (a if not isinstance(a, int) else ctypes.c_long(a) for a in arguments)
    value = int(call(ctypes.c_long(number), *given))
    return -ctypes.get_errno() if value == -1 else value


def refuse_huge_pages() -> None:
    """Memory in small pages only, also for all processes that are started from here on.

    numpy and Arrow's allocator ask for huge ones. To find and to clear two megabytes in a row stops a turn for 1 to 4 ms, in its
    middle: docs/architecture.md has what that costs.
    """
    prctl(PR_SET_THP_DISABLE, 1)
