"""The embedded store: database, rules and strategies joined, without a clock and without clients.

A turn is one transaction: it plays on the state that is committed, writes the next, and reads it back from the tables before
it commits (`state_reader` says how); that is published, and the next turn plays on it. A command between two turns is a
transaction of its own, after which the state is read again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

from wasmverse.commands import (
    Command,
    CreateFunction,
    DropFunction,
    RollbackFunction,
    SpawnEntity,
    Transmit,
)
from wasmverse.messages import TurnReport
from wasmverse.settings import SimulationSettings
from wasmverse.simulation.beginning import bundled_founders, make_laws
from wasmverse.simulation.judging import count_bad_turns, judge
from wasmverse.simulation.measured import Measured, Stopwatch
from wasmverse.simulation.memory import check_memory, check_new_universe
from wasmverse.storage import function_store, schema, strategy_store
from wasmverse.storage.audit import audit, audit_state
from wasmverse.storage.common_store import CommonStore, nothing
from wasmverse.storage.duckdb import turn_store
from wasmverse.storage.duckdb.beginning import begin
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.history import History
from wasmverse.storage.duckdb.position import settle_position, write_position
from wasmverse.storage.duckdb.state_reader import StateReader
from wasmverse.storage.records import TurnRows
from wasmverse.storage.stored_state import StoredState
from wasmverse.storage.universe_store import Publish
from wasmverse.universe.packed import pack_turn
from wasmverse.universe.state import State
from wasmverse.universe.turn import TurnPlayer


class DuckdbStore(CommonStore[Transaction]):
    """A `UniverseStore` over one file of DuckDB, or over a private database in memory."""

    history: History

    def __init__(
        self, database: Database, settings: SimulationSettings, now: Callable[[], float] = time.time
    ) -> None:
        self.database = database
        self.player = TurnPlayer(settings.threads)
        if database.is_new:
            check_new_universe(settings)
            begin(database, make_laws(settings), bundled_founders(), now())
        history = History(
            settings.turns_kept, settings.strategy_turns_kept, settings.event_turns_kept, settings.events_kept
        )
        super().__init__(settings, history, now)
        self.reader: StateReader
        with database.transaction() as transaction:
            settle_position(transaction)
            audit(transaction)
            self.laws = turn_store.read_laws(transaction)
            self.reader = StateReader(self.laws.systems, self.player.crew)
            ships, nodes = self.reader.count(transaction)
            check_memory(
                self.laws.systems, ships, nodes, "use a larger one, or name another universe with --db"
            )
            self.stored = self.reader.read(transaction)
            ids = [strategy.strategy_id for strategy in strategy_store.read_strategies(transaction)]
            audit_state(self.stored.state, self.stored.next_eid, ids)
            self.systems = transaction.read_arrow(schema.solar_system)
            self.history.load(transaction)
            self._load_strategies(transaction)
            self._load_functions(transaction)
            function_store.check_functions(self.function_rows)
        database.fit_threads(ships + nodes)
        database.plan_as_written()
        database.limit_log(settings.log_bytes_max)
        count_bad_turns(
            self.registry, self.history.turns.rows, self.history.strategy_turns.rows, self.strategy_rows
        )
        self.measured = Measured(len(self.laws.blocks()), self.player.threads)
        self._is_broken = False

    @classmethod
    def opened(cls, database: Database, settings: SimulationSettings) -> Self:
        """The store over an open database, which is closed if it cannot be."""
        try:
            return cls(database, settings)
        except BaseException:
            database.close()
            raise

    @property
    def threads(self) -> int:
        """How many share out a turn's blocks."""
        return self.player.threads

    @property
    def is_maintenance_due(self) -> bool:
        """Whether the log is long, or much of the file was replaced."""
        return self.database.is_checkpoint_due

    def maintain(self) -> None:
        """Make a checkpoint."""
        self.database.checkpoint()

    def hold(self) -> tuple[int, int]:
        """As in `FileStore`."""
        return self.database.hold()

    def release(self) -> None:
        """As in `FileStore`."""
        self.database.release()

    def size_bytes(self) -> int:
        """Of the file and its log; 0 in memory."""
        return self.database.size_bytes()

    def close(self) -> None:
        """Leave the database closed, everything committed in it."""
        try:
            if self.recorder is not None:
                self.recorder.close(is_complete=not self._is_broken)
            with self.database.transaction() as transaction:
                if not self._is_broken:  # else the records know of a turn that was not committed
                    self.history.write_correction(transaction)
                write_position(transaction, self.tid, self.next_eid)
        finally:
            self.reader.close()
            self.player.close()
            self.database.close()

    # One turn

    def advance(
        self,
        deadline: float | None = None,
        publish: Publish | None = None,
        grounded: dict[str, float] | None = None,
    ) -> TurnReport:
        """Play and commit the next turn, as `UniverseStore` has it."""
        self._is_broken = True
        started_at = self.now()
        clock, watch = time.perf_counter(), Stopwatch()
        before = self.stored
        unpacked: Future[State] | None = None
        try:
            with self.database.transaction() as transaction:
                result = self.player.play(
                    before.state,
                    self.laws,
                    self.registry.roster,
                    self.limits,
                    tid=before.tid + 1,
                    next_eid=before.next_eid,
                )
                packed = pack_turn(
                    result.ships,
                    result.new_ships,
                    before.state.nodes,
                    result.node_energy,
                    result.new_nodes,
                    self.laws.bounds(),
                    self.player.crew,
                )
                unpacked = self.reader.begin(packed, publish)
                rows = turn_store.write_state(transaction, packed)
                written = time.perf_counter()
                self.reader.check(transaction, packed, rows)
                read = time.perf_counter()
                record = self._record(started_at, deadline, result.tid)
                self.history.append(transaction, result, record, TurnRows.of(result))
                self.history.append_faults(transaction, result, self.versions)
                if publish is not None:
                    publish("strategy_turn", self.history.strategy_turns.rows)
                    publish("event", self.history.events.rows)
                    if self.history.kept_chronicle.has_told:  # else it is linked
                        publish("story", self.history.kept_chronicle.stories.rows)
                if grounded is None and deadline is not None:
                    grounded = self.measured.too_costly(result, self.registry, watch, self.settings)
                if grounded and self.recorder is not None:
                    self.recorder.grounded(grounded)
                verdicts = judge(self.registry, result, grounded or {}, self.settings.grounded_after_turns)
                self._note(transaction, verdicts, result.tid)
                if verdicts:
                    self._load_strategies(transaction)
                judged_at = watch.elapsed
        except BaseException:
            if unpacked is not None:  # whoever takes the tables may be closed next
                unpacked.exception()
            raise
        committed = time.perf_counter()
        self.database.note_replaced(packed.size_bytes)
        record = self._record(started_at, deadline, result.tid)
        self.late_turns += record.late
        self.history.correct(result, record)
        self.stored = StoredState(result.tid, result.next_eid, unpacked.result())
        settled = time.perf_counter()
        self.measured.note(result, watch, judged_at)
        self._is_broken = False
        if self.recorder is not None:
            self.recorder.turn()
        # What was packed is unpacked beside all this: the time of that is what it took longer than the commit. What all these did
        # not take is packing, writing and the commit.
        phases = {"read": read - written + settled - committed, **result.phase_seconds}
        commit = max(0.0, settled - clock - sum(phases.values()))
        return self._report_of(result, record, {**phases, "commit": commit}, tuple(grounded or ()))

    # Commands

    def carry_out(self, command: Command) -> dict[str, Any]:
        """Carry out one command in a transaction of its own, between two turns.

        Raises
        ------
        WasmverseError : the command cannot be carried out; nothing is changed then.
        """
        noting = nullcontext(nothing) if self.recorder is None else self.recorder.command(command)
        try:
            with (
                self.history.undone_on_error(),
                noting as note,
                self.database.transaction() as transaction,
            ):
                answer = self._execute(transaction, command)
                note()
            return answer
        finally:
            if isinstance(command, SpawnEntity):
                self._read()
            elif not isinstance(command, Transmit):
                with self.database.transaction() as transaction:
                    if isinstance(command, CreateFunction | DropFunction | RollbackFunction):
                        self._load_functions(transaction)
                    else:
                        self._load_strategies(transaction)

    def _transaction(self) -> AbstractContextManager[Transaction]:
        return self.database.transaction()

    def _write_system(self, transaction: Transaction, sid: int, system: State, next_eid: int) -> None:
        turn_store.write_system(transaction, sid, *system)
        write_position(transaction, self.tid, next_eid)

    def _read(self) -> None:
        with self.database.transaction() as transaction:
            self.stored = self.reader.read(transaction)
