"""Steps 6 and 7: a ship that is alone in its cell harvests and repairs."""

import numpy as np

from tests.universe.steps import System, records, ship, system
from wasmverse.universe.harvest import harvest, harvest_added, repair
from wasmverse.universe.records import NODE_RECORD


def harvested(found: System, *nodes: tuple[int, int, int]) -> list[int]:
    """What nodes, (x, y, energy), have left; one node before and one after them are of other systems."""
    columns = [np.array(column) for column in zip((5, 5, 9), *nodes, (5, 5, 9), strict=True)]
    x, y, energy = columns[0].astype(np.uint8), columns[1].astype(np.uint8), columns[2].astype(np.uint16)
    harvest(found.ships, found.cells, x, y, energy, 1, len(x) - 1, found.counts, found.tally)
    assert (energy[0], energy[-1]) == (9, 9)
    return energy[1:-1].tolist()


def test_a_lone_ship_takes_from_every_node_in_its_cell() -> None:
    found = system(ship(1, harvesters=30, slot=2))
    assert harvested(found, (5, 5, 100), (5, 5, 30), (5, 5, 7), (5, 6, 100)) == [70, 0, 0, 100]
    assert found.column("energy") == [167]
    assert found.tallied("harvested") == [0, 0, 67, 0]
    assert found.writes == 4, "three nodes, one ship"


def test_ships_that_share_a_cell_take_nothing() -> None:
    found = system(ship(1), ship(2))
    assert harvested(found, (5, 5, 100)) == [100]
    assert (found.column("energy"), found.writes) == ([100, 100], 0)


def test_who_outlived_the_others_is_alone() -> None:
    found = system(ship(1, shield=0), ship(2))
    found.cells[505]["ships"] = 1  # as the deaths leave it
    assert harvested(found, (5, 5, 100)) == [98]
    assert found.column("energy") == [100, 102]


def test_energy_saturates_and_the_node_has_given_all_the_same() -> None:
    found = system(ship(1, energy=65_530, harvesters=20))
    assert harvested(found, (5, 5, 100)) == [80]
    assert (found.column("energy"), found.tallied("harvested")[0]) == ([65_535], 20)


def test_a_ship_without_harvesters_writes_nothing() -> None:
    found = system(ship(1, harvesters=0))
    assert (harvested(found, (5, 5, 100)), found.writes) == ([100], 0)


def test_nodes_of_this_turn_s_dead_are_harvested_too() -> None:
    found = system(ship(1, harvesters=30))
    assert harvested(found, (5, 5, 40)) == [10]
    dead = records(NODE_RECORD, [{"x": 5, "y": 5, "energy": 50}, {"x": 6, "y": 5, "energy": 50}])
    harvest_added(found.ships, found.cells, dead, found.counts, found.tally)
    assert dead["energy"].tolist() == [20, 50]
    assert (found.column("energy"), found.tallied("harvested")[0]) == ([160], 60)
    assert found.writes == 3, "two nodes, and the ship once"


def test_a_lone_ship_gains_a_point_of_shield_up_to_100() -> None:
    found = system(ship(1, 1, shield=98), ship(2, 2, shield=99), ship(3, 3), ship(4, 4, shield=0))
    repair(found.ships, found.cells, found.counts)
    assert (found.column("shield"), found.writes) == ([99, 100, 100, 0], 2)


def test_ships_that_share_a_cell_do_not_repair() -> None:
    found = system(ship(1, shield=50), ship(2, shield=50))
    repair(found.ships, found.cells, found.counts)
    assert (found.column("shield"), found.writes) == ([50, 50], 0)
