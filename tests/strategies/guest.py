"""Strategies as guests: load a module, give it a ship and what it sees, read its plan."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import wasmtime

REPOSITORY = Path(__file__).parents[2]
BUNDLED_FOLDER = REPOSITORY / "server" / "wasmverse" / "bundled"
ASSEMBLYSCRIPT_FOLDER = REPOSITORY / "strategies" / "assemblyscript"
BUILD_COMMAND = "cd strategies/assemblyscript && npm ci && npm run build"

SHIP, NODE = 1, 2
UINT64_MASK = (1 << 64) - 1


@cache
def engine() -> wasmtime.Engine:
    """One engine for all tests, made when the first test runs.

    Not before: wasmtime notices traps by signals. If pytest's fault handler starts after the first engine, it
    takes those signals over, and a trap ends the whole run.
    """
    return wasmtime.Engine()


@dataclass(frozen=True)
class Ship:
    """A ship before its turn, by default a new one in the middle of its system."""

    x: int = 50
    y: int = 50
    energy: int = 100
    shield: int = 100
    blasters: int = 2
    thrusters: int = 2
    harvesters: int = 2
    last_plan: int = 0


class Guest:
    """One instance of a module, as the universe makes one for each block, strategy and turn."""

    def __init__(self, module: wasmtime.Module, metered: wasmtime.Engine | None = None, fuel: int = 0):
        self.store = wasmtime.Store(metered or engine())
        if metered:
            self.store.set_fuel(fuel)
        self.exports = wasmtime.Instance(self.store, module, []).exports(self.store)

    @property
    def memory_bytes(self) -> int:
        return self.exports["memory"].data_len(self.store)

    def room(self, size: int) -> int:
        return self.exports["cabi_realloc"](self.store, 0, 0, 1, size)

    def decide(self, ship: Ship, entities=()) -> int:
        """The plan for a ship that sees `entities`: tuples of kind, danger, x, y."""
        system = bytes(value for entity in entities for value in entity)
        address = self.room(len(system))
        self.exports["memory"].write(self.store, system, address)
        plan = self.exports["decide"](
            self.store, SHIP, ship.x, ship.y, ship.energy, ship.shield, ship.blasters, ship.thrusters,
            ship.harvesters, ship.last_plan, address, len(system),
        )  # fmt: skip
        return plan & UINT64_MASK
