"""Who has to go when a turn outlasts its period, and above all who has not."""

import pytest

from wasmverse.simulation.grounding import Spent, TurnCost, too_costly


def spent(
    name: str, calls: int, seconds: float, made: float, longest: float = 0.0, *, is_spared: bool = False
) -> Spent:
    return Spent(name, calls, seconds, made, longest, is_spared)


BUNDLED = [spent(f"bundled_{n}", 10_000, 0.0045, 0.0005, is_spared=True) for n in range(3)]
"""0.4 us a call."""


def going(*others: Spent, elapsed: float, rest: float, threads: int = 2, times_max: float = 10) -> list[str]:
    """Who goes from a turn of so many seconds on the clock, in which everything but strategies took ``rest`` on processors."""
    all_of_them = [*BUNDLED, *others]
    cost = TurnCost(elapsed, rest + sum(each.seconds for each in all_of_them), threads)
    return [each.name for each in too_costly(all_of_them, cost, 1.0, times_max)]


COSTLY = spent("costly", 100, 6.0, 0.001)
COSTLIER = spent("costlier", 10, 8.0, 0.001)
HONEST = spent("honest", 10_000, 0.02, 0.0005)
"""Four times what the bundled ones take."""


def test_the_costliest_goes_first_and_no_more_than_must() -> None:
    assert going(COSTLY, HONEST, COSTLIER, elapsed=7.1, rest=0.1) == ["costlier", "costly"]
    small = spent("small", 10, 0.3, 0.3)
    assert going(COSTLY, small, elapsed=3.3, rest=0.1) == ["costly"]


def test_many_that_are_costly_by_their_instances_go_until_turns_fit_again() -> None:
    many = [spent(f"name_{n:03}", 60, 0.02, 0.0199) for n in range(500)]
    found = going(*many, elapsed=5.2, rest=0.15)
    assert found == [f"name_{n:03}" for n in range(len(found))]
    assert 5.0 - 0.01 * len(found) + 0.15 == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("others", "elapsed", "rest", "why"),
    [
        ([COSTLY], 0.9, 0.1, "the turn was in time, whatever it took"),
        ([HONEST], 5.0, 0.1, "others had the machine, or a disk was slow"),
        ([HONEST], 1.3, 2.4, "the universe is too large for the machine"),
        ([spent("small", 10, 0.1, 0.001)], 3.0, 2.9, "without it turns would be as late"),
        ([spent("busy", 9_000_000, 3.5, 0.001)], 1.9, 0.1, "it takes no more than so many ships do"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else None,
)
def test_nobody_goes_who_is_not_why(others: list[Spent], elapsed: float, rest: float, why: str) -> None:
    assert going(*others, elapsed=elapsed, rest=rest) == [], why


def test_what_one_block_takes_no_other_thread_helps_with() -> None:
    assert going(spent("spread", 100, 1.3, 0.001, 0.65), elapsed=1.1, rest=0.1) == []
    assert going(spent("heaped", 100, 1.3, 0.001, 1.3), elapsed=1.5, rest=0.1) == ["heaped"]


def test_bundled_strategies_stay_and_so_do_all_where_it_is_switched_off() -> None:
    spared = spent("bundled_4", 10, 8.0, 0.001, is_spared=True)
    assert going(spared, elapsed=4.2, rest=0.1) == []
    assert going(COSTLIER, elapsed=4.2, rest=0.1, times_max=0) == []


def test_where_none_is_spared_the_ship_in_the_middle_is_the_measure() -> None:
    others = [spent("a", 10_000, 0.01, 0.0), spent("b", 9_000, 0.02, 0.0), COSTLIER]
    found = too_costly(others, TurnCost(4.2, 8.13, 2), 1.0, 10)
    assert [each.name for each in found] == ["costlier"]
