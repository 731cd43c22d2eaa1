"""The bundled strategies, and the example, all written in AssemblyScript."""

import random
import re
import shutil
import subprocess
from itertools import pairwise

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from .guest import (
    ASSEMBLYSCRIPT_FOLDER,
    BUILD_COMMAND,
    BUNDLED_FOLDER,
    NODE,
    REPOSITORY,
    SHIP,
    Guest,
    Ship,
    engine,
)

NAMES = ["strategy_battle", "strategy_blank", "strategy_default", "strategy_flee"]
LIVING_NAMES = [name for name in NAMES if name != "strategy_blank"]

BUDGET_FUEL = 20_000

NORTH, EAST, SOUTH, WEST = range(4)
BLASTERS, THRUSTERS, HARVESTERS = range(3)
STEPS = {NORTH: (0, -1), EAST: (1, 0), SOUTH: (0, 1), WEST: (-1, 0)}


def command(plan):
    """('hold',), ('move', direction, cells) or ('upgrade', part); fails on anything else."""
    byte = plan & 0xFF
    if byte == 0:
        return ("hold",)
    if byte >> 6 == 0b01:
        return ("move", byte >> 4 & 3, byte & 15)
    assert byte in (0x80, 0x81, 0x82), f"invalid command {byte:#010b}"
    return ("upgrade", byte & 3)


def after_move(ship, plan):
    """Where the rules put the ship when it carries out its plan."""
    kind, *rest = command(plan)
    if kind != "move":
        return ship.x, ship.y
    direction, cells = rest
    way = min(cells, ship.thrusters)
    step_x, step_y = STEPS[direction]
    return min(max(ship.x + step_x * way, 0), 99), min(max(ship.y + step_y * way, 0), 99)


def square_distance(ship_cell, entity):
    return (ship_cell[0] - entity[2]) ** 2 + (ship_cell[1] - entity[3]) ** 2


ships = st.builds(
    Ship,
    x=st.integers(0, 99),
    y=st.integers(0, 99),
    energy=st.integers(1, 65535) | st.integers(1, 200),
    shield=st.integers(1, 100),
    blasters=st.integers(0, 255),
    thrusters=st.integers(0, 255),
    harvesters=st.integers(0, 255),
    last_plan=st.integers(0, 2**64 - 1),
)


@st.composite
def ships_and_views(draw):
    """A ship, and a list as the universe would write it: ships first, all closer than 16 cells."""
    ship = draw(ships)
    offsets = st.integers(-15, 15)
    entities = draw(
        st.lists(st.tuples(st.sampled_from((SHIP, NODE)), st.integers(0, 255), offsets, offsets), max_size=24)
    )
    view = [
        (kind, danger if kind == SHIP else 0, ship.x + east, ship.y + south)
        for kind, danger, east, south in entities
        if east**2 + south**2 < 256 and 0 <= ship.x + east <= 99 and 0 <= ship.y + south <= 99
    ]
    return ship, sorted(view, key=lambda entity: entity[0])


# ---- The interface ----


@pytest.mark.parametrize("name", NAMES)
def test_module_exports_the_interface_and_imports_nothing(bundled_module, name):
    module = bundled_module(name)
    assert [imported.name for imported in module.imports] == []
    exports = {exported.name: exported.type for exported in module.exports}
    assert set(exports) == {"memory", "cabi_realloc", "decide"}
    i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
    assert exports["cabi_realloc"].params == [i32] * 4
    assert exports["cabi_realloc"].results == [i32]
    assert exports["decide"].params == [i32] * 8 + [i64, i32, i32]
    assert exports["decide"].results == [i64]
    assert exports["memory"].limits.min == 1


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(data=st.data())
def test_every_plan_is_valid(bundled_module, name, data):
    guest = Guest(bundled_module(name))
    ship, view = data.draw(ships_and_views())
    command(guest.decide(ship, view))


