"""Steps 4 and 5: ships that share a cell fight, and who has no shield left dies."""

from tests.universe.steps import SID, System, ship, system
from wasmverse.universe.battle import battle, clear, death
from wasmverse.universe.outcome import NOBODY


def fought(*ships: dict[str, int]) -> System:
    found = system(*ships)
    battle(found.ships, SID, found.cells, found.by_slot, found.counts, found.events)
    return found


def died(*ships: dict[str, int]) -> tuple[System, int]:
    """After the deaths alone: shields are as given. And how many died."""
    found = system(*ships)
    dead = death(
        found.ships, SID, found.cells, found.by_slot, found.counts, found.tally, found.events, found.added
    )
    return found, dead


def test_each_ship_loses_what_the_others_in_its_cell_have() -> None:
    # 5, 7 and 11 share a cell: 1 loses 18, 2 loses 16, 3 loses 12. Ship 4 is beside it.
    ships = (ship(1, blasters=5), ship(2, blasters=7), ship(3, blasters=11, slot=1), ship(4, 6, blasters=200))
    found = fought(*ships)
    assert found.column("shield") == [82, 84, 88, 100]
    assert found.writes == 3
    # 1 and 2 were hit hardest by slot 1 (11 against 7, 11 against 5), 3 by slot 0 (12).
    assert found.told() == [("battle", 1, 0, 1), ("battle", 2, 0, 1), ("battle", 3, 1, 0)]
    assert found.by_slot.tolist() == [0, 0, 0, 0]


def test_shields_end_at_0() -> None:
    assert fought(ship(1, shield=3, blasters=0), ship(2, blasters=255)).column("shield") == [0, 100]


def test_a_battle_without_blasters_is_a_write() -> None:
    found = fought(ship(1, blasters=0), ship(2, blasters=0))
    assert (found.column("shield"), found.writes, len(found.told())) == ([100, 100], 2, 2)


def test_a_ship_alone_fights_nobody() -> None:
    found = fought(ship(1), ship(2, 6))
    assert (found.column("shield"), found.writes, found.told()) == ([100, 100], 0, [])


def test_equal_damage_is_credited_to_the_lower_slot() -> None:
    # Ship 9 takes 20 from slot 2, 12 + 8 from slot 1.
    ships = (
        ship(1, blasters=20, slot=2),
        ship(2, blasters=12, slot=1),
        ship(3, blasters=8, slot=1),
        ship(9, blasters=0),
    )
    assert fought(*ships).told()[3] == ("battle", 9, 0, 1)
    assert fought(ships[0] | {"blasters": 21}, *ships[1:]).told()[3] == ("battle", 9, 0, 2)


def test_a_ship_without_shield_becomes_a_node() -> None:
    found, dead = died(ship(1, shield=0, energy=76), ship(2, blasters=9, slot=1))
    assert dead == 1
    assert found.new_nodes() == [(SID, 1, 5, 5, 76)]
    assert found.told() == [("death", 1, 0, 1)]
    assert (found.tallied("deaths"), found.tallied("kills")) == ([1, 0, 0, 0], [0, 1, 0, 0])
    assert found.writes == 1
    assert found.cells[505]["ships"] == 1, "the dead have left the cell"


def test_all_die_at_once_and_the_dying_earn_credit() -> None:
    found, dead = died(ship(1, shield=0), ship(2, shield=0, slot=1), ship(3, shield=0, slot=1, blasters=1))
    assert dead == 3
    # 1 took 2 + 1 from slot 1; 2 took 2 from slot 0 and 1 from its own; 3 took 2 from each: the lower slot.
    assert found.told() == [("death", 1, 0, 1), ("death", 2, 1, 0), ("death", 3, 1, 0)]
    assert (found.tallied("deaths"), found.tallied("kills")) == ([1, 2, 0, 0], [2, 1, 0, 0])
    assert found.cells[505]["ships"] == 0


def test_a_death_out_of_battle_is_credited_to_nobody() -> None:
    found, dead = died(ship(1, shield=0), ship(2, 6))
    assert (dead, found.told(), found.tallied("kills")) == (1, [("death", 1, 0, NOBODY)], [0, 0, 0, 0])


def test_the_grid_is_left_empty() -> None:
    found = system(ship(1), ship(2), ship(3, 99, 99))
    assert found.cells[505].tolist()[:2] == (2, 4)
    clear(found.ships, found.cells)
    assert not found.cells.view("i4").any()
