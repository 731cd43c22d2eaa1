"""``AS OF TURN n`` in a statement: the turn that all of the statement reads, as the field ``turn`` of a request names it.

No dialect has the clause, so it is taken out of the text before anybody parses it. Quoted texts and comments are passed over, by
the rules of DuckDB's tokens; each character is looked at once, as texts are hostile.
"""

from __future__ import annotations

import re

from wasmverse.api.errors import HttpError

_CLAUSE = re.compile(r"\bas\s+of\s+turn\s+([0-9]+)\b", re.IGNORECASE)

_NEXT = re.compile(
    rf"(?P<clause>{_CLAUSE.pattern})|(?P<quote>['\"`])|(?P<line>--)|(?P<block>/\*)"
    r"|(?P<dollar>(?<![\w$])\$(?:[^\W\d]\w*)?\$)",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"/\*|\*/")

_ESCAPED_QUOTE = re.compile(r"\\['\"]")

DIGITS_MAX = 18


def take_as_of(sql: str) -> tuple[str, int | None]:
    """The statement with blanks where the clause stood, so that places in errors stay true, and the turn, or None.

    Raises
    ------
    HttpError : 400, two clauses name different turns, the number is too large, or the dialects would not agree on where a quoted
        text ends.
    """
    if _CLAUSE.search(sql) is None:
        return sql, None
    parts: list[str] = []
    turns: set[int] = set()
    done = at = 0
    while (found := _NEXT.search(sql, at)) is not None:
        if found["clause"] is None:
            at = _end(sql, found)
            continue
        parts += [sql[done : found.start()], " " * (found.end() - found.start())]
        done = at = found.end()
        if len(found[2]) > DIGITS_MAX:
            raise HttpError(
                400, f"AS OF TURN {found[2][:DIGITS_MAX]}... is no turn; give the number of a kept one", 1210
            )
        turns.add(int(found[2]))
    if len(turns) > 1:
        named = " and ".join(map(str, sorted(turns)[:2]))
        raise HttpError(
            400,
            f"The statement is AS OF TURN {named}; all of it reads one turn. Join entity_turn with itself, by tid, for several",
            1064,
        )
    if turns and _ESCAPED_QUOTE.search(sql):
        raise HttpError(
            400,
            "AS OF TURN is not read beside a quote after a backslash, which only some dialects escape; double the quote, or name "
            "the turn in the field 'turn'",
            1064,
        )
    return "".join((*parts, sql[done:])), min(turns, default=None)


def _end(sql: str, opening: re.Match[str]) -> int:
    """Where a quoted text or a comment ends that begins at ``opening``: with the statement, if nothing closes it."""
    if opening["line"] is not None:
        closing = sql.find("\n", opening.end())
    elif opening["block"] is not None:
        return _end_of_block(sql, opening.end())
    else:
        # A doubled quote closes one text and opens the next.
        closing = sql.find(opening[0], opening.end())
    return len(sql) if closing < 0 else closing + (1 if opening["line"] else len(opening[0]))


def _end_of_block(sql: str, at: int) -> int:
    """Comments nest."""
    depth = 1
    while depth and (found := _BLOCK.search(sql, at)) is not None:
        depth += 1 if found[0] == "/*" else -1
        at = found.end()
    return len(sql) if depth else at
