"""``AS OF TURN n`` in a statement: the turn that all of the statement reads, as the field ``turn`` of a request names it, or of
several turns the one that a relation is read as of.

No dialect has the clause, so it is taken out of the text before anybody parses it. Quoted texts and comments are passed over, by
the rules of DuckDB's tokens; each character is looked at once, as texts are hostile.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wasmverse.api.errors import HttpError
from wasmverse.query.public import TURNS_MAX, of_turn

_CLAUSE = re.compile(r"\bas\s+of\s+turn\s+([0-9]+)\b", re.IGNORECASE)

_NEXT = re.compile(
    rf"(?P<clause>{_CLAUSE.pattern})|(?P<quote>['\"`])|(?P<line>--)|(?P<block>/\*)"
    r"|(?P<dollar>(?<![\w$])\$(?:[^\W\d]\w*)?\$)",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"/\*|\*/")

_ESCAPED_QUOTE = re.compile(r"\\['\"]")

DIGITS_MAX = 18

CLAUSES_MAX = 100
"""Clauses in a statement that reads several turns."""

NAME_CHARACTERS_MAX = 200
"""How far before a clause the name is looked for that it belongs to, blanks counted."""
_NAME = re.compile(r"(?<![\w$])(\w{1,64})(?=\s+\Z)")
_QUOTED = re.compile(r'"(\w{1,64})"')


class _Clause(NamedTuple):
    """Where a clause stands, and its turn; ``before`` and ``after`` say where the quoted text or comment before it stands."""

    before: int
    after: int
    start: int
    end: int
    turn: int

    def name(self, sql: str) -> re.Match[str] | None:
        """The name of the relation that it belongs to, quoted or not, if there is one."""
        start = max(self.after, self.start - NAME_CHARACTERS_MAX)
        if start == self.after and not sql[start : self.start].strip():
            return _QUOTED.fullmatch(sql, self.before, self.after)
        return _NAME.search(sql, start, self.start)


def take_as_of(sql: str) -> tuple[str, tuple[int, ...]]:
    """The statement for readers, and the turns that it names, ascending.

    Of one turn all of the statement is read: there are blanks where the clause stood, so that places in errors stay true. Of
    several, the name before each clause becomes what readers call the relation as it was then (`public.of_turn`).

    Raises
    ------
    HttpError : 400, there are too many turns, or no name before one of several, a number is too large, or the dialects would not
        agree on where a quoted text ends.
    """
    if _CLAUSE.search(sql) is None:
        return sql, ()
    clauses: list[_Clause] = []
    at = before = 0
    while (found := _NEXT.search(sql, at)) is not None:
        if found["clause"] is None:
            before, at = found.start(), _end(sql, found)
            continue
        clauses.append(_Clause(before, at, found.start(), found.end(), int(found[2][:DIGITS_MAX])))
        before = at = found.end()
        if len(found[2]) > DIGITS_MAX:
            raise HttpError(
                400, f"AS OF TURN {found[2][:DIGITS_MAX]}... is no turn; give the number of a kept one", 1210
            )
    turns = tuple(sorted({clause.turn for clause in clauses}))
    if len(turns) > TURNS_MAX:
        raise HttpError(
            400,
            f"The statement is AS OF {len(turns)} turns; at most {TURNS_MAX} are read at once. Join entity_turn with itself, by "
            "tid, for more that are in memory",
            1064,
        )
    if len(turns) > 1 and len(clauses) > CLAUSES_MAX:
        raise HttpError(
            400, f"The statement has {len(clauses)} AS OF TURN; at most {CLAUSES_MAX} are read", 1064
        )
    if turns and _ESCAPED_QUOTE.search(sql):
        raise HttpError(
            400,
            "AS OF TURN is not read beside a quote after a backslash, which only some dialects escape; double the quote, or name "
            "the turn in the field 'turn'",
            1064,
        )
    return _without(sql, clauses) if len(turns) < 2 else _named(sql, clauses), turns


def _without(sql: str, clauses: list[_Clause]) -> str:
    """The statement with blanks where clauses stood."""
    parts, done = [], 0
    for clause in clauses:
        parts += [sql[done : clause.start], " " * (clause.end - clause.start)]
        done = clause.end
    return "".join((*parts, sql[done:]))


def _named(sql: str, clauses: list[_Clause]) -> str:
    """The statement with relations under the names of their turns."""
    parts, done = [], 0
    for clause in clauses:
        found = clause.name(sql)
        if found is None:
            raise HttpError(
                400,
                f"AS OF TURN {clause.turn} stands after no name; where a statement reads several turns, write a relation's name, "
                f"plain or in double quotes, before it: entity AS OF TURN {clause.turn} a",
                1064,
            )
        parts += [
            sql[done : found.start()],
            f'"{of_turn(found[1], clause.turn)}"',
            sql[found.end() : clause.start],
        ]
        done = clause.end
    return "".join((*parts, sql[done:]))


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
