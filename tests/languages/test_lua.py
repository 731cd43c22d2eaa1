"""Lua: what a strategy may rely on there, errors and coroutines among it, and what is said when it cannot be built."""

from pathlib import Path

import pytest

from tests.languages.pilot import Pilot
from tests.languages.toolchains import TABLE, source_of
from tests.strategies.guest import NODE, SHIP, Ship
from tests.strategies.plans import EAST, HARVESTERS, NORTH, SOUTH, THRUSTERS, WEST, after_move, command
from wasmverse.errors import SourceRefused
from wasmverse.languages.build import build
from wasmverse.settings import Settings
from wasmverse.strategies.inspection import inspect_module
from wasmverse.wasm.sections import imports_of

HELPER = source_of("lua").with_name("wasmverse.lua")

CASES = """
local w = require "wasmverse"
local other = require "other"
assert(require "other" == other and other.runs == 1)

local cases = {
  function(ship) return ship.memory end,
  function(ship) return w.upgrade(w.HARVESTERS, ship.memory) end,
  function(ship, system) return w.hold(#system) end,
  function(_, system)
    local one, two = system[1], system[2]
    return w.hold(one.kind << 24 | one.danger << 16 | one.x << 8 | one.y | two.kind << 48 | two.x << 40 | two.y << 32)
  end,
  function()
    local caught = 0
    for number = 1, 100 do
      local fine, thrown = pcall(error, {number = number})
      if not fine and thrown.number == number then caught = caught + 1 end
    end
    return w.hold(caught)
  end,
  function()
    local steps = coroutine.wrap(function(sum) while true do sum = sum + coroutine.yield(sum) end end)
    steps(1)
    steps(10)
    local failing = coroutine.create(function() local nothing; return nothing.x end)
    local fine, said = coroutine.resume(failing)
    assert(not fine and said:find "attempt to index a nil value" and coroutine.status(failing) == "dead")
    return w.hold(steps(100))
  end,
  function()
    local closed = 0
    local function caught(depth)
      local closing <close> = setmetatable({}, {__close = function() closed = closed + 1 end})
      if depth == 0 then error("deep", 0) end
      local fine, said = pcall(caught, depth - 1)
      error(fine and "?" or said, 0)
    end
    local _, said = pcall(caught, 20)
    local replaced = ("a1b2"):gsub("%d", function(digit) return pcall(error, digit) and "" or digit + 1 end)
    assert(said == "deep" and replaced == "a2b3")
    return w.hold(closed)
  end,
  function() return w.hold(math.random(0, w.MEMORY_MAX)) end,
  function()
    print("said", 1, nil)
    local missing = not (io or os or debug or package or dofile or loadfile)
    return w.hold(missing and load and utf8 and 8 or 0)
  end,
  function() return {} end,
  function() return other.nothing.at end,
}
return function(ship, system) return cases[ship.y](ship, system) end
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wasmverse.lua").write_bytes(HELPER.read_bytes())
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "tried.lua"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    folder = tmp_path_factory.mktemp("lua")
    (folder / "wasmverse.lua").write_bytes(HELPER.read_bytes())
    (folder / "other.lua").write_text("runs = (runs or 0) + 1\nreturn {runs = runs}\n")
    module = build(written(folder, CASES.lstrip())).module.read_bytes()
    assert {it.module for it in imports_of(module)} == {"wasi_snapshot_preview1"}
    return Pilot(inspect_module(module, "tried", Settings(budget_fuel=TABLE["lua"].budget_fuel)))


def test_the_ship_and_what_it_sees_arrive_whole(tried: Pilot) -> None:
    memory = 0xFE_DCBA_9876_5432
    assert tried.decide(Ship(y=1, last_plan=memory << 8)) == memory
    assert tried.decide(Ship(y=2, last_plan=memory << 8)) == memory << 8 | 0x82
    seen = [(SHIP, 255, 99, 7), (NODE, 0, 6, 5)]
    assert tried.decide(Ship(y=4), seen) >> 8 == 0x02_06_05_01_FF_63_07


def test_a_system_has_no_more_than_is_in_view(tried: Pilot) -> None:
    sizes = [3, 0, 7, 7, 90, 1, 89]
    plans, outcome = tried.decide_all([(Ship(y=3), [(NODE, 0, 1, 1)] * size) for size in sizes])
    assert outcome.faults == 0
    assert [plan >> 8 for plan in plans] == sizes


def test_errors_are_caught_and_coroutines_resumed(tried: Pilot) -> None:
    for _ in range(2):
        plans, outcome = tried.decide_all([(Ship(y=y), []) for y in (5, 6, 7)] * 20)
        assert outcome.faults == 0, outcome.log
        assert [plan >> 8 for plan in plans] == [100, 111, 21] * 20


def test_chance_is_another_for_each_ship_and_the_same_again(tried: Pilot) -> None:
    plans, _ = tried.decide_all([(Ship(y=8), [])] * 50)
    assert len(set(plans)) == 50
    assert tried.decide_all([(Ship(y=8), [])] * 50)[0] == plans


def test_what_is_printed_is_logged_and_there_is_nothing_to_open(tried: Pilot) -> None:
    [plan], outcome = tried.decide_all([(Ship(y=9), [])])
    assert plan >> 8 == 8
    assert outcome.log.endswith(b"said\t1\tnil\n")


def test_an_error_that_nothing_catches_is_a_fault_with_its_place(tried: Pilot) -> None:
    line = 1 + CASES.lstrip().splitlines().index("  function() return other.nothing.at end,")
    for y, said in (
        (10, "decide returned table; a plan is an integer"),
        (11, f"tried.lua:{line}: attempt to index"),
    ):
        _, outcome = tried.decide_all([(Ship(y=y), [])])
        assert (outcome.faults, outcome.reason) == (1, "trapped: unreachable")
        assert said.encode() in outcome.log
    plans, outcome = tried.decide_all([(Ship(y=11), []), (Ship(y=5), [])])
    assert (outcome.faulted, plans[1] >> 8) == ([0], 100)


def test_the_same_source_gives_the_same_bytes(folder: Path) -> None:
    path = written(folder, "return function() return 0 end\n")
    assert build(path).module.read_bytes() == build(path).module.read_bytes()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            "local w = require 'wasmverse'\nreturn function( return 0 end\n",
            2,
            "<name> or '...' expected near 'return'",
        ),
        ("local nothing\n\nnothing.here()\n", 3, "attempt to index a nil value (local 'nothing')"),
        ("require 'elsewhere'\n", 1, "there is no file elsewhere.lua beside the strategy"),
        ("function decide() end\n", 1, "a strategy's file must return its function decide(ship, system)"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(folder: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(SourceRefused) as raised:
        build(written(folder, text))
    [complaint, *_] = raised.value.complaints
    assert (complaint.file, complaint.line, complaint.text) == (folder / "tried.lua", line, said)


# ---- Lua: a hermit


@pytest.fixture
def hermit(pilot):
    return pilot("lua")


def test_the_hermit_makes_for_the_loneliest_node(hermit):
    seen = [(SHIP, 2, 59, 50), (NODE, 0, 53, 50), (NODE, 0, 50, 46), (NODE, 0, 44, 50)]
    assert command(hermit.decide(Ship(), seen)) == ("move", WEST, 6)  # 15 cells from the other, not 13 or 6
    assert command(hermit.decide(Ship(), seen[1:])) == ("move", EAST, 3)  # alone, all are as good


def test_the_hermit_goes_nowhere_where_somebody_is_first(hermit):
    seen = [(SHIP, 2, 59, 50), (SHIP, 2, 42, 50), (NODE, 0, 50, 46), (NODE, 0, 44, 50)]
    assert command(hermit.decide(Ship(), seen)) == ("move", NORTH, 4)
    assert command(hermit.decide(Ship(), [(SHIP, 2, 50, 45), (NODE, 0, 50, 46)]))[:2] == ("move", SOUTH)


@pytest.mark.parametrize(
    ("company", "way"), [((53, 50), WEST), ((47, 51), EAST), ((50, 54), NORTH), ((49, 47), SOUTH)]
)
def test_the_hermit_leaves_company_and_goes_on(hermit, company, way):
    plan = hermit.decide(Ship(), [(SHIP, 2, *company)])
    assert command(plan)[:2] == ("move", way)
    assert command(hermit.decide(Ship(last_plan=plan)))[:2] == ("move", way)


def test_the_hermit_is_never_cornered(hermit):
    for x, y in ((0, 0), (99, 0), (0, 99), (99, 99)):
        chaser = (SHIP, 9, x + (1 if x == 0 else -1), y)
        assert after_move(Ship(x=x, y=y), hermit.decide(Ship(x=x, y=y), [chaser])) != (x, y)


def test_the_hermit_buys_legs_first(hermit):
    assert command(hermit.decide(Ship(energy=150))) == ("upgrade", THRUSTERS)
    assert command(hermit.decide(Ship(energy=150, thrusters=5))) == ("upgrade", HARVESTERS)
