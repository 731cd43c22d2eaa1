"""The second SQL dialect.

DuckDB's dialect comes first. Only a text that the engine refuses is parsed as SingleStore's (MySQL's) SQL and translated to
DuckDB's, once. If the translation is refused too, the error is about the text as it was sent.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import sqlglot
from sqlglot import exp

TRANSLATED_MAX = 4_000
"""Longest text that is translated, in characters: translating takes 0.1 ms a word."""

TRANSLATE_SECONDS_MAX = 0.25
"""Processor time for one translation: the translator parses nested texts again and again (16 nested ``date(`` take 2 s, each
further one doubles that), and interrupting the engine does not stop it."""

# Its warnings quote clients' texts, which would go to the server's error output unescaped.
logging.getLogger("sqlglot").disabled = True

T = TypeVar("T")


class _TimeIsUp(BaseException):
    """Not an ``Exception``, which the translator might handle."""


def translate(sql: str) -> str | None:
    """SingleStore's SQL as DuckDB's; None if it is too long, not SingleStore's SQL either, or nothing changed."""
    if len(sql) > TRANSLATED_MAX:
        return None
    written = _in_time(lambda: _translate(sql))
    return None if written == sql else written


def _translate(sql: str) -> str | None:
    try:
        [statement] = sqlglot.parse(sql, read="singlestore")
        if statement is None:
            return None
        for node in reversed(list(statement.walk())):  # the inner ones first
            meant = _with_moments(node)
            if meant is not node:
                node.replace(meant)
        return statement.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE)
    except Exception:  # on a hostile text the translator may raise anything: AttributeError, KeyError, ...
        return None


def _with_moments(node: exp.Expr) -> exp.Expr:
    """Functions of dates and times with MySQL's meaning: a string is a moment, and its time of day counts."""
    if isinstance(node, exp.TimestampDiff):
        # Whole units that lie between, which DuckDB calls datesub; its datediff counts beginnings of units.
        unit = exp.Literal.string(node.text("unit").lower() or "microsecond")
        values = [unit, _moment(node.expression), _moment(node.this)]
        return exp.Anonymous(this="datesub", expressions=values)
    if isinstance(node, exp.DateAdd | exp.DateSub):
        return _moved(node.this, node.expression, node.args.get("unit"), isinstance(node, exp.DateAdd))
    if isinstance(node, exp.Anonymous) and node.name.lower() in {"adddate", "subdate"}:
        start, step = node.expressions
        return _moved(start, step, None, node.name.lower() == "adddate")
    if (
        isinstance(node, exp.Add | exp.Sub)
        and isinstance(node.expression, exp.Interval)
        and node.this.is_string
    ):
        node.set("this", _moment(node.this))
    elif isinstance(node, exp.TimeToStr):
        inner = node.this
        node.set("this", _moment(inner.this if isinstance(inner, exp.Cast) else inner))
    elif isinstance(node, exp.StrToUnix):
        moment = _moment(node.this) if node.this else exp.CurrentTimestamp()
        return exp.Anonymous(this="epoch", expressions=[moment])
    elif isinstance(node, exp.Time):
        return exp.Cast(this=_moment(node.this), to=exp.DataType(this=exp.DType.TIME))
    elif isinstance(node, exp.Extract):
        node.set("expression", _moment(node.expression))
    elif isinstance(node, exp.DayOfWeek):
        counted = exp.Anonymous(this="dayofweek", expressions=[_moment(node.this)])
        return exp.Paren(this=exp.Add(this=counted, expression=exp.Literal.number(1)))  # Sunday is 1
    elif isinstance(node, exp.Quarter | exp.LastDay | exp.DayOfYear | exp.DateTrunc):
        node.set("this", _moment(node.this))
    return node


def _moved(start: exp.Expr, step: exp.Expr, unit: exp.Expr | None, is_later: bool) -> exp.Expr:
    """``start`` moved by a step; a step without a unit is in days."""
    if not isinstance(step, exp.Interval):
        step = exp.Interval(this=step, unit=unit or exp.var("DAY"))
    kind = exp.Add if is_later else exp.Sub
    return exp.Paren(this=kind(this=_moment(start), expression=step))


def _moment(value: exp.Expr) -> exp.Expr:
    return exp.Cast(this=value, to=exp.DataType(this=exp.DType.TIMESTAMP))


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