# What the universe does with one instance, without the copying: room for 1 to 20 entities, then a decision,
# 10,000 times. Traps when the room is not where it was the first time.
MANY_CALLS = """
(module
  (import "guest" "cabi_realloc" (func $room (param i32 i32 i32 i32) (result i32)))
  (import "guest" "decide"
    (func $decide (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i64)))
  (func (export "run") (result i32)
    (local $call i32) (local $bytes i32) (local $address i32)
    (local.set $address (call $room (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
    (loop $next
      (local.set $bytes (i32.mul (i32.const 4)
        (i32.add (i32.const 1) (i32.rem_u (local.get $call) (i32.const 20)))))
      (if (i32.ne (local.get $address)
            (call $room (i32.const 0) (i32.const 0) (i32.const 1) (local.get $bytes)))
        (then unreachable))
      (drop (call $decide (i32.const 1) (i32.const 50) (i32.const 50) (i32.const 100) (i32.const 100)
        (i32.const 2) (i32.const 2) (i32.const 2) (i64.const 0) (local.get $address) (local.get $bytes)))
      (local.set $call (i32.add (local.get $call) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $call) (i32.const 10000))))
    (local.get $call)))
"""


@pytest.mark.parametrize("name", NAMES)
def test_the_list_buffer_is_reused(guest, name):
    guest = guest(name)
    imports = [guest.exports["cabi_realloc"], guest.exports["decide"]]
    before = guest.memory_bytes
    run = wasmtime.Instance(guest.store, wasmtime.Module(engine(), MANY_CALLS), imports).exports(guest.store)[
        "run"
    ]
    assert run(guest.store) == 10_000
    assert guest.memory_bytes == before


@pytest.mark.parametrize("name", NAMES)
def test_module_names_its_language(bundled_module, name):
    bundled_module(name)
    module = (BUNDLED_FOLDER / f"{name}.wasm").read_bytes()
    assert b"producers" in module
    assert b"language\x01\x0eAssemblyScript" in module


@pytest.mark.parametrize("name", NAMES)
def test_a_list_of_five_thousand_entities_fits(guest, name):
    guest = guest(name)
    guest.decide(Ship(), [(NODE, 0, 50, 40)])
    crowd = [(SHIP, 1, 35, 50)] * 2000 + [(NODE, 0, 50, 60)] * 3000
    plan = guest.decide(Ship(), crowd)
    assert command(plan) == (("hold",) if name == "strategy_blank" else ("move", SOUTH, 10))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("ships_in_view", "nodes_in_view"), [(4, 9), (40, 80), (80, 160)])
def test_fuel_lasts_even_in_a_crowd(bundled_module, name, ships_in_view, nodes_in_view):
    """Fuel is pooled over a block, so the mean counts; 80 ships are in view where a system has a thousand."""
    bundled_module(name)
    configuration = wasmtime.Config()
    configuration.consume_fuel = True
    metered = wasmtime.Engine(configuration)
    guest = Guest(wasmtime.Module.from_file(metered, BUNDLED_FOLDER / f"{name}.wasm"), metered, fuel=10**9)
    generator, calls = random.Random(1), 200
    for _ in range(calls):
        kinds = [SHIP] * ships_in_view + [NODE] * nodes_in_view
        view = [
            (
                kind,
                generator.randint(2, 20) if kind == SHIP else 0,
                generator.randint(36, 64),
                generator.randint(36, 64),
            )
            for kind in kinds
        ]
        guest.decide(Ship(energy=generator.randint(1, 200), blasters=generator.randint(2, 20)), view)
    assert (10**9 - guest.store.get_fuel()) / calls < BUDGET_FUEL


@pytest.mark.parametrize("name", NAMES)
def test_room_grows_keeps_what_it_held_and_stays_inside_memory(guest, name):
    guest = guest(name)
    small = guest.room(8)
    guest.exports["memory"].write(guest.store, b"wasmverse"[:8], small)
    large = guest.exports["cabi_realloc"](guest.store, small, 8, 1, 300_000)
    assert guest.exports["memory"].read(guest.store, large, large + 8) == b"wasmvers"
    assert large + 300_000 <= guest.memory_bytes
    assert guest.room(300_000) == large


