"""A query plan as clients see it: few kinds of steps under names of our own, and of the engine's words only the public ones.

The engine's plan tells more: names of its own tables and of columns that no relation has, values that statistics know. So of each
operator only the facts that are listed here are read, and in these each word that is neither SQL's, nor a public name, nor in the
client's statement is left out. Operators that a newer engine adds are ``other`` until they are listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from wasmverse.query.public import SCHEMA
from wasmverse.reader.allowed import ALLOWED, OPERATORS, TYPES
from wasmverse.text import one_line

TEXT_MAX = 200
"""Characters of a step's text."""
RAW_MAX, LISTED_MAX = 400, 40
"""Characters of one of the engine's texts, and of how many in a list, that are looked at."""

RESULT, FUNCTION = "result", "function"

OPERATIONS = {
    "ASOF_JOIN": "asof join",
    "BATCH_COLLECTOR": RESULT,
    "BLOCKING_SAMPLE": "sample",
    "BLOCKWISE_NL_JOIN": "nested loop join",
    "CHUNK_SCAN": "values",
    "COLUMN_DATA_SCAN": "values",
    "CROSS_PRODUCT": "cross join",
    "CTE": "with",
    "CTE_SCAN": "scan of with",
    "DELIM_SCAN": "scan of with",
    "DUMMY_SCAN": "values",
    "EMPTY_RESULT": "nothing",
    "EXPRESSION_SCAN": "values",
    "FILTER": "filter",
    "HASH_GROUP_BY": "aggregate",
    "HASH_JOIN": "hash join",
    "IE_JOIN": "range join",
    "INOUT_FUNCTION": "scan",
    "LEFT_DELIM_JOIN": "hash join",
    "LIMIT": "limit",
    "LIMIT_PERCENT": "limit",
    "NESTED_LOOP_JOIN": "nested loop join",
    "ORDER_BY": "sort",
    "PARTITIONED_AGGREGATE": "aggregate",
    "PERFECT_HASH_GROUP_BY": "aggregate",
    "PIECEWISE_MERGE_JOIN": "range join",
    "PIVOT": "pivot",
    "POSITIONAL_JOIN": "positional join",
    "POSITIONAL_SCAN": "positional join",
    "PROJECTION": "compute",
    "REC_CTE": "recursive",
    "REC_CTE_SCAN": "scan of with",
    "RECURSIVE_CTE": "recursive",
    "RECURSIVE_CTE_SCAN": "scan of with",
    "RESERVOIR_SAMPLE": "sample",
    "RIGHT_DELIM_JOIN": "hash join",
    "SIMPLE_AGGREGATE": "aggregate",
    "STREAMING_LIMIT": "limit",
    "STREAMING_SAMPLE": "sample",
    "STREAMING_WINDOW": "window",
    "TOP_N": "top",
    "UNGROUPED_AGGREGATE": "aggregate",
    "UNION": "union",
    "UNNEST": "unnest",
    "WINDOW": "window",
}
"""What operators of the engine are called here; one that reads a table or calls a table function is a ``scan``."""

_WRAPPERS = {"RESULT_COLLECTOR", "EXPLAIN_ANALYZE"}
"""Operators that are there because somebody asks for the plan."""

_FACTS = (
    ("CTE Name", ""),
    ("Join Type", ""),
    ("Conditions", "on "),
    ("Condition", "on "),
    ("Expression", ""),
    ("Filters", "where "),
    ("Groups", "by "),
    ("Aggregates", ""),
    ("Top", "first "),
    ("Limit", "first "),
    ("Offset", "after "),
    ("Order By", "by "),
    ("Sample Size", ""),
    ("Projections", ""),
)
"""What is told of an operator, in this order, and the word before it."""

_SQL_WORDS = """
    all and anti any as asc between by case cast coalesce collate count_star cross current desc distinct else end error
    escape except exclude exists false filter first following from full group having ignore ilike in inner intersect
    interval is join last lateral left like limit mark no_overflow not null nulls offset on optional or order outer over
    partition positional preceding qualify range respect right row rows select semi similar single some subquery then ties
    to true try_cast unbounded union unnest using when where window with within
"""
_WORD = re.compile(r"[\w$]+")
_LETTER = re.compile(r"[^\W\d]")
"""A word without one is a number or a parameter, which is nobody's name. Looked for apart, so that the time is linear."""
_NUMBER = re.compile(r"\d+(?:e\d*)?", re.IGNORECASE)
_OUR_CALL = re.compile(r'"?\b(?:call|fold|rows) (\w+)(?:/\d+)?"?')
_OUR_NAME = re.compile(r'"?\bseen (sid|eid|kind|x|y|entity)\b"?')
_OUR_SCHEMA = re.compile(rf"\b(?:memory\.)?{SCHEMA}\.")
_PLACE = re.compile(r"#(\d+)")

