"""Half of 200,000 ships flown by a strategy that misbehaves: does the turn stay within its second?

    python -m tests.bench.bench_misbehaving

Writes docs/benchmarks/misbehaving.md. Each strategy has a universe of its own in a file; turns before it came are the measure.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import wasmtime

from tests.bench.report import BENCHMARKS, ROOT, conditions
from tests.storage.by_hand import change_by_hand
from tests.wasm.builder import strategy_wat
from wasmverse.commands import Author, UploadStrategy
from wasmverse.confinement.prctl import refuse_huge_pages
from wasmverse.processes.kernels import keep_kernels
from wasmverse.settings import Settings
from wasmverse.simulation.warmup import compile_kernels
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.strategies.inspection import inspect_module

REPORT = BENCHMARKS / "misbehaving.md"
SYSTEMS = 6_250
TURNS = 15

_LABOUR = """(local $i i32)
  (local.set $i (i32.const 2800))
  (loop $again (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
  (i64.const 0)"""
STRATEGIES = {
    "loops for ever": "(loop $again (br $again)) (i64.const 0)",
    "traps on every call": "(unreachable)",
    "returns rubbish": "(i64.const 0xff)",
    "takes memory until it traps": (
        "(loop $more (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable))) (br $more)) (i64.const 0)"
    ),
    "uses nearly its whole budget, and behaves": _LABOUR,
}


def measure(body: str) -> dict[str, Any]:
    """Seconds of turns without and with the strategy, its fuel, and what became of it."""
    settings = Settings(systems=SYSTEMS, upkeep=0)
    with tempfile.TemporaryDirectory() as folder:
        simulation = DuckdbStore(Database.open(Path(folder) / "universe.duckdb"), settings)
        try:
            before = [_turn(simulation) for _ in range(6)][2:]
            module = bytes(wasmtime.wat2wasm(strategy_wat(body)))
            found = replace(inspect_module(module, "bad", settings), costs={})
            simulation.carry_out(UploadStrategy("bad", module, found, Author.named("bench")))
            simulation.close()
            database = Database.open(Path(folder) / "universe.duckdb")
            with database.transaction() as transaction:
                bad = "(SELECT strategy_id FROM strategy WHERE name = 'bad')"
                change_by_hand(transaction.driver, f"UPDATE ships SET strategy_id = {bad} WHERE eid % 2 = 0")
            simulation = DuckdbStore(database, settings)
            after = [_turn(simulation) for _ in range(TURNS)]
            [row] = [row for row in simulation.strategy_rows.to_pylist() if row["name"] == "bad"]
            flown = [
                row for row in simulation.history.strategy_turns.rows.to_pylist() if row["strategy"] == "bad"
            ]
        finally:
            simulation.close()
    worst = max(flown, key=lambda turn: turn["fuel"])
    return {
        "before": float(np.median(before)), "after": float(np.median(after)), "longest": max(after),
        "ships": flown[0]["ships"], "faults": flown[0]["faults"], "fuel": worst["fuel"], "status": row["status"],
        "why": row["last_fault"] or "", "grounded": row["status"] == "grounded",
    }  # fmt: skip


def _turn(simulation: DuckdbStore) -> float:
    seconds = sum(simulation.advance().phase_seconds.values())
    simulation.database.checkpoint_if_due()
    return seconds


def main() -> None:
    """Measure each strategy and write the report."""
    refuse_huge_pages()
    where = conditions("duckdb", "wasmtime", "numba")
    keep_kernels()
    compile_kernels()
    lines = []
    for what, body in STRATEGIES.items():
        found = measure(body)
        cells = [
            what, f"{found['ships']:,}", f"{found['faults']:,}", f"{found['fuel'] / 1e6:,.0f} M",
            *(f"{1000 * found[name]:.0f}" for name in ("before", "after", "longest")), found["why"] or found["status"],
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], file=sys.stderr, flush=True)
    REPORT.write_text(
        f"""# Strategies that misbehave

Made by `make bench`. {where}

200,000 ships, half of them given to one strategy that misbehaves; the others fly as always. Times are milliseconds of a
durable turn without publication; the period is 1,000. *What `strategy` says* is its `last_fault`, or its status.

| it | its ships | faults, first turn | most fuel in a turn | turn before | with it | longest | what `strategy` says |
|---|---|---|---|---|---|---|---|
{chr(10).join(lines)}
"""
    )
    print(f"written: {REPORT.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
