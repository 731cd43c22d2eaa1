"""A small universe's snapshot tables, made up: the builder that query and API tests share."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tests.wasm.builder import compile_wat, strategy_wat
from wasmverse.commands import Command, Question
from wasmverse.errors import UniverseUnavailable
from wasmverse.messages import Condition, FunctionKey, FunctionUse, Kept, TurnReport
from wasmverse.snapshots.modules import Modules, callable_strategies
from wasmverse.snapshots.snapshot import SnapshotWriter
from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema
from wasmverse.strategies.calls import Call, packed_calls
from wasmverse.wasm.guest import Guest

STRATEGIES = ("strategy_battle", "strategy_blank", "strategy_default")
BIG_PLAN = 2**64 - 1


HERO = {
    "strategy": "strategy_battle",
    "rank": "titan",
    "born_tid": 0,
    "kills": 3,
    "energy_max": 900,
    "blasters": 255,
}
"""What all heroes of such snapshots have."""


def story_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of ``story``, what is left out NULL."""
    return pa.Table.from_pylist(list(rows), arrow_schema(schema.story))


def hero_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of ``hero`` as a snapshot has them, what is left out NULL."""
    return pa.Table.from_pylist(list(rows), arrow_schema(schema.hero))


def snapshot_tables(tid: int, *, systems: int = 4, ships: int = 3, nodes: int = 5) -> dict[str, pa.Table]:
    """The tables of turn ``tid``: each system has the ships first, by eid, then the nodes.

    Ship k of a system stands at (k, tid % 100) with energy 100 + tid; the first ship of system 1 has the plan
    ``BIG_PLAN``. Strategy ids are 1, 2, 3 in the order of ``STRATEGIES``; blank is not enabled.
    """
    moment = datetime.datetime(2030, 1, 1) + datetime.timedelta(seconds=tid)
    sids = np.arange(1, systems + 1, dtype=np.uint32)
    n, m = systems * ships, systems * nodes
    plans = np.zeros(n, np.uint64)
    if n:
        plans[0] = BIG_PLAN
    of_ship = np.arange(n) % max(ships, 1)
    ship = {
        "sid": np.repeat(sids, ships),
        "eid": np.arange(1, n + 1, dtype=np.int64),
        "strategy_id": (np.arange(n) % 3 + 1).astype(np.uint16),
        "x": of_ship.astype(np.uint8),
        "y": np.full(n, tid % 100, np.uint8),
        "shield": np.full(n, 100, np.uint8),
        "blasters": np.full(n, 2, np.uint8),
        "thrusters": np.full(n, 2, np.uint8),
        "harvesters": np.full(n, 2, np.uint8),
        "energy": np.full(n, 100 + tid, np.uint16),
        "last_plan": plans,
    }
    node = {
        "sid": np.repeat(sids, nodes),
        "eid": np.arange(n + 1, n + m + 1, dtype=np.int64),
        "x": (np.arange(m) % 100).astype(np.uint8),
        "y": np.full(m, 99, np.uint8),
        "energy": np.full(m, 50, np.uint16),
    }
    when = pa.timestamp("us")
    turns: dict[str, Any] = {
        "slot": pa.array([tid], pa.uint32()),
        "tid": pa.array([tid], pa.int64()),
        "start_time": pa.array([moment], when),
        "end_time": pa.array([moment + datetime.timedelta(microseconds=1500)], when),
        "writes": [n],
        "ships": [n],
        "energy_nodes": [m],
        "kills": [0],
        "faults": [0],
        "late": [False],
    }
    strategy: dict[str, Any] = {
        "strategy_id": pa.array([1, 2, 3], pa.uint16()),
        "name": list(STRATEGIES),
        "version": pa.array([1, 1, 2], pa.uint32()),
        "sha256": ["00", "11", "22"],
        "bytes": [100, 200, 300],
        "language": ["AssemblyScript"] * 3,
        "author": ["wasmverse"] * 3,
        "owner": ["wasmverse"] * 3,
        "uploaded_at": pa.array([moment] * 3, when),
        "is_enabled": [True, False, True],
        "status": ["flying"] * 3,
        "last_fault": pa.array([None] * 3, pa.string()),
        "export": pa.array([None] * 3, pa.string()),
        "budget_fuel": pa.array([None] * 3, pa.int64()),
    }
    strategy_turn: dict[str, Any] = {"tid": [tid], "strategy": ["strategy_default"], "seconds": [0.5]}
    strategy_turn |= {
        name: [0]
        for name in (
            "ships",
            "energy",
            "kills",
            "deaths",
            "spawned",
            "harvested",
            "upgrades",
            "faults",
            "fuel",
        )
    }
    event: dict[str, Any] = {
        "tid": [tid],
        "sid": pa.array([1], pa.uint32()),
        "kind": ["spawn"],
        "eid": [1],
        "x": pa.array([0], pa.uint8()),
        "y": pa.array([0], pa.uint8()),
        "strategy": ["strategy_default"],
        "by_strategy": pa.array([None], pa.string()),
        "blasters": pa.array([2], pa.uint8()),
    }
    strategy_log: dict[str, Any] = {
        "tid": [tid],
        "strategy": ["strategy_default"],
        "eid": [1],
        "line": [f"turn {tid}"],
        "dropped": [0],
    }
    system = {"sid": sids, "x": sids.astype(np.uint16), "y": sids.astype(np.uint16)}
    tables = {
        "solar_system": system,
        "ship": ship,
        "node": node,
        "turns": turns,
        "strategy": strategy,
        "strategy_turn": strategy_turn,
        "event": event,
        "strategy_log": strategy_log,
        "message": {"tid": [tid], "author": ["ada"], "text": [f"turn {tid} is fine"]},
    }
    told = {
        "story": story_table(
            [{"tid": tid, "sid": 1, "eid": 1, "kind": "record", "score": 0.8, "text": f"Turn {tid}."}]
        ),
        "hero": hero_table(
            [
                {**HERO, "eid": 1, "name": "A", "sid": 1},
                {**HERO, "eid": 99, "name": "B", "sid": 2, "died_tid": tid},
            ]
        ),
    }
    fault = {
        **{"fault_id": 7, "tid": tid, "strategy": "strategy_default", "version": 1, "sid": 1, "eid": 1},
        **{
            "reason": "trapped: unreachable",
            "x": 3,
            "y": 4,
            "energy": 50,
            "shield": 60,
            "blasters": 2,
            "thrusters": 3,
        },
        **{"harvesters": 4, "last_plan": 2**64 - 1, "seen": bytes((1, 9, 5, 6, 2, 0, 7, 8)), "block_row": 5},
        **{"world_seed": 2**64 - 1, "budget_fuel": 20_000, "calls_before": 2},
        "calls": packed_calls([Call(1, 1, 1, 1, 1, 1, 1, 1, b"\2\0\1\1")]),
    }
    faults = pa.Table.from_pylist([fault], arrow_schema(schema.strategy_fault))
    version = {
        "strategy": "strategy_default",
        "version": 1,
        "sha256": "a1" * 32,
        "bytes": 7,
        "language": "C",
        "author": "ada",
    }
    version |= {"uploaded_at": datetime.datetime(2026, 1, 2, 3, 4, 5), "replaced_tid": tid}
    versions = pa.Table.from_pylist([version], arrow_schema(schema.strategy_version))
    kept = {"oldest_tid": tid, "newest_tid": tid, "memory_tid": tid, "bytes": 0, "bytes_max": 0}
    turn_kept = pa.Table.from_pylist([kept], arrow_schema(schema.turn_kept))
    empty = {
        table.name: arrow_schema(table).empty_table()
        for table in (schema.published_function, schema.turn_phase)
    }
    return (
        {name: pa.table(columns) for name, columns in tables.items()}
        | empty
        | told
        | {"turn_kept": turn_kept, "strategy_fault": faults, "strategy_version": versions}
    )


def flown_tables(
    tid: int, strategies: Mapping[str, str], removed: Sequence[str] = ()
) -> tuple[dict[str, pa.Table], Modules]:
    """As ``snapshot_tables``, with strategies that can be called; and their modules.

    ``strategies`` has a module in WAT for each name, or the body of its function (see ``strategy_wat``).
    """
    tables = snapshot_tables(tid)
    names = [*strategies, *removed]
    wats = [wat if wat.startswith("(module") else strategy_wat(wat) for wat in strategies.values()]
    new = tables["strategy"].take([0] * len(names)).drop_columns(["strategy_id", "name", "sha256", "export"])
    ids = range(4, 4 + len(names))
    new = new.append_column("strategy_id", pa.array(ids, pa.uint16())).append_column(
        "name", pa.array(names, pa.string())
    )
    hashes = [hashlib.sha256(wat.encode()).hexdigest() for wat in [*wats, *removed]]
    new = new.append_column("sha256", pa.array(hashes, pa.string()))
    new = new.append_column("export", pa.array(["decide"] * len(names)))
    old = tables["strategy"]
    rows = pa.concat_tables([old, new.select(old.column_names)])
    guests = {number: Guest.of(compile_wat(wat), "decide") for number, wat in zip(ids, wats, strict=False)}
    tables["strategy"], modules = callable_strategies(rows, guests)
    return tables, modules


class ScriptedUniverse:
    """Stands where the universe process will: publishes the builder's turns and records commands.

    ``answer`` is what ``ask`` returns, or raises if it is an exception; it never returns if that is None.
    """

    def __init__(self, writer: SnapshotWriter, **size: int) -> None:
        self.period_seconds = 1.0
        self.snapshot_folder = writer.folder
        self.commands: list[Command | Question] = []
        self.uses: list[dict[FunctionKey, FunctionUse]] = []
        self.watchers: list[int] = []
        self.answer: dict[str, Any] | Exception | None = {"eid": 1, "tid": 1}
        self.is_alive = True
        self.condition = Condition()
        self.kept: Kept | None = None
        self.trouble: str | None = None
        self.last: TurnReport | None = None
        self._writer = writer
        self._size = size
        self._waiting: list[Any] = []

    def turn(self, ended_at: float = 0.0) -> TurnReport:
        """Play and publish one more turn."""
        tid = 1 if self.last is None else self.last.tid + 1
        self._writer.publish(tid, snapshot_tables(tid, **self._size))
        self.last = TurnReport(tid, ended_at, ended_at, 0, 12, 12, 20, 0, {"decide": 0.01})
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()
        return self.last

    def die(self) -> None:
        """Be gone, as a killed process is."""
        self.is_alive = False
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(UniverseUnavailable("The universe process ended"))
        self._waiting.clear()

    async def next_turn(self, after: int) -> TurnReport:
        while self.last is None or self.last.tid <= after:
            if not self.is_alive:
                raise UniverseUnavailable("The universe process ended")
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        return self.last

    def tell_uses(self, uses: dict[FunctionKey, FunctionUse]) -> None:
        self.uses.append(uses)

    def tell_watchers(self, count: int) -> None:
        self.watchers.append(count)

    async def ask(self, command: Command | Question) -> dict[str, Any]:
        self.commands.append(command)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            await asyncio.Event().wait()
            raise AssertionError
        return self.answer
