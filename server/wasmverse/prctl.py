"""What a process asks of Linux, some of it also for what it starts: prctl(2), numbers of <linux/prctl.h>. Nothing elsewhere."""

from __future__ import annotations

import ctypes
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
PR_SET_THP_DISABLE = 41


def prctl(option: int, value: int) -> None:
    """Set one attribute of the process; of no effect where the kernel does not know it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def refuse_huge_pages() -> None:
    """Memory in small pages only, also for all processes that are started from here on.

    numpy and Arrow's allocator ask for huge ones. To find and to clear two megabytes in a row stops a turn for 1 to 4 ms, in its
    middle: docs/architecture.md has what that costs.
    """
    prctl(PR_SET_THP_DISABLE, 1)
