"""A compiled strategy that can be asked as the Python function is, and random observations for both."""

import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import wasmtime

from tests.strategies.guest import engine
from wasmverse.pilot import GRID_SIZE, MEMORY_MAX, NODE, SHIP, Entity, Plan, Ship, System

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).parent / "sources"
WANDERER = ROOT / "strategies" / "python" / "wanderer.py"


def pilot_of(module: bytes, said: list[str] | None = None) -> Callable[[Ship, System], Plan]:
    """``decide`` of a module, by the Canonical ABI; a trap is a `wasmtime.Trap`. What it prints goes to ``said``."""
    store, linker = wasmtime.Store(engine()), wasmtime.Linker(engine())

    def fd_write(caller: wasmtime.Caller, file: int, vectors: int, count: int, written: int) -> int:
        assert (file, count) == (2, 1)
        memory = caller["memory"]
        at, size = struct.unpack("<II", memory.read(caller, vectors, vectors + 8))
        memory.write(caller, struct.pack("<I", size), written)
        if said is not None:
            said.append(memory.read(caller, at, at + size).decode())
        return 0

    i32 = wasmtime.ValType.i32()
    type_ = wasmtime.FuncType([i32] * 4, [i32])
    linker.define_func("wasi_snapshot_preview1", "fd_write", type_, fd_write, access_caller=True)
    exports = linker.instantiate(store, wasmtime.Module(engine(), module)).exports(store)

    def decide(ship: Ship, system: System) -> Plan:
        seen = bytes(system)
        room = exports["cabi_realloc"](store, 0, 0, 1, len(seen))
        exports["memory"].write(store, seen, room)
        last_plan = ship.memory << 8 | ship.last_command
        answer = exports["decide"](store, 1, *ship[:7], last_plan, room, len(seen))
        return Plan(answer & (1 << 64) - 1)

    return decide


def random_observations(seed: int, count: int) -> Iterator[tuple[Ship, System]]:
    """Ships of all kinds, and what they see."""
    draw = random.Random(seed)

    def near(at: int) -> int:
        return min(max(at + draw.randint(-11, 11), 0), GRID_SIZE - 1)

    for _ in range(count):
        x, y = draw.randrange(GRID_SIZE), draw.randrange(GRID_SIZE)
        parts = [draw.choice((0, 2, 3, 5, 7, 40, 255)) for _ in range(3)]
        memory = draw.choice((0, 1, draw.randrange(1 << 16), draw.randrange(MEMORY_MAX + 1), MEMORY_MAX))
        ship = Ship(x, y, draw.randint(1, 400), draw.randint(1, 100), *parts, memory, draw.randrange(256))
        kinds = [draw.choice((SHIP, NODE, NODE)) for _ in range(draw.choice((0, 1, 5, 26)))]
        seen = [Entity(kind, near(x), near(y), draw.randint(0, 9) if kind == SHIP else 0) for kind in kinds]
        yield ship, System(seen)
