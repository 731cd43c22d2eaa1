"""The second SQL dialect.

DuckDB's dialect comes first. Only a text that the engine refuses is parsed as SingleStore's (MySQL's) SQL and translated to
DuckDB's, once. If the translation is refused too, the error is about the text as it was sent.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

TRANSLATED_MAX = 4_000
"""Longest text that is translated, in characters: translating takes 0.1 ms a word."""

TRANSLATE_SECONDS_MAX = 0.25
"""Processor time for one translation: the translator parses nested texts again and again (16 nested ``date(`` take 2 s, each
further one doubles that), and interrupting the engine does not stop it."""

T = TypeVar("T")


class _TimeIsUp(BaseException):
    """Not an ``Exception``, which the translator might handle."""


def translate(sql: str) -> str | None:
    """SingleStore's SQL as DuckDB's; None if it is too long, not SingleStore's SQL either, or nothing changed."""
    if len(sql) > TRANSLATED_MAX:
        return None
    # The translator takes a fifth of the time in which a reader starts, and most readers never need it.
    from wasmverse.reader.translation import translated  # noqa: PLC0415

    written = _in_time(lambda: translated(sql))
    return None if written == sql else written


def _in_time(work: Callable[[], T]) -> T | None:
    """What ``work`` returns, or None once it has used ``TRANSLATE_SECONDS_MAX``; only the main thread can be stopped."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    is_running = True

    def on_alarm(_signal: int, _frame: FrameType | None) -> None:
        if is_running:
            raise _TimeIsUp

    before = signal.signal(signal.SIGVTALRM, on_alarm)
    try:
        try:
            # A repeated alarm: an exception that is raised within a finalizer is dropped.
            signal.setitimer(signal.ITIMER_VIRTUAL, TRANSLATE_SECONDS_MAX, TRANSLATE_SECONDS_MAX / 10)
            return work()
        finally:
            is_running = False
    except _TimeIsUp:
        return None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
