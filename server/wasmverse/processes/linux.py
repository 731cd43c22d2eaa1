"""What other processes are doing, as Linux tells it: whether one is stopped, whether it gets on, and how to end what is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil


class Work(NamedTuple):
    """What a process has done so far; two that are equal say that it did nothing in between."""

    processor_seconds: float
    bytes_moved: int


def work_of(pid: int) -> Work | None:
    """What the process has done so far; None once it has ended."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        times = process.cpu_times()
        moved = 0
        with suppress(psutil.AccessDenied, AttributeError):  # not everywhere are these told
            counters = process.io_counters()
            moved = counters.read_bytes + counters.write_bytes
        return Work(times.user + times.system, moved)
    except psutil.Error:
        return None


def waits_for_machine(pid: int) -> bool:
    """Whether a thread of the process waits for a disk or for a processor, which it can do nothing about."""
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                if _state(f"{thread}/stat") in {"D", "R"}:
                    return True
    return False


def is_stopped(pid: int) -> bool:
    """Whether a signal stopped the process, until another continues it."""
    try:
        return _state(f"/proc/{pid}/stat") in {"T", "t"}
    except OSError:
        return False


def proceed(pid: int) -> None:
    """Continue a process that a signal stopped."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def end_all(processes: Iterable[psutil.Process], patience_seconds: float) -> None:
    """End processes at once, stopped ones too, and wait for them for so long."""
    ending = list(processes)
    for process in ending:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(ending, timeout=patience_seconds)


def _state(path: str) -> str:
    # The name of the program stands in front of it, in parentheses, and may hold any.
    return Path(path).read_bytes().rpartition(b")")[2].split()[0].decode()
