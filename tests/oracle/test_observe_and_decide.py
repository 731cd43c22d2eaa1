"""The oracle against examples worked by hand: what ships see, and what counts as a plan."""

from __future__ import annotations

import pyarrow as pa
import pytest

from .examples import (
    ALPHA,
    BETA,
    BLASTERS,
    EAST,
    FAULT,
    MEMORY,
    events_of,
    move,
    node,
    plan_table,
    play,
    ship,
    ships_of,
    strategies_of,
    universe,
    upgrade,
)

# 1. Observe


def test_a_ship_sees_ships_by_eid_then_nodes_by_eid():
    # From (50, 50): ship 9 in the same cell, node 2 beside, ship 5 at (50, 65), 15 cells away.
    oracle = universe(ship(7, 50, 50), ship(9, 50, 50, blasters=255), node(2, 51, 50), ship(5, 50, 65))
    seen = {row["eid"]: list(row["system"]) for row in oracle.observe().to_pylist()}
    assert seen[7] == [1, 2, 50, 65, 1, 255, 50, 50, 2, 0, 51, 50]
    # 5 sees 7 and 9; the node is at dx 1, dy 15: 1 + 225 < 256.
    assert seen[5] == [1, 2, 50, 50, 1, 255, 50, 50, 2, 0, 51, 50]


@pytest.mark.parametrize(
    ("x", "y", "is_seen"),
    [
        (66, 50, False),  # 16 * 16 = 256, not below 256
        (65, 50, True),  # 15 * 15 = 225
        (65, 55, True),  # 225 + 25 = 250
        (35, 45, True),  # the same to the other side
        (65, 56, False),  # 225 + 36 = 261
        (61, 61, True),  # 121 + 121 = 242
        (62, 61, False),  # 144 + 121 = 265
    ],
)
def test_sight_ends_before_distance_16(x: int, y: int, is_seen: bool):
    oracle = universe(ship(1, 50, 50), node(2, x, y))
    assert oracle.observe().column("system").to_pylist() == [bytes([2, 0, x, y]) if is_seen else b""]


def test_a_ship_sees_nothing_of_another_system_and_has_a_row_all_the_same():
    oracle = universe(ship(3, 5, 5, sid=2), ship(9, 5, 5, sid=1), ship(4, 5, 6, sid=1), systems=3)
    # Rows by (sid, eid): 4 and 9 of system 1 see each other, 3 of system 2 sees nothing.
    assert oracle.observe().to_pylist() == [
        {"eid": 4, "system": bytes([1, 2, 5, 5])},
        {"eid": 9, "system": bytes([1, 2, 5, 6])},
        {"eid": 3, "system": b""},
    ]


# 2. Decide


@pytest.mark.parametrize("command", [0b11_000000, 0b11_111111, 0b10_000011, 0b10_111111])
def test_an_invalid_plan_holds_and_keeps_the_memory(command: int):
    # Invalid: top bits 11, or an upgrade of component 3. The ship pays for a hold: 100 - 1.
    oracle = universe(ship(1, 5, 5, last_plan=MEMORY | move(EAST, 2)))
    record = play(oracle, {1: 0xABCDEF_00 | command})
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=99, last_plan=MEMORY)
    assert record.faults == 1
    assert events_of(record, "fault") == [(1, 5, 5, "alpha", None)]


def test_a_trap_holds_and_keeps_the_memory_whatever_the_plan():
    oracle = universe(ship(1, 5, 5, last_plan=MEMORY | move(EAST, 2)))
    plans = pa.table({"eid": [1], "plan": pa.array([move(EAST, 1)], pa.uint64()), "fault": [True]})
    record = oracle.play(plans)
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=99, last_plan=MEMORY)
    assert strategies_of(record)["alpha"]["faults"] == 1


@pytest.mark.parametrize("command", [0b00_000000, 0b00_111111])
def test_the_free_bits_of_a_hold_are_stored(command: int):
    oracle = universe(ship(1, 5, 5))
    record = play(oracle, {1: 2**64 - 256 | command})
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=99, last_plan=2**64 - 256 | command)
    assert record.faults == 0


def test_the_free_bits_of_an_upgrade_are_ignored():
    # 10 1111 01: thrusters.
    oracle = universe(ship(1, 5, 5))
    play(oracle, {1: 0b10_1111_01})
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=50, thrusters=3, last_plan=0b10_1111_01)


def test_ships_of_grounded_removed_and_unknown_strategies_hold_uncalled():
    strategies = (ALPHA._replace(status="grounded"), BETA._replace(status="removed"))
    plan = MEMORY | upgrade(BLASTERS)
    ships = [ship(eid, eid, 5, strategy_id=eid - 1, last_plan=plan) for eid in (1, 2, 3)]
    oracle = universe(*ships, strategies=strategies)
    record = oracle.play(plan_table({}))
    # Each pays 1 for the hold; byte 0 becomes a hold; only the grounded one is a fault.
    expected = [ship(eid, eid, 5, strategy_id=eid - 1, energy=99, last_plan=MEMORY) for eid in (1, 2, 3)]
    assert oracle.ships().to_pylist() == expected
    assert record.faults == 1
    assert events_of(record, "fault") == [(1, 1, 5, "alpha", None)]
    assert (strategies_of(record)["alpha"]["faults"], strategies_of(record)["beta"]["faults"]) == (1, 0)
    assert strategies_of(record)["beta"]["ships"] == 1


def test_a_strategy_that_is_not_enabled_still_flies_its_ships():
    oracle = universe(ship(1, 5, 5), strategies=(ALPHA._replace(is_enabled=False),))
    play(oracle, {1: move(EAST, 1)})
    assert ships_of(oracle)[1]["x"] == 6


def test_the_fault_event_is_the_first_ship_of_each_strategy():
    # By (sid, eid): alpha's first fault is 8 in system 1, not 2 in system 2; beta's is 9.
    ships = [ship(2, 1, 1, sid=2), ship(8, 2, 1), ship(9, 3, 1, strategy_id=1), ship(11, 4, 1), ship(1, 9, 9)]
    oracle = universe(*ships, systems=2)
    record = play(oracle, {2: FAULT, 8: FAULT, 9: FAULT, 11: FAULT})
    assert events_of(record, "fault") == [(8, 2, 1, "alpha", None), (9, 3, 1, "beta", None)]
    assert (record.faults, strategies_of(record)["alpha"]["faults"]) == (4, 3)


def test_plans_must_be_those_of_the_flying_ships():
    oracle = universe(
        ship(1, 5, 5), ship(2, 6, 5, strategy_id=1), strategies=(ALPHA, BETA._replace(status="grounded"))
    )
    for plans in ({}, {1: 0, 2: 0}, {2: 0}, {1: 0, 3: 0}):
        with pytest.raises(ValueError, match=r"the flying ones are \[\(0, 1\)\]"):
            oracle.play(plan_table(plans))
    assert oracle.tid == 6
