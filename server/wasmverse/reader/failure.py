"""What a client is told of an error that the engine met: MySQL's number and one line that says what to mend.

Only errors that are the statement's fault are passed on in the engine's words. All others, above all its internal and fatal
errors, contain stacks, paths and addresses, and leave an engine that may answer the next query wrongly or not at all: the
client gets a text of ours, and the process ends.
"""

from __future__ import annotations

import re

import duckdb
import pyarrow as pa

from wasmverse.errors import QueryError, QueryTimeout
from wasmverse.text import one_line

SYNTAX, COLUMN, TABLE, FUNCTION, DENIED, MEMORY, LOST = 1064, 1054, 1146, 1305, 1142, 1041, 2013

TEXT_MAX = 1_000
"""Characters of an error's text: it repeats what the client wrote, which may be a megabyte."""

_CODES = {
    "parser": SYNTAX,
    "syntax": SYNTAX,
    "catalog": SYNTAX,
    "binder": SYNTAX,
    "permission": DENIED,
    "conversion": 1292,
    "decimal": 1292,
    "out of range": 1690,
    "object size": 1690,
    "divide by zero": 1365,
    "mismatch type": 1210,
    "invalid type": 1210,
    "invalid input": 1210,
    "invalid": 1210,
    "expression": 1210,
    "constraint": 1210,
    "dependency": 1210,
    "sequence": 1210,
    "settings": 1210,
    "parameter not resolved": 1210,
    "parameter not allowed": 1210,
    "not implemented": 1235,
    "serialization": 1235,
}
"""The kinds of errors that are a statement's fault, by the word with which the engine's text begins."""

_KIND = re.compile(r"([A-Za-z][A-Za-z ]{0,30}?) Error: ")
_OF_A_FUNCTION = re.compile(r"[A-Za-z ]+ Error: Python exception occurred")
"""Begins an error of our own functions. A strategy's fault is a NULL, so such an error is never the statement's fault."""


_NESTS_TOO_DEEPLY = re.compile(r"^Recursion limit reached$|^Recursion level in ArrowSchema struct exceeded")
"""Errors of orjson and Arrow about a value."""

_HIDDEN = (
    (re.compile(r'(?:, )?"seen (?:sid|eid|kind|x|y|entity)"'), ""),
    (re.compile(r"\bseen (sid|eid|kind|x|y|entity)\b"), r"\1"),
    (re.compile(r"\bpublic (tables|columns|schemata|character_sets|routines)\b"), r"information_schema.\1"),
    (re.compile(r"\bgame\.(?=\W?(?:fold|rows) \w+)"), ""),
    (re.compile(r"\b(?:call|fold|rows) (\w+)/\d+"), r"\1"),
    (re.compile(r"\brows (?=\w+\()"), ""),
    (re.compile(r', "?list of rows"?(?=\))'), ""),
    (re.compile(r'(?<=")call (?=\w+")'), ""),
    (re.compile(r"\bcall (?=strategy_)"), ""),
    (
        re.compile(
            r"\bsnapshot_(?=(?:ship|node|solar_system|turns|strategy|strategy_turn|event|strategy_log|strategy_fault|"
            r"strategy_version|message)(?:(?:_of)?_\d+)?\b)"
        ),
        "",
    ),
    (re.compile(r"\bmemory\.(?=game\.)"), ""),
    (re.compile(r" Candidate bindings: *$"), ""),
    (re.compile(r"""([^\s"'(),]{64})[^\s"'(),]{16,}"""), r"\1..."),
)
"""Internal names behind the public ones, and what replaces them in an error; names that are too long."""


_OVERFLOW = re.compile(r"Overflow in \w+ of U?INT(\d+) ")
_WIDER = {"8": "int", "16": "int", "32": "bigint", "64": "hugeint"}
"""By the bits of an integer, a signed type that has room for a sum or a difference of two of them."""


