"""`strategy_flee`: it runs from ships within four cells, and else does what the default does."""

import pytest
from hypothesis import given, settings

from .guest import NODE, SHIP, Guest, Ship
from .plans import EAST, NORTH, SOUTH, WEST, after_move, command, ships_and_views, square_distance


@settings(deadline=None, max_examples=300)
@given(case=ships_and_views())
def test_flee_runs_exactly_when_a_ship_is_within_four_cells(bundled_module, case):
    ship, view = case
    near = any(
        kind == SHIP and square_distance((ship.x, ship.y), (kind, _, x, y)) <= 16 for kind, _, x, y in view
    )
    plan = Guest(bundled_module("strategy_flee")).decide(ship, view)
    if near:
        assert command(plan)[0] == "move"
        assert command(plan)[2] == min(ship.thrusters, 15)
    else:
        assert plan == Guest(bundled_module("strategy_default")).decide(ship, view)


@settings(deadline=None, max_examples=300)
@given(case=ships_and_views())
def test_flee_ends_out_of_reach_if_any_direction_does(bundled_module, case):
    ship, view = case
    enemies = [entity for entity in view if entity[0] == SHIP]

    def gap(cell):
        return min(square_distance(cell, enemy) for enemy in enemies)

    if not enemies or gap((ship.x, ship.y)) > 16:
        return
    plan = Guest(bundled_module("strategy_flee")).decide(ship, view)
    ways = [after_move(ship, 0x40 | direction << 4 | min(ship.thrusters, 15)) for direction in range(4)]
    best = max(gap(way) for way in ways)
    chosen = gap(after_move(ship, plan))
    assert chosen > 16 if best > 16 else chosen == best


@pytest.mark.parametrize(("east", "south"), [(4, 0), (-4, 0), (0, 4), (0, -4), (2, 3), (0, 0)])
def test_flee_gains_distance(guest, east, south):
    enemy = (SHIP, 2, 50 + east, 50 + south)
    cell = after_move(Ship(), guest("strategy_flee").decide(Ship(), [enemy]))
    assert square_distance(cell, enemy) > square_distance((50, 50), enemy)


@pytest.mark.parametrize(("east", "south"), [(5, 0), (0, -5), (3, 3), (1, 4)])
def test_flee_stays_calm_beyond_four_cells(guest, east, south):
    view = [(SHIP, 200, 50 + east, 50 + south), (NODE, 0, 50, 50)]
    assert command(guest("strategy_flee").decide(Ship(), [*view, (NODE, 0, 45, 45)])) == ("hold",)


def test_flee_runs_toward_food(guest):
    for node, direction in [((50, 40), NORTH), ((60, 50), EAST), ((50, 60), SOUTH), ((40, 50), WEST)]:
        enemy = (SHIP, 2, 50, 50)
        plan = guest("strategy_flee").decide(Ship(thrusters=5), [enemy, (NODE, 0, *node)])
        assert command(plan)[1] == direction
