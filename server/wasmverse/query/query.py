"""One query, as it goes from HTTP through the cache, the costs and the dispatch to a reader; and who asks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Format = Literal["tuples", "rows", "live", "arrow", "csv"]
"""``tuples`` and ``rows`` are the JSON bodies of the wire format; ``live`` is the inside of a live query's
message (``"columns":[...],"rows":[...]``); ``arrow`` is Arrow's IPC stream."""

FORMATS: tuple[Format, ...] = ("tuples", "rows", "live", "arrow", "csv")


NO_ARGS = b"[]"


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT, the turn that it reads, and the form of its answer. Queries that are equal have the same answer.

    Parameters
    ----------
    sql : one statement, DuckDB's dialect or SingleStore's.
    args : a JSON list with one plain value for each ``?``, as text: 1, 1.0 and true differ, and parsed values would take fifty
        times the memory while the query waits.
    turn : the turn to read; None for the newest.
    format : what the body of the answer is.
    big_as_string : 64-bit integers as strings in JSON.
    gzip : whether the body may be compressed.
    earlier : turns before ``turn`` that relations of the statement name, as `public.of_turn` writes them, ascending.
    """

    sql: str
    args: bytes = NO_ARGS
    turn: int | None = None
    format: Format = "tuples"
    big_as_string: bool = False
    gzip: bool = False
    earlier: tuple[int, ...] = ()

    @property
    def turns(self) -> tuple[int, ...]:
        """All turns that it names, ascending."""
        return self.earlier if self.turn is None else (*self.earlier, self.turn)

    def at(self, turn: int) -> Query:
        """The same query of one turn."""
        return Query(self.sql, self.args, turn, self.format, self.big_as_string, self.gzip, self.earlier)


class Client(NamedTuple):
    """Who asks: an address or a known name, and which of its connections."""

    name: str = ""
    session: str = ""


NOBODY = Client()
