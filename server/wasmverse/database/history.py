"""What is remembered of past turns: ``turns``, ``strategy_turn`` and ``event``, each bounded.

The rows live in the database and, the same ones, in memory as Arrow, where every snapshot takes them from.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from wasmverse.database import schema
from wasmverse.database.embedded import Transaction
from wasmverse.database.turn_store import TurnRecord
from wasmverse.universe.outcome import EVENT_KINDS
from wasmverse.universe.result import EventColumns, TurnResult

PRUNE_TURNS = 16
"""Turns whose forgotten rows are deleted at once: a DELETE costs as much as what a turn adds. So many turns more are in the
database; nobody sees them."""

_CHUNKS_MAX = 8
"""Pieces of a record; each is written to every snapshot by itself."""

_TEXT: Any = pa.string()


def _schema(fields: list[Any]) -> pa.Schema:
    return pa.schema(fields)


TURNS_TYPE = _schema(
    [
        ("slot", pa.uint32()), ("tid", pa.int64()), ("start_time", pa.timestamp("us")), ("end_time", pa.timestamp("us")),
        ("writes", pa.int64()), ("ships", pa.int64()), ("energy_nodes", pa.int64()), ("kills", pa.int64()),
        ("faults", pa.int64()), ("late", pa.bool_()),
    ]
)  # fmt: skip
STRATEGY_TURN_TYPE = _schema(
    [
        ("tid", pa.int64()), ("strategy", _TEXT),
        *((name, pa.int64()) for name in ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults")),
        ("fuel", pa.int64()), ("seconds", pa.float64()),
    ]
)  # fmt: skip
EVENT_TYPE = _schema(
    [
        ("tid", pa.int64()), ("sid", pa.uint32()), ("kind", _TEXT), ("eid", pa.int64()), ("x", pa.uint8()),
        ("y", pa.uint8()), ("strategy", _TEXT), ("by_strategy", _TEXT),
    ]
)  # fmt: skip


class RollingTable:
    """The rows of the last turns of one table, in the database and as Arrow.

    At most ``turns_max`` turns and, of whole turns, ``rows_max`` rows are kept; the newest turn always is.
    """

    def __init__(self, table: sa.Table, type_: pa.Schema, turns_max: int, rows_max: int) -> None:
        self.table = table
        self.turns_max = turns_max
        self.rows_max = rows_max
        self.rows = type_.empty_table()
        self._turns: deque[tuple[int, int]] = deque()
        self._forgotten: list[int] = []

    def load(self, transaction: Transaction, tid: int) -> None:
        """Take up what the database, whose last turn is ``tid``, holds within the bounds."""
        rows = transaction.read_arrow(self.table).cast(self.rows.schema).sort_by("tid")
        self.rows = rows.combine_chunks()
        counted = rows.group_by("tid").aggregate([([], "count_all")]).sort_by("tid").to_pylist()
        self._turns = deque((row["tid"], row["count_all"]) for row in counted)
        self._forgotten = []
        self._forget(tid)

    def add(self, transaction: Transaction, tid: int, rows: pa.Table) -> None:
        """Add rows to the newest turn, or to the beginning of the first."""
        transaction.insert_arrow(self.table, rows)
        self.rows = pa.concat_tables([self.rows, rows])
        last, count = self._turns.pop() if self._turns and self._turns[-1][0] == tid else (tid, 0)
        self._turns.append((last, count + rows.num_rows))

    def append(self, transaction: Transaction, tid: int, rows: pa.Table) -> None:
        """Add a turn's rows and forget the oldest ones past the bounds."""
        transaction.insert_arrow(self.table, rows)
        joined = pa.concat_tables([self.rows, rows])
        self._turns.append((tid, rows.num_rows))
        self.rows = joined.combine_chunks() if joined.column(0).num_chunks > _CHUNKS_MAX else joined
        self._forget(tid)
        if len(self._forgotten) >= PRUNE_TURNS:
            transaction.run_text(f"DELETE FROM {self.table.name} WHERE tid <= ?", (self._forgotten[-1],))
            self._forgotten = []

    def _forget(self, tid: int) -> None:
        """Drop the turns past the bounds, the last turn being ``tid``."""
        kept = self.rows.num_rows
        # By number, not by count: a turn without rows is known only to who appended it.
        while len(self._turns) > 1 and (self._turns[0][0] <= tid - self.turns_max or kept > self.rows_max):
            forgotten, count = self._turns.popleft()
            self._forgotten.append(forgotten)
            kept -= count
        self.rows = self.rows.slice(self.rows.num_rows - kept)


