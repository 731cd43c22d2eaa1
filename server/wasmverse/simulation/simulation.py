"""A universe that can be moved on: database, rules and strategies joined, without a clock and without clients.

A turn is one transaction: it plays on the state that is committed, writes the next, and reads it back from the tables before
it commits (`state_reader` says what of it); that is published, and the next turn plays on it. A command between two turns is a
transaction of its own, after which the state is read anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from wasmverse.commands import (
    BUNDLED_OWNER,
    Command,
    Cost,
    EnableStrategy,
    RemoveStrategies,
    RemoveStrategy,
    SpawnEntity,
    UploadStrategy,
)
from wasmverse.errors import CommandError, ModuleRefused, StrategyDear
from wasmverse.messages import TurnReport
from wasmverse.settings import SimulationSettings
from wasmverse.simulation.beginning import begin, bundled_founders, make_laws
from wasmverse.simulation.journal import Journal
from wasmverse.simulation.measured import Measured, Stopwatch
from wasmverse.simulation.memory import check_memory, check_new_universe
from wasmverse.storage import schema
from wasmverse.storage.duckdb import strategy_store, turn_store
from wasmverse.storage.duckdb.audit import audit, audit_state
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.history import EVENT_TYPE, History, TurnRows
from wasmverse.storage.duckdb.state_reader import Reading, StateReader, TakeTable
from wasmverse.storage.duckdb.stored_state import StoredState
from wasmverse.storage.duckdb.strategy_bounds import check_room
from wasmverse.storage.duckdb.turn_store import TurnRecord
from wasmverse.strategies.guests import Guests
from wasmverse.strategies.limits import guest_limits
from wasmverse.strategies.roster import FLYING, GROUNDED, REMOVED, Roster, Strategy
from wasmverse.universe import rules
from wasmverse.universe.genesis import new_nodes, new_ships
from wasmverse.universe.packed import pack_turn
from wasmverse.universe.result import TurnResult
from wasmverse.universe.state import Columns, of_system, state_hash, strategies_flown, with_columns
from wasmverse.universe.turn import TurnPlayer


class Simulation:
    """An open universe. Not thread-safe: one owner plays, commands and reads."""

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
        self._guests = Guests()
        self.forgets_removed = True
        self.take_up(settings, {})
        self.stored: StoredState
        self.reader: StateReader
        self.roster: Roster
        self.strategy_rows: pa.Table
        self.late_turns = 0
        with database.transaction() as transaction:
            audit(transaction)
            self.laws = turn_store.read_laws(transaction)
            self.reader = StateReader(self.laws.systems, self.player.pool)
            ships, nodes = self.reader.count(transaction)
            check_memory(
                self.laws.systems, ships, nodes, "use a larger one, or name another universe with --db"
            )
            self.stored = self.reader.read(transaction).state()
            ids = [strategy.strategy_id for strategy in strategy_store.read_strategies(transaction)]
            audit_state(self.stored.state, self.stored.next_eid, ids)
            self.systems = transaction.read_arrow(schema.solar_system)
            self.history.load(transaction)
            self._load_strategies(transaction)
        database.fit_threads(ships + nodes)
        database.limit_log(settings.log_bytes_max)
        self._count_bad_turns()
        self.measured = Measured(len(self.laws.blocks()), self.player.threads)
        self._is_broken = False

    def take_up(self, settings: SimulationSettings, bad_turns: dict[str, int]) -> None:
        """Go on as a process with these settings; ``bad_turns`` counts each strategy's in a row so far."""
        self.settings = settings
        self.limits = guest_limits(settings)
        self.bad_turns = dict(bad_turns)

    @property
    def tid(self) -> int:
        """The last committed turn."""
        return self.stored.tid

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

    def play_turn(
        self,
        deadline: float | None = None,
        take: TakeTable | None = None,
        grounded: dict[str, float] | None = None,
    ) -> TurnReport:
        """Play and commit the next turn.

        Parameters
        ----------
        deadline : seconds since 1970 after which the turn counts as late; None for never. Without one no strategy is
            grounded for its time.
        take : is given the tables that are ready before the turn is committed, and must not show them before this returns.
        grounded : who was grounded for their time when this turn was played before, and what they took, in seconds.
        """
        self._is_broken = True
        started_at = self.now()
        clock, watch = time.perf_counter(), Stopwatch()
        before = self.stored
        reading: Reading | None = None
        try:
            with self.database.transaction() as transaction:
                result = self.player.play(
                    before.state,
                    self.laws,
                    self.roster,
                    self.limits,
                    tid=before.tid + 1,
                    next_eid=before.next_eid,
                )
                rows = self.player.pool.submit(TurnRows.of, result)
                packed = pack_turn(
                    result.ships,
                    result.new_ships,
                    before.state.nodes,
                    result.node_energy,
                    result.new_nodes,
                    self.laws.bounds(),
                    self.player.pool,
                )
                turn_store.write_turn(transaction, packed, result.tid, result.next_eid)
                written = time.perf_counter()
                position = (result.tid, result.next_eid)
                reading = self.reader.read(transaction, position, take, packed)
                read = time.perf_counter()
                record = self._record(started_at, deadline, result.tid)
                self.history.append(transaction, result, record, rows.result())
                if take is not None:
                    take("strategy_turn", self.history.strategy_turns.rows)
                    take("event", self.history.events.rows)
                if grounded is None and deadline is not None:
                    period, times_max = self.settings.period_seconds, self.settings.strategy_cost_times_max
                    grounded = self.measured.too_dear(
                        result, self.roster, self._spared, watch, period, times_max
                    )
                if grounded and self.recorder is not None:
                    self.recorder.grounded(grounded)
                self._judge(transaction, result, grounded or {})
                reading.check()
                judged_at = watch.elapsed
        except BaseException:
            if reading is not None:  # whoever takes the tables may be closed next
                reading.finish()
            raise
        committed = time.perf_counter()
        self.database.note_replaced(packed.size_bytes)
        record = self._record(started_at, deadline, result.tid)
        self.late_turns += record.late
        self.history.correct(result, record)
        self.stored = reading.state()
        settled = time.perf_counter()
        self.measured.note(result, watch, judged_at)
        self._is_broken = False
        if self.recorder is not None:
            self.recorder.turn()
        # What is read is unpacked beside the commit: the time of that is what it took longer than the commit. What all these
        # did not take is packing, writing and the commit.
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

    def snapshot_tables(self) -> dict[str, pa.Table]:
        """The committed state as readers see it; see ``schema.SNAPSHOT_TABLES``."""
        return {
            "solar_system": self.systems,
            "ship": self.stored.ship_table(),
            "node": self.stored.node_table(),
            "turns": self.history.turns.rows,
            "strategy": self.strategy_rows,
            "strategy_turn": self.history.strategy_turns.rows,
            "event": self.history.events.rows,
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
            with noting as note, self.database.transaction() as transaction:
                answer = self._execute(transaction, command)
                note()
            return answer
        except BaseException:
            with self.database.transaction() as transaction:
                self.history.load(transaction)
            raise
        finally:
            if isinstance(command, SpawnEntity):
                self._read()
            else:
                with self.database.transaction() as transaction:
                    self._load_strategies(transaction)

    def _execute(self, transaction: Transaction, command: Command) -> dict[str, Any]:
        match command:
            case SpawnEntity():
                return self._spawn(transaction, command)
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

    def _spawn(self, transaction: Transaction, command: SpawnEntity) -> dict[str, Any]:
        _check_spawn(command, self.laws.systems)
        eid = self.stored.next_eid
        place: dict[str, Any] = {"sid": command.sid, "eid": eid, "x": command.x, "y": command.y}
        ships, nodes = of_system(self.stored.state, command.sid)
        if command.kind == rules.NODE:
            nodes = _joined(nodes, _put(new_nodes(1), place))
        else:
            row = strategy_store.find_strategy(transaction, str(command.strategy))
            ships = _joined(ships, _put(new_ships(1), {**place, "strategy_id": row.strategy_id}))
        turn_store.write_system(transaction, command.sid, ships, nodes)
        transaction.run(schema.universe.update().values(next_eid=eid + 1))
        at = {name: [value] for name, value in {"tid": self.tid, **place}.items()}
        strategy = command.strategy if command.kind == rules.SHIP else None
        spawned = {**at, "kind": ["spawn"], "strategy": [strategy], "by_strategy": [None]}
        rows = pa.table({name: spawned[name] for name in EVENT_TYPE.names}, EVENT_TYPE)
        self.history.add_events(transaction, self.tid, rows)
        return {"eid": eid, "tid": self.tid}

    def _upload(self, transaction: Transaction, command: UploadStrategy) -> dict[str, Any]:
        found = command.inspection
        if self.forgets_removed:
            strategy_store.forget_removed(transaction, strategies_flown(self.stored.state.ships))
        size, compiled = (
            len(command.module),
            {**self._guests.compiled_bytes, found.sha256: len(found.compiled)},
        )
        check_room(transaction, found.strategies, found.sha256, size, command.author, compiled, self.settings)
        if found.costs:
            self._check_cost(found.costs)
        strategy_store.store_strategies(
            transaction,
            command.module,
            found.strategies,
            sha256=found.sha256,
            language=found.language,
            author=command.author,
            now=self.now(),
        )
        rows = [strategy_store.find_strategy(transaction, name) for name in found.strategies]
        self._guests.add(found.sha256, found.compiled)
        for name in found.strategies:
            self.bad_turns.pop(name, None)
        shown = ("name", "version", "sha256", "bytes", "language", "author", "status", "is_enabled")
        return {"strategies": [{key: getattr(row, key) for key in shown} for row in rows], "tid": self.tid}

    def _check_cost(self, costs: dict[str, Cost]) -> None:
        """Refuse an upload that would make turns late by what was measured of it."""
        period, share = self.settings.period_seconds, self.settings.upload_share_max
        ships = len(self.stored.state.ships.sid)
        added, free, turn = self.measured.room_for(costs, self.roster, ships, period, share)
        if added > free:
            raise StrategyDear(
                f"this would add {1000 * added:,.0f} ms to a turn by what its calls and instances took when it was checked; "
                f"there is room for {1000 * free:,.0f} ms (turns take {1000 * turn:,.0f} of {1000 * period:,.0f} ms): "
                "make it cheaper, or export fewer strategies"
            )

    # Strategies

    def _load_strategies(self, transaction: Transaction) -> None:
        """Make the roster from the database; modules are compiled once per process."""
        rows = strategy_store.read_strategies(transaction)
        self.strategy_rows = strategy_store.read_strategy_table(transaction)
        flown = {(row.sha256, row.export) for row in rows if row.status != REMOVED}
        strategies = []
        for row in rows:
            guest, status = None, row.status
            if row.status != REMOVED:
                read = partial(strategy_store.read_module, transaction, row.sha256)
                try:
                    guest = self._guests.find(row.sha256, row.export, read)
                except ModuleRefused as refused:
                    status = GROUNDED
                    if row.status != GROUNDED:
                        fault = f"grounded, its module cannot fly any more: {refused.message}"
                        strategy_store.record_fault(transaction, row.name, fault, GROUNDED)
                        self.strategy_rows = strategy_store.read_strategy_table(transaction)
            strategies.append(Strategy(row.strategy_id, row.name, row.is_enabled, status, guest))
        self._guests.keep(flown)
        # Names of what was forgotten would add up.
        self.bad_turns = {row.name: self.bad_turns[row.name] for row in rows if row.name in self.bad_turns}
        self.roster = Roster(strategies)
        self._faults = {row.name: row.last_fault for row in rows}
        self._spared = {row.name for row in rows if row.owner == BUNDLED_OWNER}

    def _judge(self, transaction: Transaction, result: TurnResult, dear: dict[str, float]) -> None:
        """Note why strategies faulted; ground those that fault on most calls, turn after turn, and ``dear`` for their time."""
        noted = False
        for name, seconds in dear.items():
            text = (
                f"turn {result.tid}: grounded, it took {seconds:.3g} s of processor time and the turn outlasted its period: "
                "push a version that takes less"
            )
            strategy_store.record_fault(transaction, name, text, GROUNDED)
            noted = True
        for tally, strategy in zip(result.strategies, self.roster.strategies, strict=True):
            if strategy.status != FLYING or tally.name in dear:
                continue
            self.bad_turns[tally.name] = self.bad_turns.get(tally.name, 0) + 1 if _is_bad(tally.counts) else 0
            if tally.reason is None:
                continue
            grounded = self.bad_turns[tally.name] >= self.settings.grounded_after_turns
            known = self._faults.get(tally.name) or ""
            if grounded or not known.endswith(tally.reason):
                text = f"turn {result.tid}: {tally.reason}"
                if grounded:
                    text = (
                        f"turn {result.tid}: grounded, most calls faulted for {self.bad_turns[tally.name]} turns in a row: "
                        f"{tally.reason}"
                    )
                strategy_store.record_fault(transaction, tally.name, text, GROUNDED if grounded else FLYING)
                noted = True
        if noted:
            self._load_strategies(transaction)

    def _count_bad_turns(self) -> None:
        """Take up the count where the last process left it, from the record of its turns."""
        started = {
            row["tid"]: row["start_time"]
            for row in self.history.turns.rows.select(["tid", "start_time"]).to_pylist()
        }
        uploaded = {row["name"]: row["uploaded_at"] for row in self.strategy_rows.to_pylist()}
        for row in self.history.strategy_turns.rows.sort_by("tid").to_pylist():
            # What an older version did is not counted against the one that flies.
            uploaded_at = uploaded.get(row["strategy"])
            if uploaded_at is None or row["tid"] not in started or started[row["tid"]] < uploaded_at:
                continue
            self.bad_turns[row["strategy"]] = (
                self.bad_turns.get(row["strategy"], 0) + 1 if _is_bad(row) else 0
            )

    def _read(self) -> None:
        with self.database.transaction() as transaction:
            self.stored = self.reader.read(transaction).state()


def _put(columns: Columns, values: dict[str, int]) -> Columns:
    for name, value in values.items():
        getattr(columns, name)[0] = value
    return columns


def _joined(columns: Columns, more: Columns) -> Columns:
    pairs: list[Any] = list(zip(columns, more, strict=True))
    return with_columns(columns, map(np.concatenate, pairs))


def _nothing() -> None:
    """What is noted of a command when nothing is recorded."""


def _is_bad(counts: dict[str, Any]) -> bool:
    """Whether more than half of a strategy's calls faulted: it had as many as it had ships at the turn's start."""
    calls: int = counts["ships"] - counts["spawned"] + counts["deaths"]
    faults: int = counts["faults"]
    return 2 * faults > calls > 0


def _check_spawn(command: SpawnEntity, systems: int) -> None:
    if not 1 <= command.sid <= systems:
        raise CommandError(f"spawn_entity: there is no system {command.sid}; this universe has 1..{systems}")
    if command.kind not in (rules.SHIP, rules.NODE):
        raise CommandError(f"spawn_entity: kind {command.kind} is unknown; 1 is 'Ship', 2 is 'EnergyNode'")
    for name, value in (("x", command.x), ("y", command.y)):
        if not 0 <= value < rules.GRID_SIDE:
            raise CommandError(
                f"spawn_entity: {name} is {value}; a system's grid has 0..{rules.GRID_SIDE - 1}"
            )
    if command.kind == rules.SHIP and command.strategy is None:
        raise CommandError("spawn_entity: a ship needs a strategy: give its name")
