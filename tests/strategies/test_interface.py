"""What every bundled strategy has to be as a module: its exports, its memory, its fuel, valid plans."""

import random

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from .guest import BUNDLED_FOLDER, NODE, SHIP, Guest, Ship, engine
from .plans import BUDGET_FUEL, NAMES, SOUTH, command, ships_and_views


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


@settings(deadline=None)
@given(case=ships_and_views())
def test_blank_always_holds(bundled_module, case):
    assert Guest(bundled_module("strategy_blank")).decide(*case) == 0