@pytest.mark.parametrize("name", NAMES)
def test_a_decision_depends_on_nothing_but_its_arguments(guest, name):
    fresh, used = guest(name), guest(name)
    for index in range(51):  # odd: state that flips from call to call shows too
        used.decide(Ship(x=index, y=index, energy=index + 1), [(SHIP, 9, index, 50), (NODE, 0, 50, index)])
    for view in ([], [(NODE, 0, 50, 57)], [(SHIP, 1, 57, 50), (NODE, 0, 50, 57)]):
        assert used.decide(Ship(), view) == fresh.decide(Ship(), view)


# ---- strategy_blank ----


@settings(deadline=None)
@given(case=ships_and_views())
def test_blank_always_holds(bundled_module, case):
    assert Guest(bundled_module("strategy_blank")).decide(*case) == 0


# ---- What all that live have in common ----


@pytest.mark.parametrize("name", LIVING_NAMES)
@pytest.mark.parametrize(
    ("node", "direction", "cells"),
    [
        ((50, 45), NORTH, 5),
        ((57, 50), EAST, 7),
        ((50, 51), SOUTH, 1),
        ((44, 50), WEST, 6),
        ((53, 44), NORTH, 6),
    ],
)
def test_moves_toward_a_node_and_not_past_it(guest, name, node, direction, cells):
    plan = guest(name).decide(Ship(thrusters=8), [(NODE, 0, *node)])
    assert command(plan) == ("move", direction, cells)


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_chooses_the_nearest_node(guest, name):
    view = [(NODE, 0, 50, 60), (NODE, 0, 53, 50), (NODE, 0, 40, 50)]
    for shift in range(3):
        assert command(guest(name).decide(Ship(), view[shift:] + view[:shift])) == ("move", EAST, 3)


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_holds_on_a_node_and_keeps_its_memory(guest, name):
    last_plan = 0x0706050403020100 | 0x41
    plan = guest(name).decide(Ship(last_plan=last_plan), [(NODE, 0, 50, 50), (NODE, 0, 51, 50)])
    assert command(plan) == ("hold",)
    assert plan >> 8 == last_plan >> 8


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_reaches_a_node_and_stays_on_it(guest, name):
    ship, node = Ship(x=50, y=50), (NODE, 0, 57, 42)
    strategy, plan = guest(name), 0
    for _ in range(9):  # four turns a side, and one to see that it stays
        plan = strategy.decide(Ship(x=ship.x, y=ship.y, last_plan=plan), [node])
        ship = Ship(*after_move(ship, plan))
    assert (ship.x, ship.y) == (57, 42)
    assert command(plan) == ("hold",)


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_upgrades_when_rich_and_not_when_poor(guest, name):
    node = [(NODE, 0, 50, 50)]
    assert command(guest(name).decide(Ship(energy=1000), node))[0] == "upgrade"
    assert command(guest(name).decide(Ship(energy=100), node))[0] == "hold"


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_a_rich_ship_grows_in_every_part_and_then_stops(guest, name):
    strategy = guest(name)
    parts = [2, 2, 2]
    for _ in range(1000):
        ship = Ship(energy=10_000, blasters=parts[0], thrusters=parts[1], harvesters=parts[2])
        kind, *rest = command(strategy.decide(ship, [(NODE, 0, 50, 50)]))
        if kind != "upgrade":
            break
        parts[rest[0]] += 1
        if sum(parts) == 36:
            assert min(parts) >= 6  # no part is left behind on the way
    assert kind == "hold"
    assert parts == [255, 15, 100]


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_roams_in_one_direction_and_turns_before_the_edge(guest, name):
    strategy = guest(name)
    ship, plan, directions = Ship(thrusters=3), 0, []
    for _ in range(200):
        plan = strategy.decide(Ship(x=ship.x, y=ship.y, thrusters=3, last_plan=plan))
        directions.append(command(plan)[1])
        assert command(plan)[2] == 3
        cell = after_move(ship, plan)
        assert cell != (ship.x, ship.y)
        ship = Ship(*cell, thrusters=3)
        assert 8 <= ship.x <= 91
        assert 8 <= ship.y <= 91
    assert set(directions) == {NORTH, EAST, SOUTH, WEST}
    turns = sum(a != b for a, b in pairwise(directions))
    assert turns <= 200 * 3 / 60  # straight on from edge to edge


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_new_ships_spread_in_all_directions(guest, name):
    strategy = guest(name)
    assert {command(strategy.decide(Ship(x=50 + index)))[1] for index in range(4)} == {
        NORTH,
        EAST,
        SOUTH,
        WEST,
    }


