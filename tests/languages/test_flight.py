"""The strategy of every language is accepted, and flies without a fault."""

import random
from functools import cache

import pytest

from tests.languages.toolchains import COMPONENTS, LANGUAGES, TABLE, source_of
from tests.strategies.guest import NODE, SHIP, Ship
from tests.strategies.plans import command

SHIPS = 2_048


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_would_be_accepted(inspection, language):
    found = inspection(language)
    assert found.strategies == {"tried": "decide"}
    assert found.trials["tried"].fault is None
    assert found.trials["tried"].fuel_most < (TABLE[language].budget_fuel or 20_000)


@cache
def random_cases(seed):
    """Ships anywhere, with any memory, and what each may see: ships first, then nodes, all closer than 16 cells."""
    rng = random.Random(seed)
    cases = []
    for _ in range(SHIPS):
        ship = Ship(
            x=rng.choice((0, 99, rng.randrange(100))), y=rng.choice((0, 99, rng.randrange(100))),
            energy=rng.choice((1, 65_535, rng.randint(1, 300))), shield=rng.randint(1, 100),
            blasters=rng.choice((2, 255, rng.randint(0, 12))), thrusters=rng.choice((2, 255, rng.randint(0, 20))),
            harvesters=rng.choice((2, 255, rng.randint(0, 120))),
            last_plan=rng.choice((0, rng.randrange(1 << 64))),
        )  # fmt: skip
        seen = []
        for _ in range(rng.choice((0, rng.randrange(30)))):
            kind, east, south = rng.choice((SHIP, NODE)), rng.randint(-15, 15), rng.randint(-15, 15)
            if east**2 + south**2 < 256 and 0 <= ship.x + east <= 99 and 0 <= ship.y + south <= 99:
                danger = rng.choice((2, 255, rng.randint(0, 12))) if kind == SHIP else 0
                seen.append((kind, danger, ship.x + east, ship.y + south))
        cases.append((ship, sorted(seen, key=lambda entity: entity[0])))
    return cases


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_has_a_plan_for_everybody(pilot, language):
    cases = random_cases(seed=1)
    plans, outcome = pilot(language).decide_all(cases)
    assert outcome.reason is None
    commands = {command(plan)[0] for plan in plans}
    assert commands == {"hold", "move", "upgrade"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_crowd_in_view_is_no_fault(pilot, language):
    """Four times as many as a ship sees on average, in pairs, and by one call that has no other's fuel to use."""
    ships = [(SHIP, 2, 37 + n, 45 + n % 3) for n in range(25)]
    nodes = [(NODE, 0, 37 + n, 44 + n % 3) for n in range(25)]
    command(pilot(language).decide(Ship(), [*ships[:12], *ships[:12], *nodes]))


TOGETHER = [language for language in LANGUAGES if language not in COMPONENTS]
"""What a duel would compile once more; tests/languages/test_python_component.py has another universe."""


@pytest.mark.parametrize("language", TOGETHER)
def test_it_flies_a_hundred_turns_without_a_fault(account, language):
    row = account[source_of(language).stem]
    assert row["status"] == "flying"
    assert (row["faults"], row["last_fault"]) == (0, None)
    assert row["fuel"] > 0


@pytest.mark.parametrize("language", TOGETHER)
def test_it_lives_better_than_one_that_only_holds(account, language):
    row, blank = account[source_of(language).stem], account["strategy_blank"]
    assert row["harvested"] > 10 * blank["harvested"]
    assert row["energy"] > 1.5 * blank["energy"]
