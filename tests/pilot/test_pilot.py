"""The values that strategies in Python are written with."""

import random
import subprocess
import sys

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmverse.pilot import (
    GRID_SIZE,
    MEMORY_MAX,
    MOVE_CELLS_MAX,
    NODE,
    PART_MAX,
    SHIELD_FULL,
    SHIP,
    SIGHT,
    UPGRADE_COST,
    Cell,
    Direction,
    Entity,
    Part,
    Plan,
    Ship,
    System,
    cells_ahead,
    column_after,
    danger_at,
    distance,
    hold,
    move,
    move_toward,
    nearest,
    row_after,
    upgrade,
)
from wasmverse.reader.relations import DECODE_PLAN
from wasmverse.universe import rules

COMMANDS = [
    (hold(), 0x00),
    (hold(7), 0x0700),
    (move(Direction.EAST, 3, 7), 0x0753),
    (move(Direction.WEST, 99), 0x7F),
    (move(Direction.NORTH, -2), 0x40),
    (upgrade(Part.HARVESTERS), 0x82),
    (hold(MEMORY_MAX), 0xFFFF_FFFF_FFFF_FF00),
    (hold(-1), 0xFFFF_FFFF_FFFF_FF00),
    (hold(MEMORY_MAX + 3), 0x0200),
]


def test_the_numbers_are_those_of_the_rules() -> None:
    """The pilot imports nothing of ours, so it has them once more."""
    assert (SHIP, NODE, GRID_SIZE, SIGHT) == (rules.SHIP, rules.NODE, rules.GRID_SIDE, rules.SIGHT)
    assert (PART_MAX, SHIELD_FULL) == (rules.UPGRADE_MAX, rules.SHIELD_MAX)
    assert (MOVE_CELLS_MAX, UPGRADE_COST) == (rules.CELLS_BITS, rules.COST_UPGRADE)
    new = (rules.NEW_ENERGY, rules.NEW_SHIELD, rules.NEW_BLASTERS, rules.NEW_THRUSTERS, rules.NEW_HARVESTERS)
    assert Ship(50, 50)[2:7] == new


@pytest.mark.parametrize(("plan", "bits"), COMMANDS)
def test_plans_have_the_bits_of_the_rules(plan: Plan, bits: int) -> None:
    assert plan == bits
    assert plan.is_valid
    assert plan.command == bits & 0xFF
    assert plan.memory == bits >> 8


@pytest.mark.parametrize("bits", [0x01, 0x3F, 0x83, 0x90, 0xC0, -1, 1 << 64])
def test_other_plans_are_invalid(bits: int) -> None:
    assert not Plan(bits).is_valid
    assert repr(Plan(bits)) == f"Invalid({bits:#x})"


def test_a_plan_is_shown_as_sql_shows_it() -> None:
    draw = random.Random(3)
    commands = [0, *range(0x40, 0x80), 0x80, 0x81, 0x82]
    plans = [Plan(draw.randrange(MEMORY_MAX + 1) << 8 | command) for command in commands]
    with duckdb.connect() as connection:
        connection.execute("create schema game")
        connection.execute(DECODE_PLAN)
        shown = connection.execute("select game.decode_plan(unnest(?::ubigint[]))", [plans]).fetchall()
    assert shown == [(str(plan),) for plan in plans]


def test_a_system_has_ships_first_and_is_the_bytes_that_modules_get() -> None:
    node, ship = Entity(NODE, 1, 2), Entity(SHIP, 3, 4, danger=9)
    system = System([node, ship])
    assert list(system) == [ship, node]
    assert bytes(system) == bytes((SHIP, 9, 3, 4, NODE, 0, 1, 2))
    assert list(System.of_bytes(bytes(system))) == [ship, node]
    assert list(System.of_universe(bytes(system))) == [ship, node]
    assert (len(system), system[-1], bool(System())) == (2, node, False)
    assert repr(System([node])) == "System([Entity(kind=2, x=1, y=2, danger=0)])"


@pytest.mark.parametrize(
    ("entity", "text"),
    [
        (Entity(3, 1, 1), "an entity is a SHIP (1) or a NODE (2)"),
        (Entity(NODE, 100, 1), "outside the grid; x and y go from 0 to 99"),
        (Entity(NODE, 1, -1), "outside the grid"),
        (Entity(NODE, 1, 1, danger=2), "a node's is 0"),
        (Entity(SHIP, 1, 1, danger=256), "a ship's is 0 to 255"),
    ],
)
def test_a_system_that_cannot_be_is_refused(entity: Entity, text: str) -> None:
    with pytest.raises(ValueError, match=text.replace("(", r"\(").replace(")", r"\)")):
        System([entity])


def test_the_nearest_is_the_first_among_equals() -> None:
    ship = Ship(50, 50)
    first, second, other = Entity(NODE, 52, 50), Entity(NODE, 50, 48), Entity(SHIP, 50, 51)
    system = System([first, second, other])
    assert nearest(NODE, ship, system) == first
    assert nearest(SHIP, ship, system) == other
    assert nearest(SHIP, ship, System([first])) is None


def test_danger_is_what_one_turn_in_a_cell_would_cost() -> None:
    system = System([Entity(SHIP, 1, 1, 3), Entity(SHIP, 1, 1, 4), Entity(SHIP, 2, 1, 9), Entity(NODE, 1, 1)])
    assert danger_at(1, 1, system) == 7
    assert danger_at(5, 5, system) == 0


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 15))
def test_moving_toward_a_cell_comes_nearer_and_never_past_it(x, y, to_x, to_y, thrusters) -> None:
    ship, target = Ship(x, y, thrusters=thrusters), Cell(to_x, to_y)
    plan = move_toward(ship, target, memory=5)
    assert plan.memory == 5
    if ship[:2] == target:
        assert plan == hold(5)
        return
    direction, cells = plan.command >> 4 & 3, min(plan.command & 15, thrusters)
    after = Cell(column_after(x, direction, cells), row_after(y, direction, cells))
    assert distance(after, target) == distance(ship, target) - cells
    assert cells <= cells_ahead(ship, direction)


def test_the_pilot_loads_nothing_that_takes_time() -> None:
    program = "import wasmverse.pilot, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert {"numba", "numpy", "wasmtime", "duckdb", "pydantic"} & set(loaded.split()) == set()