NamesScan = Callable[[Sequence[str], int], str]
"""The name of the table that is scanned, by the columns that are read and the number of its rows; empty if not known."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a query plan, or a Wasm function that it calls.

    ``parent`` is the step that takes its rows. Rows, time and fuel are those of one run, None where the statement was not run.
    ``time_ms`` is processor time of this step alone, in all threads; of the result, which is step 1, time by the clock.
    """

    step: int
    parent: int | None
    operation: str
    text: str
    estimated_rows: int | None = None
    rows: int | None = None
    time_ms: float | None = None
    fuel: int | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """A Wasm function that a statement calls, and what that took: rows, rows that faulted, fuel, processor time.

    ``fuel_per_row`` is what a row of this version's earlier calls took, None if that is not known. A strategy has neither
    parameters nor a version.
    """

    name: str
    parameters: str = "..."
    version: int = 0
    rows: int = 0
    faults: int = 0
    fuel: int = 0
    nanoseconds: int = 0
    fuel_per_row: float | None = None


class Words:
    """The words that a plan may show.

    Parameters
    ----------
    names : public names of relations and columns.
    """

    def __init__(self, names: Set[str]) -> None:
        words = {
            word for name in (*ALLOWED, *OPERATORS, *TYPES, *names) for word in _WORD.findall(name.lower())
        }
        self._known = words.union(_SQL_WORDS.split())

    def of(self, sql: str) -> Callable[[str], str]:
        """What leaves out of a text of the engine all words that are not public and not in a client's statement either."""
        written = {word.lower() for word in _WORD.findall(sql)}

        def known(word: re.Match[str]) -> str:
            text = word[0].lower()
            is_public = text in self._known or text in written or _NUMBER.fullmatch(text)
            return word[0] if is_public or not _LETTER.search(text) else "\N{HORIZONTAL ELLIPSIS}"

        def public(text: str) -> str:
            for pattern, instead in ((_OUR_CALL, r"\1"), (_OUR_NAME, r"\1"), (_OUR_SCHEMA, "")):
                text = pattern.sub(instead, text)
            return _WORD.sub(known, text)

        return public


def steps_of(
    plan: Any, called: Sequence[Called], public: Callable[[str], str], names_scan: NamesScan
) -> list[Step]:
    """The steps of the engine's plan, from the result down, then the functions that are called.

    plan : as the engine's JSON has it: a list of operators, or, of a statement that was run, an object with more.
    public : leaves out what is not public.
    """
    ran = isinstance(plan, dict)
    roots = plan["operator"] if ran else plan
    while roots and _name(roots[0]) in _WRAPPERS:
        roots = roots[0].get("children") or []
    steps: list[Step] = []
    for number, parent, operator in _numbered(roots):
        operation, text = _told(operator, public, names_scan)
        estimate = _number((operator.get("extra_info") or {}).get("Estimated Cardinality"))
        rows = _number(operator.get("intermediate_rows")) if ran else None
        time_ms = round(float(operator.get("timing") or 0) * 1000, 3) if ran else None
        steps.append(Step(number, parent, operation, text, estimate, rows, time_ms))
    steps = _with_sums(steps)
    took = round(float(plan["query"]["total_time"]) * 1000, 3) if ran else None
    fuel = sum(one.fuel for one in called) if ran else None
    top = next((step for step in steps if step.parent == 1), None)
    estimate, rows = (top.estimated_rows, top.rows) if top else (None, None)
    first = Step(1, None, RESULT, "", estimate, rows, took, fuel)
    last = len(steps) + 2
    return [first, *steps, *(_of_function(one, last + place, ran) for place, one in enumerate(called))]


