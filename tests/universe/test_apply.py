"""Step 3: every ship pays for its plan and carries it out."""

from typing import Any

import numpy as np
import pytest

from tests.universe.steps import SLOTS, records, ship
from wasmverse.universe.apply import apply
from wasmverse.universe.outcome import CALLED, FAULTED, T_FAULTS, T_UPGRADES, TALLY, UNCALLED
from wasmverse.universe.records import SHIP_RECORD

NORTH, EAST, SOUTH, WEST = (0b01_00_0000 | direction << 4 for direction in range(4))
BLASTERS, THRUSTERS, HARVESTERS = range(0b10_000000, 0b10_000011)
MEMORY = 0x11223344556677_00


def applied(plan: int, called: int = CALLED, **columns: int) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """A new ship in the middle, but for these columns, after the step; the tally, and the first fault of each slot."""
    given = {"x": 50, "y": 50, "slot": 1} | columns
    rows = records(SHIP_RECORD, [ship(3, **given)])
    tally = np.zeros((SLOTS, len(TALLY)), np.int64)
    first_fault = np.full(SLOTS, -1, np.int64)
    apply(rows[0], np.uint64(plan), called, tally, first_fault)
    return {name: int(rows[0][name]) for name in rows.dtype.names}, tally, first_fault


@pytest.mark.parametrize(
    ("plan", "before", "after"),
    [
        (0, {}, {"energy": 99}),
        (0b00_111111, {"energy": 1}, {"energy": 0}),
        (0, {"energy": 0}, {"energy": 0}),
        (NORTH | 2, {}, {"energy": 98, "y": 48}),
        (EAST | 2, {}, {"energy": 98, "x": 52}),
        (SOUTH | 2, {}, {"energy": 98, "y": 52}),
        (WEST | 2, {}, {"energy": 98, "x": 48}),
        (EAST | 15, {}, {"energy": 98, "x": 52}),
        (EAST | 15, {"thrusters": 255}, {"energy": 98, "x": 65}),
        (EAST | 15, {"thrusters": 0}, {"energy": 98, "x": 50}),
        (NORTH | 2, {"y": 1}, {"energy": 98, "y": 0}),
        (EAST | 2, {"x": 98}, {"energy": 98, "x": 99}),
        (SOUTH | 2, {"y": 99}, {"energy": 98, "y": 99}),
        (WEST | 2, {"x": 1}, {"energy": 98, "x": 0}),
        (EAST | 2, {"energy": 2}, {"energy": 0, "x": 52}),
        (EAST | 2, {"energy": 1}, {"energy": 0, "x": 50}),
        (BLASTERS, {}, {"energy": 50, "blasters": 3}),
        (THRUSTERS, {}, {"energy": 50, "thrusters": 3}),
        (HARVESTERS, {}, {"energy": 50, "harvesters": 3}),
        (HARVESTERS | 0b001100, {"energy": 50}, {"energy": 0, "harvesters": 3}),
        (BLASTERS, {"energy": 49}, {"energy": 48, "blasters": 2}),
        (THRUSTERS, {"thrusters": 255}, {"energy": 50, "thrusters": 255}),
    ],
)
def test_a_plan_is_paid_for_and_carried_out(plan: int, before: dict[str, int], after: dict[str, int]) -> None:
    found, tally, first_fault = applied(MEMORY | plan, **before)
    assert {name: found[name] for name in after} == after
    unchanged = {"x": 50, "y": 50, "blasters": 2, "thrusters": 2, "harvesters": 2} | before
    assert {name: found[name] for name in unchanged if name not in after} == {
        name: value for name, value in unchanged.items() if name not in after
    }
    assert found["last_plan"] == MEMORY | plan
    assert found["cell"] == 100 * found["y"] + found["x"]
    assert tally[:, T_FAULTS].tolist() == [0, 0, 0, 0]
    assert first_fault.tolist() == [-1, -1, -1, -1]
    is_upgraded = plan >> 6 == 2 and before.get("energy", 100) >= 50
    assert tally[:, T_UPGRADES].tolist() == [0, int(is_upgraded), 0, 0]


@pytest.mark.parametrize("plan", [0b11_000000, 0b11_111111, 0b10_000011, 0b10_111111])
def test_an_invalid_plan_is_a_fault_that_holds_and_keeps_the_memory(plan: int) -> None:
    found, tally, first_fault = applied(0xFF00 | plan, last_plan=MEMORY | EAST)
    assert (found["energy"], found["x"], found["last_plan"]) == (99, 50, MEMORY)
    assert tally[:, T_FAULTS].tolist() == [0, 1, 0, 0]
    assert first_fault.tolist() == [-1, 3, -1, -1]


@pytest.mark.parametrize(("called", "faults"), [(FAULTED, 1), (UNCALLED, 0)])
def test_a_ship_without_an_answer_holds_and_keeps_the_memory(called: int, faults: int) -> None:
    found, tally, first_fault = applied(EAST | 2, called, last_plan=MEMORY | WEST)
    assert (found["energy"], found["x"], found["last_plan"]) == (99, 50, MEMORY)
    assert tally[1, T_FAULTS] == faults
    assert first_fault[1] == (3 if faults else -1)


def test_the_first_fault_of_a_slot_stays() -> None:
    rows = records(SHIP_RECORD, [ship(3), ship(4)])
    tally, first_fault = np.zeros((SLOTS, len(TALLY)), np.int64), np.full(SLOTS, -1, np.int64)
    for row in rows:
        apply(row, np.uint64(0), FAULTED, tally, first_fault)
    assert (first_fault[0], tally[0, T_FAULTS]) == (3, 2)