@pytest.mark.parametrize("name", LIVING_NAMES)
def test_gets_out_of_a_corner(guest, name):
    for corner in [(0, 0), (99, 0), (0, 99), (99, 99)]:
        for direction in range(4):
            ship = Ship(*corner, last_plan=(4 | direction) << 8)
            assert after_move(ship, guest(name).decide(ship)) != corner


# ---- strategy_default ----


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


# ---- strategy_flee ----


@settings(deadline=None, max_examples=300)
@given(case=ships_and_views())
def test_flee_runs_exactly_when_a_ship_is_within_four_cells(bundled_module, case):
    ship, view = case
    near = any(
        kind == SHIP and square_distance((ship.x, ship.y), (kind, _, x, y)) <= 16 for kind, _, x, y in view
    )
    plan = Guest(bundled_module("strategy_flee")).decide(ship, view)
    if near:
        assert command(plan)[0] == "move"
        assert command(plan)[2] == min(ship.thrusters, 15)
    else:
        assert plan == Guest(bundled_module("strategy_default")).decide(ship, view)


@settings(deadline=None, max_examples=300)
@given(case=ships_and_views())
def test_flee_ends_out_of_reach_if_any_direction_does(bundled_module, case):
    ship, view = case
    enemies = [entity for entity in view if entity[0] == SHIP]

    def gap(cell):
        return min(square_distance(cell, enemy) for enemy in enemies)

    if not enemies or gap((ship.x, ship.y)) > 16:
        return
    plan = Guest(bundled_module("strategy_flee")).decide(ship, view)
    ways = [after_move(ship, 0x40 | direction << 4 | min(ship.thrusters, 15)) for direction in range(4)]
    best = max(gap(way) for way in ways)
    chosen = gap(after_move(ship, plan))
    assert chosen > 16 if best > 16 else chosen == best


@pytest.mark.parametrize(("east", "south"), [(4, 0), (-4, 0), (0, 4), (0, -4), (2, 3), (0, 0)])
def test_flee_gains_distance(guest, east, south):
    enemy = (SHIP, 2, 50 + east, 50 + south)
    cell = after_move(Ship(), guest("strategy_flee").decide(Ship(), [enemy]))
    assert square_distance(cell, enemy) > square_distance((50, 50), enemy)


@pytest.mark.parametrize(("east", "south"), [(5, 0), (0, -5), (3, 3), (1, 4)])
def test_flee_stays_calm_beyond_four_cells(guest, east, south):
    view = [(SHIP, 200, 50 + east, 50 + south), (NODE, 0, 50, 50)]
    assert command(guest("strategy_flee").decide(Ship(), [*view, (NODE, 0, 45, 45)])) == ("hold",)


def test_flee_runs_toward_food(guest):
    for node, direction in [((50, 40), NORTH), ((60, 50), EAST), ((50, 60), SOUTH), ((40, 50), WEST)]:
        enemy = (SHIP, 2, 50, 50)
        plan = guest("strategy_flee").decide(Ship(thrusters=5), [enemy, (NODE, 0, *node)])
        assert command(plan)[1] == direction


# ---- strategy_battle ----


STRONG = Ship(energy=100, blasters=10, thrusters=5)


def test_battle_hunts_the_nearest_ship_it_outguns(guest):
    view = [(SHIP, 2, 50, 43), (SHIP, 5, 54, 50), (SHIP, 6, 49, 50), (NODE, 0, 50, 51)]
    assert command(guest("strategy_battle").decide(STRONG, view)) == ("move", EAST, 4)


