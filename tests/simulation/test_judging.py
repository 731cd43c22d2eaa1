"""What a turn's faults mean for those who flew, from made-up tallies: no store, no turns."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from wasmverse.simulation.judging import count_bad_turns, judge
from wasmverse.simulation.registry import Registry, Verdict
from wasmverse.strategies.roster import FLYING, GROUNDED, Roster, Strategy
from wasmverse.universe.result import StrategyTally

AFTER = 3
MIDNIGHT = datetime(2026, 1, 1)


def registry_of(status: str = FLYING, last_fault: str | None = None) -> Registry:
    registry = Registry()
    registry.roster = Roster([Strategy(1, "mine", True, status, None)])
    registry.faults = {"mine": last_fault}
    return registry


def turn(
    tid: int, faults: int, ships: int = 10, reason: str | None = "trapped", said: str = "", **counts: int
) -> Any:
    """A result in which ``mine`` flew."""
    counted = {"ships": ships, "spawned": 0, "deaths": 0, "faults": faults, **counts}
    inputs = {"mine": SimpleNamespace(why=reason, reason=f"{reason}; it said: {said}")} if said else {}
    return SimpleNamespace(
        tid=tid, strategies=[StrategyTally("mine", counted, 0, 0.0, reason)], inputs=inputs
    )


def test_a_fault_is_noted_once_while_its_reason_stays() -> None:
    registry = registry_of()
    [verdict] = judge(registry, turn(1, 1), {}, AFTER)
    assert verdict == Verdict("mine", "turn 1: trapped", FLYING)
    registry.faults["mine"] = verdict.last_fault
    assert judge(registry, turn(2, 1), {}, AFTER) == []
    [verdict] = judge(registry, turn(3, 1, reason="ran out of fuel"), {}, AFTER)
    assert verdict.last_fault == "turn 3: ran out of fuel"
    assert registry.bad_turns["mine"] == 0


def test_that_a_fault_says_something_else_each_time_is_no_news() -> None:
    registry = registry_of()
    [verdict] = judge(registry, turn(1, 1, said="ship 7"), {}, AFTER)
    assert verdict.last_fault == "turn 1: trapped; it said: ship 7"
    registry.faults["mine"] = verdict.last_fault
    assert judge(registry, turn(2, 1, said="ship 8"), {}, AFTER) == []


@pytest.mark.parametrize(
    ("counts", "is_bad"),
    [
        ({"faults": 6}, True),
        ({"faults": 5}, False),
        # It had as many calls as it had ships at the start: those that were spawned had none, the dead had one.
        ({"faults": 5, "spawned": 1}, True),
        ({"faults": 6, "deaths": 2}, False),
        ({"faults": 0, "ships": 0}, False),
    ],
)
def test_a_turn_is_bad_when_more_than_half_of_the_calls_fault(counts: dict[str, int], is_bad: bool) -> None:
    registry = registry_of()
    judge(registry, turn(1, **counts), {}, AFTER)
    assert registry.bad_turns["mine"] == is_bad


def test_bad_turns_in_a_row_ground_and_a_good_one_begins_again() -> None:
    registry = registry_of(last_fault="turn 0: trapped")
    told = [judge(registry, turn(tid, faults), {}, AFTER) for tid, faults in enumerate((9, 9, 0, 9, 9), 1)]
    assert told == [[]] * 5
    [verdict] = judge(registry, turn(6, 9), {}, AFTER)
    told = "turn 6: grounded, most calls faulted for 3 turns in a row: trapped"
    assert verdict == Verdict("mine", told, GROUNDED)


def test_who_took_too_long_is_grounded_for_that_alone() -> None:
    registry = registry_of()
    [verdict] = judge(registry, turn(4, 9), {"mine": 0.5}, 1)
    assert verdict.status == GROUNDED
    assert verdict.last_fault.startswith("turn 4: grounded, it took 0.5 s of processor time")
    assert registry.bad_turns == {}


def test_who_does_not_fly_is_not_judged() -> None:
    registry = registry_of(GROUNDED)
    assert judge(registry, turn(1, 9), {}, 1) == []
    assert registry.bad_turns == {}


def test_the_count_goes_on_from_the_record_but_not_from_an_older_version_s() -> None:
    tids = range(1, 7)
    turns = pa.table({"tid": tids, "start_time": [MIDNIGHT + timedelta(minutes=tid) for tid in tids]})
    rows = {
        "tid": [3, 1, 2, 4, 5, 6],  # in any order
        "strategy": ["mine"] * 6,
        "ships": [10] * 6,
        "spawned": [0] * 6,
        "deaths": [0] * 6,
        "faults": [9, 9, 9, 0, 9, 9],
    }
    uploaded = {"name": ["mine"], "uploaded_at": [MIDNIGHT]}
    registry = registry_of()
    count_bad_turns(registry, turns, pa.table(rows), pa.table(uploaded))
    assert registry.bad_turns == {"mine": 2}
    registry = registry_of()
    uploaded["uploaded_at"] = [MIDNIGHT + timedelta(minutes=5, seconds=30)]
    count_bad_turns(registry, turns, pa.table(rows), pa.table(uploaded))
    assert registry.bad_turns == {"mine": 1}
    registry = registry_of()
    count_bad_turns(registry, turns, pa.table({**rows, "strategy": ["forgotten"] * 6}), pa.table(uploaded))
    assert registry.bad_turns == {}
