"""What a strategy costs: fuel and nanoseconds a call, for ships that see about 13 entities.

    python strategies/measure.py server/wasmverse/bundled/*.wasm

Fuel is exact and the same on every machine: it counts `cabi_realloc` and `decide`. Time depends on the
machine: it is the best of five runs of a small loop inside WebAssembly, which asks for room, copies the list
and calls, with fuel metering on, as the universe does. Ships and what they see are random; a third of the
entities are ships, and all lie within 11 columns and 11 rows, so ships meet more often than in the universe.
"""

import random
import struct
import sys
import time

import wasmtime

CALLS = 4096
ENTITIES_MAX = 26
LOOPS = 50
ROUNDS = 5
ROW_BYTES = 48 + 4 * ENTITIES_MAX

Row = tuple[tuple[int, ...], int, bytes]

PARAMETERS = "i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32"
ROW_FIELDS = "\n".join(f"(i32.load $host offset={4 * field} (local.get $row))" for field in range(8))
DRIVER = f"""
(module
  (import "guest" "memory" (memory $guest 0))
  (import "guest" "cabi_realloc" (func $room (param i32 i32 i32 i32) (result i32)))
  (import "guest" "decide" (func $decide (param {PARAMETERS}) (result i64)))
  (memory $host (export "memory") {CALLS * ROW_BYTES // 65536 + 1})
  (func (export "run")
    (local $row i32) (local $bytes i32) (local $list i32)
    (loop $next
      (local.set $bytes (i32.load $host offset=40 (local.get $row)))
      (local.set $list (call $room (i32.const 0) (i32.const 0) (i32.const 1) (local.get $bytes)))
      (memory.copy $guest $host
        (local.get $list) (i32.add (local.get $row) (i32.const 48)) (local.get $bytes))
      {ROW_FIELDS}
      (i64.load $host offset=32 (local.get $row))
      (local.get $list)
      (local.get $bytes)
      (drop (call $decide))
      (local.set $row (i32.add (local.get $row) (i32.const {ROW_BYTES})))
      (br_if $next (i32.lt_u (local.get $row) (i32.const {CALLS * ROW_BYTES}))))))
"""


def random_rows(seed: int) -> list[Row]:
    """Ships and what they see: eight fields, the last plan, the list of entities."""
    generator = random.Random(seed)
    rows = []
    for _ in range(CALLS):
        x, y = generator.randrange(100), generator.randrange(100)
        parts = [generator.randint(2, 12) for _ in range(3)]
        fields = (1, x, y, generator.randint(1, 200), generator.randint(1, 100), *parts)
        entities = sorted(generator.choice((1, 2, 2)) for _ in range(generator.randint(0, ENTITIES_MAX)))
        system = bytearray()
        for kind in entities:
            near_x = min(max(x + generator.randint(-11, 11), 0), 99)
            near_y = min(max(y + generator.randint(-11, 11), 0), 99)
            system += bytes((kind, generator.randint(2, 12) if kind == 1 else 0, near_x, near_y))
        rows.append((fields, generator.randrange(8) << 8, bytes(system)))
    return rows


def measure(path: str, rows: list[Row]) -> tuple[float, int, float]:
    """Mean fuel, highest fuel and nanoseconds a call."""
    configuration = wasmtime.Config()
    configuration.consume_fuel = True
    configuration.wasm_multi_memory = True
    engine = wasmtime.Engine(configuration)
    store = wasmtime.Store(engine)
    store.set_fuel(10**15)
    guest = wasmtime.Instance(store, wasmtime.Module.from_file(engine, path), []).exports(store)
    names = ("memory", "cabi_realloc", "decide")
    imports = [guest[name] for name in names]

    fuels = []
    for fields, last_plan, system in rows:
        before = store.get_fuel()
        address = guest["cabi_realloc"](store, 0, 0, 1, len(system))
        guest["memory"].write(store, system, address)
        guest["decide"](store, *fields, last_plan, address, len(system))
        fuels.append(before - store.get_fuel())

    driver = wasmtime.Instance(store, wasmtime.Module(engine, DRIVER), imports).exports(store)
    table = b"".join(
        (struct.pack("<8iqi4x", *fields, last_plan, len(system)) + system).ljust(ROW_BYTES, b"\0")
        for fields, last_plan, system in rows
    )
    driver["memory"].write(store, table, 0)
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(LOOPS):
            driver["run"](store)
        seconds.append(time.perf_counter() - start)
    return sum(fuels) / CALLS, max(fuels), min(seconds) / (LOOPS * CALLS) * 1e9


def main(paths: list[str]) -> None:
    """Prints a table, one line a strategy."""
    rows = random_rows(seed=1)
    seen = sum(len(system) for _, _, system in rows) / 4 / CALLS
    print(f"{CALLS} ships, {seen:.1f} entities in view on average")
    print(f"{'strategy':<20}{'fuel, mean':>12}{'fuel, most':>12}{'ns a call':>12}")
    for path in paths:
        fuel_mean, fuel_most, nanoseconds = measure(path, rows)
        name = path.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".wasm")
        print(f"{name:<20}{fuel_mean:>12.0f}{fuel_most:>12}{nanoseconds:>12.0f}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
