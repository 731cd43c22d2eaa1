"""prctl(2) and system calls that Python has no name for. On systems other than Linux they do nothing."""

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
    """Set one attribute of the process; returns -1 and has no effect where the kernel does not know it."""
    if sys.platform != "linux":
        return -1
    return int(ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def system_call(number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call that Python has no name for; returns its value, or minus the number of the error."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    given = (a if not isinstance(a, int) else ctypes.c_long(a) for a in arguments)
    value = int(call(ctypes.c_long(number), *given))
    return -ctypes.get_errno() if value == -1 else value


def refuse_huge_pages() -> None:
    """Use small pages of memory only, in this process and in all that it starts from now on.

    numpy and Arrow's allocator ask for huge pages. Finding and clearing two megabytes in a row stops a turn in its middle for
    1 to 4 ms: docs/architecture.md says what that costs.
    """
    prctl(PR_SET_THP_DISABLE, 1)
