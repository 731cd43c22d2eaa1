"""The embedded store: database, rules and strategies joined, without a clock and without clients.

A turn is one transaction: it plays on the state that is committed, writes the next, and reads it back from the tables before
it commits (`state_reader` says how); that is published, and the next turn plays on it. A command between two turns is a
transaction of its own, after which the state is read again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from functools import partial
from typing import Any, Self

import pyarrow as pa
import sqlalchemy as sa

from wasmverse.commands import (
    Command,
    Cost,
    CreateFunction,
    DropFunction,
    EnableStrategy,
    RemoveStrategies,
    RemoveStrategy,
    RollbackFunction,
    SpawnEntity,
    Transmit,
    UploadStrategy,
)
from wasmverse.errors import StrategyCostly
from wasmverse.messages import FunctionKey, FunctionUse, TurnReport
from wasmverse.settings import SimulationSettings
from wasmverse.simulation.beginning import bundled_founders, make_laws
from wasmverse.simulation.catalogue import Catalogue
from wasmverse.simulation.journal import Journal
from wasmverse.simulation.judging import count_bad_turns, judge
from wasmverse.simulation.measured import Measured, Stopwatch
from wasmverse.simulation.memory import check_memory, check_new_universe
from wasmverse.simulation.registry import Registry, Verdict
from wasmverse.simulation.spawning import check_spawn, spawn_event, spawned
from wasmverse.storage import function_bounds, function_store, schema, strategy_store
from wasmverse.storage.duckdb import turn_store
from wasmverse.storage.duckdb.audit import audit, audit_state
from wasmverse.storage.duckdb.beginning import begin
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.history import History
from wasmverse.storage.duckdb.state_reader import StateReader
from wasmverse.storage.duckdb.stored_state import StoredState
from wasmverse.storage.records import TurnRecord, TurnRows
from wasmverse.storage.strategy_bounds import check_room
from wasmverse.storage.universe_store import Founding, Publish, Size
from wasmverse.strategies.limits import guest_limits
from wasmverse.strategies.roster import REMOVED, times_usual
from wasmverse.universe import rules
from wasmverse.universe.packed import pack_turn
from wasmverse.universe.state import State, of_system, state_hash, strategies_flown
from wasmverse.universe.turn import TurnPlayer


class DuckdbStore:
    """A `UniverseStore` over one file of DuckDB, or over a private database in memory."""

    def __init__(
        self, database: Database, settings: SimulationSettings, now: Callable[[], float] = time.time
    ) -> None:
        self.database = database
        self.recorder: Journal | None = None
        self.now = now
        self.player = TurnPlayer(settings.threads)
        self.history = History(
            settings.turns_kept, settings.strategy_turns_kept, settings.event_turns_kept, settings.events_kept
        )
        if database.is_new:
            check_new_universe(settings)
            begin(database, make_laws(settings), bundled_founders(), self.now())
        self.registry = Registry()
        self.catalogue = Catalogue()
        self.forgets_removed = True
        self.take_up(settings, {})
        self.stored: StoredState
        self.reader: StateReader
        self.strategy_rows: pa.Table
        self.function_rows: list[Any]
        self._functions: pa.Table | None = None
        self.late_turns = 0
        with database.transaction() as transaction:
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

    def take_up(self, settings: SimulationSettings, bad_turns: dict[str, int]) -> None:
        """As in `UniverseStore`."""
        self.settings = settings
        self.limits = guest_limits(settings)
        self.registry.bad_turns = dict(bad_turns)

    @property
    def tid(self) -> int:
        """The last committed turn."""
        return self.stored.tid

    @property
    def next_eid(self) -> int:
        """The eid that the next new entity gets."""
        return self.stored.next_eid

    @property
    def size(self) -> Size:
        """Of the committed state."""
        state = self.stored.state
        return Size(len(state.ships.sid), len(state.nodes.sid))

    @property
    def threads(self) -> int:
        """How many share out a turn's blocks."""
        return self.player.threads

    @property
    def is_upkeep_due(self) -> bool:
        """Whether the log is long, or much of the file was replaced."""
        return self.database.is_checkpoint_due

    def upkeep(self) -> None:
        """Make a checkpoint."""
        self.database.checkpoint()

    def size_bytes(self) -> int:
        """Of the file and its log; 0 in memory."""
        return self.database.size_bytes()

    def close(self) -> None:
        """Leave the database closed, everything committed in it."""
        try:
            if self.recorder is not None:
                self.recorder.close(is_complete=not self._is_broken)
            with self.database.transaction() as transaction:
                self.history.write_correction(transaction)
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
                turn_store.write_turn(transaction, packed, result.tid, result.next_eid)
                written = time.perf_counter()
                self.reader.check(transaction, packed)
                read = time.perf_counter()
                record = self._record(started_at, deadline, result.tid)
                self.history.append(transaction, result, record, TurnRows.of(result))
                if publish is not None:
                    publish("strategy_turn", self.history.strategy_turns.rows)
                    publish("event", self.history.events.rows)
                if grounded is None and deadline is not None:
                    grounded = self.measured.too_costly(result, self.registry, watch, self.settings)
                if grounded and self.recorder is not None:
                    self.recorder.grounded(grounded)
                verdicts = judge(self.registry, result, grounded or {}, self.settings.grounded_after_turns)
                self._note(transaction, verdicts)
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
        return TurnReport(
            tid=result.tid,
            started_at=started_at,
            ended_at=record.ended_at,
            late_turns=self.late_turns,
            writes=result.writes,
            ships=result.ship_count,
            nodes=result.node_count,
            faults=result.faults,
            phase_seconds={**phases, "commit": commit, "publish": 0.0},
            grounded=tuple(grounded or ()),
        )

    def _record(self, started_at: float, deadline: float | None, tid: int) -> TurnRecord:
        """What is known of a turn's end by now."""
        ended_at = self.now()
        is_late = deadline is not None and ended_at > deadline
        return TurnRecord(tid % self.settings.turns_kept, started_at, ended_at, is_late)

    def snapshot(self) -> dict[str, pa.Table]:
        """The committed state as readers see it; see ``schema.SNAPSHOT_TABLES``."""
        return {
            "solar_system": self.systems,
            "ship": self.stored.ship_table(),
            "node": self.stored.node_table(),
            "turns": self.history.turns.rows,
            "strategy": self.strategy_rows,
            "strategy_turn": self.history.strategy_turns.rows,
            "event": self.history.events.rows,
            "strategy_log": self.history.log.rows,
            "message": self.history.messages.rows,
            "wasm_function": self._published_functions(),
        }

    def state_hash(self) -> str:
        """The hash of the committed state; see ``universe.state.state_hash``."""
        state = self.stored.state
        return state_hash(state.ships, state.nodes, self.stored.tid, self.stored.next_eid)

    # Commands

    def carry_out(self, command: Command) -> dict[str, Any]:
        """Carry out one command in a transaction of its own, between two turns.

        Raises
        ------
        WasmverseError : the command cannot be carried out; nothing is changed then.
        """
        noting = nullcontext(_nothing) if self.recorder is None else self.recorder.command(command)
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

    def _execute(self, transaction: Transaction, command: Command) -> dict[str, Any]:
        match command:
            case SpawnEntity():
                return self._spawn(transaction, command)
            case Transmit():
                return self.history.transmit(transaction, self.tid, command, self.settings.messages_turn_max)
            case UploadStrategy():
                return self._upload(transaction, command)
            case RemoveStrategy():
                strategy_store.remove_strategies(transaction, [command.name], command.author)
                return {"name": command.name, "tid": self.tid}
            case RemoveStrategies():
                strategy_store.remove_strategies(transaction, command.names, command.author)
                return {"names": list(command.names), "tid": self.tid}
            case EnableStrategy():
                strategy_store.enable_strategy(transaction, command.name, command.author, command.is_enabled)
                return {"name": command.name, "is_enabled": command.is_enabled, "tid": self.tid}
            case CreateFunction():
                return self._create_function(transaction, command)
            case DropFunction(name, parameters, may_be_missing, author):
                dropped = function_store.drop_functions(
                    transaction, name, parameters, author, may_be_missing=may_be_missing
                )
                return {"name": name, "dropped": dropped, "tid": self.tid}
            case RollbackFunction(name, parameters, version, author):
                row = function_store.roll_back(transaction, name, parameters, version, author)
                return self._shown(row)

    def _spawn(self, transaction: Transaction, command: SpawnEntity) -> dict[str, Any]:
        check_spawn(command, self.laws.systems)
        eid = self.stored.next_eid
        flown = None
        if command.kind == rules.SHIP:
            flown = strategy_store.find_strategy(transaction, str(command.strategy)).strategy_id
        system = spawned(of_system(self.stored.state, command.sid), command, eid, flown)
        turn_store.write_system(transaction, command.sid, *system)
        transaction.run(schema.universe.update().values(next_eid=eid + 1))
        self.history.add_events(transaction, self.tid, spawn_event(command, eid))
        return {"eid": eid, "tid": self.tid}

    def _upload(self, transaction: Transaction, command: UploadStrategy) -> dict[str, Any]:
        found = command.inspection
        if self.forgets_removed:
            strategy_store.forget_removed(transaction, strategies_flown(self.stored.state.ships))
        size = len(command.module)
        compiled = {**self.registry.compiled_bytes, found.sha256: len(found.compiled)}
        check_room(transaction, found.strategies, found.sha256, size, command.author, compiled, self.settings)
        function_store.check_strategies_names(transaction, list(found.strategies))
        if found.costs:
            self._check_cost(found.costs, command.budget_fuel)
        strategy_store.store_strategies(
            transaction,
            command.module,
            found.strategies,
            sha256=found.sha256,
            language=found.language,
            author=command.author,
            now=self.now(),
            budget_fuel=command.budget_fuel,
        )
        rows = [strategy_store.find_strategy(transaction, name) for name in found.strategies]
        self.registry.add(found.sha256, found.compiled, found.strategies)
        shown = ("name", "version", "sha256", "bytes", "language", "author", "status", "is_enabled")
        return {"strategies": [{key: getattr(row, key) for key in shown} for row in rows], "tid": self.tid}

    def _check_cost(self, costs: dict[str, Cost], budget_fuel: int | None) -> None:
        """Refuse an upload that would make turns late by what was measured of it."""
        period, share = self.settings.period_seconds, self.settings.upload_share_max
        ships, times = len(self.stored.state.ships.sid), times_usual(budget_fuel, self.limits.budget_fuel)
        added, free, turn = self.measured.room_for(costs, self.registry, ships, period, share, times)
        if added > free:
            raise StrategyCostly(
                f"this would add {1000 * added:,.0f} ms to a turn by what its calls and instances took when it was checked; "
                f"there is room for {1000 * free:,.0f} ms (turns take {1000 * turn:,.0f} of {1000 * period:,.0f} ms): "
                "make it cheaper, or export fewer strategies"
            )

    # Functions

    def _create_function(self, transaction: Transaction, command: CreateFunction) -> dict[str, Any]:
        before, sha256 = self.function_rows, command.definition["sha256"]
        versions_kept = self.settings.function_versions_kept
        row = function_store.store_function(transaction, command, self.now(), versions_kept)
        compiled = {**self.catalogue.compiled_bytes, sha256: len(command.compiled)}
        function_bounds.check_room(transaction, before, compiled, self.settings)
        self.catalogue.add(sha256, command.compiled)
        return self._shown(row)

    def _shown(self, row: Any) -> dict[str, Any]:
        return {**{key: getattr(row, key) for key in function_store.SHOWN}, "tid": self.tid}

    def _load_functions(self, transaction: Transaction) -> None:
        self.function_rows = function_store.read_functions(transaction)
        self.catalogue.load(self.function_rows, partial(function_store.read_module, transaction))
        self._functions = None

    def note_uses(self, uses: dict[FunctionKey, FunctionUse]) -> None:
        """As in `UniverseStore`."""
        if self.catalogue.note(uses):
            self._functions = None

    def _published_functions(self) -> pa.Table:
        """The same table as long as nothing has changed."""
        if self._functions is None:
            self._functions = function_store.published(self.function_rows, self.catalogue)
        return self._functions

    # Strategies

    def _load_strategies(self, transaction: Transaction) -> None:
        """Make the registry of what the database holds."""
        rows = strategy_store.read_strategies(transaction)
        self._note(transaction, self.registry.load(rows, partial(strategy_store.read_module, transaction)))
        self.strategy_rows = strategy_store.read_strategy_table(transaction)

    def _note(self, transaction: Transaction, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            strategy_store.record_fault(transaction, verdict.name, verdict.last_fault, verdict.status)

    def founding(self) -> Founding:
        """As in `UniverseStore`."""
        with self.database.transaction() as transaction:
            made_at = transaction.one(sa.select(schema.universe.c.created_at))[0]
            rows = strategy_store.read_strategies(transaction)
            kept = {row.sha256 for row in rows if row.status != REMOVED}  # the modules of others may be gone
            modules = {sha256: strategy_store.read_module(transaction, sha256) for sha256 in kept}
        return Founding(made_at, rows, modules)

    def _read(self) -> None:
        with self.database.transaction() as transaction:
            self.stored = self.reader.read(transaction)


def _nothing() -> None:
    """What is noted of a command when nothing is recorded."""
