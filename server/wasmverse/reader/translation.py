"""SingleStore's (MySQL's) SQL as DuckDB's, by sqlglot, with the meaning that functions of dates and times have there."""

from __future__ import annotations

import logging

import sqlglot
from sqlglot import exp

# Its warnings quote clients' texts, which would go to the server's error output unescaped.
logging.getLogger("sqlglot").disabled = True


def translated(sql: str) -> str | None:
    """SingleStore's SQL as DuckDB's; None if it is not SingleStore's SQL. May take very long: ``dialect`` bounds it."""
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
