"""Threads that share out the work of a turn: blocks to play, systems to pack and to unpack."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

R = TypeVar("R")


class Crew:
    """A fixed number of threads, of which whoever has work to do is one. What it returns never depends on their number."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._helpers = ThreadPoolExecutor(threads - 1, "crew") if threads > 1 else None

    def start(self) -> None:
        """Start all threads now, and not when there is work for them: they inherit the signal mask of the caller."""
        if self._helpers is not None:
            met = threading.Barrier(self.threads)  # so that none of them is there for two
            for _ in range(self.threads - 1):
                self._helpers.submit(met.wait)
            met.wait()

    def close(self) -> None:
        """End the threads."""
        if self._helpers is not None:
            self._helpers.shutdown()

    def map(self, work: Callable[..., R], *arguments: Iterable[Any]) -> list[R]:
        """Like ``map``: call ``work`` with the first argument of each, the second, and so on, in this order but side by side.

        Nothing of it runs any more when this returns or raises. A single call is made here: to wait for another thread takes
        longer than most of them.

        Raises
        ------
        Exception : that of the earliest call which raised one; calls that had not begun by then are not made.
        """
        calls = list(zip(*arguments, strict=True))
        if len(calls) == 1:
            return [work(*calls[0])]
        results: list[Any] = [None] * len(calls)
        errors: list[tuple[int, BaseException]] = []
        left = iter(range(len(calls)))  # every thread takes its next call from it

        def share() -> None:
            for number in left:
                try:
                    results[number] = work(*calls[number])
                except BaseException as error:
                    errors.append((number, error))
                    for _ in left:
                        pass

        here = _processor()

        def help_(helper: int) -> None:
            _move(here, helper)
            share()

        wanted = min(self.threads, len(calls)) - 1
        helpers = [self._helpers.submit(help_, 1 + k) for k in range(wanted)] if self._helpers else []
        share()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
        if errors:
            raise min(errors, key=lambda error: error[0])[1]
        return results


_libc = ctypes.PyDLL(None)


def _processor() -> int:
    """The one that this thread runs on; -1 where the system does not say."""
    return int(_libc.sched_getcpu()) if hasattr(_libc, "sched_getcpu") else -1


def _move(caller: int, places: int) -> None:
    """Have this thread go on so many processors further than ``caller``, from where the system may move it as it likes.

    Left alone, Linux lets two threads that were woken together take turns on one processor for many milliseconds, the other
    one idle: longer than a small universe's turn.
    """
    if caller < 0:
        return
    allowed = os.sched_getaffinity(0)
    order = sorted(allowed)
    if caller not in allowed or len(order) < 2:
        return
    wanted = order[(order.index(caller) + places) % len(order)]
    if wanted == _processor():
        return
    with suppress(OSError):  # a sandbox that forbids it
        os.sched_setaffinity(0, {wanted})
        os.sched_setaffinity(0, allowed)
