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
from numpy.typing import NDArray

from tests.bench.report import BENCHMARKS, conditions, plot, put_between
from tests.bench.steal import Steal
from wasmverse.confinement.prctl import refuse_huge_pages
from wasmverse.processes.kernels import keep_kernels
from wasmverse.settings import Settings
from wasmverse.simulation.warmup import compile_kernels, settle_garbage
from wasmverse.snapshots.snapshot import SnapshotWriter
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

TURNS = 3_600
PLOT = BENCHMARKS / "long-run.svg"
PAGE = BENCHMARKS / "long-run.md"


def main() -> None:
    """Play, plot, and write the figures into the page."""
    refuse_huge_pages()
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    where = conditions("duckdb", "wasmtime", "numba")
    keep_kernels()
    compile_kernels()
    process = psutil.Process()
    seen = []
    with tempfile.TemporaryDirectory(prefix="wasmverse-long-") as temporary, Steal() as steal:
        settings = Settings(upkeep=0)
        simulation = DuckdbStore(Database.open(Path(temporary) / "universe.duckdb"), settings)
        snapshots = SnapshotWriter(
            Path("/dev/shm") / Path(temporary).name, settings.snapshots_kept, settings.snapshot_bytes_max
        )
        settle_garbage()
        moments = [time.time()]
        for _ in range(turns):
            clock = time.perf_counter()
            report = simulation.advance(publish=snapshots.prepare)
            snapshots.publish(simulation.tid, simulation.snapshot())
            simulation.database.checkpoint_if_due()
            seconds = time.perf_counter() - clock
            seen.append(
                (report.tid, seconds, process.memory_info().rss, simulation.database.size_bytes(), report.ships, report.nodes)
            )  # fmt: skip
            moments.append(time.time())
        snapshots.close()
        simulation.close()
        gc.unfreeze()  # or DuckDB's binding takes what is frozen for a leak
    tid, seconds, memory, file, ships, nodes = np.array(seen).T
    width = max(1, turns // 100)
    usable = turns // width * width

    def groups(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[:usable].reshape(-1, width)

    at = groups(tid)[:, -1]
    with plot(PLOT, rows=5, height=9.0) as (times, thefts, memories, files, entities):
        times.plot(at, np.median(groups(1000 * seconds), axis=1), label="median")
        times.plot(at, np.quantile(groups(1000 * seconds), 0.99, axis=1), alpha=0.5, label="p99")
        times.set(ylabel="turn, ms", ylim=(0, None))
        times.legend(loc="upper right")
        edges = np.array(moments)[: usable + 1 : width]
        thefts.fill_between(at, 100 * steal.share(edges[:-1], edges[1:]), color="#8a93a6", alpha=0.6)
        thefts.set(ylabel="stolen, %", ylim=(0, 50))
        memories.plot(tid, memory / 2**20)
        memories.set(ylabel="memory, MiB", ylim=(0, None))
        megabytes = groups(file / 1e6)
        files.fill_between(at, megabytes.min(axis=1), megabytes.max(axis=1), alpha=0.3)
        files.plot(at, np.median(megabytes, axis=1))
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
