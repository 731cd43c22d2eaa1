"""Run the benchmarks of turns and write docs/benchmarks/turns.md.

    python -m tests.bench [--quick]

Each size is measured in a process of its own, with the yardstick right before and after it, so that the ratio holds on
a machine whose speed drifts.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import psutil

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "benchmarks" / "turns.md"


class Size(NamedTuple):
    """One row of the table."""

    systems: int
    ships: int
    nodes: int
    threads: int
    turns: int


SIZES = (
    Size(1_000, 32, 64, 2, 60),
    Size(1_000, 32, 64, 1, 60),
    Size(4_000, 32, 64, 2, 40),
    Size(16_000, 32, 64, 2, 30),
    Size(31_250, 32, 64, 2, 30),
    Size(31_250, 32, 128, 2, 60),
    Size(31_250, 32, 128, 1, 20),
    Size(62_500, 32, 32, 2, 30),
)


def run(command: list[str]) -> dict[str, Any]:
    """The JSON object that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(size: Size) -> dict[str, Any]:
    """A benchmark of turns between two runs of the yardstick."""
    shape = [str(size.systems), str(size.ships), str(size.nodes)]
    yardstick = [sys.executable, "-m", "tests.bench.yardstick", *shape, str(size.threads), "5"]
    options = [
        "--systems",
        shape[0],
        "--ships",
        shape[1],
        "--nodes",
        shape[2],
        "--threads",
        str(size.threads),
    ]
    bench = [
        sys.executable,
        "-m",
        "wasmverse.cli",
        "bench",
        "turn",
        *options,
        "--turns",
        str(size.turns),
        "--json",
    ]
    before = run(yardstick)
    result = run(bench)
    after = run(yardstick)
    result["yardstick_seconds"] = min(before["turn_seconds"], after["turn_seconds"])
    return result


def row(size: Size, result: dict[str, Any]) -> str:
    """One line of the table; times in milliseconds."""
    turn, phase = result["turn_seconds"], result["phase_seconds"]
    compute = phase["observe"] + phase["decide"] + phase["resolve"]
    cells = [
        f"{result['ships']:,}", f"{result['nodes']:,}", str(size.threads),
        f"{1000 * turn['median']:.0f}", f"{1000 * turn['p99']:.0f}",
        *(f"{1000 * phase[name]:.0f}" for name in phase),
        f"{1e9 * turn['median'] / result['ships']:.0f}", f"{result['row_writes_per_second'] / 1e6:.2f} M",
        f"{compute / result['yardstick_seconds']:.2f}", f"{result['peak_rss_bytes'] / 2**30:.2f}",
        f"{result['file_bytes'] / 1e6:.0f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measure every size and write the report."""
    sizes = (SIZES[0], SIZES[1], SIZES[5]) if "--quick" in sys.argv else SIZES
    load = os.getloadavg()[0]
    lines = []
    for size in sizes:
        print(f"{size} ...", file=sys.stderr, flush=True)
        lines.append(row(size, measure(size)))
        print(lines[-1], flush=True)
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("duckdb", "wasmtime", "numba", "numpy", "pyarrow")
    )
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(
        f"""# What a turn costs

Made by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {psutil.cpu_count()} cores ({platform.machine()}),
{psutil.virtual_memory().total / 2**30:.0f} GiB, Python {platform.python_version()}, {versions}; load average at the start {load:.1f}.

Every turn is a durable transaction on a file, played by the three enabled bundled strategies on a fresh universe, and
published as a snapshot. Times are milliseconds: median and 99th percentile of a whole turn, then the median of each phase.
*compute ratio* is observe + decide + resolve over the yardstick, the same turn over bare arrays (`tests/bench/yardstick.py`)
measured right before and after.

| ships | nodes | threads | turn | p99 | read | observe | decide | resolve | commit | publish | ns a ship | writes/s | compute ratio | GiB | file MB |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
{chr(10).join(lines)}
"""
    )
    print(f"written: {REPORT.relative_to(ROOT)}", file=sys.stderr)
    if "--quick" not in sys.argv:
        subprocess.run([sys.executable, "-m", "tests.bench.bench_query"], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
