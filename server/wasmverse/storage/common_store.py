"""What the stores of all engines do alike: what commands do within a transaction, who flies, and what readers may see."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Generic, TypeVar

import pyarrow as pa
import sqlalchemy as sa

from wasmverse.commands import (
    CheckUpload,
    Command,
    Cost,
    CreateFunction,
    DropFunction,
    EnableStrategy,
    FindVersion,
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
from wasmverse.simulation.catalogue import Catalogue
from wasmverse.simulation.journal import Journal
from wasmverse.simulation.measured import Measured
from wasmverse.simulation.registry import Registry, Verdict
from wasmverse.simulation.spawning import check_spawn, spawn_event, spawned
from wasmverse.storage import function_bounds, function_store, schema, strategy_store, version_store
from wasmverse.storage.arrow import arrow_schema
from wasmverse.storage.facts import Facts, Made
from wasmverse.storage.phases import TurnPhases
from wasmverse.storage.records import Records, TurnRecord
from wasmverse.storage.stored_state import StoredState
from wasmverse.storage.strategy_bounds import check_room
from wasmverse.storage.transaction import Transaction
from wasmverse.storage.universe_store import Founding, Size
from wasmverse.strategies.limits import guest_limits
from wasmverse.strategies.roster import GROUNDED, REMOVED, times_usual
from wasmverse.universe import rules
from wasmverse.universe.result import TurnAccount
from wasmverse.universe.state import State, of_system, state_hash, strategies_flown
from wasmverse.universe.turn import Laws

log = logging.getLogger("wasmverse.universe")

T = TypeVar("T", bound=Transaction)

NO_TURN_KEPT = arrow_schema(schema.turn_kept).empty_table()
"""What is kept of turns is known to who publishes them."""


class CommonStore(ABC, Generic[T]):
    """All of a `UniverseStore` but how an engine plays a turn, and how it reads and writes.

    An engine sets ``laws``, ``stored``, ``systems`` and ``measured`` before it is asked for anything.

    history : the records of past turns; stored : the committed state; systems : the rows of ``solar_system``
    strategy_rows, version_rows, function_rows : as they are committed
    """

    laws: Laws
    history: Records[T]
    stored: StoredState
    systems: pa.Table
    measured: Measured
    strategy_rows: pa.Table
    version_rows: pa.Table
    function_rows: list[Any]

    def __init__(
        self, settings: SimulationSettings, history: Records[T], now: Callable[[], float] = time.time
    ) -> None:
        self.now = now
        self.recorder: Journal | None = None
        self.forgets_removed = True
        self.registry = Registry()
        self.catalogue = Catalogue()
        self.history = history
        self.late_turns = 0
        self.phases = TurnPhases()
        self._functions: pa.Table | None = None
        self.take_up(settings, {})

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[T]:
        """A transaction of the engine's."""

    def _system(self, transaction: T, sid: int) -> State:
        """The committed ships and nodes of one system, which is written next."""
        return of_system(self.stored.state, sid)

    @abstractmethod
    def _write_system(self, transaction: T, sid: int, system: State, next_eid: int) -> None:
        """Write one system in place of what is committed of it, and the eid that the next new entity gets."""

    def take_up(self, settings: SimulationSettings, bad_turns: dict[str, int]) -> None:
        """As in `UniverseStore`."""
        self.settings = settings
        self.limits = guest_limits(settings)
        self.registry.bad_turns = dict(bad_turns)

    def _record(self, started_at: float, deadline: float | None, tid: int) -> TurnRecord:
        """What is known of a turn's end by now."""
        ended_at = self.now()
        is_late = deadline is not None and ended_at > deadline
        return TurnRecord(tid % self.settings.turns_kept, started_at, ended_at, is_late)

    def _report_of(
        self,
        account: TurnAccount,
        record: TurnRecord,
        phase_seconds: dict[str, float],
        grounded: tuple[str, ...],
    ) -> TurnReport:
        """What is told of a turn that is committed; it is not published yet."""
        self.phases.note_turn(account.tid, phase_seconds)
        return TurnReport(
            tid=account.tid,
            started_at=record.started_at,
            ended_at=record.ended_at,
            late_turns=self.late_turns,
            writes=account.writes,
            ships=account.ship_count,
            nodes=account.node_count,
            faults=account.faults,
            phase_seconds={**phase_seconds, "publish": 0.0},
            grounded=grounded,
        )

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

    def snapshot(self) -> dict[str, pa.Table]:
        """The committed state as readers see it; see ``schema.SNAPSHOT_TABLES``."""
        return {
            "solar_system": self.systems,
            "ship": self.stored.ship_table(),
            "node": self.stored.node_table(),
            "turns": self.history.turns.rows,
            "strategy": self.strategy_rows,
            "strategy_version": self.version_rows,
            "strategy_turn": self.history.strategy_turns.rows,
            "turn_phase": self.phases.table(),
            "event": self.history.events.rows,
            "strategy_log": self.history.log.rows,
            "strategy_fault": self.history.faults.rows,
            "message": self.history.messages.rows,
            "wasm_function": self._published_functions(),
            "turn_kept": NO_TURN_KEPT,
            "story": self.history.kept_chronicle.stories.rows,
            "hero": self.history.kept_chronicle.heroes(),
        }

    @property
    def versions(self) -> dict[str, int]:
        """The version of each strategy, by name."""
        columns: list[list[Any]] = [self.strategy_rows[name].to_pylist() for name in ("name", "version")]
        return dict(zip(*columns, strict=True))

    def state_hash(self) -> str:
        """The hash of the committed state; see ``universe.state.state_hash``."""
        state = self.stored.state
        return state_hash(state.ships, state.nodes, self.stored.tid, self.next_eid)

    def described(self) -> Callable[[], Facts]:
        """As in `FileStore`; nobody changes the arrays of a committed state."""
        columns = schema.universe.c
        with self._transaction() as transaction:
            made = transaction.one(sa.select(columns.created_at, columns.created_by))
        about = Made(made[0].isoformat(), made[1], schema.FORMAT_VERSION)
        return partial(Facts.of, about, self.laws, self.stored, self.strategy_rows)

    def founding(self) -> Founding:
        """As in `UniverseStore`."""
        with self._transaction() as transaction:
            made_at = transaction.one(sa.select(schema.universe.c.created_at))[0]
            rows = strategy_store.read_strategies(transaction)
            kept = {row.sha256 for row in rows if row.status != REMOVED}  # the modules of others may be gone
            modules = {sha256: strategy_store.read_module(transaction, sha256) for sha256 in kept}
        return Founding(made_at, rows, modules)

    # What commands do

    def _execute(self, transaction: T, command: Command) -> dict[str, Any]:
        """Carry out a command, and return its answer; what is loaded of strategies or functions is to be loaded again."""
        match command:
            case SpawnEntity():
                return self._spawn(transaction, command)
            case Transmit():
                return self.history.transmit(transaction, self.tid, command, self.settings.messages_turn_max)
            case UploadStrategy():
                return self._upload(transaction, command)
            case RemoveStrategy():
                strategy_store.remove_strategies(transaction, [command.name], command.author)
                version_store.drop_removed(transaction)
                return {"name": command.name, "tid": self.tid}
            case RemoveStrategies():
                strategy_store.remove_strategies(transaction, command.names, command.author)
                version_store.drop_removed(transaction)
                return {"names": list(command.names), "tid": self.tid}
            case EnableStrategy():
                strategy_store.enable_strategy(transaction, command.name, command.author, command.is_enabled)
                return {"name": command.name, "is_enabled": command.is_enabled, "tid": self.tid}
            case CreateFunction():
                return self._create_function(transaction, command)
            case DropFunction():
                dropped = function_store.drop_functions(transaction, command)
                return {"name": command.name, "dropped": dropped, "tid": self.tid}
            case RollbackFunction(name, parameters, version, author):
                row = function_store.roll_back(transaction, name, parameters, version, author)
                return self._shown(row)

    def _spawn(self, transaction: T, command: SpawnEntity) -> dict[str, Any]:
        check_spawn(command, self.laws.systems)
        eid = self.next_eid
        flown = None
        if command.kind == rules.SHIP:
            flown = strategy_store.find_strategy(transaction, str(command.strategy)).strategy_id
        system = spawned(self._system(transaction, command.sid), command, eid, flown)
        self._write_system(transaction, command.sid, system, eid + 1)
        self.history.add_events(transaction, self.tid, spawn_event(command, eid))
        return {"eid": eid, "tid": self.tid}

    def _upload(self, transaction: T, command: UploadStrategy) -> dict[str, Any]:
        found = command.inspection
        if self.forgets_removed:
            strategy_store.forget_removed(transaction, strategies_flown(self.stored.state.ships))
        self._admit(transaction, CheckUpload.of(command))
        version_store.keep_replaced(transaction, list(found.strategies), found.sha256, self.tid)
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
        version_store.drop_surplus(transaction, list(found.strategies), self.settings)
        rows = [strategy_store.find_strategy(transaction, name) for name in found.strategies]
        self.registry.add(found.sha256, found.compiled, found.strategies)
        shown = [{key: getattr(row, key) for key in strategy_store.SHOWN} for row in rows]
        return {"strategies": shown, "tid": self.tid}

    def _admit(self, transaction: T, upload: CheckUpload, gone: Container[int] = ()) -> None:
        """Refuse an upload for which there is no room; strategies whose ids are ``gone`` do not count."""
        found, author = upload.inspection, upload.author
        compiled = {**self.registry.compiled_bytes, found.sha256: upload.compiled_size}
        names = list(found.strategies)
        check_room(transaction, names, found.sha256, upload.size, author, compiled, self.settings, gone)
        function_store.check_strategies_names(transaction, names)
        if found.costs:  # else it is repeated as it was accepted
            function_store.check_new_names(transaction, names)
            self._check_cost(found.costs, upload.budget_fuel)

    def check_upload(self, upload: CheckUpload) -> dict[str, Any]:
        """As in `UniverseStore`."""
        found = upload.inspection
        about = {"sha256": found.sha256, "bytes": upload.size, "language": found.language}
        about |= {"is_enabled": True, "budget_fuel": upload.budget_fuel}
        with self._transaction() as transaction:
            gone: set[int] = set()
            if self.forgets_removed:
                gone = strategy_store.forgotten_next(transaction, strategies_flown(self.stored.state.ships))
            self._admit(transaction, upload, gone)
            rows = strategy_store.coming_rows(transaction, list(found.strategies), upload.author, about, gone)
        shown = [{key: row[key] for key in strategy_store.SHOWN} for row in rows]
        return {"strategies": shown, "tid": self.tid}

    def find_version(self, wanted: FindVersion) -> dict[str, Any]:
        """As in `UniverseStore`."""
        with self._transaction() as transaction:
            return version_store.find_version(transaction, wanted)

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

    def _create_function(self, transaction: T, command: CreateFunction) -> dict[str, Any]:
        before, sha256 = self.function_rows, command.definition["sha256"]
        versions_kept = self.settings.function_versions_kept
        row = function_store.store_function(transaction, command, self.now(), versions_kept)
        compiled = {**self.catalogue.compiled_bytes, sha256: len(command.compiled)}
        function_bounds.check_room(transaction, before, compiled, self.settings)
        self.catalogue.add(command.definition, command.compiled)
        return self._shown(row)

    def _shown(self, row: Any) -> dict[str, Any]:
        return {**{key: getattr(row, key) for key in function_store.SHOWN}, "tid": self.tid}

    def _load_functions(self, transaction: T) -> None:
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

    def _load_strategies(self, transaction: T) -> None:
        """Make the registry of what the database holds."""
        rows = strategy_store.read_strategies(transaction)
        self._note(transaction, self.registry.load(rows, partial(strategy_store.read_module, transaction)))
        self._load_shown(transaction)

    def _load_shown(self, transaction: T) -> None:
        """Read what is shown of strategies."""
        self.strategy_rows = strategy_store.read_strategy_table(transaction)
        self.version_rows = version_store.read_version_table(transaction)

    def _note(self, transaction: T, verdicts: Sequence[Verdict], tid: int | None = None) -> None:
        """Write verdicts down: those of turn ``tid``, or None where they are found before a turn."""
        for verdict in verdicts:
            strategy_store.record_fault(transaction, verdict.name, verdict.last_fault, verdict.status)
            if verdict.status == GROUNDED:
                about = {
                    "event": "grounding",
                    "strategy": verdict.name,
                    "turn": tid,
                    "reason": verdict.last_fault,
                }
                log.warning("%s: %s", verdict.name, verdict.last_fault, extra=about)


def nothing() -> None:
    """What is noted of a command when nothing is recorded."""
