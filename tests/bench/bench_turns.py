"""What turns cost, from 32 thousand to 2 million ships; writes docs/benchmarks/turns.md and its plot.

    python -m tests.bench.bench_turns [--quick]

Each size is measured in a process of its own, with the yardstick right before and after it, so that the ratio holds on
a machine whose speed drifts. ``WASMVERSE_LIMIT`` may name another such program, ``limit.py``, which takes the same arguments as
our yardstick and prints "tick median <seconds>s": it is run beside ours for the sizes that have a target. A measurement of these
that was not calm (steal.py) is made again while there is time, and the calmest one counts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from typing import Any, NamedTuple

from tests.bench.report import BENCHMARKS, ROOT, conditions, plot, run
from tests.bench.steal import CALM_SHARE, Patience, Steal
from wasmverse.confinement.prctl import refuse_huge_pages

REPORT = BENCHMARKS / "turns.md"
PLOT = BENCHMARKS / "cost-per-ship.svg"


class Size(NamedTuple):
    """One row of the table; ships and nodes are per system."""

    systems: int
    ships: int
    nodes: int
    threads: int
    turns: int


class Target(NamedTuple):
    """A target for one size: what, at most or at least how much, and where to find it in a result."""

    size: Size
    what: str
    limit: float
    figure: str
    at_least: bool = False


DEFAULT = Size(1_000, 32, 64, 2, 120)
MILLION = Size(31_250, 32, 128, 2, 60)
TWO_MILLION = Size(62_500, 32, 32, 2, 30)
SIZES = (
    DEFAULT,
    Size(1_000, 32, 64, 1, 120),
    Size(4_000, 32, 64, 2, 40),
    Size(4_000, 32, 64, 1, 30),
    Size(16_000, 32, 64, 2, 20),
    Size(16_000, 32, 64, 1, 15),
    Size(31_250, 32, 64, 2, 20),
    Size(31_250, 32, 64, 1, 12),
    MILLION,
    TWO_MILLION,
)
TARGETS = (
    Target(MILLION, "1,000,000 ships, 4,000,000 nodes: median turn, s", 0.45, "median"),
    Target(MILLION, "p99, s", 0.8, "p99"),
    Target(MILLION, "row writes a second of turn time, millions", 3.0, "writes", at_least=True),
    Target(MILLION, "peak memory, GiB", 3.0, "memory"),
    Target(MILLION, "observe + decide + resolve, of the yardstick", 1.3, "ratio"),
    Target(MILLION, "observe + decide + resolve, of `limit.py`", 1.3, "limit"),
    Target(TWO_MILLION, "2,000,000 ships, 2,000,000 nodes: p99, s", 1.0, "p99"),
    Target(DEFAULT, "32,000 ships, 64,000 nodes: median turn, s", 0.040, "median"),
    Target(DEFAULT, "observe + decide + resolve, of the yardstick", 1.3, "ratio"),
    Target(DEFAULT, "observe + decide + resolve, of `limit.py`", 1.3, "limit"),
)
_WITH_TARGETS = frozenset(target.size for target in TARGETS)
_WITH_LIMIT = frozenset(target.size for target in TARGETS if target.figure == "limit")
LIMIT = os.environ.get("WASMVERSE_LIMIT")


_COLUMNS = (
    "ships", "nodes", "threads", "turn", "p99", "read", "observe", "decide", "resolve", "commit", "publish", "ns a ship",
    "writes/s", "yardstick", "compute", "turn", "GiB", "file MB", "stolen", "tries",
)  # fmt: skip
HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"


def measure(size: Size) -> dict[str, Any]:
    """A benchmark of turns between two runs of the yardstick."""
    shape = [str(size.systems), str(size.ships), str(size.nodes)]
    yardstick = [sys.executable, "-m", "tests.bench.yardstick", *shape, str(size.threads), "7"]
    options = zip(("--systems", "--ships", "--nodes"), shape, strict=True)
    bench = [
        sys.executable,
        "-m",
        "wasmverse.cli.main",
        "bench",
        "turn",
        *(part for option in options for part in option),
    ]
    before, limit_before = run(yardstick), limit_seconds(size)
    with Steal() as steal:
        began = time.time()
        result: dict[str, Any] = run(
            [*bench, "--threads", str(size.threads), "--turns", str(size.turns), "--json"]
        )
        result["stolen"] = float(steal.share(began, time.time()))
    after, limit_after = run(yardstick), limit_seconds(size)
    phase = result["phase_seconds"]
    compute = phase["observe"] + phase["decide"] + phase["resolve"]
    result["yardstick"] = (before["turn_seconds"] + after["turn_seconds"]) / 2
    result["ratio"] = compute / result["yardstick"]
    if limit_before:
        result["limit"] = 2 * compute / (limit_before + limit_after)
    result["median"], result["p99"] = result["turn_seconds"]["median"], result["turn_seconds"]["p99"]
    result["writes"] = result["row_writes_per_second"] / 1e6
    result["memory"] = result["peak_rss_bytes"] / 2**30
    result["ns_per_ship"] = 1e9 * result["median"] / result["ships"]
    return result


def measure_calmly(size: Size, patience: Patience) -> dict[str, Any]:
    """Of a size with a target the calmest of as many measurements as there is time for; the first that is calm ends them."""
    clock = time.monotonic()
    best, times = measure(size), 1
    took = time.monotonic() - clock
    while size in _WITH_TARGETS and best["stolen"] > CALM_SHARE and patience.spend(took):
        best = min(best, measure(size), key=lambda result: float(result["stolen"]))
        times += 1
    return {**best, "times": times}


def limit_seconds(size: Size) -> float:
    """Seconds of a turn by ``limit.py``; 0 without it, or for a size without a target."""
    if LIMIT is None or size not in _WITH_LIMIT:
        return 0.0
    shape = [str(number) for number in (size.systems, size.ships, size.nodes, size.threads, 7)]
    done = subprocess.run([sys.executable, LIMIT, *shape], capture_output=True, text=True, check=True)
    found = re.search(r"tick median ([0-9.]+)s", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


def row(size: Size, result: dict[str, Any]) -> str:
    """One line of the table; times in milliseconds."""
    phase = result["phase_seconds"]
    cells = [
        f"{result['ships']:,}", f"{result['nodes']:,}", str(size.threads),
        f"{1000 * result['median']:.0f}", f"{1000 * result['p99']:.0f}",
        *(f"{1000 * seconds:.0f}" for seconds in phase.values()),
        f"{result['ns_per_ship']:.0f}", f"{result['writes']:.2f} M", f"{1000 * result['yardstick']:.0f}",
        f"{result['ratio']:.2f}", f"{result['median'] / result['yardstick']:.1f}", f"{result['memory']:.2f}",
        f"{result['file_bytes'] / 1e6:.0f}", f"{100 * result['stolen']:.0f} %",
        str(result["times"]),
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def draw(results: dict[Size, dict[str, Any]]) -> None:
    """Cost per ship over the number of ships, one line a number of threads."""
    with plot(PLOT) as axis:
        for threads in (1, 2):
            line = [
                (result["ships"], result["ns_per_ship"] / 1000)
                for size, result in results.items()
                if size.threads == threads and size.nodes == DEFAULT.nodes
            ]
            axis.plot(*zip(*line, strict=True), "o-", label=f"{threads} thread{'s' * (threads > 1)}")
        more = results.get(TWO_MILLION)
        if more:
            axis.plot(
                more["ships"],
                more["ns_per_ship"] / 1000,
                "D",
                color="C1",
                label="2 threads, 32 nodes a system",
            )
        axis.set(xscale="log", xlabel="ships", ylabel="microseconds of a turn per ship", ylim=(0, None))
        axis.set_xticks([32_000, 128_000, 512_000, 1_000_000, 2_000_000])
        axis.set_xticklabels(["32,000", "128,000", "512,000", "1 M", "2 M"])
        axis.minorticks_off()
        axis.legend()


def main() -> None:
    """Measure every size and write the report."""
    refuse_huge_pages()  # the yardsticks are to have what `wasmverse bench turn` has
    sizes = (DEFAULT, Size(1_000, 32, 64, 1, 60), MILLION) if "--quick" in sys.argv else SIZES
    where = conditions("duckdb", "wasmtime", "numba", "numpy", "pyarrow")
    results = {}
    lines = []
    patience = Patience()
    for size in sizes:
        results[size] = measure_calmly(size, patience)
        lines.append(row(size, results[size]))
        print(lines[-1], file=sys.stderr, flush=True)
    targets = []
    for target in TARGETS:
        if target.figure in results.get(target.size, {}):
            figure = results[target.size][target.figure]
            met = figure >= target.limit if target.at_least else figure <= target.limit
            sign = "≥" if target.at_least else "≤"
            targets.append(
                f"| {target.what} | {sign} {target.limit:g} | {figure:.3g} | {'met' if met else '**missed**'} |"
            )
    draw(results)
    REPORT.write_text(
        f"""# What a turn costs

Made by `make bench`. {where}

Every turn is a durable transaction on a file, played by the three enabled bundled strategies on a fresh universe, and
published as a snapshot.

| what | target | measured | |
|---|---|---|---|
{chr(10).join(targets)}

Times below are milliseconds: median and 99th percentile of a whole turn, then the median of each phase; observe, decide and
resolve are processor time shared out among the threads, and commit is all the rest, because ships are written while
later blocks are still being played. *yardstick* is the same turn over bare arrays (`tests/bench/yardstick.py`: no database,
no faults, no events, one simple strategy), measured right before and after; *compute* is observe + decide + resolve over
it, *turn* the whole turn over it. *stolen* is the share of the processors that others on the same host took meanwhile: where
it is not small, trust the ratios. A size with a target is measured again while that is more than {CALM_SHARE:.0%} and there is
time; of so many *tries* the one with least stolen counts.

{HEAD}
{chr(10).join(lines)}

![cost per ship]({PLOT.name})

A turn has some 15 ms of its own, however few ships there are: five statements, the log, the disk. So the cost per ship falls
until there are some 500,000, and is flat from there on.
"""
    )
    print(f"written: {REPORT.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
