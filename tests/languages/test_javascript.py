"""JavaScript in QuickJS: what a strategy may rely on there, and what is said when it cannot be built."""

from pathlib import Path

import pytest

from tests.languages.toolchains import source_of
from tests.strategies.guest import Ship
from tests.strategies.plans import command
from wasmverse.errors import SourceRefused
from wasmverse.languages.build import build
from wasmverse.languages.flown import Fault, decide_in
from wasmverse.pilot import MEMORY_MAX, NODE, SHIP, Direction, Entity, System, hold, move
from wasmverse.pilot import Ship as Pilot
from wasmverse.wasm.sections import imports_of

HELPER = source_of("javascript").with_name("wasmverse.js")
FUEL = 500_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wasmverse.js").write_bytes(HELPER.read_bytes())
    return tmp_path


def written(folder: Path, body: str, head: str = "") -> Path:
    path = folder / "tried.js"
    path.write_text(
        f'import * as w from "./wasmverse.js";\n{head}\nexport function decide(ship, system) {{\n{body}\n}}\n'
    )
    return path


TRIED = """
  switch (ship.y) {
    case 4: return w.hold(JSON.stringify([ship, system]) === expected ? 1 : 0);
    case 10: return w.hold(w.MEMORY_MAX);
    case 11: return w.move(w.Direction.West, 99, 7);
    case 12: return w.upgrade(w.Part.Harvesters, ship.memory);
    case 13: return w.hold(Math.floor(Math.random() * w.MEMORY_MAX));
    case 14: return w.hold(system[0].x);
    default: return w.moveToward(ship, w.nearest(w.NODE, ship, system) ?? ship, 5);
  }
"""
EXPECTED = (
    '[{"x":3,"y":4,"energy":65535,"shield":6,"blasters":255,"thrusters":8,"harvesters":9,"memory":1099511627775,'
    '"lastCommand":130},[{"kind":1,"danger":2,"x":10,"y":99},{"kind":2,"danger":0,"x":0,"y":7}]]'
)


@pytest.fixture(scope="module")
def decide(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("javascript")
    (folder / "wasmverse.js").write_bytes(HELPER.read_bytes())
    return decide_in(
        build(written(folder, TRIED, f"const expected = '{EXPECTED}';")).module.read_bytes(), FUEL
    )


def test_the_ship_and_what_it_sees_arrive_whole(decide):
    ship = Pilot(3, 4, 65_535, 6, 255, 8, 9, 2**40 - 1, 130)
    seen = System([Entity(SHIP, 10, 99, 2), Entity(NODE, 0, 7)])
    assert decide(ship, seen) == hold(1)
    assert decide(ship, System()) == hold(0)
    assert decide(ship, seen) == hold(1)


def test_plans_have_the_bits_of_the_rules(decide):
    assert decide(Pilot(1, 10), System()) == hold(2**40 - 1)
    assert decide(Pilot(1, 11), System()) == move(Direction.WEST, 99, 7)
    assert decide(Pilot(1, 12, memory=MEMORY_MAX), System()).memory == 2**40 - 1
    assert decide(Pilot(50, 50), System([Entity(NODE, 60, 50), Entity(NODE, 50, 47)])) == move(
        Direction.NORTH, 3, 5
    )
    assert decide(Pilot(50, 50), System()) == hold(5)


def test_chance_does_not_differ_from_time_to_time(decide):
    assert decide(Pilot(1, 13), System()) == decide(
        Pilot(1, 13), System()
    )  # each is row 0 of a run of its own


def test_an_exception_is_a_fault(decide):
    with pytest.raises(Fault, match="trapped: unreachable"):
        decide(Pilot(1, 14), System())


def test_the_gambler_draws_another_node_for_another_ship_and_keeps_to_it(pilot):
    gambler = pilot("javascript")
    seen = [(NODE, 0, 55, 50), (NODE, 0, 45, 50), (NODE, 0, 50, 55)]
    plans, outcome = gambler.decide_all([(Ship(), seen)] * 200)
    assert outcome.faults == 0
    assert {command(plan)[1] for plan in plans} == {1, 2, 3}
    again, _ = gambler.decide_all([(Ship(last_plan=plan), seen) for plan in plans])
    assert again == plans
    assert plans == gambler.decide_all([(Ship(), seen)] * 200)[0]


def test_the_same_source_gives_the_same_bytes_which_import_wasi_alone(folder):
    path = written(folder, "return w.hold(1);")
    one = build(path).module.read_bytes()
    assert build(path).module.read_bytes() == one
    assert {it.module for it in imports_of(one)} == {"wasi_snapshot_preview1"}
    assert len(one) < 1_300_000


def test_what_cannot_be_read_is_said_with_its_place(folder):
    for body, head, line, text in [
        ("return (;", "", 4, "SyntaxError: "),
        ("return 1;", "nothing.here;", 2, "ReferenceError: nothing is not defined"),
        ("return 1;", 'import { nowhere } from "./wasmverse.js";', 0, "SyntaxError: "),
        (
            "return 1;",
            'import "./missing.js";',
            0,
            "ReferenceError: there is no file missing.js beside the strategy",
        ),
    ]:
        with pytest.raises(SourceRefused) as raised:
            build(written(folder, body, head))
        complaint = raised.value.complaints[0]
        assert complaint.file == folder / "tried.js"
        assert complaint.text.startswith(text)
        assert complaint.line == line
