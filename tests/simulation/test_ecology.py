"""What is measured of a universe that is played, counted again from its events and states."""

from __future__ import annotations

from statistics import fmean, median
from typing import Any

import pytest

from tests.simulation.builder import changed
from wasmverse.simulation.arena import Arena
from wasmverse.simulation.beginning import bundled_founders
from wasmverse.simulation.ecology import YOUNG_TURNS, measure_ecology
from wasmverse.storage.records import event_rows

SETTINGS = changed(systems=2, ships=60, nodes=30, upkeep=17, threads=1)
AT, TURNS = 90, 160


def recounted() -> list[dict[str, Any]]:
    """The samples, by dictionaries."""
    arena = Arena(SETTINGS, bundled_founders())
    born = {eid: 0 for eid in range(arena.next_eid)}
    samples, births, ages, starved, living = [], 0, [], 0, 0
    try:
        for turn in range(1, TURNS + 1):
            for event in event_rows(turn, arena.advance().events).to_pylist():
                if event["kind"] == "spawn" and event["strategy"]:
                    born[event["eid"]] = turn
                    births += 1
                elif event["kind"] in ("death", "starve"):
                    ages.append(turn - born[event["eid"]])
                    starved += event["kind"] == "starve"
            living += len(arena.state.ships.sid)
            if turn in (AT, TURNS):
                samples.append(sample(arena, births / living * 1_000, ages, starved / len(ages), living))
                births, ages, starved, living = 0, [], 0, 0
        return samples
    finally:
        arena.close()


def sample(arena: Arena, births: float, ages: list[int], starved: float, living: int) -> dict[str, Any]:
    ships = [
        dict(zip(arena.state.ships._fields, row, strict=True))
        for row in zip(*(c.tolist() for c in arena.state.ships), strict=True)
    ]
    by_system = [[ship for ship in ships if ship["sid"] == sid] for sid in (1, 2)]
    best = [max(here, key=lambda ship: (ship["energy"], -ship["eid"])) for here in by_system]
    shares = [
        ship["energy"] / sum(each["energy"] for each in here)
        for ship, here in zip(best, by_system, strict=True)
    ]
    total = sum(ship["energy"] for ship in ships)
    flown = [ship["strategy_id"] for ship in best]
    return {
        "turn": arena.tid,
        "strongest_share": {"mean": fmean(shares), "median": median(shares), "max": max(shares)},
        "strongest_blasters": fmean(ship["blasters"] for ship in best),
        "strongest_parts": fmean(ship["blasters"] + ship["thrusters"] + ship["harvesters"] for ship in best),
        "strongest_same_strategy": max(map(flown.count, flown)) / 2,
        "births": births,
        "deaths": len(ages) / living * 1_000,
        "starved": starved,
        "age_at_death": {"median": median(ages), "mean": fmean(ages)},
        "died_young": sum(age < YOUNG_TURNS for age in ages) / len(ages),
        "strategies": {
            entrant.name: {
                "ships": len(own := [each for each in ships if each["strategy_id"] == entrant.strategy_id]),
                "energy_share": sum(ship["energy"] for ship in own) / total,
            }
            for entrant in arena.entrants
        },
    }


def flat(value: Any) -> list[Any]:
    """Keys and numbers, in order."""
    return (
        [each for key in value for each in (key, *flat(value[key]))] if isinstance(value, dict) else [value]
    )


def test_samples_say_what_happened_since_the_one_before() -> None:
    told: list[int] = []
    found = measure_ecology(bundled_founders(), SETTINGS, TURNS, [AT], tell=told.append)
    assert (found["upkeep"], told) == (SETTINGS.upkeep, [AT, TURNS - AT])
    expected = recounted()
    for measured, counted in zip(found["samples"], expected, strict=True):
        for one, other in zip(flat(measured), flat(counted), strict=True):
            assert one == (other if isinstance(other, str) else pytest.approx(other, abs=1e-6)), counted
    assert all(each["births"] > 0 and each["starved"] > 0 for each in expected)
    assert any(each["starved"] < 1 for each in expected), "some were shot"


def test_a_newcomer_is_dealt_ships_once_it_enters() -> None:
    # Of the bundled ones, strategy_blank is not enabled.
    found = measure_ecology(bundled_founders(), SETTINGS, TURNS, [AT], ("strategy_blank", AT))
    ships = [each["strategies"]["strategy_blank"]["ships"] for each in found["samples"]]
    assert ships[0] == 0 and ships[1] > 0


def test_where_nobody_lives_nothing_is_said_of_them() -> None:
    found = measure_ecology(bundled_founders(), changed(systems=1, ships=0, nodes=1, threads=1), 2, [])
    [only] = found["samples"]
    assert only["strongest_share"] == {"mean": None, "median": None, "max": None}
    assert (only["births"], only["age_at_death"]["median"], only["strongest_same_strategy"]) == (
        None,
        None,
        None,
    )
    assert only["strategies"]["strategy_flee"] == {"ships": 0, "energy_share": None}
