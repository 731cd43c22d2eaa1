"""The records of past turns as rows: how they are made of a turn's result, and those of the last turns, kept as Arrow.

An engine stores them, each in its own way; every snapshot takes them from here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema
from wasmverse.universe.event_format import EVENT_KINDS
from wasmverse.universe.outcome import TALLY
from wasmverse.universe.result import EventColumns, TurnResult

PRUNE_TURNS = 16
"""Turns whose forgotten rows are deleted at once: a DELETE costs as much as what a turn adds. So many turns more are in the
database; nobody sees them."""

_CHUNKS_MAX = 8
"""Pieces of a record; each is written to every snapshot by itself."""

TURNS_TYPE = arrow_schema(schema.turns)
STRATEGY_TURN_TYPE = arrow_schema(schema.strategy_turn)
EVENT_TYPE = arrow_schema(schema.event)
LOG_TYPE = arrow_schema(schema.strategy_log)
MESSAGE_TYPE = arrow_schema(schema.message)

_TEXT: Any = EVENT_TYPE.field("kind").type


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """What ``turns`` says of a turn besides its result; times are seconds since 1970."""

    slot: int
    started_at: float
    ended_at: float
    late: bool


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

        Returns the last turn that is to be deleted from where it is stored with all before it, when that is worth its while.
        """
        joined = pa.concat_tables([self.rows, rows])
        self._turns.append((tid, rows.num_rows))
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
        self.rows = self.rows.slice(self.rows.num_rows - kept)


@dataclass(frozen=True, slots=True)
class TurnRows:
    """A turn's rows of ``strategy_turn`` and ``event``."""

    strategies: pa.Table
    events: pa.Table

    @classmethod
    def of(cls, result: TurnResult) -> TurnRows:
        """Make them; may be called on any thread."""
        return cls(_strategy_rows(result), event_rows(result.tid, result.events))


def _strategy_rows(result: TurnResult) -> pa.Table:
    tallies = result.strategies
    columns: dict[str, Any] = {
        "tid": [result.tid] * len(tallies),
        "strategy": [tally.name for tally in tallies],
        **{name: [tally.counts[name] for tally in tallies] for name in TALLY},
        "fuel": [tally.fuel for tally in tallies],
        "seconds": [tally.seconds for tally in tallies],
    }
    return pa.table(columns, STRATEGY_TURN_TYPE)


def log_rows(result: TurnResult) -> pa.Table:
    """What strategies printed as rows of ``strategy_log``."""
    rows: list[dict[str, Any]] = []
    for strategy, of in result.printed.items():
        same = {"tid": result.tid, "strategy": strategy}
        rows += [
            {**same, "eid": eid, "line": line, "dropped": 0}
            for eid, line in zip(of.eids, of.lines, strict=True)
        ]
        if of.dropped:
            line = f"[{of.dropped} more {'line was' if of.dropped == 1 else 'lines were'} dropped]"
            rows.append({**same, "eid": None, "line": line, "dropped": of.dropped})
    return pa.Table.from_pylist(rows, LOG_TYPE)


def event_rows(tid: int, events: EventColumns) -> pa.Table:
    """Events as rows of ``event``, names for numbers."""
    columns: Any = events.columns
    names = pa.array(events.names, _TEXT)

    def name(slots: np.ndarray[Any, np.dtype[np.int16]]) -> Any:
        indices: Any = pa.array(slots, mask=slots < 0)
        return pa.DictionaryArray.from_arrays(indices, names).dictionary_decode()

    return pa.table(
        {
            "tid": pa.array(np.full(len(columns.sid), tid, np.int64)),
            "sid": columns.sid,
            "kind": pa.DictionaryArray.from_arrays(
                pa.array(columns.kind), pa.array(EVENT_KINDS, _TEXT)
            ).dictionary_decode(),
            "eid": columns.eid,
            "x": columns.x,
            "y": columns.y,
            "strategy": name(columns.slot),
            "by_strategy": name(columns.by_slot),
        },
        schema=EVENT_TYPE,
    )