class EngineFailed(Exception):
    """The engine met an internal error; ``detail`` is for the log only."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def to_query_error(error: Exception) -> QueryError:
    """What the client is told of ``error``.

    Raises
    ------
    EngineFailed : no statement can be blamed for it, and the engine may not be used again.
    """
    # The engine cuts a long text in two, sometimes within a character, and then its Python side cannot read the message.
    raw = error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)
    kind = _kind(error, raw)
    if kind == "interrupt":
        return QueryTimeout("Query execution was interrupted, maximum statement execution time exceeded")
    if kind == "out of memory" or isinstance(error, MemoryError | pa.ArrowMemoryError):
        return QueryError(
            "Out of memory: the query needs more than a reader is given; "
            "filter or aggregate earlier, or ask for fewer rows",
            code=MEMORY,
        )
    if isinstance(error, RecursionError) or _NESTS_TOO_DEEPLY.search(raw):
        return QueryError("The statement or its result nests too deeply; make it flatter", code=SYNTAX)
    told = re.split(r"\n\n(?:LINE \d|Stack Trace:)", raw, maxsplit=1)[0]
    if type(error) is duckdb.Error and not kind:
        # Of a sort that the engine's Python side has no class for, such as an empty list where a value is wanted.
        return QueryError(_public(one_line(told, TEXT_MAX)), code=1210)
    if kind not in _CODES or _OF_A_FUNCTION.match(raw):
        raise EngineFailed(one_line(f"{type(error).__name__}: {told}", 300))
    text = _public(one_line(_KIND.sub("", told, count=1), TEXT_MAX))
    if kind == "catalog":
        return _missing(text)
    if kind == "binder":
        return _unbound(text)
    code = _CODES[kind]
    if code == SYNTAX:
        text = f"You have an error in your SQL syntax; {text}{_place(raw)}"
    elif (overflow := _OVERFLOW.match(text)) and overflow[1] in _WIDER:
        text = f"{text} Cast before you calculate: x::{_WIDER[overflow[1]]}"
    return QueryError(text, code=code)


def _public(text: str) -> str:
    """The engine's text without names that are not public."""
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text


def _kind(error: Exception, text: str) -> str:
    """The engine's word for the kind of an error, in lower case; empty if it is not the engine's. Arrow wraps an error that the
    engine raises between two batches in its own class, with the same text.
    """
    if isinstance(error, duckdb.Error | OSError | pa.ArrowException | UnicodeDecodeError):
        found = _KIND.match(text)
        return found[1].lower() if found else ""
    return ""


def _missing(text: str) -> QueryError:
    table = re.search(r'(?:Table|View) with name "?(.+?)"? does not exist', text)
    if table:
        return QueryError(f"Table 'game.{table[1]}' doesn't exist", code=TABLE)
    function = re.search(r'Function with name "?(.+?)"? (?:does not exist|is not in the catalog)', text)
    if function:
        return QueryError(f"FUNCTION game.{function[1]} does not exist. {text}", code=FUNCTION)
    return QueryError(text, code=DENIED if "not allowed" in text else SYNTAX)


def _unbound(text: str) -> QueryError:
    found = re.search(r'Referenced column "(.+?)" not found', text) or re.search(
        r'(?:does not have a column named|column named) "(.+?)"', text
    )
    if found:
        return QueryError(f"Unknown column '{found[1]}' in 'field list'. {text}", code=COLUMN)
    if "Ambiguous reference" in text:
        return QueryError(text, code=1052)
    if "has multiple overloads that match" in text:
        return QueryError(
            f"{text}. Aggregates in the arguments have no type yet: compute them in a subquery", code=SYNTAX
        )
    if "must appear in the GROUP BY clause" in text:
        return QueryError(text, code=1055)
    return QueryError(text, code=SYNTAX)


def _place(raw: str) -> str:
    """The line of the text at which the parser failed, without the caret below it."""
    found = re.search(r"\n\nLINE (\d+): (.*)", raw)
    return f" in line {found[1]}, near '{one_line(found[2], 80)}'" if found else ""
