"""The rows of the last turns of one relation, bounded, as Arrow: what every snapshot shows of the past."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

PRUNE_TURNS = 16
"""Turns whose forgotten rows are deleted at once: a DELETE costs as much as what a turn adds. So many turns more are in the
database; nobody sees them."""

_CHUNKS_MAX = 8
"""Pieces of a record; each is written to every snapshot by itself."""


class RollingRows:
    """The rows of the last turns of one relation, as Arrow.

    At most ``turns_max`` turns and, of whole turns, ``rows_max`` rows are kept; the newest turn always is.
    """

    def __init__(self, type_: pa.Schema, turns_max: int, rows_max: int) -> None:
        self.turns_max = turns_max
        self.rows_max = rows_max
        self.rows = type_.empty_table()
        self._turns: deque[tuple[int, int]] = deque()
        self._forgotten: list[int] = []

    def load(self, rows: pa.Table, tid: int) -> None:
        """Take up these rows, as far as they are within the bounds; the last turn is ``tid``."""
        self.rows = rows.cast(self.rows.schema).sort_by("tid").combine_chunks()
        counted = self.rows.group_by("tid").aggregate([([], "count_all")]).sort_by("tid").to_pylist()
        self._turns = deque((row["tid"], row["count_all"]) for row in counted)
        self._forgotten = []
        self._forget(tid)

    def add(self, tid: int, rows: pa.Table) -> None:
        """Add rows to the newest turn, or to the beginning of the first."""
        self.rows = pa.concat_tables([self.rows, rows])
        last, count = self._turns.pop() if self._turns and self._turns[-1][0] == tid else (tid, 0)
        self._turns.append((last, count + rows.num_rows))

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """Take back what was added within the block if it raises."""
        rows, turns = self.rows, self._turns.copy()
        try:
            yield
        except BaseException:
            self.rows, self._turns = rows, turns
            raise

    def append(self, tid: int, rows: pa.Table) -> int | None:
        """Add a turn's rows and forget the oldest ones past the bounds.

        As long as that changes nothing, ``rows`` stays the same object, which no snapshot writes again.

        Returns the last turn that is to be deleted from where it is stored with all before it, when that is worth its while.
        """
        self._turns.append((tid, rows.num_rows))
        if rows.num_rows:
            joined = pa.concat_tables([self.rows, rows])
            self.rows = joined.combine_chunks() if joined.column(0).num_chunks > _CHUNKS_MAX else joined
        self._forget(tid)
        if len(self._forgotten) < PRUNE_TURNS:
            return None
        last = self._forgotten[-1]
        self._forgotten = []
        return last

    def _forget(self, tid: int) -> None:
        """Drop the turns past the bounds, the last turn being ``tid``."""
        kept = self.rows.num_rows
        # By number, not by count: a turn without rows is known only to who appended it.
        while len(self._turns) > 1 and (self._turns[0][0] <= tid - self.turns_max or kept > self.rows_max):
            forgotten, count = self._turns.popleft()
            self._forgotten.append(forgotten)
            kept -= count
        if kept < self.rows.num_rows:
            self.rows = self.rows.slice(self.rows.num_rows - kept)
