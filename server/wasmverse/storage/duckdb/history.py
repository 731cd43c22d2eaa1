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
from wasmverse.storage.duckdb.position import read_position
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

INSERT_RECORD = (
    f"INSERT INTO turn_record ({', '.join(column.name for column in schema.turn_record.columns)}) "
    f"VALUES ({', '.join('?' * len(schema.turn_record.columns))})"
)
"""With values for all columns, in this order: to bind them takes less than to make an Arrow table of one row."""


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

    def append(
        self, transaction: Transaction, result: TurnResult, record: TurnRecord, rows: TurnRows
    ) -> None:
        """Record a turn and what was made of its result. Its end is not known before it is committed: `correct` says it then."""
        before, self._corrected = self._corrected, None
        values = _turn_values(result, record)
        transaction.run_text(INSERT_RECORD, _record_values(values, before, result))
        # Of the same turns the row goes before its strategies would be taken out of it.
        if (last := self.turns.append(result.tid, _turn_row(values))) is not None:
            transaction.run_text("DELETE FROM turn_record WHERE tid <= ?", (last,))
        if (last := self.strategy_turns.append(result.tid, rows.strategies)) is not None:
            text = "UPDATE turn_record SET strategies = NULL WHERE tid <= ? AND strategies IS NOT NULL"
            transaction.run_text(text, (last,))
        if (last := self.events.append(result.tid, rows.events)) is not None:
            text = "UPDATE turn_record SET names = NULL, events = NULL WHERE tid <= ? AND events IS NOT NULL"
            transaction.run_text(text, (last,))
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
        transaction.run_text("INSERT INTO event_batch VALUES (?, ?, ?)", (tid, *pack_events(events)))
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
        row = _turn_row(_turn_values(result, record))
        self.turns.rows = pa.concat_tables([self.turns.rows.slice(0, last), row])
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


def _record_values(turn: dict[str, Any], before: TurnRecord | None, result: TurnResult) -> tuple[object, ...]:
    """The row of ``turn_record``, as `INSERT_RECORD` has its columns."""
    events = pack_events(result.events) if len(result.events.columns.sid) else (None, None)
    ended = (None, None) if before is None else (_time(before.ended_at), before.late)
    strategies = [
        {"strategy": tally.name, **tally.counts, "fuel": tally.fuel, "seconds": tally.seconds}
        for tally in result.strategies
    ]
    return (*turn.values(), *ended, strategies, result.next_eid, *events)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _turn_values(result: TurnResult, record: TurnRecord) -> dict[str, Any]:
    """A row of ``turns``."""
    return {
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


def _turn_row(values: dict[str, Any]) -> pa.Table:
    return pa.table({name: [value] for name, value in values.items()}, TURNS_TYPE)
