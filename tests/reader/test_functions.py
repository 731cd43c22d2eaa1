"""Strategies called in SQL: what they answer, with which module, and what becomes of those that misbehave."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from tests.query.builder import flown_tables, snapshot_tables
from tests.query.conftest import RunningPool
from tests.wasm.builder import BUMP_REALLOC, Table, compile_wat, limits_of, strategy_wat
from wasmverse.errors import QueryError
from wasmverse.query.query import Query
from wasmverse.query.readers import reader_config
from wasmverse.reader.calls import ENTITIES
from wasmverse.reader.engine import Engine
from wasmverse.settings import Settings
from wasmverse.snapshots.modules import MODULES, callable_strategies
from wasmverse.snapshots.snapshot import SnapshotWriter
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.strategies.contract import strategy_function
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.wasi.signatures import MODULE

SETTINGS = Settings(systems=20, ships=6, nodes=10, seed=7, threads=1)
OF_A_SHIP = "kind, x, y, energy, shield, blasters, thrusters, harvesters, last_plan, sight(sid, eid, x, y)"

# Mixes every argument and every byte of the list, so that no two of them can be exchanged unnoticed.
MIX = """(local $i i32) (local $sum i64)
  (local.set $sum (i64.extend_i32_u (local.get $kind)))
  {scalars}
  (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (local.get $last)))
  (block $done (loop $next
    (br_if $done (i32.eq (local.get $i) (local.get $length)))
    (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31))
      (i64.load8_u (i32.add (local.get $list) (local.get $i)))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next)))
  (local.get $sum)""".format(
    scalars="".join(
        f"(local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.extend_i32_u (local.get ${name}))))"
        for name in ("x", "y", "energy", "shield", "blasters", "thrusters", "harvesters")
    )
)
FOREVER = "(loop $again (br $again)) (unreachable)"
GREEDY = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)"
TRAPS_AT_13 = (
    "(if (i32.eq (i32.rem_u (local.get $x) (i32.const 1000)) (i32.const 13)) (then (unreachable)))"
    "(i64.extend_i32_u (local.get $x))"
)
CALL = "{}(1, {}, 0, 100, 100, 2, 2, 2, 0, {})"


def changed(**values: Any) -> Settings:
    return SETTINGS.model_copy(update=values)


class Asked:
    """An engine in this process over snapshots of our own making."""

    def __init__(self, folder: Path, settings: Settings = SETTINGS) -> None:
        self.writer = SnapshotWriter(folder / "snapshots", keep=2, bytes_max=1 << 30)
        self.engine = Engine(asdict(reader_config(settings, self.writer.folder)))
        self.turn = 0

    def publish(self, tid: int, **strategies: str) -> None:
        self.writer.publish(tid, *flown_tables(tid, strategies))
        self.turn = tid

    def rows(self, sql: str, turn: int | None = None) -> list[list[Any]]:
        head, body = self.engine.answer(Query(sql, turn=turn or self.turn))
        if "code" in head:
            raise QueryError(head["error"], code=head["code"])
        rows: list[list[Any]] = orjson.loads(body)["results"][0]["rows"]
        return rows


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    asked = Asked(tmp_path)
    yield asked
    asked.writer.close()


def test_what_a_strategy_answers_is_what_the_turn_does(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    simulation = DuckdbStore(Database.open(None), SETTINGS)
    try:
        for _ in range(4):
            simulation.advance()
        strategies = simulation.registry.roster.strategies
        guests = {strategy.strategy_id: strategy.guest for strategy in strategies if strategy.guest}
        for _ in range(2):
            tables = simulation.snapshot()
            tables["strategy"], modules = callable_strategies(tables["strategy"], guests)
            asked.writer.publish(simulation.tid, tables, modules)
            simulation.advance()
        before, after = simulation.tid - 2, simulation.tid - 1
        plans: dict[int, int] = {}
        for strategy in ("strategy_battle", "strategy_default", "strategy_flee"):
            sql = (
                f"select eid, {strategy}({OF_A_SHIP}) from entity where kind = 1 and strategy = '{strategy}'"
            )
            plans |= dict(asked.rows(sql, before))
        assert len(plans) == 120 and len(set(plans.values())) > 10
        kept = dict(asked.rows("select eid, last_plan from entity where kind = 1", after))
        survivors = plans.keys() & kept.keys()
        assert len(survivors) > 100
        assert {eid: plans[eid] for eid in survivors} == {eid: kept[eid] for eid in survivors}
    finally:
        simulation.close()
        asked.writer.close()


def test_sight_is_what_is_closer_than_sixteen_cells_ships_first(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    simulation = DuckdbStore(Database.open(None), changed(systems=3, ships=90, nodes=150))
    try:
        asked.writer.publish(0, simulation.snapshot() | {"strategy": snapshot_tables(0)["strategy"]})
        entities = asked.rows("select sid, eid, kind, blasters, x, y from entity order by sid, kind, eid")
        lists = asked.rows("select sid, eid, x, y, sight(e.sid, e.eid, e.x, e.y) from entity e")
        visible = asked.rows("select sid, eid, seen_eid, kind, danger, x, y from visible")
        least = "(select min(eid) from entity where sid = 2)"
        of_one = asked.rows(f"select seen_eid from visible where sid = 2 and eid = {least} order by 1")
    finally:
        simulation.close()
        asked.writer.close()
    assert len(lists) == 3 * 240
    for sid, eid, x, y, seen in lists:
        expected = [
            int.from_bytes(bytes(entity[2:]), "little")
            for entity in entities
            if entity[0] == sid and entity[1] != eid and math.dist(entity[4:], (x, y)) < 16
        ]
        assert seen == expected, (sid, eid)
    # What the relation says of ships is the same, row by row.
    ships = {(entity[0], entity[1]) for entity in entities if entity[2] == 1}
    listed = [(sid, eid, one) for sid, eid, _, _, seen in lists if (sid, eid) in ships for one in seen]
    rows = [(sid, eid, int.from_bytes(bytes(seen), "little")) for sid, eid, _, *seen in visible]
    assert sorted(rows) == sorted(listed)
    first = min(eid for sid, eid in ships if sid == 2)
    assert of_one == sorted([seen] for sid, eid, seen, *_ in visible if (sid, eid) == (2, first))
    assert of_one
    # A distance of exactly 16 cells is there, and is too far.
    assert any(math.dist(e[4:], (x, y)) == 16 for sid, _, x, y, _ in lists for e in entities if e[0] == sid)


@pytest.mark.parametrize(
    "realloc", ["", BUMP_REALLOC.replace("REALLOC", "cabi_realloc")], ids=["none", "bump"]
)
def test_every_argument_arrives_where_it_belongs(asked: Asked, realloc: str) -> None:
    """Against the guest run directly, over more rows than one call takes and lists of all lengths."""
    wat = strategy_wat(MIX, realloc)
    asked.publish(1, strategy_mix=wat)
    random = np.random.default_rng(5)
    limits = (255, 2**32 - 1, 2**32 - 1, 65_535, 255, 255, 255, 255, 2**63 - 1)
    given = [
        [int(random.integers(0, limit, endpoint=True)) for limit in limits]
        + [random.integers(0, 2**32, random.integers(0, 40), np.uint32)]
        for _ in range(5_000)
    ]
    table = Table.of(strategy_function(), [(*row[:-1], row[-1].tobytes()) for row in given])
    outcome = table.run(Guest.of(compile_wat(wat), "decide"), limits=limits_of(budget_fuel=20_000))
    assert outcome.faults == 0
    values = ", ".join(
        f"({n}, {', '.join(map(str, row[:-1]))}, {row[-1].tolist()})" for n, row in enumerate(given)
    )
    names = "kind, x, y, energy, shield, blasters, thrusters, harvesters, last_plan, system"
    sql = f"select strategy_mix({names}) from (values {values}) given (n, {names}) order by n"
    assert [plan for (plan,) in asked.rows(sql)] == table.results.tolist()


def test_arguments_may_be_named_and_a_wrong_one_is_told(asked: Asked) -> None:
    asked.publish(1, strategy_x="(i64.extend_i32_u (local.get $x))")
    named = (
        "kind := 1, y := 2, x := 7, energy := 1, shield := 1, blasters := 1, thrusters := 1, harvesters := 1"
    )
    assert asked.rows(f"select game.strategy_x({named}, last_plan := 0, system := [])") == [[7]]
    for sql, code in {
        "select strategy_x(1)": 1064,
        f"select {CALL.format('strategy_x', -1, '[]')}": 1292,
        f"select {CALL.format('strategy_y', 1, '[]')}": 1305,
    }.items():
        with pytest.raises(QueryError) as refusal:
            asked.rows(sql)
        assert refusal.value.code == code, refusal.value.message


def test_null_is_null(asked: Asked) -> None:
    asked.publish(1, strategy_x="(i64.extend_i32_u (local.get $x))")
    sql = f"select {CALL.format('strategy_x', 'x', 'system')} from (values " + (
        "(0, 1, []), (1, null, []), (2, 3, null), (3, 4, [1, null]), (4, 5, [1, 2])) t (n, x, system) order by n"
    )
    assert asked.rows(sql) == [[1], [None], [None], [None], [5]]


def test_a_list_longer_than_any_system_is_a_fault_and_long_ones_are_not(tmp_path: Path) -> None:
    asked = Asked(tmp_path, changed(budget_fuel=10_000_000))  # copying takes fuel
    asked.publish(1, strategy_length="(i64.extend_i32_u (local.get $length))")
    sql = f"select {CALL.format('strategy_length', 1, 'range(n)::uinteger[]')} from unnest([{{}}]) t (n)"
    half = ENTITIES // 2
    rows = asked.rows(sql.format(f"{half}, {half + 1}, {ENTITIES}, {ENTITIES + 1}, 3"))
    assert rows == [[4 * half], [4 * half + 4], [4 * ENTITIES], [None], [12]]
    asked.writer.close()


def test_a_fault_is_null_and_the_others_go_on(asked: Asked) -> None:
    """Four in one run of 2,048 rows, and the rest of it is not called, as in a turn."""
    asked.publish(1, strategy_traps=TRAPS_AT_13)
    sql = f"select range, {CALL.format('strategy_traps', 'range', '[]')} from range({{}})"
    rows = asked.rows(sql.format(3_000))
    assert [n for n, plan in rows if plan is None] == [13, 1013, 2013]
    assert all(plan in (None, n) for n, plan in rows)
    often = asked.rows(
        f"select {CALL.format('strategy_traps', '13 + 1000 * (range % 2)', '[]')} from range(4096)"
    )
    assert often == [[None]] * 4096


def test_each_turn_has_its_own_module(asked: Asked) -> None:
    call = CALL.format("strategy_new", 1, "[]")
    asked.publish(1, strategy_other="(i64.const 1)")
    with pytest.raises(QueryError, match="strategy_new does not exist"):
        asked.rows(f"select {call}")
    asked.publish(2, strategy_new="(i64.const 2)")
    assert asked.rows(f"select {call}") == [[2]]
    asked.publish(3, strategy_new="(i64.const 3)")
    assert asked.rows(f"select {call}") == [[3]]
    assert asked.rows(f"select {call}", turn=2) == [[2]]
    asked.publish(4, strategy_other="(i64.const 1)")
    with pytest.raises(QueryError, match="strategy_new does not exist in this turn"):
        asked.rows(f"select {call}")
    asked.writer.publish(5, *flown_tables(5, {}, removed=["strategy_new"]))
    with pytest.raises(QueryError, match="the strategy was removed"):
        asked.rows(f"select {call}", turn=5)


def test_a_name_of_the_engines_own_stays_the_engines(asked: Asked) -> None:
    asked.publish(1, abs="(i64.const 1)", sight="(i64.const 1)", decode_plan="(i64.const 1)")
    assert asked.rows("select abs(-3), len(sight(1, 1, 0, 0)), decode_plan(0)[:6]") == [[3, 2, "Hold()"]]


def test_the_call_behind_a_function_runs_nothing_by_itself(asked: Asked) -> None:
    asked.publish(1, strategy_one="(i64.const 1)")
    arguments = "1::utinyint, 1::uinteger, 1::uinteger, 1::usmallint, 1::utinyint, 1::utinyint, 1::utinyint"
    hidden = f'"call strategy_one"({arguments}, 1::utinyint, 1::ubigint, []::uinteger[])'
    assert asked.rows(f"select {CALL.format('strategy_one', 1, '[]')}") == [[1]]
    with pytest.raises(QueryError):
        asked.rows(f"select {hidden}")


def test_modules_are_kept_as_long_as_a_turn_needs_them(tmp_path: Path) -> None:
    writer = SnapshotWriter(tmp_path / "snapshots", keep=2, bytes_max=1 << 30)

    def files() -> int:
        return len(list((writer.folder / MODULES).iterdir()))

    def publish(tid: int, *plans: int) -> None:
        writer.publish(tid, *flown_tables(tid, {f"strategy_{plan}": f"(i64.const {plan})" for plan in plans}))

    counts = []
    for tid, plans in enumerate([(1, 2), (1, 2), (1, 3), (1, 3), (3,), (3,)]):
        publish(tid, *plans)
        writer.finish()
        counts.append(files())
    assert counts == [2, 2, 3, 2, 2, 1]
    writer.close()
    assert not writer.folder.exists()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Callable[..., RunningPool]]:
    """Real readers, with their sandbox, over one turn of the given strategies."""
    started: list[RunningPool] = []

    def guarded(**strategies: str) -> RunningPool:
        running = RunningPool(tmp_path, query_seconds_max=2, reader_memory_bytes_max=1 << 28, reader_nice=0)
        started.append(running)
        running.writer.publish(1, *flown_tables(1, strategies))
        return running.start()

    yield guarded
    for running in started:
        running.close()


def test_strategies_run_within_the_sandbox(guarded: Callable[..., RunningPool]) -> None:
    """Also one whose memory begins with data, which WebAssembly keeps in a file without a name."""
    data = f'(data (i32.const 100) "{"wasmverse" * 20_000}")'
    pool = guarded(
        strategy_x="(i64.extend_i32_u (local.get $x))",
        strategy_data=strategy_wat("(i64.load8_u (i32.const 101))", data, pages="4"),
    )
    assert pool.rows(f"select {CALL.format('strategy_x', 9, '[]')}") == [[9]]
    assert pool.rows(f"select {CALL.format('strategy_data', 9, '[]')}") == [[ord("a")]]


def test_hostile_strategies_hurt_nobody(guarded: Callable[..., RunningPool]) -> None:
    pool = guarded(
        strategy_forever=FOREVER,
        strategy_greedy=GREEDY,
        strategy_deep=strategy_wat("(call $deeper (i64.const 0))", "(func $deeper (param i64) (result i64) "
            "(i64.add (i64.const 1) (call $deeper (local.get 0))))"),
        strategy_traps="(unreachable)",
        strategy_one="(i64.const 1)",
    )  # fmt: skip
    for name in ("forever", "greedy", "deep", "traps"):
        call = CALL.format(f"strategy_{name}", "range % 100", "[1, 2]")
        assert pool.rows(f"select count(*), count({call}) from range(4096)") == [[4096, 0]], name
        assert pool.rows(f"select {CALL.format('strategy_one', 1, '[]')}") == [[1]]
    assert set(pool.pool.counts.lost) <= {"retired"}


def test_a_query_of_many_faults_ends_in_time(guarded: Callable[..., RunningPool]) -> None:
    pool = guarded(strategy_forever=FOREVER)
    call = CALL.format("strategy_forever", "range % 100", "[]")
    with pytest.raises(QueryError) as refusal:
        pool.query(f"select count({call}) from range(10000000)")
    assert refusal.value.code == 3024
    assert pool.rows("select 1") == [[1]]


def test_snapshots_without_modules_have_no_functions(pool: RunningPool) -> None:
    assert snapshot_tables(1)["strategy"]["export"].null_count == 3
    with pytest.raises(QueryError, match="was removed"):
        pool.query(f"select {CALL.format('strategy_blank', 1, '[]')}")


def test_a_strategy_sees_the_time_of_the_turn_that_is_asked_for(asked: Asked) -> None:
    imported = f'(import "{MODULE}" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))'
    body = "(drop (call $time (i32.const 0) (i64.const 1) (i32.const 8))) (i64.load (i32.const 8))"
    for turn in (7, 8):
        asked.publish(turn, strategy_clock=strategy_wat(body).replace("(module", f"(module {imported}", 1))
    sql = f"select {CALL.format('strategy_clock', 1, '[]')}"
    assert (asked.rows(sql), asked.rows(sql, turn=7)) == ([[8 * 10**9]], [[7 * 10**9]])
