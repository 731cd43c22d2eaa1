"""``strategy_fault``: what a strategy was asked when it faulted, kept for who wants to see it again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.simulation.builder import SMALL, changed, play, strategy_row, upload_of
from tests.simulation.test_strategy_log import PRINT, printing
from wasmverse.commands import SpawnEntity, UploadStrategy
from wasmverse.errors import StrategyError
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Transaction
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.kept_faults import FAULTS_KEPT, SAME_TURNS
from wasmverse.strategies.calls import Call, Scene, calls_in
from wasmverse.strategies.limits import guest_limits
from wasmverse.strategies.relive import Relived, rebuilt, relive
from wasmverse.universe.faulted import CALLS_BYTES_MAX
from wasmverse.universe.rules import SIGHT
from wasmverse.wasm.wasi.signatures import MODULE

TRAPS_ON_70 = (
    "(if (result i64) (i32.eq (local.get $x) (i32.const 70)) (then unreachable) (else (i64.const 0)))"
)
MOVES_AND_TRAPS = """(if (i32.eq (local.get $x) (i32.const 53)) (then unreachable))
  (if (result i64) (i32.eq (local.get $x) (i32.const 54)) (then (i64.const 0xff)) (else (i64.const 0x51)))"""
"""It goes east by a cell a turn, traps at 53 and holds there; at 54 its plan is invalid."""


def flown(
    simulate: Callable[..., DuckdbStore], upload: Any, *ships: tuple[int, int, int], path: Path | None = None,
    settings: Settings = SMALL,
) -> DuckdbStore:  # fmt: skip
    simulation = simulate(settings, path)
    simulation.carry_out(upload)
    for sid, x, y in ships:
        simulation.carry_out(SpawnEntity(sid, 1, x, y, upload.name))
    return simulation


def faults(simulation: DuckdbStore) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = simulation.snapshot()["strategy_fault"].to_pylist()
    return rows


def test_a_fault_is_kept_with_all_that_its_call_was_given(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = flown(
        simulate, upload_of("mine", TRAPS_ON_70), (2, 20, 20), (2, 30, 30), (3, 70, 40), (4, 70, 41)
    )
    before = {
        name: table.to_pylist() for name, table in simulation.snapshot().items() if name in ("ship", "node")
    }
    play(simulation, 1)
    [row] = faults(simulation)
    assert (row["fault_id"], row["tid"], row["strategy"], row["version"], row["sid"]) == (1, 1, "mine", 1, 3)
    assert (row["reason"], row["plan"], row["budget_fuel"]) == (
        "trapped: unreachable",
        None,
        SMALL.budget_fuel,
    )
    [ship] = [each for each in before["ship"] if each["eid"] == row["eid"]]
    shown = ("x", "y", "energy", "shield", "blasters", "thrusters", "harvesters", "last_plan")
    assert {name: row[name] for name in shown} == {name: ship[name] for name in shown}

    def seen_by(looking: dict[str, Any]) -> bytes:
        near = [
            bytes((kind, each.get("blasters", 0), each["x"], each["y"]))
            for kind, name in ((1, "ship"), (2, "node"))
            for each in before[name]
            if each["sid"] == looking["sid"] and each["eid"] != looking["eid"]
            and (each["x"] - looking["x"]) ** 2 + (each["y"] - looking["y"]) ** 2 < SIGHT**2
        ]  # fmt: skip
        return b"".join(near)

    assert row["seen"] == seen_by(ship) != b""
    # The two ships before it, in the order of their systems and eids, were answered by the same instance.
    [mine] = {each["strategy_id"] for each in before["ship"] if each["eid"] == row["eid"]}
    first = [each for each in before["ship"] if each["strategy_id"] == mine and each["sid"] == 2]
    assert row["calls_before"] == len(first) == 2
    assert list(calls_in(row["calls"])) == [
        (*(each[name] for name in shown), seen_by(each)) for each in first
    ]


def test_an_invalid_plan_is_kept_too_and_the_newest_come_last(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = flown(simulate, upload_of("mine", MOVES_AND_TRAPS), (2, 51, 50), path=path)
    play(simulation, 4)
    simulation.carry_out(upload_of("mine", MOVES_AND_TRAPS.replace("53", "90").replace("54", "53")))
    play(simulation, 3)
    told = [
        (row["fault_id"], row["tid"], row["version"], row["x"], row["plan"], row["reason"])
        for row in faults(simulation)
    ]
    assert told == [
        (1, 3, 1, 53, None, "trapped: unreachable"),
        (2, 5, 2, 53, 0xFF, "returned an invalid plan"),
    ]  # fmt: skip
    kept = faults(simulation)
    simulation.close()
    simulation = simulate(SMALL, path)
    assert faults(simulation) == kept
    play(simulation, 1)
    assert faults(simulation) == kept, "the same fault again, as was known before the restart"
    simulation.carry_out(upload_of("mine", "unreachable"))
    play(simulation, 1)
    assert [row["fault_id"] for row in faults(simulation)] == [1, 2, 3]


def test_the_same_fault_is_kept_now_and_then_and_only_the_newest_stay(
    simulate: Callable[..., DuckdbStore],
) -> None:
    settings = changed(grounded_after_turns=10_000)
    simulation = flown(simulate, upload_of("mine", "unreachable"), (2, 50, 50), settings=settings)
    play(simulation, SAME_TURNS * 2 + 1)
    assert [row["tid"] for row in faults(simulation)] == [1, 1 + SAME_TURNS, 1 + 2 * SAME_TURNS]
    # Each version's fault is another one.
    for _ in range(FAULTS_KEPT + 20):
        simulation.carry_out(upload_of("mine", "unreachable"))
        play(simulation, 1)
    rows = faults(simulation)
    assert len(rows) == FAULTS_KEPT
    assert [row["version"] for row in rows] == list(range(1 + 20 + 1, 1 + 20 + FAULTS_KEPT + 1))
    assert rows[-1]["fault_id"] == 3 + 20 + FAULTS_KEPT
    with simulation.database.transaction() as transaction:
        [(stored,)] = transaction.run_text("SELECT count(*) FROM strategy_fault")
    assert FAULTS_KEPT <= stored < FAULTS_KEPT + 16


def test_a_turn_without_faults_has_no_statement_of_them(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = flown(simulate, upload_of("mine", "unreachable"), (2, 50, 50))
    quiet = simulate()
    shown = quiet.snapshot()["strategy_fault"]
    texts: list[str] = []
    insert = Transaction.insert_arrow

    def inserted(self: Transaction, table: Any, rows: Any) -> Any:
        texts.append(table.name)
        return insert(self, table, rows)

    with patch.object(Transaction, "insert_arrow", inserted):
        play(quiet, 2)
        assert "strategy_fault" not in texts
        assert quiet.snapshot()["strategy_fault"] is shown, "a snapshot links what has not changed"
        play(simulation, 1)
        assert "strategy_fault" in texts


def test_what_a_guest_said_before_it_trapped_is_in_the_reason(simulate: Callable[..., DuckdbStore]) -> None:
    said = "my own words\nAssertion failed: x > 0 at mine.ts:14\n"
    simulation = flown(simulate, printing(said, f"{PRINT} (unreachable)"), (2, 50, 50))
    play(simulation, 3)
    [row] = faults(simulation)
    reason = "trapped: unreachable; it said: my own words / Assertion failed: x > 0 at mine.ts:14"
    assert row["reason"] == reason
    assert strategy_row(simulation, "mine")["last_fault"] == f"turn 1: {reason}"


def test_of_many_calls_before_only_the_last_are_kept(simulate: Callable[..., DuckdbStore]) -> None:
    ships = [(2, k % 60, 20 + k // 60) for k in range(400)]
    simulation = flown(simulate, upload_of("mine", TRAPS_ON_70), *ships, (3, 70, 40))
    play(simulation, 1)
    [row] = faults(simulation)
    assert row["calls_before"] == 400
    calls = list(calls_in(row["calls"]))
    assert 0 < len(calls) < 400 and len(row["calls"]) <= CALLS_BYTES_MAX
    assert [call[:2] for call in calls] == [(x, y) for _, x, y in ships[-len(calls) :]]


# Relived


def scene_of(row: dict[str, Any]) -> Scene:
    calls = (*calls_in(row["calls"]), Call._make(row[name] for name in Call._fields))
    return Scene(calls, row["tid"], row["block_row"], row["world_seed"], row["budget_fuel"])


def relived(row: dict[str, Any], upload: UploadStrategy) -> Relived:
    return relive(rebuilt(upload.inspection, upload.name), scene_of(row), guest_limits(SMALL))


COUNTS = """(global.set $n (i32.add (global.get $n) (i32.const 1)))
  (if (i32.eq (global.get $n) (i32.const CALLS)) (then (call $check)))
  (i64.const 0x51)"""
GLOBAL = "(global $n (mut i32) (i32.const 0)) (func $check unreachable)"


def test_a_build_that_is_given_the_same_faults_again_and_a_mended_one_does_not(
    simulate: Callable[..., DuckdbStore],
) -> None:
    third = upload_of("mine", COUNTS.replace("CALLS", "3"), GLOBAL)
    simulation = flown(simulate, third, *((sid, 20, 20) for sid in (2, 3, 4, 5)))
    play(simulation, 1)
    [row] = faults(simulation)
    assert (row["sid"], row["calls_before"]) == (4, 2)
    now = relived(row, third)
    assert (now.fault, now.frames[0], now.before) == ("trapped: unreachable", "check", ())
    assert len(now.frames) == 2, "the strategy's own functions, and not who calls them"
    mended = relived(row, upload_of("mine", COUNTS.replace("CALLS", "4"), GLOBAL))
    assert (mended.fault, mended.plan, mended.frames) == (None, 0x51, ())
    # One that faults sooner says so, and its next instance is asked what is left.
    worse = relived(row, upload_of("mine", COUNTS.replace("CALLS", "1"), GLOBAL))
    assert (worse.fault, worse.before) == (
        "trapped: unreachable", ((2, "trapped: unreachable"), (1, "trapped: unreachable")),
    )  # fmt: skip


def test_a_build_learns_what_the_strategy_did(simulate: Callable[..., DuckdbStore]) -> None:
    """Its plan is made of random numbers and the time, and no valid one."""
    read = f"""{PRINT}
      (drop (call $random (i32.const 64) (i32.const 4))) (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 72)))
      (return (i64.or (i64.const 0xff) (i64.shl
        (i64.xor (i64.load32_u (i32.const 64)) (i64.load (i32.const 72))) (i64.const 8))))"""
    imports = (
        f'(import "{MODULE}" "random_get" (func $random (param i32 i32) (result i32)))'
        f'(import "{MODULE}" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))'
    )
    guesses = printing("I guess", read, imports)
    simulation = flown(simulate, guesses, (2, 20, 20), (3, 20, 20))
    play(simulation, 2)
    [row] = faults(simulation)
    now = relived(row, guesses)
    assert row["reason"] == "returned an invalid plan" and (now.fault, now.plan) == (None, row["plan"])
    assert now.said == "I guess"
    elsewhere = relived(row | {"block_row": row["block_row"] + 1}, guesses)
    assert elsewhere.plan != row["plan"], "random numbers depend on the row"


def test_how_much_fuel_a_call_needs_is_told_though_it_has_not_so_much(
    simulate: Callable[..., DuckdbStore],
) -> None:
    loops = """(local $i i32) (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
      (i32.const 9000)))) (i64.const 0)"""
    slow = upload_of("mine", loops)
    simulation = flown(simulate, slow, (2, 20, 20))
    play(simulation, 1)
    [row] = faults(simulation)
    now = relived(row, slow)
    assert row["reason"] == "ran out of fuel" and now.fault is None
    assert now.fuel is not None and SMALL.budget_fuel < now.fuel < 10 * SMALL.budget_fuel


def test_a_scene_that_no_universe_has_is_refused() -> None:
    call = Call(1, 2, 3, 4, 5, 6, 7, 8, b"")
    guest = rebuilt(upload_of("mine", "(i64.const 0)").inspection, "mine")
    for calls, row in (((call, call), 0), ((call,), 1 << 20)):
        with pytest.raises(StrategyError, match="a block has fewer than 1,048,576 rows"):
            relive(guest, Scene(calls, 1, row, 0, 100), guest_limits(SMALL))
    with pytest.raises(StrategyError, match="has the strategies mine, and none is 'yours'"):
        rebuilt(upload_of("mine", "(i64.const 0)").inspection, "yours")
    with pytest.raises(ValueError, match="the last call ends at byte 20; there are 3"):
        list(calls_in(b"abc"))
