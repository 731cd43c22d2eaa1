"""Guests that are compiled again from what is stored: the same count of calls, and what an older version let pass."""

import hashlib
import resource
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import wasmtime

from tests.wasm.builder import limits_of, strategy_wat
from tests.wasm.recursion import BASELINE, KINDS, other_engine
from wasmverse.commands import Author, Inspection, UploadStrategy
from wasmverse.errors import ModuleRefused
from wasmverse.reader.callee import Use
from wasmverse.reader.calls import Calls
from wasmverse.reader.strategy_functions import PARAMETERS
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.strategies.guests import Guests
from wasmverse.strategies.inspection import inspect_module
from wasmverse.wasm.engine import compile_for_flight, flight_engine
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.stack import COUNTER, NATIVE_BYTES

SMALL = Settings(systems=4, ships=4, nodes=4, seed=7, threads=1, budget_fuel=2_000_000)
DEEP = "(call $deep (i32.mul (local.get $energy) (i32.const 400)))"


def deep_strategy(kind: str) -> bytes:
    """Its calls go 400 times as deep as the ship has energy; it answers how deep."""
    return bytes(wasmtime.wat2wasm(strategy_wat(f"(i64.shl {DEEP} (i64.const 8))", KINDS[kind])))


def test_a_module_from_the_file_counts_as_the_uploaded_one_did() -> None:
    module = deep_strategy("direct")
    guest = Guests().find("a hash", "decide", lambda: module)
    assert COUNTER in guest.names
    assert COUNTER in Guest.load(inspect_module(module, "mine", SMALL).compiled, "decide").names


def test_the_turn_goes_on_alike_with_the_module_from_the_file(tmp_path: Path) -> None:
    """Ships whose energy differs call to different depths, some too deep."""
    module = deep_strategy("rounded vectors")

    def turns(path: Path, *, reopen: bool) -> list[object]:
        simulation = DuckdbStore(Database.open(path), SMALL)
        found = replace(inspect_module(module, "mine", SMALL), costs={})
        simulation.carry_out(UploadStrategy("mine", module, found, Author.named("ada")))
        reports = []
        for turn in range(6):
            if reopen and turn == 2:
                simulation.close()
                simulation = DuckdbStore(Database.open(path), SMALL)
            report = simulation.advance()
            reports.append((report.faults, simulation.state_hash()))
        simulation.close()
        return reports

    assert turns(tmp_path / "a.db", reopen=True) == turns(tmp_path / "b.db", reopen=False)


def test_the_readers_function_has_the_verdicts_of_the_turn() -> None:
    module = deep_strategy("rounded vectors")
    energies = list(range(0, 120, 3))
    verdicts = []
    for target, stack_bytes in ((None, NATIVE_BYTES), (BASELINE, 2 * NATIVE_BYTES)):
        with other_engine(target, stack_bytes):
            calls = Calls(limits_of(budget_fuel=2_000_000, faults_max=1_000), 1)
            calls.ready["mine"] = Guest.load(bytes(compile_for_flight(module).serialize()), "decide"), None
            calls.uses["mine"] = Use()
            columns: list[pa.Array] = []
            for name, kind in PARAMETERS.items():
                if kind.endswith("[]"):
                    columns.append(pa.array([[]] * len(energies), pa.list_(pa.uint32())))
                else:
                    values = energies if name == "energy" else [1] * len(energies)
                    width = {
                        "UTINYINT": pa.uint8(),
                        "USMALLINT": pa.uint16(),
                        "UINTEGER": pa.uint32(),
                        "UBIGINT": pa.uint64(),
                    }
                    columns.append(pa.array(values, width[kind]))
            verdicts.append(
                calls.call("mine", tuple(pa.chunked_array([column]) for column in columns)).to_pylist()
            )
    assert verdicts[0] == verdicts[1]
    plans = verdicts[0]
    first = plans.index(None)
    assert first > 1 and plans == [400 * e << 8 if n < first else None for n, e in enumerate(energies)]


def test_what_an_older_version_let_pass_is_grounded_and_the_universe_opens(tmp_path: Path) -> None:
    tail = "(func $f (result i64) (return_call $g)) (func $g (result i64) (i64.const 0))"
    module = bytes(wasmtime.wat2wasm(strategy_wat("(call $f)", tail)))
    with pytest.raises(ModuleRefused, match="the module has a tail call; allowed is WebAssembly 2"):
        Guests().find("a hash", "decide", lambda: module)
    compiled = bytes(wasmtime.Module(flight_engine(), module).serialize())
    path = tmp_path / "old.db"
    with closing(DuckdbStore(Database.open(path), SMALL)) as simulation:
        sha256 = hashlib.sha256(module).hexdigest()
        found = Inspection(sha256, "unknown", {"mine": "decide"}, {}, compiled=compiled)
        simulation.carry_out(UploadStrategy("mine", module, found, Author.named("ada")))
        simulation.advance()
    for _ in range(2):
        with closing(DuckdbStore(Database.open(path), SMALL)) as simulation:
            (row,) = [row for row in simulation.strategy_rows.to_pylist() if row["name"] == "mine"]
            assert row["status"] == "grounded"
            assert row["last_fault"].startswith(
                "grounded, its module cannot fly any more: the module has a tail call;"
            )
            simulation.advance()
            simulation.advance()


@pytest.mark.parametrize("where", ["main thread", "other thread"])
def test_a_small_stack_of_the_process_is_made_large_enough(where: str) -> None:
    """A process that is started with a stack of half a megabyte would otherwise end with SIGSEGV where the count ends a call."""
    script = f"""
import threading, sys
from wasmverse.wasm.engine import set_thread_stacks
set_thread_stacks()
from tests.wasm.recursion import module_of
from tests.wasm.test_stack import flown, EXHAUSTED
def fly():
    outcome, _ = flown(module_of("many vectors", 400), rows=4)
    print(outcome.reason)
    sys.stdout.flush()
if {where!r} == "main thread":
    fly()
else:
    thread = threading.Thread(target=fly)
    thread.start()
    thread.join()
"""
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (1 << 19, hard)),
    )
    assert done.stdout.strip() == "trapped: call stack exhausted", done.stderr[-500:]
