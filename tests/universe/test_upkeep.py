"""Step 8, before anything is removed: ships pay for their parts."""

import pytest

from tests.universe.steps import ship, system
from wasmverse.universe.upkeep import pay_upkeep


@pytest.mark.parametrize(
    ("upkeep", "due"),
    [(1, [0, 0, 1, 7]), (5, [0, 4, 5, 38]), (17, [1, 16, 17, 130]), (1_000, [60, 990, 1_000, 7_650])],
)
def test_a_ship_pays_for_all_its_parts_rounded_down(upkeep: int, due: list[int]) -> None:
    found = system(
        ship(1, energy=20_000),
        ship(2, energy=20_000, blasters=33, thrusters=33, harvesters=33),
        ship(3, energy=20_000, blasters=98, thrusters=0, harvesters=2),
        ship(4, energy=20_000, blasters=255, thrusters=255, harvesters=255),
    )
    pay_upkeep(found.ships, upkeep, found.counts)
    assert found.column("energy") == [20_000 - each for each in due]
    assert found.writes == sum(each > 0 for each in due)


def test_who_cannot_pay_has_nothing_left() -> None:
    found = system(ship(1, energy=7, blasters=77, thrusters=2, harvesters=1), ship(2, energy=8, blasters=77))
    pay_upkeep(found.ships, 10, found.counts)
    assert (found.column("energy"), found.writes) == ([0, 0], 2)


def test_the_dead_pay_nothing() -> None:
    found = system(ship(1, shield=0, blasters=100))
    pay_upkeep(found.ships, 10, found.counts)
    assert (found.column("energy"), found.writes) == ([100], 0)
