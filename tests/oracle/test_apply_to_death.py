"""The oracle against examples worked by hand: moves, upgrades, battles and deaths."""

from __future__ import annotations

import pytest

from .examples import (
    BLASTERS,
    EAST,
    HARVESTERS,
    MEMORY,
    NORTH,
    SOUTH,
    THRUSTERS,
    WEST,
    events_of,
    move,
    node,
    play,
    ship,
    ships_of,
    strategies_of,
    universe,
    upgrade,
)

# 3. Apply


@pytest.mark.parametrize(
    ("direction", "x", "y"), [(NORTH, 50, 47), (EAST, 53, 50), (SOUTH, 50, 53), (WEST, 47, 50)]
)
def test_a_move_goes_in_its_direction(direction: int, x: int, y: int):
    oracle = universe(ship(1, 50, 50, thrusters=9))
    play(oracle, {1: move(direction, 3)})
    assert ships_of(oracle)[1] == ship(1, x, y, thrusters=9, energy=98, last_plan=move(direction, 3))


def test_a_move_goes_at_most_as_far_as_the_thrusters():
    oracle = universe(ship(1, 50, 50), ship(2, 50, 60, thrusters=255), ship(3, 50, 70, thrusters=0))
    play(oracle, {1: move(EAST, 15), 2: move(EAST, 15), 3: move(EAST, 15)})
    # 2 thrusters: 2 cells; 255: the 15 that four bits can ask for; none: paid for, and no cell.
    assert [(row["x"], row["energy"]) for row in oracle.ships().to_pylist()] == [(52, 98), (65, 98), (50, 98)]


@pytest.mark.parametrize(
    ("direction", "x", "y", "end"),
    [(NORTH, 7, 1, (7, 0)), (EAST, 98, 7, (99, 7)), (SOUTH, 7, 99, (7, 99)), (WEST, 2, 7, (0, 7))],
)
def test_a_move_stops_at_the_edge(direction: int, x: int, y: int, end: tuple[int, int]):
    oracle = universe(ship(1, x, y, thrusters=5))
    play(oracle, {1: move(direction, 5)})
    row = ships_of(oracle)[1]
    assert ((row["x"], row["y"]), row["energy"]) == (end, 98)


def test_an_upgrade_adds_one_for_50_energy():
    oracle = universe(ship(1, 5, 5, energy=50), ship(2, 6, 5), ship(3, 7, 5), node(4, 5, 5))
    record = play(oracle, {1: upgrade(BLASTERS), 2: upgrade(THRUSTERS), 3: upgrade(HARVESTERS)})
    rows = ships_of(oracle)
    # Ship 1 pays all its 50 energy and lives on the 2 that it takes from the node in its cell.
    assert rows[1] == ship(1, 5, 5, energy=2, blasters=3, last_plan=upgrade(BLASTERS))
    assert rows[2] == ship(2, 6, 5, energy=50, thrusters=3, last_plan=upgrade(THRUSTERS))
    assert rows[3] == ship(3, 7, 5, energy=50, harvesters=3, last_plan=upgrade(HARVESTERS))
    assert strategies_of(record)["alpha"]["upgrades"] == 3


@pytest.mark.parametrize("component", ["blasters", "thrusters", "harvesters"])
def test_an_upgrade_at_255_is_paid_for_and_stays(component: str):
    plan = upgrade(["blasters", "thrusters", "harvesters"].index(component))
    oracle = universe(ship(1, 5, 5, **{component: 255}))
    record = play(oracle, {1: plan})
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=50, last_plan=plan) | {component: 255}
    assert strategies_of(record)["alpha"]["upgrades"] == 1


def test_a_ship_that_cannot_pay_loses_one_and_keeps_its_plan():
    # 49 < 50 and 1 < 2; ship 2 is then at 0 and removed. Ship 3 has just enough for its move.
    oracle = universe(
        ship(1, 5, 5, energy=49), ship(2, 8, 5, energy=1), ship(3, 5, 8, energy=2), node(9, 5, 9)
    )
    record = play(oracle, {1: MEMORY | upgrade(THRUSTERS), 2: move(EAST, 1), 3: move(SOUTH, 1)})
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=48, last_plan=MEMORY | upgrade(THRUSTERS))
    assert strategies_of(record)["alpha"]["upgrades"] == 0
    assert events_of(record, "starve") == [(2, 8, 5, "alpha", None)]
    # At (5, 9) ship 3 has 2 - 2 = 0 energy, and takes 2 from the node there.
    assert (ships_of(oracle)[3]["y"], ships_of(oracle)[3]["energy"]) == (9, 2)


def test_energy_does_not_fall_below_zero():
    # Ship 1 has no energy at all: 0 - 1 saturates at 0, and the node in its cell feeds it.
    oracle = universe(ship(1, 5, 5, energy=0), node(2, 5, 5))
    play(oracle)
    assert ships_of(oracle)[1]["energy"] == 2


# 4. Battle


def test_three_ships_in_a_cell_each_take_what_the_others_have():
    # Blasters 5, 7 and 11: 1 loses 18, 2 loses 16, 3 loses 12. The two of one strategy fight all the same.
    ships = [ship(1, 5, 5, blasters=5), ship(2, 5, 5, blasters=7), ship(3, 5, 5, blasters=11, strategy_id=1)]
    oracle = universe(*ships, ship(4, 5, 6, blasters=200))
    record = play(oracle)
    assert [row["shield"] for row in oracle.ships().to_pylist()] == [82, 84, 88, 100]
    # Ship 3 took 5 + 7 from alpha. Writes: 4 apply, 3 battle.
    battles = [(1, 5, 5, "alpha", "beta"), (2, 5, 5, "alpha", "beta"), (3, 5, 5, "beta", "alpha")]
    assert events_of(record, "battle") == battles
    assert record.writes == 7


