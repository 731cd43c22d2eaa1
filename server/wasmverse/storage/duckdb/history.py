"""What is remembered of past turns: ``turns``, ``strategy_turn``, ``event``, ``strategy_log`` and ``message``, each bounded.

The rows live in the database, events packed (`event_batch`), and, the same ones, in memory as Arrow, where every snapshot
takes them from.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Transaction
from wasmverse.storage.duckdb.position import read_position
from wasmverse.storage.event_batch import pack_events, unpack_events
from wasmverse.storage.records import (
    EVENT_TYPE,
    TURNS_TYPE,
    Records,
    TurnRecord,
    TurnRows,
    as_rows,
    elements_of,
    event_rows,
    time_of,
    turn_values,
)
from wasmverse.universe.result import EventColumns, TurnResult

INSERT_RECORD = (
    f"INSERT INTO turn_record ({', '.join(column.name for column in schema.turn_record.columns)}) "
    f"VALUES ({', '.join('?' * len(schema.turn_record.columns))})"
)
"""With values for all columns, in this order: to bind them takes less than to make an Arrow table of one row."""


class History(Records[Transaction]):
    """The records of past turns."""

    def load(self, transaction: Transaction) -> None:
        """Take up what the database holds."""
        tid, _ = read_position(transaction)
        self.turns.load(transaction.read_arrow(schema.turns), tid)
        self.strategy_turns.load(transaction.read_arrow(schema.strategy_turn), tid)
        batches = transaction.run_text(
            "SELECT tid, names, events, 0 AS place FROM turn_record WHERE events IS NOT NULL "
            "UNION ALL SELECT tid, names, events, rowid + 1 FROM event_batch ORDER BY tid, place"
        )
        events = [
            event_rows(of, unpack_events(of, names or "", bytes(batch))) for of, names, batch, _ in batches
        ]
        self.events.load(pa.concat_tables([EVENT_TYPE.empty_table(), *events]), tid)
        self.log.load(transaction.read_arrow(schema.strategy_log), tid)
        self.messages.load(transaction.read_arrow(schema.message), tid)
        self.faults.load(transaction.read_arrow(schema.strategy_fault))
        checkpoint = transaction.run_text("SELECT tid, state FROM chronicle ORDER BY tid DESC LIMIT 1")
        kept = transaction.run_text(
            "SELECT tid, story, digest FROM turn_record WHERE story IS NOT NULL OR digest IS NOT NULL ORDER BY tid"
        )
        self.kept_chronicle.load(tid, checkpoint[0] if checkpoint else None, kept)

    def append(
        self, transaction: Transaction, result: TurnResult, record: TurnRecord, rows: TurnRows
    ) -> None:
        """Record a turn and what was made of its result. Its end is not known before it is committed: `correct` says it then."""
        before, self._corrected = self._corrected, None
        values = turn_values(result, record)
        transaction.run_text(
            INSERT_RECORD, _record_values(values, before, result, self.kept_chronicle.turn(result))
        )
        # Of the same turns the row goes before its strategies would be taken out of it.
        if (last := self.turns.append(result.tid, as_rows(TURNS_TYPE, [values]))) is not None:
            transaction.run_text("DELETE FROM turn_record WHERE tid <= ?", (last,))
        if (last := self.strategy_turns.append(result.tid, rows.strategies)) is not None:
            text = "UPDATE turn_record SET strategies = NULL WHERE tid <= ? AND strategies IS NOT NULL"
            transaction.run_text(text, (last,))
        if (last := self.events.append(result.tid, rows.events)) is not None:
            text = "UPDATE turn_record SET names = NULL, events = NULL WHERE tid <= ? AND events IS NOT NULL"
            transaction.run_text(text, (last,))
            transaction.run_text("DELETE FROM event_batch WHERE tid <= ?", (last,))
        self._append_chronicle(transaction)
        self._append_said(transaction, result)

    def write_correction(self, transaction: Transaction) -> None:
        """Put what `correct` said of the last turn, and all of the chronicle, into the database, no other turn following."""
        if self.kept_chronicle.chronicle.tid:
            self.kept_chronicle.write(transaction)
        if self._corrected is None:
            return
        record, self._corrected = self._corrected, None
        values = (time_of(record.ended_at), record.late, self.turns.rows["tid"][-1].as_py())
        transaction.run_text("UPDATE turn_record SET end_time = ?, late = ? WHERE tid = ?", values)

    def _forget_digests(self, transaction: Transaction, last: int) -> None:
        text = "UPDATE turn_record SET digest = NULL WHERE tid <= ? AND digest IS NOT NULL"
        transaction.run_text(text, (last,))

    def _insert_events(self, transaction: Transaction, tid: int, events: EventColumns) -> None:
        transaction.run_text("INSERT INTO event_batch VALUES (?, ?, ?)", (tid, *pack_events(events)))

    def _insert_message(self, transaction: Transaction, row: dict[str, Any]) -> None:
        transaction.run(schema.message.insert(), **row)


def _record_values(
    turn: dict[str, Any], before: TurnRecord | None, result: TurnResult, told: tuple[str | None, str]
) -> tuple[object, ...]:
    """The row of ``turn_record``, as `INSERT_RECORD` has its columns."""
    events = pack_events(result.events) if len(result.events.columns.sid) else (None, None)
    ended = (None, None) if before is None else (time_of(before.ended_at), before.late)
    return (*turn.values(), *ended, elements_of(result), result.next_eid, *events, *told)
