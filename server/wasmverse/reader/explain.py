"""``EXPLAIN [ANALYZE] <select>``: what stands before the SELECT is read and taken away here. The SELECT is checked like any
other, and the engine is asked to explain it with a text of ours before it, in which nothing is a client's.

The forms that MySQL, SingleStore, PostgreSQL and DuckDB know are taken; all are answered with the same steps
(``query_plan.Step``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, Literal

import duckdb
import orjson

from wasmverse.errors import QueryRefused
from wasmverse.reader.allowed import shown
from wasmverse.reader.query_plan import Step

Form = Literal["table", "json", "tree"]

_FORMS: dict[str, Form] = {
    "default": "table",
    "mysql": "table",
    "table": "table",
    "traditional": "table",
    "json": "json",
    "text": "tree",
    "tree": "tree",
}
"""What other engines call the forms of an answer."""

UNKNOWN_FORM = 1791
"""MySQL's number, ER_UNKNOWN_EXPLAIN_FORMAT."""

_SPACE = r"(?:\s++|--[^\n]*+\n|/\*(?:[^*]|\*(?!/))*+\*/)*+"
_START = re.compile(rf"{_SPACE}explain\b", re.IGNORECASE)
_WORD = re.compile(
    rf"{_SPACE}(?:(?P<analyze>analy[sz]e)|(?P<passed>verbose|extended|partitions)|(?P<form>json|mysql|tree)"
    rf"|format{_SPACE}={_SPACE}(?P<named>\w{{1,64}}))\b",
    re.IGNORECASE,
)
_LIST = re.compile(rf"{_SPACE}\((?P<options>[\w\s,]{{1,200}})\)", re.ASCII)
_OPTION = re.compile(
    r"\s*(?P<name>analy[sz]e|format|verbose|costs|timing|summary)(?:\s+(?P<value>\w+))?\s*", re.I
)
"""What is in parentheses and is no list of these is the statement itself."""

_OFF = {"0", "false", "off"}

ANSWER = "SELECT " + ", ".join(
    f'unnest(?::{kind}[]) AS "{field.name}"'
    for field, kind in zip(
        fields(Step),
        ("INTEGER", "INTEGER", "VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "DOUBLE", "BIGINT"),
        strict=True,
    )
)
"""The steps as a result, an argument for each column."""

ANSWER_AS_TEXT = 'SELECT unnest(?::VARCHAR[]) AS "EXPLAIN"'
"""A row for each line."""


@dataclass(frozen=True, slots=True)
class Explain:
    """How a statement is to be explained; ``is_analyzed`` says that it runs for it."""

    is_analyzed: bool = False
    form: Form = "table"

    def engine_text(self, sql: str) -> str:
        """What the engine is asked, of a statement that the check has let pass."""
        return f"EXPLAIN ({'ANALYZE, ' if self.is_analyzed else ''}FORMAT json) {sql}"

    def answer(self, steps: Sequence[Step]) -> tuple[str, list[Any]]:
        """The SELECT whose result is the answer, and its arguments."""
        if self.form == "table":
            return ANSWER, [list(column) for column in zip(*map(astuple, steps), strict=True)]
        lines = [orjson.dumps(list(steps)).decode()] if self.form == "json" else _tree(steps)
        return ANSWER_AS_TEXT, [lines]


def take_explain(sql: str) -> tuple[str, Explain | None]:
    """The statement with blanks where ``EXPLAIN`` and its options stood, so that places in errors stay true, and what was wanted;
    None if it does not begin so.

    Raises
    ------
    QueryRefused : 1791, there is no such form of an answer.
    """
    start = _START.match(sql)
    if start is None:
        return sql, None
    at, is_analyzed, form = start.end(), False, "table"
    while (word := _WORD.match(sql, at)) is not None:
        at = word.end()
        is_analyzed |= word["analyze"] is not None
        form = word["form"] or word["named"] or form
    listed = _LIST.match(sql, at)
    options = [_OPTION.fullmatch(part) for part in listed["options"].split(",")] if listed else []
    if listed is not None and None not in options:
        at = listed.end()
        for option in filter(None, options):
            value = (option["value"] or "").lower()
            if option["name"].lower() == "format":
                form = value
            elif option["name"].lower().startswith("analy"):
                is_analyzed = value not in _OFF
    if form.lower() not in _FORMS:
        raise QueryRefused(
            f"Unknown EXPLAIN format name: '{shown(form)}'; there are {', '.join(sorted(_FORMS))}",
            code=UNKNOWN_FORM,
        )
    return re.sub(r"[^\n]", " ", sql[:at]) + sql[at:], Explain(is_analyzed, _FORMS[form.lower()])


def query_plan(connection: duckdb.DuckDBPyConnection, sql: str, args: list[Any], explain: Explain) -> Any:
    """The engine's plan of a checked statement, parsed; the statement runs for it where it is to be analyzed.

    Raises
    ------
    QueryRefused : 1064, the plan nests too deeply to be read.
    """
    text = explain.engine_text(sql)
    [statement] = connection.extract_statements(text)
    assert statement.type == duckdb.StatementType.EXPLAIN
    [(_, plan)] = connection.execute(statement, args).fetchall()
    try:
        return orjson.loads(plan)
    except orjson.JSONDecodeError:
        raise QueryRefused(
            "The query plan nests too deeply to be shown; explain a part of the statement", code=1064
        ) from None


def _tree(steps: Sequence[Step]) -> list[str]:
    """A line for each step, below and to the right of the one that takes its rows."""
    depths: dict[int, int] = {}
    lines = []
    for step in steps:
        depths[step.step] = depth = 0 if step.parent is None else depths[step.parent] + 1
        facts = [
            f"{name} {value:,}"
            for name, value in (
                ("estimated rows", step.estimated_rows),
                ("rows", step.rows),
                ("ms", step.time_ms),
                ("fuel", step.fuel),
            )
            if value is not None
        ]
        told = f": {step.text}" if step.text else ""
        lines.append(
            f"{'    ' * depth}-> {step.operation}{told}{f'  ({chr(44).join(facts)})' if facts else ''}"
        )
    return lines
