"""A strategy's file is the same strategy, compiled or not."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import wasmtime

from tests.strategies.guest import engine
from tests.typed_python.compiled import SOURCES, WANDERER, pilot_of, random_observations
from wasmverse.pilot import Entity, Ship, System
from wasmverse.strategies.inspection import inspect_module
from wasmverse.typed_python.compiler import compile_strategy
from wasmverse.typed_python.linker import PAGE_BYTES
from wasmverse.typed_python.source import load
from wasmverse.typed_python.target import raised

ALL = [WANDERER, *sorted(SOURCES.glob("*.py"))]
FAULTS = (IndexError, ZeroDivisionError, AssertionError, ValueError)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_compiled_and_plain_python_return_the_same_plans(path: Path) -> None:
    plain, compiled = load(path), pilot_of(compile_strategy(path))
    met = set()
    for ship, system in random_observations(seed=7, count=3_000):
        try:
            expected = plain(ship, system)
        except FAULTS as fault:
            met.add(type(fault))
            with pytest.raises(wasmtime.Trap):
                compiled(ship, system)
            continue
        assert compiled(ship, system) == expected, (ship, system)
    assert met == (set(FAULTS) if path.stem == "everything" else set())


def test_a_module_is_small_imports_nothing_and_says_what_made_it(bundled_settings) -> None:
    module = compile_strategy(WANDERER)
    assert len(module) < 1_100
    assert wasmtime.Module(engine(), module).imports == []
    found = inspect_module(module, "wanderer", bundled_settings)
    assert found.language == "Python"
    assert found.strategies == {"wanderer": "decide"}
    assert found.trials["wanderer"].fault is None
    assert found.trials["wanderer"].fuel_most < 1_500


RAISING = """from wasmverse.pilot import hold

def check(x):
    assert x < 70, "this is too far"
    assert x != 60

def decide(ship, system):
    check(ship.x)
    if ship.x == 30:
        raise ValueError("x is thirty, " + "é" * 3)
    if ship.x == 31:
        raise ValueError
    return hold(system[ship.y].x // (ship.x - 40))
"""
RAISED = {
    (70, 0): "AssertionError: this is too far at raising.py:4",
    (60, 0): "AssertionError at raising.py:5",
    (30, 0): "ValueError: x is thirty, ééé at raising.py:10",
    (31, 0): "ValueError at raising.py:12",
    (40, 0): "ZeroDivisionError: integer division by zero",
    (41, 1): "IndexError: no entity of this number is in view",
}


def test_a_long_text_of_an_exception_leaves_room_for_its_place(tmp_path: Path) -> None:
    told = raised(ValueError, ("x" * 300,), SimpleNamespace(filename=str(tmp_path / "raising.py"), line=7))
    assert len(told) == 250
    assert told.startswith("ValueError: xxx") and told.endswith("xxx at raising.py:7")


def test_what_is_raised_is_printed_with_its_place_before_the_trap(tmp_path: Path) -> None:
    path = tmp_path / "raising.py"
    path.write_text(RAISING)
    said: list[str] = []
    decide = pilot_of(compile_strategy(path), said)
    seen = System([Entity(2, 50, 60)])
    for (x, y), told in RAISED.items():
        with pytest.raises(wasmtime.Trap):
            decide(Ship(x, y), seen)
        assert said.pop() == told
    assert decide(Ship(41, 0), seen).memory == 50
    assert said == []


def build(path: Path, to: Path, **variables: str) -> bytes:
    command = [sys.executable, "-m", "wasmverse.typed_python", str(path), "-o", str(to)]
    subprocess.run(command, check=True, env={**os.environ, **variables}, cwd=to.parent)
    return to.read_bytes()


def test_the_same_source_gives_the_same_bytes_wherever_and_however_it_is_built(tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "another_name.py"
    copy.parent.mkdir()
    copy.write_bytes(WANDERER.read_bytes())
    one = build(WANDERER, tmp_path / "one.wasm", PYTHONHASHSEED="1", NUMBA_OPT="0")
    other = build(copy, tmp_path / "elsewhere" / "other.wasm", PYTHONHASHSEED="2")
    assert one == other
    compile_strategy(SOURCES / "everything.py")
    assert compile_strategy(WANDERER) == one, "what was compiled before makes a difference"


def test_room_grows_with_what_a_ship_sees() -> None:
    decide = pilot_of(compile_strategy(WANDERER))
    crowd = System([Entity(2, 50, 60)] * PAGE_BYTES)
    assert decide(Ship(50, 50), crowd).command == 0x40 | 2 << 4 | 10


def test_two_functions_of_one_signature_are_two_functions(tmp_path: Path) -> None:
    """numba tells compiled functions apart by what it could call, which is nothing here."""
    path = tmp_path / "two.py"
    path.write_text(
        "from wasmverse.pilot import hold\n"
        "def one(x):\n    return x + 1\n"
        "def other(x):\n    return x * 5\n"
        "def decide(ship, system):\n    return hold(one(ship.x) * 1000 + other(ship.x))\n"
    )
    assert pilot_of(compile_strategy(path))(Ship(7, 0), System()).memory == 8 * 1000 + 35


def test_modules_beside_the_file_are_compiled_with_it(tmp_path: Path) -> None:
    (tmp_path / "tactics.py").write_text(
        "from wasmverse.pilot import move\n\ndef flee(ship):\n    return move(3, ship.thrusters)\n"
    )
    path = tmp_path / "runner.py"
    path.write_text("from tactics import flee\n\ndef decide(ship, system):\n    return flee(ship)\n")
    try:
        assert pilot_of(compile_strategy(path))(Ship(7, 0), System()).command == 0x40 | 3 << 4 | 2
    finally:
        sys.modules.pop("tactics", None)
