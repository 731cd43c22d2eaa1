"""The records of past turns in PostgreSQL: written with each turn, and taken over from what other processes have written."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute
import sqlalchemy as sa

from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema
from wasmverse.storage.event_batch import pack_events, unpack_events
from wasmverse.storage.postgres import schema as stored
from wasmverse.storage.postgres.database import Transaction
from wasmverse.storage.records import (
    EVENT_TYPE,
    MESSAGE_TYPE,
    STRATEGY_TURN_TYPE,
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
from wasmverse.universe.result import EventColumns, TurnAccount

_compute: Any = pyarrow.compute
_COLUMNS = [column.name for column in stored.turn_record.columns]
_INSERT = f"INSERT INTO turn_record ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})"


FOLLOWED_TURNS_MAX = 16
"""Whoever is behind by more loads everything: that takes no longer."""


class History(Records[Transaction]):
    """The records of past turns.

    What others have added between two turns is known by ``place``, which counts the rows of a table: those up to
    ``_places`` have been taken over.
    """

    def __init__(
        self, turns_kept: int, strategy_turns_kept: int, event_turns_kept: int, events_kept: int
    ) -> None:
        super().__init__(turns_kept, strategy_turns_kept, event_turns_kept, events_kept)
        self._places = {"event_batch": 0, "message": 0}

    def load(self, transaction: Transaction, tid: int) -> None:
        """Take up what the database holds at turn ``tid``."""
        self._corrected = None
        self.turns.load(_rows(transaction, schema.turns, "ORDER BY tid"), tid)
        self.strategy_turns.load(_strategy_turns(transaction, 0), tid)
        self.events.load(self._events(transaction, 0, tid, is_all=True), tid)
        self.log.load(_rows(transaction, schema.strategy_log, "ORDER BY place"), tid)
        self.messages.load(self._messages(transaction), tid)
        self.faults.load(_rows(transaction, schema.strategy_fault, "ORDER BY fault_id"))
        self._load_chronicle(transaction, tid)

    def follow(self, transaction: Transaction, before: int, tid: int) -> None:
        """Take over what others have recorded since turn ``before``, the last one that is known here; the last one is ``tid``."""
        if tid - before > FOLLOWED_TURNS_MAX:
            self._places = dict.fromkeys(self._places, 0)
            self.load(transaction, tid)
            return
        self._corrected = None
        turns = _rows(transaction, schema.turns, "WHERE tid >= %s ORDER BY tid", before)
        if self.turns.rows.num_rows and turns.num_rows and turns["tid"][0].as_py() == before:
            # Its end has been told since.
            self.turns.rows = pa.concat_tables(
                [self.turns.rows.slice(0, self.turns.rows.num_rows - 1), turns.slice(0, 1)]
            )
            turns = turns.slice(1)
        strategies = _strategy_turns(transaction, before)
        events = self._events(transaction, before, tid)
        log = _rows(transaction, schema.strategy_log, "WHERE tid > %s ORDER BY place", before)
        messages = self._messages(transaction)
        self.faults.add(
            _rows(
                transaction,
                schema.strategy_fault,
                "WHERE fault_id > %s ORDER BY fault_id",
                self.faults.last_id,
            )
        )
        for kept, rows in ((self.events, events), (self.messages, messages)):
            if (late := _of_turn(rows, before)).num_rows:
                kept.add(before, late)
        for turn in range(before + 1, tid + 1):
            for kept, rows in (
                (self.turns, turns),
                (self.strategy_turns, strategies),
                (self.events, events),
                (self.log, log),
                (self.messages, messages),
            ):
                kept.append(turn, _of_turn(rows, turn))

        if not self.kept_chronicle.follow(_told(transaction, before)):
            self._load_chronicle(transaction, tid)

    def _load_chronicle(self, transaction: Transaction, tid: int) -> None:
        checkpoint = transaction.execute(
            "SELECT tid, state FROM chronicle ORDER BY tid DESC LIMIT 1"
        ).fetchone()
        self.kept_chronicle.load(tid, checkpoint, _told(transaction, 0))

    def append(
        self, transaction: Transaction, account: TurnAccount, record: TurnRecord, rows: TurnRows
    ) -> None:
        """Record a turn and what was made of its account. Its end is not known before it is committed: `correct` says it then."""
        before, self._corrected = self._corrected, None
        turn = turn_values(account, record)
        events = pack_events(account.events) if len(account.events.columns.sid) else (None, None)
        ended = (None, None) if before is None else (time_of(before.ended_at), before.late)
        told = self.kept_chronicle.turn(account)
        values = (*turn.values(), *ended, json.dumps(elements_of(account)), *events, *told)
        transaction.execute(_INSERT, values)
        # Of the same turns the row goes before its strategies would be taken out of it.
        if (last := self.turns.append(account.tid, as_rows(TURNS_TYPE, [turn]))) is not None:
            transaction.execute("DELETE FROM turn_record WHERE tid <= %s", (last,))
        if (last := self.strategy_turns.append(account.tid, rows.strategies)) is not None:
            text = "UPDATE turn_record SET strategies = NULL WHERE tid <= %s AND strategies IS NOT NULL"
            transaction.execute(text, (last,))
        if (last := self.events.append(account.tid, rows.events)) is not None:
            text = "UPDATE turn_record SET names = NULL, events = NULL WHERE tid <= %s AND events IS NOT NULL"
            transaction.execute(text, (last,))
            transaction.execute("DELETE FROM event_batch WHERE tid <= %s", (last,))
        self._append_chronicle(transaction)
        self._append_said(transaction, account)

    def write_correction(self, transaction: Transaction) -> None:
        """Put what `correct` said of the last turn, and all of the chronicle, into the database, no other turn following."""
        if self.kept_chronicle.chronicle.tid:
            self.kept_chronicle.write(transaction)
        if self._corrected is None:
            return
        record, self._corrected = self._corrected, None
        values = (time_of(record.ended_at), record.late, self.turns.rows["tid"][-1].as_py())
        transaction.execute("UPDATE turn_record SET end_time = %s, late = %s WHERE tid = %s", values)

    def _forget_digests(self, transaction: Transaction, last: int) -> None:
        text = "UPDATE turn_record SET digest = NULL WHERE tid <= %s AND digest IS NOT NULL"
        transaction.execute(text, (last,))

    def _insert_events(self, transaction: Transaction, tid: int, events: EventColumns) -> None:
        text = "INSERT INTO event_batch (tid, names, events) VALUES (%s, %s, %s) RETURNING place"
        row = transaction.execute(text, (tid, *pack_events(events))).fetchone()
        assert row is not None
        self._places["event_batch"] = row[0]

    def _insert_message(self, transaction: Transaction, row: dict[str, Any]) -> None:
        text = (
            "INSERT INTO message (tid, author, text) VALUES (%(tid)s, %(author)s, %(text)s) RETURNING place"
        )
        added = transaction.execute(text, row).fetchone()
        assert added is not None
        self._places["message"] = added[0]

    def _events(self, transaction: Transaction, before: int, tid: int, *, is_all: bool = False) -> pa.Table:
        """The events of turns after ``before``, and of commands that are not known here, in their order."""
        batches = transaction.execute(
            "SELECT tid, 0 AS place, names, events FROM turn_record WHERE events IS NOT NULL AND tid > %s "
            "UNION ALL SELECT tid, place, names, events FROM event_batch WHERE place > %s ORDER BY tid, place",
            (-1 if is_all else before, 0 if is_all else self._places["event_batch"]),
        ).fetchall()
        self._places["event_batch"] = max([self._places["event_batch"], *(place for _, place, *_ in batches)])
        rows = [event_rows(of, unpack_events(of, names, batch)) for of, _, names, batch in batches]
        return pa.concat_tables([EVENT_TYPE.empty_table(), *rows])

    def _messages(self, transaction: Transaction) -> pa.Table:
        """The messages that are not known here."""
        text = "SELECT place, tid, author, text FROM message WHERE place > %s ORDER BY place"
        rows = transaction.execute(text, (self._places["message"],)).fetchall()
        self._places["message"] = max([self._places["message"], *(row[0] for row in rows)])
        return _as_table(MESSAGE_TYPE, [row[1:] for row in rows])


def _told(transaction: Transaction, before: int) -> list[Any]:
    """Of the turns after one their stories and digests."""
    text = "SELECT tid, story, digest FROM turn_record WHERE tid > %s ORDER BY tid"
    return transaction.execute(text, (before,)).fetchall()


def _strategy_turns(transaction: Transaction, before: int) -> pa.Table:
    text = "SELECT tid, strategies FROM turn_record WHERE strategies IS NOT NULL AND tid > %s ORDER BY tid"
    names = STRATEGY_TURN_TYPE.names[1:]
    rows = [
        (tid, *(element[name] for name in names))
        for tid, elements in transaction.execute(text, (before,)).fetchall()
        for element in elements
    ]
    return _as_table(STRATEGY_TURN_TYPE, rows)


def _rows(transaction: Transaction, table: sa.Table, rest: str, *values: object) -> pa.Table:
    """Rows of a relation as Arrow has them."""
    names = ", ".join(column.name for column in table.columns)
    return _as_table(
        arrow_schema(table),
        transaction.execute(f"SELECT {names} FROM {table.name} {rest}", values).fetchall(),
    )


def _as_table(type_: pa.Schema, rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(type_)
    return pa.table(dict(zip(type_.names, columns, strict=True)), type_)


def _of_turn(rows: pa.Table, tid: int) -> pa.Table:
    return rows.filter(_compute.equal(rows["tid"], tid)) if rows.num_rows else rows
