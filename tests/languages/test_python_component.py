"""Python as a component: what its strategy does as plain Python, in a universe, and what is said when it cannot be built."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.languages.test_flight import random_cases
from tests.languages.test_personalities import follow
from tests.languages.toolchains import TABLE, source_of
from tests.strategies.guest import NODE, SHIP
from tests.strategies.guest import Ship as Asked
from tests.strategies.plans import EAST, SOUTH, WEST, command
from wasmverse.commands import Author, SpawnEntity, UploadStrategy
from wasmverse.errors import SourceRefused
from wasmverse.languages.build import build
from wasmverse.languages.componentized import complaint_in
from wasmverse.pilot import Plan, Ship, System
from wasmverse.settings import Settings
from wasmverse.simulation.beginning import bundled_founders, make_laws
from wasmverse.storage.opening import found_universe

SOURCE = source_of("python_component")
BUDGET_FUEL = TABLE["python_component"].budget_fuel


@pytest.fixture(scope="module")
def decide() -> Callable[[Ship, System], Plan]:
    """The strategy as plain Python."""
    spec = importlib.util.spec_from_file_location("postman", SOURCE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.decide


def test_it_plans_as_plain_python_does(pilot, decide) -> None:
    cases = list(random_cases(seed=2))
    plans, outcome = pilot("python_component").decide_all(cases)
    assert outcome.faults == 0
    for plan, (ship, seen) in zip(plans, cases, strict=True):
        parts = ship.blasters, ship.thrusters, ship.harvesters
        memory, command = divmod(ship.last_plan, 256)
        asked = Ship(ship.x, ship.y, ship.energy, ship.shield, *parts, memory, command)
        assert plan == decide(asked, System.of_bytes(bytes(value for entity in seen for value in entity)))


def test_it_flies_in_a_universe_with_the_fuel_that_it_declares(inspection, module) -> None:
    settings = Settings(systems=4, ships=12, nodes=40, seed=5, threads=1)
    store = found_universe(make_laws(settings), bundled_founders(), settings)
    try:
        found = inspection("python_component")
        found = replace(found, strategies={"postman": found.strategies["tried"]}, trials={}, costs={})
        uploaded = module("python_component").read_bytes()
        author = Author.named("ada")
        store.carry_out(UploadStrategy("postman", uploaded, found, author, budget_fuel=BUDGET_FUEL))
        for sid in range(1, 5):
            for x in (20, 50, 80):
                store.carry_out(SpawnEntity(sid, 1, x, 50, "postman"))
        totals: Counter[str] = Counter()
        for _ in range(30):
            store.advance()
            [turn] = [
                row
                for row in store.snapshot()["strategy_turn"].to_pylist()
                if (row["strategy"], row["tid"]) == ("postman", store.tid)
            ]
            totals.update({name: turn[name] for name in ("harvested", "fuel", "ships", "faults")})
        [row] = [row for row in store.snapshot()["strategy"].to_pylist() if row["name"] == "postman"]
    finally:
        store.close()
    assert (row["status"], row["last_fault"]) == ("flying", None)
    assert (row["language"], row["budget_fuel"]) == ("Python", BUDGET_FUEL)
    assert totals["faults"] == 0
    assert totals["ships"] > 30 * 5
    assert 60_000 < totals["fuel"] / totals["ships"] < BUDGET_FUEL
    assert totals["harvested"] > 100


def written(folder: Path, text: str) -> Path:
    (folder / "strategy.wit").write_bytes(SOURCE.with_name("strategy.wit").read_bytes())
    path = folder / "tried.py"
    path.write_text(text)
    return path


def test_what_cannot_be_imported_is_said_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("TABLE = [1]\n\nLAST = TABLE[1]\n")
    path = written(tmp_path, "from beside import LAST\n\ndef decide(ship, system):\n    return LAST\n")
    with pytest.raises(SourceRefused) as raised:
        build(path)
    [complaint] = raised.value.complaints
    assert (complaint.file, complaint.line) == (tmp_path / "beside.py", 3)
    assert complaint.text == "IndexError: list index out of range"
    assert not path.with_suffix(".wasm").exists()


def traceback(*lines: str) -> str:
    return "\n".join(
        ["Traceback (most recent call last):", '  File "/opt/bin/componentize-py", line 8, in <module>',
         "AssertionError: Traceback (most recent call last):",
         '  File "/1/wasmverse_app.py", line 1, in <module>', *lines, "", "", "Caused by:", "    again",
         "", "Stack backtrace:", "   0: <anyhow::Error>::msg"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            traceback(
                '  File "/0/tried.py", line 3', "    def decide(", "    ^", "SyntaxError: expected ':'"
            ),
            "tried.py:3: SyntaxError: expected ':'",
        ),
        (
            traceback("ImportError: cannot import name 'decide' from 'tried' (/0/tried.py)"),
            "tried.py:1: ImportError: cannot import name 'decide' from 'tried' (/0/tried.py)",
        ),
        ("error: unexpected argument", "tried.py:1: error: unexpected argument"),
        ("", "tried.py:1: it failed without saying why"),
    ],
)
def test_what_componentize_py_says_is_read(output: str, said: str, tmp_path: Path) -> None:
    assert complaint_in(output, written(tmp_path, "")) == said


def test_the_compiled_python_is_another_language(tmp_path: Path) -> None:
    """The same file is built by numba where nothing is beside it."""
    path = written(
        tmp_path, "from wasmverse.pilot import hold\n\ndef decide(ship, system):\n    return hold(5)\n"
    )
    assert build(path, language="python").found.compiler.name == "numba"
    (tmp_path / "strategy.wit").unlink()
    assert build(path).found.compiler.name == "numba"


# ---- CPython: a postman


@pytest.fixture
def postman(pilot):
    return pilot("python_component")


LETTERS = [(NODE, 0, 45, 50), (NODE, 0, 56, 50), (NODE, 0, 60, 50)]


def test_the_postman_flies_the_shortest_round_not_to_the_nearest_stop(postman):
    ship = Asked(x=51)
    assert command(postman.decide(ship, LETTERS)) == ("move", WEST, 6)  # 6 + 15 cells, not 5 + 4 + 15
    assert command(postman.decide(ship, LETTERS[:2])) == ("move", EAST, 5)  # 5 + 11 cells, not 6 + 11


def test_the_postman_keeps_to_its_stop(postman):
    plan = postman.decide(Asked(), LETTERS)
    seen = [(NODE, 0, 48, 51), (NODE, 0, 49, 51), LETTERS[0]]
    assert command(postman.decide(Asked(x=48, last_plan=plan), seen)) == ("move", WEST, 3)
    assert command(postman.decide(Asked(x=48), seen))[1] != WEST
    assert command(postman.decide(Asked(x=48, last_plan=plan), seen[:2])) == ("move", SOUTH, 1)


def test_the_postman_leaves_a_stop_where_somebody_is(postman):
    plan = postman.decide(Asked(), LETTERS)
    assert command(postman.decide(Asked(last_plan=plan), [(SHIP, 2, 45, 50), *LETTERS])) == ("move", EAST, 6)


def test_the_postman_walks_through_all_districts(postman):
    cells = follow(postman, Asked(thrusters=15), turns=60)
    assert {(x * 3 // 100, y * 3 // 100) for x, y in cells} == {(x, y) for x in range(3) for y in range(3)}
