"""`strategy_battle`: it arms, then hunts the nearest ship when it is strong enough."""

import pytest

from .guest import NODE, SHIP, Ship
from .plans import BLASTERS, EAST, SOUTH, WEST, command

STRONG = Ship(energy=100, blasters=10, thrusters=5)


def test_battle_hunts_the_nearest_ship_it_outguns(guest):
    view = [(SHIP, 2, 50, 43), (SHIP, 5, 54, 50), (SHIP, 6, 49, 50), (NODE, 0, 50, 51)]
    assert command(guest("strategy_battle").decide(STRONG, view)) == ("move", EAST, 4)


def test_battle_counts_all_ships_in_the_cell_of_its_prey(guest):
    view = [(SHIP, 3, 54, 50), (SHIP, 3, 54, 50), (NODE, 0, 50, 51)]
    assert command(guest("strategy_battle").decide(STRONG, view)) == ("move", SOUTH, 1)


def test_battle_stays_with_its_prey(guest):
    view = [(SHIP, 4, 50, 50), (NODE, 0, 50, 53)]
    assert command(guest("strategy_battle").decide(STRONG, view)) == ("hold",)


@pytest.mark.parametrize(
    "weak",
    [
        Ship(energy=100, blasters=3, thrusters=5),
        Ship(energy=100, blasters=10, thrusters=5, shield=59),
        Ship(energy=59, blasters=10, thrusters=5),
    ],
    ids=["outgunned", "shield down", "energy low"],
)
def test_battle_hunts_only_when_strong_enough(guest, weak):
    view = [(SHIP, 2, 54, 50), (NODE, 0, 50, 51)]
    assert command(guest("strategy_battle").decide(STRONG, view)) == ("move", EAST, 4)
    plan = guest("strategy_battle").decide(weak, view)
    assert command(plan) == ("move", SOUTH, 1)
    assert plan == guest("strategy_default").decide(weak, view)


def test_battle_does_not_hunt_what_is_far(guest):
    view = [(SHIP, 2, 59, 50), (NODE, 0, 50, 51)]
    assert command(guest("strategy_battle").decide(STRONG, view)) == ("move", SOUTH, 1)


def test_battle_leaves_a_cell_where_it_is_outgunned(guest):
    view = [(SHIP, 11, 50, 50), (SHIP, 2, 54, 50), (NODE, 0, 50, 50), (NODE, 0, 47, 50)]
    assert command(guest("strategy_battle").decide(Ship(energy=900, blasters=10), view)) == ("move", WEST, 3)


def test_battle_arms_before_all_else(guest):
    parts, chosen = [2, 2, 2], []
    for _ in range(12):
        ship = Ship(energy=500, blasters=parts[0], thrusters=parts[1], harvesters=parts[2])
        _, part = command(guest("strategy_battle").decide(ship, [(SHIP, 1, 52, 50)]))
        parts[part] += 1
        chosen.append(part)
    assert chosen[0] == BLASTERS
    assert parts[BLASTERS] == max(parts)
