"""The signals that end a server. They often reach its whole group, or all processes of a service; only the gateway obeys them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def held_back() -> Iterator[None]:
    """Handle ending signals that arrive meanwhile afterwards; a process that is started meanwhile begins with them blocked.

    So none can end it before it has decided what to do with them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def heeded() -> list[signal.Signals]:
    """The ending signals, without those that we were started to ignore, as `nohup` does with SIGHUP."""
    return [
        number
        for number in ENDING_SIGNALS
        if number is signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
    ]


def end_at_once() -> None:
    """End with status 0 at an ending signal, as long as there is nothing to clean up."""
    for number in heeded():
        signal.signal(number, _end)


def _end(_number: int, _frame: object) -> None:
    os.write(2, b"stopped before the first turn\n")
    os._exit(0)
