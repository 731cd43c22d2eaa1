"""What all bundled strategies but `strategy_blank` have in common."""

from itertools import pairwise

import pytest

from .guest import NODE, Ship
from .plans import EAST, LIVING_NAMES, NORTH, SOUTH, WEST, after_move, command


@pytest.mark.parametrize("name", LIVING_NAMES)
@pytest.mark.parametrize(
    ("node", "direction", "cells"),
    [
        ((50, 45), NORTH, 5),
        ((57, 50), EAST, 7),
        ((50, 51), SOUTH, 1),
        ((44, 50), WEST, 6),
        ((53, 44), NORTH, 6),
    ],
)
def test_moves_toward_a_node_and_not_past_it(guest, name, node, direction, cells):
    plan = guest(name).decide(Ship(thrusters=8), [(NODE, 0, *node)])
    assert command(plan) == ("move", direction, cells)


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_chooses_the_nearest_node(guest, name):
    view = [(NODE, 0, 50, 60), (NODE, 0, 53, 50), (NODE, 0, 40, 50)]
    for shift in range(3):
        assert command(guest(name).decide(Ship(), view[shift:] + view[:shift])) == ("move", EAST, 3)


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_holds_on_a_node_and_keeps_its_memory(guest, name):
    last_plan = 0x0706050403020100 | 0x41
    plan = guest(name).decide(Ship(last_plan=last_plan), [(NODE, 0, 50, 50), (NODE, 0, 51, 50)])
    assert command(plan) == ("hold",)
    assert plan >> 8 == last_plan >> 8


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_reaches_a_node_and_stays_on_it(guest, name):
    ship, node = Ship(x=50, y=50), (NODE, 0, 57, 42)
    strategy, plan = guest(name), 0
    for _ in range(9):  # four turns a side, and one to see that it stays
        plan = strategy.decide(Ship(x=ship.x, y=ship.y, last_plan=plan), [node])
        ship = Ship(*after_move(ship, plan))
    assert (ship.x, ship.y) == (57, 42)
    assert command(plan) == ("hold",)


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_upgrades_when_rich_and_not_when_poor(guest, name):
    node = [(NODE, 0, 50, 50)]
    assert command(guest(name).decide(Ship(energy=1000), node))[0] == "upgrade"
    assert command(guest(name).decide(Ship(energy=100), node))[0] == "hold"


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_a_rich_ship_grows_in_every_part_and_then_stops(guest, name):
    strategy = guest(name)
    parts = [2, 2, 2]
    for _ in range(1000):
        ship = Ship(energy=10_000, blasters=parts[0], thrusters=parts[1], harvesters=parts[2])
        kind, *rest = command(strategy.decide(ship, [(NODE, 0, 50, 50)]))
        if kind != "upgrade":
            break
        parts[rest[0]] += 1
        if sum(parts) == 36:
            assert min(parts) >= 6  # no part is left behind on the way
    assert kind == "hold"
    assert parts == [255, 15, 100]


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_roams_in_one_direction_and_turns_before_the_edge(guest, name):
    strategy = guest(name)
    ship, plan, directions = Ship(thrusters=3), 0, []
    for _ in range(200):
        plan = strategy.decide(Ship(x=ship.x, y=ship.y, thrusters=3, last_plan=plan))
        directions.append(command(plan)[1])
        assert command(plan)[2] == 3
        cell = after_move(ship, plan)
        assert cell != (ship.x, ship.y)
        ship = Ship(*cell, thrusters=3)
        assert 8 <= ship.x <= 91
        assert 8 <= ship.y <= 91
    assert set(directions) == {NORTH, EAST, SOUTH, WEST}
    turns = sum(a != b for a, b in pairwise(directions))
    assert turns <= 200 * 3 / 60  # straight on from edge to edge


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_new_ships_spread_in_all_directions(guest, name):
    strategy = guest(name)
    assert {command(strategy.decide(Ship(x=50 + index)))[1] for index in range(4)} == {
        NORTH,
        EAST,
        SOUTH,
        WEST,
    }


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_gets_out_of_a_corner(guest, name):
    for corner in [(0, 0), (99, 0), (0, 99), (99, 99)]:
        for direction in range(4):
            ship = Ship(*corner, last_plan=(4 | direction) << 8)
            assert after_move(ship, guest(name).decide(ship)) != corner
