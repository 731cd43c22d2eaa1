"""`wasmverse bench turn`: how long turns take, phase by phase, on a fresh universe with the bundled strategies."""

from __future__ import annotations

import gc
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from wasmverse.settings import DatabaseUrl, Settings
from wasmverse.simulation.beginning import bundled_founders, make_laws
from wasmverse.simulation.memory import check_new_universe
from wasmverse.simulation.warmup import compile_kernels, settle_garbage
from wasmverse.snapshots.snapshot import SnapshotWriter
from wasmverse.storage.opening import found_universe
from wasmverse.storage.phases import PHASES


def bench_turns(
    settings: Settings,
    turns: int,
    *,
    in_memory: bool,
    place: Path | DatabaseUrl | None = None,
    warmup: int = 3,
) -> dict[str, Any]:
    """Play turns as fast as they go and say what they cost.

    A turn's time is all of it on the clock: the rules, the durable commit, reading what is committed, the snapshot's
    publication and, now and then, a checkpoint. A few turns go first and are not counted.
    """
    check_new_universe(settings)
    with tempfile.TemporaryDirectory(prefix="wasmverse-bench-") as folder:
        temporary = None if in_memory else Path(folder) / "universe.duckdb"
        shared = Path("/dev/shm")
        snapshot_folder = (
            shared if os.access(shared, os.W_OK) else Path(folder)
        ) / f"wasmverse-bench-{os.getpid()}"
        compile_kernels()
        laws, founders = make_laws(settings), bundled_founders()
        store = found_universe(laws, founders, settings, temporary if place is None else place)
        snapshots = SnapshotWriter(snapshot_folder, 2, settings.snapshot_bytes_max)
        try:
            settle_garbage()
            seconds, phases, writes = [], [], []
            for number in range(warmup + turns):
                clock = time.perf_counter()
                report = store.advance(publish=snapshots.prepare)
                played = time.perf_counter()
                snapshots.publish(store.tid, store.snapshot())
                published = time.perf_counter()
                if store.is_maintenance_due:
                    store.maintain()
                cost = {**report.phase_seconds, "publish": published - played}
                if number >= warmup:
                    phases.append([cost[name] for name in PHASES])
                    seconds.append(time.perf_counter() - clock)
                    writes.append(report.writes)
            median = float(np.median(seconds))
            return {
                "ships": report.ships,
                "nodes": report.nodes,
                "turns": turns,
                "turn_seconds": {
                    "median": round(median, 6),
                    "p99": round(float(np.quantile(seconds, 0.99)), 6),
                    "max": round(max(seconds), 6),
                },
                "phase_seconds": {
                    name: round(float(value), 6)
                    for name, value in zip(PHASES, np.median(phases, axis=0), strict=True)
                },
                "row_writes_per_turn": int(np.median(writes)),
                "ships_per_second": round(report.ships / median),
                "row_writes_per_second": round(float(np.median(np.array(writes) / np.array(seconds)))),
                "durable": not in_memory,
                "peak_rss_bytes": _peak_rss_bytes(),
                "threads": store.threads,
                "turns_from_start": warmup + turns,
                "file_bytes": store.size_bytes(),
                "state_hash": store.state_hash(),
            }
        finally:
            gc.unfreeze()
            gc.enable()
            snapshots.close()
            store.close()


def _peak_rss_bytes() -> int:

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