def test_battle_counts_all_ships_in_the_cell_of_its_prey(guest):
    view = [(SHIP, 3, 54, 50), (SHIP, 3, 54, 50), (NODE, 0, 50, 51)]
    assert command(guest("strategy_battle").decide(STRONG, view)) == ("move", SOUTH, 1)


def test_battle_stays_with_its_prey(guest):
    view = [(SHIP, 4, 50, 50), (NODE, 0, 50, 53)]
    assert command(guest("strategy_battle").decide(STRONG, view)) == ("hold",)


@pytest.mark.parametrize(
    "weak",
    [
        Ship(energy=100, blasters=3, thrusters=5),
        Ship(energy=100, blasters=10, thrusters=5, shield=59),
        Ship(energy=59, blasters=10, thrusters=5),
    ],
    ids=["outgunned", "shield down", "energy low"],
)
def test_battle_hunts_only_when_strong_enough(guest, weak):
    view = [(SHIP, 2, 54, 50), (NODE, 0, 50, 51)]
    assert command(guest("strategy_battle").decide(STRONG, view)) == ("move", EAST, 4)
    plan = guest("strategy_battle").decide(weak, view)
    assert command(plan) == ("move", SOUTH, 1)
    assert plan == guest("strategy_default").decide(weak, view)


def test_battle_does_not_hunt_what_is_far(guest):
    view = [(SHIP, 2, 59, 50), (NODE, 0, 50, 51)]
    assert command(guest("strategy_battle").decide(STRONG, view)) == ("move", SOUTH, 1)


def test_battle_leaves_a_cell_where_it_is_outgunned(guest):
    view = [(SHIP, 11, 50, 50), (SHIP, 2, 54, 50), (NODE, 0, 50, 50), (NODE, 0, 47, 50)]
    assert command(guest("strategy_battle").decide(Ship(energy=900, blasters=10), view)) == ("move", WEST, 3)


def test_battle_arms_before_all_else(guest):
    parts, chosen = [2, 2, 2], []
    for _ in range(12):
        ship = Ship(energy=500, blasters=parts[0], thrusters=parts[1], harvesters=parts[2])
        _, part = command(guest("strategy_battle").decide(ship, [(SHIP, 1, 52, 50)]))
        parts[part] += 1
        chosen.append(part)
    assert chosen[0] == BLASTERS
    assert parts[BLASTERS] == max(parts)


# ---- The example, and what the README says ----


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """The example, built with the command of the README."""
    npm = shutil.which("npm")
    assert npm, "npm is missing: install Node.js 20 or later"
    assert (ASSEMBLYSCRIPT_FOLDER / "node_modules").exists(), f"the compiler is missing: {BUILD_COMMAND}"
    path = tmp_path_factory.mktemp("example") / "mine.wasm"
    build = [npm, "run", "build", "--", "my_strategy.ts", "-o", str(path)]
    built = subprocess.run(build, capture_output=True, text=True, check=False, cwd=ASSEMBLYSCRIPT_FOLDER)
    assert built.returncode == 0, built.stdout + built.stderr
    return wasmtime.Module.from_file(engine(), path)


def test_the_example_builds_and_flies(example):
    assert [imported.name for imported in example.imports] == []
    strategy = Guest(example)
    assert command(strategy.decide(Ship(), [(NODE, 0, 50, 45), (NODE, 0, 48, 50)])) == ("move", WEST, 2)
    assert command(strategy.decide(Ship(), [(NODE, 0, 50, 50)])) == ("hold",)
    assert command(strategy.decide(Ship(energy=150))) == ("upgrade", HARVESTERS)
    assert command(strategy.decide(Ship())) == ("move", NORTH, 2)
    turned = strategy.decide(Ship(y=0))
    assert command(turned) == ("move", EAST, 2)
    assert command(strategy.decide(Ship(y=0, last_plan=turned))) == ("move", EAST, 2)


def test_the_readme_shows_the_example_as_it_is():
    readme = (REPOSITORY / "strategies" / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"```ts\n(.*?)```", readme, flags=re.DOTALL)
    assert (ASSEMBLYSCRIPT_FOLDER / "my_strategy.ts").read_text(encoding="utf-8") in shown
