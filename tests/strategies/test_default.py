"""`strategy_default`: whom it leaves a node to, and whom it outstays."""

from .guest import NODE, SHIP, Ship
from .plans import SOUTH, command


def test_default_passes_over_a_node_where_another_ship_sits(guest):
    view = [(SHIP, 2, 52, 50), (NODE, 0, 52, 50), (NODE, 0, 50, 56)]
    assert command(guest("strategy_default").decide(Ship(), view)) == ("move", SOUTH, 6)


def test_default_leaves_a_stronger_ship_and_outstays_a_weaker_one(guest):
    view = [(SHIP, 5, 50, 50), (NODE, 0, 50, 50), (NODE, 0, 50, 56)]
    assert command(guest("strategy_default").decide(Ship(blasters=4), view)) == ("move", SOUTH, 6)
    assert command(guest("strategy_default").decide(Ship(blasters=6), view)) == ("hold",)


def test_default_adds_up_the_danger_of_all_ships_in_its_cell(guest):
    view = [(SHIP, 3, 50, 50), (SHIP, 3, 50, 50), (NODE, 0, 50, 50), (NODE, 0, 50, 56)]
    assert command(guest("strategy_default").decide(Ship(blasters=5), view)) == ("move", SOUTH, 6)
    assert command(guest("strategy_default").decide(Ship(blasters=7), view)) == ("hold",)


def test_default_does_not_fight_an_equal_to_the_end(guest):
    strategy = guest("strategy_default")
    view = [(SHIP, 2, 50, 50), (NODE, 0, 50, 50), (NODE, 0, 50, 56)]
    kinds = [command(strategy.decide(Ship(energy=energy), view))[0] for energy in range(20, 100)]
    assert 20 < kinds.count("hold") < 60  # close to one in two: the pair soon parts, and one of them stays
