"""What a fresh flight of a guest costs, and a call of WASI: microseconds and nanoseconds of processor time.

    python -m tests.bench.bench_flight [--unpooled]

A flight is made for every block and turn, and for every function of a statement: one row is flown with it, so that it is made
and given back. Beside it the same by wasmtime-py's objects, as far as they can: a store, the guest's instance, the driver's, one
call. Memories come from a pool, as in the process that plays turns; with ``--unpooled`` from the system, as where queries are
answered.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import wasmtime

from tests.wasm.builder import NO_FAULTS, Table, compile_wat, strategy_wat
from wasmverse.strategies.contract import strategy_function
from wasmverse.wasm.driver import driver_module
from wasmverse.wasm.engine import flight_engine, pool_flights
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.wasi.signatures import MODULE, SIGNATURES

TARGET_US = 60
"""The most that a fresh flight without WASI may take."""
ROUNDS, REPEATS = 7, 300
ROWS = 4_096

NARROW = {"me.x": "u1", "me.y": "u1"}
REALLOC = '(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))'
INITIALIZE = '(func (export "_initialize"))'
CALLS = {
    "clock_time_get": "(drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 8)))",
    "random_get, 8 bytes": "(drop (call $random_get (i32.const 8) (i32.const 8)))",
    "fd_write, 8 bytes": "(drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))",
}


def guest(body: str = "", *imported: str) -> Guest:
    """A strategy that holds, after doing ``body``."""
    imports = "".join(
        f'(import "{MODULE}" "{name}" (func ${name} (param {" ".join(SIGNATURES[name].params)}) '
        f"{'(result i32)' if SIGNATURES[name].results else ''}))"
        for name in imported
    )
    text = strategy_wat(f"{body} (i64.const 0)", REALLOC + '(data (i32.const 16) "\\40\\00\\00\\00\\08")')
    text = text.replace("(module", f"(module {imports}", 1)
    return Guest.of(
        compile_wat(text.replace(REALLOC, REALLOC + INITIALIZE if imported else REALLOC)), "decide"
    )


def flight(flown: Guest, table: Table, rows: int = 1) -> Callable[[], None]:
    """Makes one, flies some rows with it and gives it back."""

    def run() -> None:
        outcome = flown.run(table.frame, 0, rows, NO_FAULTS)
        assert outcome.reason is None, outcome

    return run


def by_objects(flown: Guest, table: Table) -> Callable[[], None]:
    """The same by the objects of wasmtime-py."""
    driver = driver_module(table.layout, True)

    def run() -> None:
        store = wasmtime.Store(flight_engine())
        store.set_limits(memory_size=16 << 20, table_elements=10_000, instances=2, tables=8, memories=2)
        store.set_fuel(20_000)
        exports = wasmtime.Instance(store, flown.module, []).exports(store)
        names = {"memory": "memory", "realloc": "cabi_realloc", "function": "decide"}
        imports = [
            table.memory.memory if wanted.module == "host" else exports[names[str(wanted.name)]]
            for wanted in driver.imports
        ]
        table.memory.span[:] = 0, 1
        wasmtime.Instance(store, driver, imports).exports(store)["run"](store)

    return run


def seconds(run: Callable[[], None], repeats: int = REPEATS) -> float:
    """Processor time of one, of several rounds the shortest."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(repeats):
            run()
        best = min(best, (time.thread_time() - began) / repeats)
    return best


def main() -> None:
    """Print what each takes, and whether the target is met."""
    if "--unpooled" not in sys.argv[1:]:
        pool_flights()
    row = (1, 3, 4, 100, 90, 2, 2, 2, 7, b"\1\2\3\4" * 13)
    one = Table.of(strategy_function(), [row], NARROW)
    many = Table.of(strategy_function(), [row] * ROWS, NARROW)
    plain = guest()
    fresh_us = 1e6 * seconds(flight(plain, one))
    print(
        f"{fresh_us:6.1f} us  a fresh flight (at most {TARGET_US}: {'yes' if fresh_us <= TARGET_US else 'NO'})"
    )
    print(f"{1e6 * seconds(by_objects(plain, one)):6.1f} us  by the objects of wasmtime-py")
    for count in (1, 15, 46):
        wasi = guest("", *list(SIGNATURES)[:count])
        print(f"{1e6 * seconds(flight(wasi, one)):6.1f} us  with {count} functions of WASI and _initialize")
    base = seconds(flight(plain, many, ROWS), 10) / ROWS
    print(f"{1e9 * base:6.1f} ns  a ship, without a call of WASI")
    for name, call in CALLS.items():
        caller = guest(call, name.split(",")[0])
        each = seconds(flight(caller, many, ROWS), 10) / ROWS - base
        print(f"{1e9 * each:6.1f} ns  {name}")


if __name__ == "__main__":
    main()
