"""3,600 turns of the default universe, with spawning: do memory, file and turn time stay flat? Plots the answer.

    python -m tests.bench.bench_long [TURNS]

Turns are played as fast as they go, on a file, with snapshots; an hour of play takes some minutes.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from tests.bench.report import BENCHMARKS, conditions, plot, put_between
from wasmverse.database.embedded import Database
from wasmverse.prctl import refuse_huge_pages
from wasmverse.query.snapshot import SnapshotWriter
from wasmverse.settings import Settings
from wasmverse.simulation import Simulation
from wasmverse.warmup import compile_kernels, settle_garbage

TURNS = 3_600
PLOT = BENCHMARKS / "long-run.svg"
PAGE = BENCHMARKS / "long-run.md"


def main() -> None:
    """Play, plot, and write the figures into the page."""
    refuse_huge_pages()
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    where = conditions("duckdb", "wasmtime", "numba")
    compile_kernels()
    process = psutil.Process()
    seen = []
    with tempfile.TemporaryDirectory(prefix="wasmverse-long-") as temporary:
        settings = Settings()
        simulation = Simulation(Database.open(Path(temporary) / "universe.duckdb"), settings)
        snapshots = SnapshotWriter(
            Path("/dev/shm") / Path(temporary).name, settings.snapshots_kept, settings.snapshot_bytes_max
        )
        settle_garbage()
        for _ in range(turns):
            clock = time.perf_counter()
            report = simulation.play_turn(take=snapshots.prepare)
            snapshots.publish(simulation.tid, simulation.snapshot_tables())
            simulation.database.fold_long_log()
            seconds = time.perf_counter() - clock
            seen.append(
                (report.tid, seconds, process.memory_info().rss, simulation.database.size_bytes(), report.ships, report.nodes)
            )  # fmt: skip
        snapshots.close()
        simulation.close()
        gc.unfreeze()  # or DuckDB's binding takes what is frozen for a leak
    tid, seconds, memory, file, ships, nodes = np.array(seen).T
    with plot(PLOT, rows=4, height=8.0) as (times, memories, files, entities):
        width = max(1, turns // 100)
        usable = len(seconds) // width * width
        grouped = 1000 * seconds[:usable].reshape(-1, width)
        at = tid[:usable].reshape(-1, width)[:, -1]
        times.plot(at, np.median(grouped, axis=1), label="median")
        times.plot(at, np.quantile(grouped, 0.99, axis=1), alpha=0.5, label="p99")
        times.set(ylabel="turn, ms", ylim=(0, None))
        times.legend(loc="upper right")
        memories.plot(tid, memory / 2**20)
        memories.set(ylabel="memory, MiB", ylim=(0, None))
        files.plot(tid, file / 1e6)
        files.set(ylabel="file, MB", ylim=(0, None))
        entities.plot(tid, ships, label="ships")
        entities.plot(tid, nodes, label="nodes")
        entities.set(ylabel="entities", xlabel="turn", ylim=(0, None))
        entities.legend(loc="lower right")
    tenth = max(1, turns // 10)
    lines = []
    for name, values, unit in (
        ("median turn", 1000 * seconds, "ms"),
        ("memory", memory / 2**20, "MiB"),
        ("file", file / 1e6, "MB"),
    ):
        middle = [float(np.median(values[k * tenth : (k + 1) * tenth])) for k in (1, 5, 9)]
        change = 100 * (middle[2] / middle[0] - 1)
        lines.append(
            f"| {name} | {middle[0]:.0f} {unit} | {middle[1]:.0f} {unit} | {middle[2]:.0f} {unit} | {change:+.0f} % |"
        )
    table = "\n".join(
        (f"| {turns:,} turns | second tenth | sixth | last | change |", "|---|---|---|---|---|", *lines)
    )
    put_between(PAGE, "figures", f"{where}\n\n{table}")
    print(table)


if __name__ == "__main__":
    main()
