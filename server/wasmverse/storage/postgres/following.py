"""What a process knows of a universe in PostgreSQL, and how it keeps up with what others commit.

What is in memory is always that of one position. The state is read only when somebody asks for it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC
from functools import partial
from typing import Any

from wasmverse.errors import DatabaseError, DatabaseLost, StateError
from wasmverse.messages import Condition, TurnReport
from wasmverse.settings import DatabaseUrl, SimulationSettings
from wasmverse.simulation.judging import count_bad_turns
from wasmverse.simulation.measured import Measured
from wasmverse.simulation.memory import check_memory
from wasmverse.simulation.registry import Verdict
from wasmverse.storage import function_store, schema, strategy_store
from wasmverse.storage.audit import audit, audit_state
from wasmverse.storage.common_store import CommonStore
from wasmverse.storage.postgres.backend.messages import RosterRow
from wasmverse.storage.postgres.clock import Clock
from wasmverse.storage.postgres.database import Database, Transaction
from wasmverse.storage.postgres.founding import read_laws
from wasmverse.storage.postgres.history import History
from wasmverse.storage.postgres.modules import ModuleTables
from wasmverse.storage.postgres.notices import BEAT, Notices
from wasmverse.storage.postgres.position import Position
from wasmverse.storage.postgres.pull import Moment, PlacesApart, Pull
from wasmverse.storage.postgres.recovery import recover
from wasmverse.storage.postgres.sessions import get_ready
from wasmverse.storage.postgres.systems import SystemWriter
from wasmverse.storage.postgres.turns import PlacedTurns, sessions_for
from wasmverse.storage.stored_state import StoredState
from wasmverse.universe.crew import Crew

MODULE_HASH = "encode(sha256(module), 'hex')"
"""As `audit` needs it."""


class FollowingStore(CommonStore[Transaction]):
    """Of a `SharedStore` all but how a turn is played and a command carried out.

    is_clock : whether this process plays
    """

    history: History

    def __init__(
        self,
        places: Sequence[DatabaseUrl],
        settings: SimulationSettings,
        *,
        is_inside: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Open all sessions, and take over the committed state.

        Parameters
        ----------
        places : the coordinator first.
        is_inside : whether the servers' backends play; else this process does.
        """
        history = History(
            settings.turns_kept, settings.strategy_turns_kept, settings.event_turns_kept, settings.events_kept
        )
        super().__init__(settings, history, now)
        self.places, self.is_inside = list(places), is_inside
        self.is_clock = False
        self._roster_rows: list[RosterRow] = []
        self._verdicts: list[Verdict] = []
        self._position = Position(0, 0, 0, 0)
        self._stored: StoredState | None = None
        self._is_stale = True
        self._turns: PlacedTurns | None = None
        self._clock_holder: str | None = None
        self._recovered: list[str] = []
        self._has_beaten = False
        self._is_broken = False
        self._may_recover = True
        self._modules = ModuleTables(self.places[1:])
        self._crew = Crew(settings.threads or os.cpu_count() or 1)
        self._open()
        try:
            self._begin()
        except BaseException:
            self._end_sessions()
            raise
        self._told_tid = self.tid

    def _open(self) -> None:
        """Open the sessions that every process has."""
        with ExitStack() as stack:
            self._main = Database(self.places[0], "universe")
            stack.callback(self._main.close)
            self._pull = Pull(self.places)
            stack.callback(self._pull.close)
            self._systems = SystemWriter(self.places)
            stack.callback(self._systems.close)
            self._notices = Notices(self.places[0])
            stack.callback(self._notices.close)
            self._clock = Clock(self.places[0], _holder(), self.settings.period_seconds, self.places[1:])
            stack.callback(self._clock.close)
            self._sessions = stack.pop_all()

    def _begin(self) -> None:
        """Read what the universe is, recover what turns and commands have left behind, and take over the committed state."""
        with self._main.transaction() as transaction:
            found = read_laws(transaction)
            if found is None:
                raise StateError("the database holds no universe: make one with `wasmverse serve`")
            self.laws, self.row_systems = found
            self._modules.compile_missing(transaction)
            self.systems = transaction.read_arrow(schema.solar_system)
        # Whoever only follows waits for no turn: it takes the lock of one only if something may have been left behind.
        if self._pull.has_prepared():
            done = recover(self.places[0].conninfo, [place.conninfo for place in self.places[1:]])
            self._note_recovered(map(str, done))
            with self._main.transaction() as transaction:
                Position.read(transaction, locks=True)
                self._note_recovered(self._systems.recover(transaction))
        self.measured = Measured(len(self.laws.blocks()), self._crew.threads)
        with self._pull.moment(with_rows=True) as moment:
            audit(moment.transactions[0], MODULE_HASH)
            self._take_over(moment.transactions[0], moment.position)
            self._load_state(moment)
        audit_state(self.stored.state, self.next_eid, [row.strategy_id for row in self._roster_rows])
        size = self.size
        check_memory(
            self.laws.systems, size.ships, size.nodes, "use a larger one, or name another universe with --db"
        )
        function_store.check_functions(self.function_rows)
        if self.is_inside:
            # Its backend loads what it plays with: whoever takes the clock over has no time for that.
            get_ready(self._main.raw)
        count_bad_turns(
            self.registry, self.history.turns.rows, self.history.strategy_turns.rows, self.strategy_rows
        )

    def _end_sessions(self) -> None:
        self.is_clock = False
        self._is_stale = True
        if self._turns is not None:
            with suppress(DatabaseError):
                self._turns.close()
            self._turns = None
        self._sessions.close()

    # What it is at

    @property
    def tid(self) -> int:
        """The last committed turn that is known here."""
        return self._position.tid

    @property
    def next_eid(self) -> int:
        """The eid that the next new entity gets."""
        return self._position.next_eid

    @property
    def stored(self) -> StoredState:  # type: ignore[override]
        """The committed state, read if it was not yet."""
        if self._stored is None:
            with self._one_moment(with_rows=True) as moment:
                if moment.position != self._position:
                    self._take_over(moment.transactions[0], moment.position)
                self._load_state(moment)
        assert self._stored is not None
        return self._stored

    @property
    def threads(self) -> int:
        """How many share out a turn's blocks."""
        return self._turns.threads if self._turns is not None else self._crew.threads

    @property
    def is_maintenance_due(self) -> bool:
        """Never: the servers see to themselves."""
        return False

    def maintain(self) -> None:
        """Nothing."""

    def size_bytes(self) -> int:
        """Of the databases of all places."""
        with self._pull.moment() as moment:
            text = "SELECT pg_database_size(current_database())"
            return sum(
                size
                for transaction in moment.transactions
                for (size,) in transaction.execute(text).fetchall()
            )

    def condition(self) -> Condition:
        """As in `SharedStore`."""
        return Condition(
            engine="citus" if self.places[0].is_citus else "postgresql",
            servers=len(self.places),
            play="inside" if self.is_inside else "outside",
            is_clock=self.is_clock,
            clock=self._clock_holder,
            recovered=self._recovered[-1] if self._recovered else None,
            recoveries=len(self._recovered),
        )

    def close(self) -> None:
        """End the sessions, and with them let go of the clock."""
        try:
            if self.recorder is not None:
                self.recorder.close(is_complete=not self._is_broken)
            if self.is_clock and not self._is_broken and self._main.is_usable:
                with self._main.transaction() as transaction:
                    self.history.write_correction(transaction)
        finally:
            self._end_sessions()
            self._crew.close()

    # What others do

    def claim(self, *, from_frozen: bool = False) -> bool:
        """As in `SharedStore`."""
        with self._main.explained():
            if from_frozen:
                self._clock.end_holder(self._main.raw)
            is_ours = self._clock.claim(self._main.raw)
            self._clock_holder = self._clock.held_by(self._main.raw)
        if is_ours and not self.is_clock:
            self._turns = self._new_turns()
            self.is_clock = True
        self._follow()
        return is_ours

    def keep_commands(self) -> None:
        """As in `SharedStore`."""
        with self._main.explained():
            self._clock.keep_commands(self._main.raw)

    def _new_turns(self) -> PlacedTurns:
        """The driver of turns, which recovers what one before it left behind."""
        if self._turns is not None:
            self._turns.close()
        cores = self.settings.threads or os.cpu_count() or 1
        blocks = -(-len(self.laws.blocks()) // len(self.places))
        turns = PlacedTurns(
            self.places[0].conninfo,
            [place.conninfo for place in self.places[1:]],
            is_inside=self.is_inside,
            is_citus=self.places[0].is_citus,
            sessions=sessions_for(blocks, cores) if self.is_inside else 1,
            threads=1 if self.is_inside else cores,
        )
        self._note_recovered(map(str, turns.recovered))
        return turns

    def follow(self) -> TurnReport | None:
        """As in `SharedStore`."""
        self._has_beaten |= self._hears_beat()
        self._follow()
        if self.tid <= self._told_tid:
            return None
        self._told_tid = self.tid
        return self._report()

    def _follow(self) -> None:
        with self._main.transaction() as transaction:
            position = Position.read(transaction)
            if not self.is_clock:
                self._clock_holder = self._clock.held_by(self._main.raw)
        if position != self._position or self._is_stale:
            is_wanted = self._is_stale or self._stored is None or position[:2] != self._position[:2]
            with self._one_moment(with_rows=is_wanted) as moment:
                self._take_over(moment.transactions[0], moment.position)
                if moment.rows is not None:  # else the state is read when somebody asks for it
                    self._load_state(moment)

    def is_clock_at_work(self) -> bool:
        """As in `SharedStore`."""
        has_beaten = self._hears_beat() or self._has_beaten
        self._has_beaten = False
        return has_beaten

    def _hears_beat(self) -> bool:
        """Whether the process with the clock has said lately that it is at work."""
        said = self._notices.said().get(BEAT)
        if said is None:
            return False
        with self._main.explained():
            return self._clock.is_of_holder(self._main.raw, said)

    def fileno(self) -> int:
        """As in `SharedStore`."""
        return self._notices.fileno()

    def reconnect(self) -> None:
        """As in `SharedStore`."""
        self._end_sessions()
        try:
            self._open()
            self._begin()
            # A server that was put back to an earlier moment may be at a turn before the one told last.
            self._told_tid = self.tid
        except BaseException as error:
            self._end_sessions()
            if isinstance(error, DatabaseError):
                # It was open before: whatever is wrong passes when the servers are back.
                raise DatabaseLost(error.message) from error
            raise

    @contextmanager
    def _one_moment(self, *, with_rows: bool) -> Iterator[Moment]:
        """See one turn in all places, after what keeps them apart was recovered, if that is needed."""
        try:
            with self._pull.moment(with_rows=with_rows) as moment:
                yield moment
                return
        except PlacesApart:
            if not self._may_recover:
                raise
            self._recover()
        with self._pull.moment(with_rows=with_rows) as moment:
            yield moment

    @contextmanager
    def _without_recovery(self) -> Iterator[None]:
        """Within a transaction that holds the row of ``universe``: to recover, another session would wait for that."""
        self._may_recover = False
        try:
            yield
        finally:
            self._may_recover = True

    def _recover(self) -> None:
        """Settle what a process that is gone has prepared and not committed."""
        turns = self._new_turns()
        if self.is_clock:
            self._turns = turns
        else:
            turns.close()
        with self._main.transaction() as transaction:
            Position.read(transaction, locks=True)
            self._note_recovered(self._systems.recover(transaction))

    def _note_recovered(self, done: Any) -> None:
        self._recovered += [f"{text} ({time.strftime('%H:%M:%S')})" for text in done]

    def _take_over(self, transaction: Transaction, position: Position) -> None:
        """Load what has changed since the position that is known here; the state is read when it is asked for."""
        before, is_stale = self._position, self._is_stale
        self._is_stale = True  # until all is loaded
        if is_stale or position.changes != before.changes:
            self._load_strategies(transaction)
            self._load_functions(transaction)
        if is_stale:
            self.history.load(transaction, position.tid)
        elif position != before:
            self.history.follow(transaction, before.tid, position.tid)
        if is_stale or position[:2] != before[:2]:
            self._stored = None
        self._position, self._is_stale = position, False

    def _load_state(self, moment: Moment) -> None:
        if self._stored is None:
            self._stored = self._pull.state(moment, self.laws, self.row_systems, self._crew)

    def _report(self) -> TurnReport:
        """What is told of the last turn by who followed it."""
        row = self.history.turns.rows.slice(self.history.turns.rows.num_rows - 1).to_pylist()[0]
        self.late_turns += row["late"]
        return TurnReport(
            tid=row["tid"],
            started_at=row["start_time"].replace(tzinfo=UTC).timestamp(),
            ended_at=row["end_time"].replace(tzinfo=UTC).timestamp(),
            late_turns=self.late_turns,
            writes=row["writes"],
            ships=row["ships"],
            nodes=row["energy_nodes"],
            faults=row["faults"],
            phase_seconds=dict.fromkeys(("read", "observe", "decide", "resolve", "commit", "publish"), 0.0),
        )

    def _transaction(self) -> AbstractContextManager[Transaction]:
        return self._main.transaction()

    def _load_strategies(self, transaction: Transaction) -> None:
        """Make the registry of what the database holds; verdicts are noted with the next turn that is played here."""
        rows = strategy_store.read_strategies(transaction)
        self._modules.accept(transaction, self.registry, rows)
        self._verdicts = self.registry.load(rows, partial(strategy_store.read_module, transaction))
        flying = {strategy.strategy_id: strategy for strategy in self.registry.roster.strategies}
        self._roster_rows = [
            RosterRow(
                row.strategy_id,
                row.name,
                row.sha256,
                row.export,
                row.is_enabled,
                flown.status,
                row.budget_fuel,
            )
            for row in rows
            for flown in [flying[row.strategy_id]]
        ]
        self._load_shown(transaction)


def _holder() -> str:
    """This process, for a person."""
    return f"{socket.gethostname()} (process {os.getpid()})"
