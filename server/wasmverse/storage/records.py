"""The records of past turns as rows: how they are made of a turn's result, and those of the last turns, kept as Arrow.

An engine stores them, each in its own way; every snapshot takes them from here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from wasmverse.commands import Transmit
from wasmverse.simulation.messages import MESSAGES_KEPT, check_message
from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema
from wasmverse.storage.transaction import Transaction
from wasmverse.universe.event_format import EVENT_KINDS
from wasmverse.universe.outcome import TALLY
from wasmverse.universe.result import EventColumns, TurnAccount

T = TypeVar("T", bound=Transaction)

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
    def of(cls, account: TurnAccount) -> TurnRows:
        """Make them; may be called on any thread."""
        return cls(_strategy_rows(account), event_rows(account.tid, account.events))


def _strategy_rows(account: TurnAccount) -> pa.Table:
    tallies = account.strategies
    columns: dict[str, Any] = {
        "tid": [account.tid] * len(tallies),
        "strategy": [tally.name for tally in tallies],
        **{name: [tally.counts[name] for tally in tallies] for name in TALLY},
        "fuel": [tally.fuel for tally in tallies],
        "seconds": [tally.seconds for tally in tallies],
    }
    return pa.table(columns, STRATEGY_TURN_TYPE)


def log_rows(account: TurnAccount) -> pa.Table:
    """What strategies printed as rows of ``strategy_log``."""
    rows: list[dict[str, Any]] = []
    for strategy, of in account.printed.items():
        same = {"tid": account.tid, "strategy": strategy}
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
            "blasters": columns.blasters,
        },
        schema=EVENT_TYPE,
    )


class Records(ABC, Generic[T]):
    """The five records of past turns of a universe, as an engine keeps them.

    turns, strategy_turns, events, log, messages : their rows, for snapshots
    """

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

    @abstractmethod
    def _insert_events(self, transaction: T, tid: int, events: EventColumns) -> None:
        """Store what happened between two turns, as of the one before."""

    @abstractmethod
    def _insert_message(self, transaction: T, row: dict[str, Any]) -> None:
        """Store a row of ``message``."""

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """Take back what `add_events` and `transmit` added within the block if it raises, as its transaction then does."""
        with self.events.undone_on_error(), self.messages.undone_on_error():
            yield

    def add_events(self, transaction: T, tid: int, events: EventColumns) -> None:
        """Record what happened between two turns, as of the one before."""
        self._insert_events(transaction, tid, events)
        self.events.add(tid, event_rows(tid, events))

    def transmit(self, transaction: T, tid: int, command: Transmit, turn_max: int) -> dict[str, Any]:
        """Record what a client says after turn ``tid``; the answer.

        Raises
        ------
        CommandError : it cannot be shown, or too many texts were transmitted since that turn.
        """
        check_message(self.messages.rows, tid, command, turn_max)
        row = {"tid": tid, "author": command.author.name, "text": command.text}
        self._insert_message(transaction, row)
        self.messages.add(tid, pa.Table.from_pylist([row], MESSAGE_TYPE))
        return {"tid": tid}

    def correct(self, account: TurnAccount, record: TurnRecord) -> None:
        """The last turn's true end, known once it is committed.

        In snapshots at once, in the database with the next turn or when the store is closed.
        """
        last = self.turns.rows.num_rows - 1
        row = as_rows(TURNS_TYPE, [turn_values(account, record)])
        self.turns.rows = pa.concat_tables([self.turns.rows.slice(0, last), row])
        self._corrected = record

    def _append_said(self, transaction: T, account: TurnAccount) -> None:
        """Add what strategies have printed in a turn, and forget what was said long ago."""
        if account.printed or self.log.rows.num_rows:
            _append_rare(transaction, schema.strategy_log, self.log, account.tid, log_rows(account))
        if self.messages.rows.num_rows:
            _append_rare(transaction, schema.message, self.messages, account.tid, MESSAGE_TYPE.empty_table())


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


def time_of(seconds: float) -> datetime:
    """Seconds since 1970 as the tables have times."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def turn_values(account: TurnAccount, record: TurnRecord) -> dict[str, Any]:
    """The row of ``turns``, its columns in order."""
    return {
        "slot": record.slot,
        "tid": account.tid,
        "start_time": time_of(record.started_at),
        "end_time": time_of(record.ended_at),
        "writes": account.writes,
        "ships": account.ship_count,
        "energy_nodes": account.node_count,
        "kills": account.kills,
        "faults": account.faults,
        "late": record.late,
    }


def elements_of(account: TurnAccount) -> list[dict[str, Any]]:
    """What each strategy did in a turn, by the names of ``STRATEGY_COLUMNS``."""
    return [
        {"strategy": tally.name, **tally.counts, "fuel": tally.fuel, "seconds": tally.seconds}
        for tally in account.strategies
    ]


def as_rows(type_: pa.Schema, values: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows given by name as Arrow has them."""
    return pa.table({name: [row[name] for row in values] for name in type_.names}, type_)