def _numbered(roots: Sequence[Any]) -> Iterator[tuple[int, int, Any]]:
    """Each operator with its number and its parent's, from 2 on; without recursion, as plans nest deeply."""
    number = 1
    waiting = [(1, root) for root in reversed(roots)]
    while waiting:
        parent, operator = waiting.pop()
        number += 1
        yield number, parent, operator
        waiting.extend((number, child) for child in reversed(operator.get("children") or []))


def _with_sums(steps: list[Step]) -> list[Step]:
    """The steps with the rows of each UNION, which the engine does not count, and of WITH, whose last part gives its rows."""
    below: dict[int, list[Step]] = {}
    summed: list[Step] = []
    for step in reversed(steps):
        parts = below.pop(step.step, [])
        counted = {"union": parts, "with": parts[:1]}.get(step.operation, [])
        whole = _with_rows(step, counted) if counted else step
        if whole.parent is not None:
            below.setdefault(whole.parent, []).append(whole)
        summed.append(whole)
    return summed[::-1]


def _with_rows(step: Step, parts: Sequence[Step]) -> Step:
    estimates = [part.estimated_rows for part in parts]
    rows = [part.rows for part in parts]
    return replace(
        step,
        estimated_rows=None if None in estimates else sum(filter(None, estimates)),
        rows=None if None in rows else sum(filter(None, rows)),
    )


def _told(operator: Any, public: Callable[[str], str], names_scan: NamesScan) -> tuple[str, str]:
    """What an operator is called, and its text."""
    facts = operator.get("extra_info") or {}
    if "Table" in facts or "Function" in facts:
        return "scan", _cut(_scanned(facts, public, names_scan))
    told = []
    below = operator.get("children") or []
    computed: list[str] = []
    if len(below) == 1 and _name(below[0]) == "PROJECTION":  # of others, these are not all of their columns
        computed = _texts(below[0].get("extra_info") or {}, "Projections")
    for key, before in _FACTS:
        texts = [text for text in _texts(facts, key)[:LISTED_MAX] if text]
        if texts:
            told.append(before + ", ".join(public(_resolved(text, computed)[:RAW_MAX]) for text in texts))
    return OPERATIONS.get(_name(operator), "other"), _cut("; ".join(told))


def _scanned(facts: dict[str, Any], public: Callable[[str], str], names_scan: NamesScan) -> str:
    """What a scan reads: the relation, or the table function, and the columns."""
    columns = _texts(facts, "Projections")
    function = str(facts.get("Function", "")).lower()
    if "Table" in facts:
        path = str(facts["Table"])
        name = "information_schema" if '"' in path else public(path)
    elif function.endswith("arrow_scan"):
        name = names_scan(columns, _number(facts.get("Estimated Cardinality")) or 0)
    else:
        name = "information_schema" if function.startswith("duckdb_") else public(function)
    filters = [public(text) for text in _texts(facts, "Filters")[:LISTED_MAX] if text]
    where = f"; where {', '.join(filters)}" if filters else ""
    shown = ", ".join(map(public, columns[:LISTED_MAX]))
    return f"{name}: {shown}{where}" if shown else f"{name}{where}"


def _resolved(text: str, below: Sequence[str]) -> str:
    """An expression in which the columns of the step below it are written out, where the engine has only their places."""
    return _PLACE.sub(lambda place: below[int(place[1])] if int(place[1]) < len(below) else place[0], text)


def _of_function(one: Called, number: int, ran: bool) -> Step:
    text = f"{one.name}({one.parameters})"
    if one.faults:
        text += f"; {one.faults:,} faults"
    if not ran:
        if one.fuel_per_row is not None:
            text += f"; a row of its calls so far took {one.fuel_per_row:,.0f} fuel"
        return Step(number, 1, FUNCTION, _cut(text))
    return Step(number, 1, FUNCTION, _cut(text), None, one.rows, round(one.nanoseconds / 1e6, 3), one.fuel)


def _texts(facts: dict[str, Any], key: str) -> list[str]:
    """The texts that stand under a key; the engine writes a list of one as the text alone."""
    value = facts.get(key, [])
    return [str(text)[:RAW_MAX] for text in (value if isinstance(value, list) else [value])]


def _name(operator: Any) -> str:
    return str(operator.get("name") or operator.get("type") or "").strip().upper()


def _number(value: object) -> int | None:
    """A whole number that the engine gives, also as a text; None of anything else."""
    text = str(value)
    return min(int(text), 2**63 - 1) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _cut(text: str) -> str:
    return one_line(text, TEXT_MAX)
