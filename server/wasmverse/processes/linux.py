"""What other processes do, as Linux reports it: whether one is stopped, whether it makes progress; and how to end those left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil


class Work(NamedTuple):
    """What a process has done so far; if two of these are equal, it did nothing in between."""

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
        with suppress(psutil.AccessDenied, AttributeError):  # not every system reports these
            counters = process.io_counters()
            moved = counters.read_bytes + counters.write_bytes
        return Work(times.user + times.system, moved)
    except psutil.Error:
        return None


def waits_for_machine(pid: int) -> bool:
    """Whether a thread of the process waits for a disk or for a processor, for which it is not to blame."""
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                if _state(f"{thread}/stat") in {"D", "R"}:
                    return True
    return False


def is_stopped(pid: int) -> bool:
    """Whether a signal has stopped the process and none has continued it yet."""
    try:
        return _state(f"/proc/{pid}/stat") in {"T", "t"}
    except OSError:
        return False


def proceed(pid: int) -> None:
    """Continue a process that a signal stopped."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def end_all(processes: Iterable[psutil.Process], patience_seconds: float) -> None:
    """End processes at once, stopped ones too, and wait for them for up to ``patience_seconds``."""
    ending = list(processes)
    for process in ending:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(ending, timeout=patience_seconds)


def _state(path: str) -> str:
    # The name of the program comes before the state, in parentheses, and may contain any character.
    return Path(path).read_bytes().rpartition(b")")[2].split()[0].decode()
