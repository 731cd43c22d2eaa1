"""The second SQL dialect, and MySQL's numbers for DuckDB's errors.

DuckDB's dialect comes first. Only when the engine refuses a text is it read as SingleStore's (MySQL's) and
written as DuckDB's, once; if that helps nothing either, the answer is about the text as it was sent.
"""

from __future__ import annotations

import re

import duckdb
import sqlglot

from wasmverse.errors import QueryError, QueryTimeout

SYNTAX, COLUMN, TABLE, FUNCTION, DENIED, MEMORY = 1064, 1054, 1146, 1305, 1142, 1041


TRANSLATED_MAX = 4_000
"""Characters of a text that is translated: that takes Python 0.1 ms a word, and cannot be interrupted."""


def translate(sql: str) -> str | None:
    """SingleStore's SQL as DuckDB's; None if it is too long, not SingleStore's SQL either, or nothing changed."""
    if len(sql) > TRANSLATED_MAX:
        return None
    try:
        written = sqlglot.transpile(sql, read="singlestore", write="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None
    if len(written) != 1 or written[0] == sql:
        return None
    return written[0]


def to_query_error(error: Exception, sql: str) -> QueryError:
    """What the client is told of ``error``: MySQL's number and one line that says what to mend."""
    text = " ".join(str(error).split("\n\nLINE ")[0].split())
    text = re.sub(r"^[A-Z][A-Za-z-]+(?: [A-Z][A-Za-z]+)? Error: ", "", text)
    if isinstance(error, duckdb.InterruptException):
        return QueryTimeout("Query execution was interrupted, maximum statement execution time exceeded")
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
        return QueryError(
            "Out of memory: the query needs more than a reader is given; "
            "filter or aggregate earlier, or ask for fewer rows",
            code=MEMORY,
        )
    if isinstance(error, duckdb.CatalogException):
        return _missing(text)
    if isinstance(error, duckdb.BinderException):
        found = re.search(r'Referenced column "(.+?)" not found', text) or re.search(
            r'(?:does not have a column named|column named) "(.+?)"', text
        )
        if found:
            return QueryError(f"Unknown column '{found[1]}' in 'field list'. {text}", code=COLUMN)
        if "Ambiguous reference" in text:
            return QueryError(text, code=1052)
        if "must appear in the GROUP BY clause" in text:
            return QueryError(text, code=1055)
        return QueryError(text, code=SYNTAX)
    for kind, code in _CODES:
        if isinstance(error, kind):
            if code == SYNTAX:
                text = f"You have an error in your SQL syntax; {text}{_place(error)}"
            return QueryError(text, code=code)
    return QueryError(text or type(error).__name__)


_CODES: tuple[tuple[type[Exception], int], ...] = (
    (duckdb.ParserException, SYNTAX),
    (duckdb.SyntaxException, SYNTAX),
    (duckdb.PermissionException, DENIED),
    (duckdb.ConversionException, 1292),
    (duckdb.OutOfRangeException, 1690),
    (duckdb.TypeMismatchException, 1210),
    (duckdb.InvalidTypeException, 1210),
    (duckdb.NotImplementedException, 1235),
    (duckdb.InvalidInputException, 1210),
)


def _missing(text: str) -> QueryError:
    table = re.search(r'(?:Table|View) with name "?(.+?)"? does not exist', text)
    if table:
        return QueryError(f"Table 'game.{table[1]}' doesn't exist", code=TABLE)
    function = re.search(r'Function with name "?(.+?)"? does not exist', text)
    if function:
        return QueryError(f"FUNCTION game.{function[1]} does not exist. {text}", code=FUNCTION)
    return QueryError(text, code=DENIED if "not allowed" in text else SYNTAX)


def _place(error: Exception) -> str:
    """The line of the text that the parser stumbled over, without its drawing."""
    found = re.search(r"\n\nLINE (\d+): (.*)", str(error))
    return f" in line {found[1]}, near '{found[2].strip()[:80]}'" if found else ""