def test_a_battle_is_where_the_moves_end():
    # 1 and 2 meet at (6, 5); 3 leaves the cell that it shared with 4, in another system's cell (6, 5) is 5.
    ships = [ship(1, 5, 5), ship(2, 7, 5), ship(3, 20, 20), ship(4, 20, 20), ship(5, 6, 5, sid=2)]
    oracle = universe(*ships, systems=2)
    record = play(oracle, {1: move(EAST, 1), 2: move(WEST, 1), 3: move(NORTH, 1)})
    assert [event[:3] for event in events_of(record, "battle")] == [(1, 6, 5), (2, 6, 5)]
    assert [row["shield"] for row in oracle.ships().to_pylist()] == [98, 98, 100, 100, 100]


def test_a_battle_without_blasters_is_a_write_without_damage():
    oracle = universe(ship(1, 5, 5, blasters=0), ship(2, 5, 5, blasters=0))
    record = play(oracle)
    assert [row["shield"] for row in oracle.ships().to_pylist()] == [100, 100]
    assert record.writes == 4
    assert len(events_of(record, "battle")) == 2


def test_an_upgrade_counts_in_the_battle_of_the_same_turn():
    oracle = universe(ship(1, 5, 5, blasters=2), ship(2, 5, 5, blasters=2))
    play(oracle, {1: upgrade(BLASTERS)})
    assert [row["shield"] for row in oracle.ships().to_pylist()] == [98, 97]


# 5. Death


def test_a_ship_with_shield_zero_becomes_a_node_with_its_energy():
    # Ship 1 loses 255 of its 30 shield; its energy 77 - 1 becomes node 1. Ship 2, alone now, takes 2 of it
    # at once and has its shield 100 - 2 repaired by 1.
    ships = [
        ship(1, 5, 5, shield=30, energy=77, last_plan=MEMORY),
        ship(2, 5, 5, blasters=255, strategy_id=1),
    ]
    oracle = universe(*ships)
    record = play(oracle)
    assert oracle.ships().to_pylist() == [ship(2, 5, 5, strategy_id=1, blasters=255, shield=99, energy=101)]
    assert oracle.nodes().to_pylist() == [node(1, 5, 5, energy=74)]
    assert events_of(record, "death") == [(1, 5, 5, "alpha", "beta")]
    alpha, beta = strategies_of(record)["alpha"], strategies_of(record)["beta"]
    assert (alpha["deaths"], alpha["kills"], beta["deaths"], beta["kills"]) == (1, 0, 0, 1)
    assert (record.kills, record.ships, record.nodes) == (1, 1, 1)
    # Apply 2, battle 2, death 1, harvest 1, repair 1, node 1.
    assert record.writes == 8


def test_equal_damage_credits_the_lower_strategy_id():
    # Ship 9 takes 20 from gamma (id 2) and 12 + 8 from beta (id 1): beta, though gamma's eid is lower.
    ships = [
        ship(1, 5, 5, blasters=20, strategy_id=2),
        ship(2, 5, 5, blasters=12, strategy_id=1),
        ship(3, 5, 5, blasters=8, strategy_id=1),
        ship(9, 5, 5, blasters=0, shield=40),
    ]
    record = play(universe(*ships))
    assert events_of(record, "death") == [(9, 5, 5, "alpha", "beta")]


def test_the_most_damage_wins_the_credit_over_the_lower_id():
    ships = [
        ship(1, 5, 5, blasters=21, strategy_id=2),
        ship(2, 5, 5, blasters=12, strategy_id=1),
        ship(3, 5, 5, blasters=8, strategy_id=1),
        ship(9, 5, 5, blasters=0, shield=1),
    ]
    record = play(universe(*ships))
    assert events_of(record, "death") == [(9, 5, 5, "alpha", "gamma")]


def test_dying_ships_earn_credit():
    # Each deals the other 60 of 50: both die, both are credited, two nodes of 99 lie in the cell.
    oracle = universe(*(ship(eid, 5, 5, blasters=60, shield=50, strategy_id=eid - 1) for eid in (1, 2)))
    record = play(oracle)
    assert events_of(record, "death") == [(1, 5, 5, "alpha", "beta"), (2, 5, 5, "beta", "alpha")]
    assert oracle.nodes().to_pylist() == [node(1, 5, 5, energy=99), node(2, 5, 5, energy=99)]
    assert [strategies_of(record)[name]["kills"] for name in ("alpha", "beta")] == [1, 1]
    # Apply 2, battle 2, death 2; nobody is left to harvest.
    assert record.writes == 6


def test_a_strategy_can_be_credited_with_its_own_ship():
    record = play(universe(ship(1, 5, 5, blasters=10), ship(2, 5, 5, shield=10)))
    assert events_of(record, "death") == [(2, 5, 5, "alpha", "alpha")]
    assert (strategies_of(record)["alpha"]["kills"], strategies_of(record)["alpha"]["deaths"]) == (1, 1)


def test_a_death_out_of_battle_is_credited_to_nobody():
    oracle = universe(ship(1, 5, 5, shield=0))
    record = play(oracle)
    assert oracle.nodes().to_pylist() == [node(1, 5, 5, energy=99)]
    assert events_of(record, "death") == [(1, 5, 5, "alpha", None)]
    assert record.kills == 0


def test_damage_exactly_the_shield_kills():
    oracle = universe(ship(1, 5, 5, shield=2), ship(2, 5, 5, shield=3))
    play(oracle)
    # Both lose 2. Ship 2 has 1 left, then 1 more by repair.
    assert [(row["eid"], row["shield"]) for row in oracle.ships().to_pylist()] == [(2, 2)]