class History:
    """The three records of past turns."""

    def __init__(
        self, turns_kept: int, strategy_turns_kept: int, event_turns_kept: int, events_kept: int
    ) -> None:
        self.turns_kept = turns_kept
        self.turns = RollingTable(schema.turns, TURNS_TYPE, turns_kept, turns_kept)
        self.strategy_turns = RollingTable(
            schema.strategy_turn, STRATEGY_TURN_TYPE, strategy_turns_kept, 1 << 40
        )
        self.events = RollingTable(schema.event, EVENT_TYPE, event_turns_kept, events_kept)
        self._corrected: TurnRecord | None = None

    def load(self, transaction: Transaction) -> None:
        """Take up what the database holds."""
        ((tid,),) = transaction.run_text("SELECT tid FROM universe")
        for table in (self.turns, self.strategy_turns, self.events):
            table.load(transaction, tid)

    def append(self, transaction: Transaction, result: TurnResult, record: TurnRecord) -> None:
        """Record a turn. Its end is not known before it is committed: `correct` says it then."""
        self.write_correction(transaction)
        self.turns.append(
            transaction, result.tid, pa.Table.from_pylist([_turn_row(result, record)], TURNS_TYPE)
        )
        rows = [
            {
                "tid": result.tid,
                "strategy": tally.name,
                **tally.counts,
                "fuel": tally.fuel,
                "seconds": tally.seconds,
            }
            for tally in result.strategies
        ]
        self.strategy_turns.append(transaction, result.tid, pa.Table.from_pylist(rows, STRATEGY_TURN_TYPE))
        self.events.append(transaction, result.tid, event_rows(result.tid, result.events))

    def correct(self, result: TurnResult, record: TurnRecord) -> None:
        """The last turn's true end, known once it is committed.

        In snapshots at once, in the database with the next turn or at the close (`write_correction`).
        """
        last = self.turns.rows.num_rows - 1
        corrected = pa.Table.from_pylist([_turn_row(result, record)], TURNS_TYPE)
        self.turns.rows = pa.concat_tables([self.turns.rows.slice(0, last), corrected])
        self._corrected = record

    def write_correction(self, transaction: Transaction) -> None:
        """Put what `correct` said of the last turn into the database, if it is not there yet."""
        if self._corrected is None:
            return
        record, self._corrected = self._corrected, None
        end_time = datetime.fromtimestamp(record.ended_at, UTC).replace(tzinfo=None)
        values = (end_time, record.late, self.turns.rows["tid"][-1].as_py())
        transaction.run_text("UPDATE turns SET end_time = ?, late = ? WHERE tid = ?", values)


def _turn_row(result: TurnResult, record: TurnRecord) -> dict[str, Any]:
    return {
        "slot": record.slot,
        "tid": result.tid,
        "start_time": datetime.fromtimestamp(record.started_at, UTC).replace(tzinfo=None),
        "end_time": datetime.fromtimestamp(record.ended_at, UTC).replace(tzinfo=None),
        "writes": result.writes,
        "ships": result.ship_count,
        "energy_nodes": result.node_count,
        "kills": result.kills,
        "faults": result.faults,
        "late": record.late,
    }


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
