"""The records of past turns as rows: how they are made of a turn's result, and those of the last turns, kept as Arrow.

An engine stores them, each in its own way; every snapshot takes them from here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
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
from wasmverse.storage.kept_chronicle import KeptChronicle
from wasmverse.storage.kept_faults import KeptFaults
from wasmverse.storage.rolling_rows import RollingRows
from wasmverse.storage.transaction import Transaction
from wasmverse.universe.event_format import EVENT_KINDS
from wasmverse.universe.outcome import TALLY
from wasmverse.universe.result import EventColumns, TurnAccount

T = TypeVar("T", bound=Transaction)

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
    """The records of past turns of a universe, as an engine keeps them.

    turns, strategy_turns, events, log, messages, faults : their rows, for snapshots; kept_chronicle : stories and heroes
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
        self.faults = KeptFaults()
        self.kept_chronicle = KeptChronicle(turns_kept)
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

    def _append_chronicle(self, transaction: T) -> None:
        """Write all of the chronicle if it is time, and forget the digests that nobody needs any more."""
        kept = self.kept_chronicle
        if kept.is_checkpoint_due:
            kept.write(transaction)
            self._forget_digests(transaction, kept.last_forgotten)

    @abstractmethod
    def _forget_digests(self, transaction: T, last: int) -> None:
        """Set ``digest`` to NULL in the rows of ``turn_record`` up to turn ``last``."""

    def _append_said(self, transaction: T, account: TurnAccount) -> None:
        """Add what strategies have printed in a turn, and forget what was said long ago."""
        if account.printed or self.log.rows.num_rows:
            _append_rare(transaction, schema.strategy_log, self.log, account.tid, log_rows(account))
        if self.messages.rows.num_rows:
            _append_rare(transaction, schema.message, self.messages, account.tid, MESSAGE_TYPE.empty_table())

    def append_faults(self, transaction: T, account: TurnAccount, versions: Mapping[str, int]) -> None:
        """Keep what strategies faulted on in a turn; ``versions`` are theirs, by name. Other turns have no statement of it."""
        if account.inputs:
            self.faults.append(transaction, account, versions)


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
