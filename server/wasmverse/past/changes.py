"""What a turn did to the tables of a snapshot that are not played again: rows that were added, rows that were forgotten.

Most of them are the records of the last turns: each turn adds rows at the end and forgets whole turns at the beginning. So what
is kept of a turn is how many rows were forgotten, and the new rows. Any other table is kept whole when it has changed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from wasmverse.past.volume import Entry, packed_rows, schema_of

STATE = ("ship", "node")
"""What is played again, and not kept but in keyframes."""

_TURN = "tid"


def changes(
    before: Mapping[str, pa.Table], after: Mapping[str, pa.Table]
) -> tuple[dict[str, list[int]], dict[str, bytes]]:
    """How the tables of one turn come from those of the turn before.

    Returns
    -------
    By name, of the tables that changed: how many rows are forgotten at the beginning, and how many are kept after them; and the
    batch of the rows that follow these.
    """
    said: dict[str, list[int]] = {}
    batches: dict[str, bytes] = {}
    for name, table in after.items():
        old = before[name]
        if name in STATE or table is old:
            continue
        forgotten, kept = _same_rows(old, table)
        if kept == table.num_rows == old.num_rows:
            continue
        said[name] = [forgotten, kept]
        batches[name] = packed_rows(table.slice(kept))
    return said, batches


def _same_rows(old: pa.Table, new: pa.Table) -> tuple[int, int]:
    """How many rows of ``old`` are forgotten in ``new``, and how many follow in both; (all, 0) if there is nothing in common."""
    nothing = (old.num_rows, 0)
    if not old.num_rows or not new.num_rows or new.column_names != old.column_names:
        return nothing
    if old.equals(new):
        return 0, old.num_rows
    if _TURN not in new.column_names:
        return nothing
    first = new[_TURN][0].as_py()
    forgotten = int(np.searchsorted(old[_TURN].to_numpy(), first))
    # What is known of the last turn may be known better one turn later.
    for kept in (old.num_rows - forgotten, old.num_rows - forgotten - 1):
        if 0 < kept <= new.num_rows and old.slice(forgotten, kept).equals(new.slice(0, kept)):
            return forgotten, kept
    return nothing


class Rows:
    """The tables of one turn after another, made of a base and the changes since; for one thread.

    A table is joined only when it is asked for, so that many turns that nobody looks at cost little.
    """

    def __init__(self, base: Entry) -> None:
        self.tid = base.tid
        self._schemas: dict[str, pa.Schema] = {}
        self._pieces: dict[str, list[pa.Table]] = {}
        self._forgotten: dict[str, int] = {}
        for name in base.said["tables"]:
            schema = self._schemas[name] = schema_of(base, name)
            self._pieces[name] = [base.table(name, schema)] if name not in STATE else []

    def schema(self, name: str) -> pa.Schema:
        """The columns of a table."""
        return self._schemas[name]

    def add(self, turn: Entry) -> None:
        """Go on to the next turn."""
        for name, (forgotten, kept) in turn.said["changes"].items():
            rows = turn.table(name, self._schemas[name])
            if kept:
                start = self._forgotten.get(name, 0) + forgotten
                self._pieces[name] = [*_first(self._pieces[name], start + kept), rows]
                self._forgotten[name] = start
            else:
                self._pieces[name] = [rows]
                self._forgotten[name] = 0
        self.tid = turn.tid

    def tables(self) -> dict[str, pa.Table]:
        """All tables but those of ships and nodes; each the same object as before if nothing was added to it."""
        return {name: self._joined(name) for name in self._schemas if name not in STATE}

    def _joined(self, name: str) -> pa.Table:
        pieces, forgotten = self._pieces[name], self._forgotten.get(name, 0)
        if len(pieces) > 1 or forgotten:
            joined = pa.concat_tables(pieces).slice(forgotten).combine_chunks()
            self._pieces[name], self._forgotten[name] = [joined], 0
        return self._pieces[name][0]


def _first(pieces: list[pa.Table], rows: int) -> list[pa.Table]:
    """As much of them as has so many rows, of which they have at least as many."""
    surplus = sum(piece.num_rows for piece in pieces) - rows
    while surplus > 0:
        last = pieces.pop()
        surplus -= last.num_rows
        if surplus < 0:
            pieces.append(last.slice(0, -surplus))
    return pieces


def base_batches(tables: Mapping[str, pa.Table]) -> dict[str, bytes]:
    """The batches of a base: every table whole, and its schema."""
    batches: dict[str, bytes] = {}
    for name, table in tables.items():
        batches[f"schema {name}"] = bytes(table.schema.serialize())
        batches[name] = packed_rows(table)
    return batches
