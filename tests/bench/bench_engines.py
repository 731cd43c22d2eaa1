"""Every engine plays the same universe side by side; writes docs/benchmarks/engines.md.

    python -m tests.bench.bench_engines [--quick]

All engines are open at once in one process, and play a few turns each in rotation, so that a moment in which the machine is slow
hits all of them. Processor time is compared, not time on the clock.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np

from tests.bench.engines import ENGINES, FILE, Engine, Shape, opened, servers
from tests.bench.report import BENCHMARKS, ROOT, conditions
from wasmverse.confinement.prctl import refuse_huge_pages

REPORT = BENCHMARKS / "engines.md"


class Run(NamedTuple):
    """A shape, how often the rotation goes round, and how many turns each engine then plays."""

    shape: Shape
    rounds: int
    turns: int


SMALL = Shape(1_000, 32, 64)
MILLION = Shape(31_250, 32, 32)
CROWDED = Shape(31_250, 32, 128)
RUNS = (Run(SMALL, 5, 15), Run(MILLION, 3, 3), Run(CROWDED, 3, 2))
ONE, TWO, BOTH = "PostgreSQL, one session", "PostgreSQL, two sessions", "two servers"
TARGETS = (
    (SMALL, ONE, FILE, 0.8),
    (MILLION, ONE, FILE, 1.2),
    (CROWDED, ONE, FILE, 1.6),
    (MILLION, BOTH, TWO, 1.15),
)
"""(shape, engine, compared with, at most): processor time of the database a turn."""

COLUMNS = (
    "engine",
    "database",
    "this process",
    "database, of the file's",
    "both, of the file's",
    "turn",
    "p99",
    "log MB",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def side_by_side(run: Run) -> list[Engine]:
    """Play one shape on all engines."""
    with servers(2) as running, ExitStack() as stack:
        engines = [stack.enter_context(opened(name, run.shape, running)) for name in ENGINES]
        for engine in engines:
            engine.play(3, is_counted=False)
        for _ in range(run.rounds):
            for engine in engines:
                engine.play(run.turns)
        assert len({engine.store.state_hash() for engine in engines}) == 1, "the engines' universes differ"
        return engines


def work(engine: Engine) -> float:
    """Seconds of the database's processors a turn; of the file's engine that is this process."""
    return float(np.median(engine.process_seconds if engine.name == FILE else engine.database_seconds))


def row(engine: Engine, file: Engine) -> str:
    """A line of the table; times in milliseconds."""
    own = 0.0 if engine.name == FILE else float(np.median(engine.process_seconds))
    cells = [
        engine.name,
        f"{1000 * work(engine):.0f}",
        "" if engine.name == FILE else f"{1000 * own:.0f}",
        f"{work(engine) / work(file):.2f}",
        f"{(work(engine) + own) / work(file):.2f}",
        f"{1000 * np.median(engine.turn_seconds):.0f}",
        f"{1000 * np.quantile(engine.turn_seconds, 0.99):.0f}",
        "" if engine.name == FILE else f"{np.median(engine.wal_bytes) / 1e6:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def report(where: str, sections: list[str], targets: list[str]) -> str:
    """The whole page."""
    return f"""# The engines side by side

Made by `make bench`. {where}

The same universe, durable, on every engine, in one run: each plays a few turns in rotation, and in the end all have the same
state hash. Nothing is published: what a gateway's snapshot costs is the same for all. *database* is the processor time of all
processes of the servers a turn, in milliseconds; of the file's engine, which runs in this process, all that it took. *this
process* is what the clock's process takes besides: dealing, events, records; and of what is played beside the server, the turn.
*turn* and *p99* are times on the clock, which on a machine that others use too say little. The servers share the two cores:
two of them are faster than one only by what one leaves idle.

| processor time of the database a turn | target | measured | |
|---|---|---|---|
{chr(10).join(targets)}

{(chr(10) * 2).join(sections)}
"""


def main() -> None:
    """Measure, and write the report after each shape."""
    refuse_huge_pages()
    where = conditions("duckdb", "psycopg", "wasmtime", "numba", "numpy")
    sections: list[str] = []
    targets: list[str] = []
    for run in RUNS[:1] if "--quick" in sys.argv else RUNS:
        engines = {engine.name: engine for engine in side_by_side(run)}
        lines = [row(engine, engines[FILE]) for engine in engines.values()]
        print("\n".join(lines), file=sys.stderr, flush=True)
        size = engines[FILE].store.size
        title = f"{size.ships:,} ships, {size.nodes:,} nodes"
        sections.append(f"## {title}\n\n{HEAD}\n" + "\n".join(lines))
        for shape, name, other, limit in TARGETS:
            if shape == run.shape:
                found = work(engines[name]) / work(engines[other])
                verdict = "met" if found <= limit else "**missed**"
                targets.append(f"| {title}: {name}, of {other} | ≤ {limit:g} | {found:.2f} | {verdict} |")
        REPORT.write_text(report(where, sections, targets))
    print(f"written: {REPORT.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
