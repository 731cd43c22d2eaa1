"""What is remembered of past turns: ``turns``, ``strategy_turn``, ``event``, ``strategy_log`` and ``message``, each bounded.

The rows live in the database, events packed (`event_batch`), and, the same ones, in memory as Arrow, where every snapshot
takes them from.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from wasmverse.commands import Transmit
from wasmverse.simulation.messages import MESSAGES_KEPT, check_message
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Transaction
from wasmverse.storage.event_batch import pack_events, unpack_events
from wasmverse.storage.records import (
    EVENT_TYPE,
    LOG_TYPE,
    MESSAGE_TYPE,
    STRATEGY_TURN_TYPE,
    TURNS_TYPE,
    RollingRows,
    TurnRecord,
    TurnRows,
    event_rows,
    log_rows,
)
from wasmverse.universe.result import EventColumns, TurnResult

_TIME: Any = TURNS_TYPE.field("end_time").type


class History:
    """The five records of past turns."""

    def __init__(
        self, turns_kept: int, strategy_turns_kept: int, event_turns_kept: int, events_kept: int
    ) -> None:
        self.turns_kept = turns_kept
        self.turns = RollingRows(TURNS_TYPE, turns_kept, turns_kept)
        self.strategy_turns = RollingRows(STRATEGY_TURN_TYPE, strategy_turns_kept, 1 << 40)
        self.events = RollingRows(EVENT_TYPE, event_turns_kept, events_kept)
        self.log = RollingRows(LOG_TYPE, event_turns_kept, events_kept)
        self.messages = RollingRows(MESSAGE_TYPE, event_turns_kept, MESSAGES_KEPT)
        self._corrected: TurnRecord | None = None

    def load(self, transaction: Transaction) -> None:
        """Take up what the database holds."""
        ((tid,),) = transaction.run_text("SELECT tid FROM universe")
        self.turns.load(transaction.read_arrow(schema.turns), tid)
        self.strategy_turns.load(transaction.read_arrow(schema.strategy_turn), tid)
        batches = transaction.run_text("SELECT tid, names, events FROM event_batch ORDER BY tid, rowid")
        events = [event_rows(of, unpack_events(of, names, bytes(batch))) for of, names, batch in batches]
        self.events.load(pa.concat_tables([EVENT_TYPE.empty_table(), *events]), tid)
        self.log.load(transaction.read_arrow(schema.strategy_log), tid)
        self.messages.load(transaction.read_arrow(schema.message), tid)

    def append(
        self, transaction: Transaction, result: TurnResult, record: TurnRecord, rows: TurnRows
    ) -> None:
        """Record a turn and what was made of its result. Its end is not known before it is committed: `correct` says it then."""
        turn = _turn_row(result, record)
        before, self._corrected = self._corrected, None
        transaction.insert_arrow(schema.turn_record, _record_row(turn, before, rows.strategies))
        _insert_events(transaction, result.tid, result.events)
        # Of the same turns the row goes before its strategies would be taken out of it.
        if (last := self.turns.append(result.tid, turn)) is not None:
            transaction.run_text("DELETE FROM turn_record WHERE tid <= ?", (last,))
        if (last := self.strategy_turns.append(result.tid, rows.strategies)) is not None:
            text = "UPDATE turn_record SET strategies = NULL WHERE tid <= ? AND strategies IS NOT NULL"
            transaction.run_text(text, (last,))
        if (last := self.events.append(result.tid, rows.events)) is not None:
            transaction.run_text("DELETE FROM event_batch WHERE tid <= ?", (last,))
        if result.printed or self.log.rows.num_rows:
            _append_rare(transaction, schema.strategy_log, self.log, result.tid, log_rows(result))
        if self.messages.rows.num_rows:
            _append_rare(transaction, schema.message, self.messages, result.tid, MESSAGE_TYPE.empty_table())

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """Take back what `add_events` and `transmit` added within the block if it raises, as its transaction then does."""
        with self.events.undone_on_error(), self.messages.undone_on_error():
            yield

    def add_events(self, transaction: Transaction, tid: int, events: EventColumns) -> None:
        """Record what happened between two turns, as of the one before."""
        _insert_events(transaction, tid, events)
        self.events.add(tid, event_rows(tid, events))

    def transmit(
        self, transaction: Transaction, tid: int, command: Transmit, turn_max: int
    ) -> dict[str, Any]:
        """Record what a client says after turn ``tid``; the answer.

        Raises
        ------
        CommandError : it cannot be shown, or too many texts were transmitted since that turn.
        """
        check_message(self.messages.rows, tid, command, turn_max)
        row = {"tid": tid, "author": command.author.name, "text": command.text}
        transaction.run(schema.message.insert(), **row)
        self.messages.add(tid, pa.Table.from_pylist([row], MESSAGE_TYPE))
        return {"tid": tid}

    def correct(self, result: TurnResult, record: TurnRecord) -> None:
        """The last turn's true end, known once it is committed.

        In snapshots at once, in the database with the next turn or at the close (`write_correction`).
        """
        last = self.turns.rows.num_rows - 1
        self.turns.rows = pa.concat_tables([self.turns.rows.slice(0, last), _turn_row(result, record)])
        self._corrected = record

    def write_correction(self, transaction: Transaction) -> None:
        """Put what `correct` said of the last turn into the database, no other turn following."""
        if self._corrected is None:
            return
        record, self._corrected = self._corrected, None
        values = (_time(record.ended_at), record.late, self.turns.rows["tid"][-1].as_py())
        transaction.run_text("UPDATE turn_record SET end_time = ?, late = ? WHERE tid = ?", values)


def _append_rare(
    transaction: Transaction, table: sa.Table, kept: RollingRows, tid: int, rows: pa.Table
) -> None:
    """Add to a record that most turns add nothing to. Where it is empty and stays so no turn has a statement of it."""
    if rows.num_rows:
        transaction.insert_arrow(table, rows)
    last = kept.append(tid, rows)
    if not kept.rows.num_rows:
        last = tid  # nothing is left, and no turn may come that would delete it
    if last is not None:
        transaction.run(table.delete().where(table.c.tid <= last))


def _insert_events(transaction: Transaction, tid: int, events: EventColumns) -> None:
    if len(events.columns.sid):
        transaction.run_text("INSERT INTO event_batch VALUES (?, ?, ?)", (tid, *pack_events(events)))


def _record_row(turn: pa.Table, before: TurnRecord | None, strategies: pa.Table) -> pa.Table:
    """The row of ``turn_record``."""
    elements = pa.StructArray.from_arrays(
        [strategies[column.name].combine_chunks() for column in schema.STRATEGY_COLUMNS],
        [column.name for column in schema.STRATEGY_COLUMNS],
    )
    added = {
        "end_time_before": pa.array([before and _time(before.ended_at)], _TIME),
        "late_before": pa.array([before and before.late], pa.bool_()),
        "strategies": pa.ListArray.from_arrays([0, len(elements)], elements),
    }
    for name, column in added.items():
        turn = turn.append_column(name, column)
    return turn


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _turn_row(result: TurnResult, record: TurnRecord) -> pa.Table:
    row = {
        "slot": record.slot,
        "tid": result.tid,
        "start_time": _time(record.started_at),
        "end_time": _time(record.ended_at),
        "writes": result.writes,
        "ships": result.ship_count,
        "energy_nodes": result.node_count,
        "kills": result.kills,
        "faults": result.faults,
        "late": record.late,
    }
    return pa.table({name: [value] for name, value in row.items()}, TURNS_TYPE)
