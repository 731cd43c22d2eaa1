"""Who flies, as the registry makes it of rows that a store keeps; no store, no turns."""

from dataclasses import dataclass
from hashlib import sha256

import wasmtime

from tests.wasm.builder import strategy_wat
from wasmverse.commands import BUNDLED_OWNER
from wasmverse.simulation.registry import Registry
from wasmverse.strategies.roster import FLYING, GROUNDED, REMOVED
from wasmverse.wasm.engine import compile_for_flight

MODULE = bytes(wasmtime.wat2wasm(strategy_wat("i64.const 0")))
NONSENSE = b"\0asm nonsense"


@dataclass
class Row:
    """Of ``strategy``."""

    strategy_id: int
    name: str
    sha256: str = "good"
    export: str = "decide"
    owner: str = "name:ada"
    is_enabled: bool = True
    status: str = FLYING
    last_fault: str | None = None
    budget_fuel: int | None = None


class Modules:
    """Reads of modules, counted."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, key: str) -> bytes:
        self.read.append(key)
        return MODULE if key == "good" else NONSENSE


def test_a_module_is_read_and_compiled_once_however_many_fly_it() -> None:
    registry, modules = Registry(), Modules()
    rows = [Row(2, "second"), Row(1, "first", is_enabled=False)]
    assert registry.load(rows, modules) == []
    assert registry.load(rows, modules) == []
    assert modules.read == ["good"]
    first, second = registry.roster.strategies
    assert (first.name, first.is_dealt, second.name, second.is_dealt) == ("first", False, "second", True)
    assert first.guest is second.guest is not None
    assert list(registry.compiled_bytes) == ["good"]


def test_a_module_that_cannot_fly_any_more_is_grounded_and_told_of_once() -> None:
    registry = Registry()
    rows = [Row(1, "fine"), Row(2, "broken", sha256="bad")]
    [verdict] = registry.load(rows, Modules())
    assert (verdict.name, verdict.status) == ("broken", GROUNDED)
    assert verdict.last_fault.startswith("grounded, its module cannot fly any more: ")
    assert [(each.status, each.guest is None) for each in registry.roster.strategies] == [
        (FLYING, False),
        (GROUNDED, True),
    ]
    rows[1].status = GROUNDED
    assert registry.load(rows, Modules()) == []


def test_the_module_of_a_removed_strategy_is_neither_read_nor_kept() -> None:
    registry, modules = Registry(), Modules()
    registry.load([Row(1, "mine")], modules)
    assert registry.load([Row(1, "mine", status=REMOVED)], modules) == []
    [strategy] = registry.roster.strategies
    assert (strategy.status, strategy.guest) == (REMOVED, None)
    assert modules.read == ["good"]
    assert registry.compiled_bytes == {}


def test_what_is_known_of_a_strategy_goes_with_it_and_begins_again_with_an_upload() -> None:
    registry = Registry()
    registry.bad_turns = {"mine": 3, "gone": 9}
    registry.load(
        [Row(1, "mine", last_fault="turn 4: trapped"), Row(2, "ours", owner=BUNDLED_OWNER)], Modules()
    )
    assert registry.bad_turns == {"mine": 3}
    assert registry.faults == {"mine": "turn 4: trapped", "ours": None}
    assert registry.spared == {"ours"}
    compiled = bytes(compile_for_flight(MODULE).serialize())
    registry.add(sha256(MODULE).hexdigest(), compiled, ["mine", "new"])
    assert registry.bad_turns == {}
    assert registry.compiled_bytes[sha256(MODULE).hexdigest()] == len(compiled)


def test_a_module_that_was_added_is_not_read() -> None:
    registry, modules = Registry(), Modules()
    registry.add("good", bytes(compile_for_flight(MODULE).serialize()), ["mine"])
    registry.load([Row(1, "mine")], modules)
    assert modules.read == []
    assert registry.roster.strategies[0].guest is not None
