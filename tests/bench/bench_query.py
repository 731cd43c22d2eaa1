"""Measure the query endpoint under load while turns are played, and write docs/benchmarks/queries.md.

    python -m tests.bench.bench_query

A real `wasmverse serve` with the default universe on a free port; loads come from a process of their own (load.py).
Each load runs beside the turns, whose times are compared with those of an idle stretch of the same run.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.load import quantile
from tests.bench.report import BENCHMARKS, ROOT, Stolen, conditions
from tests.bench.server import SYSTEMS, Server
from tests.query.builder import snapshot_tables
from wasmverse.query.pool import ReaderPool
from wasmverse.query.snapshot import SnapshotWriter
from wasmverse.settings import Settings

REPORT = BENCHMARKS / "queries.md"
STRETCH_SECONDS = 30
RATES = (200, 400, 600, 800)


class Row(NamedTuple):
    """One line of the table; ``is_met`` is None where there is no target."""

    what: str
    target: str
    figure: str
    is_met: bool | None = None


class Stretch:
    """Some turns: their times, how many were late, and what the server used."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.seconds: list[float] = []
        self.late = 0
        self.executed = self.cached = self.stolen = 0.0

    def __enter__(self) -> Stretch:
        [[self.first]] = self.server.rows("select max(tid) from turns")
        self._executed, self._cached = self._counts()
        self._stolen = Stolen()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stolen = self._stolen.share()
        executed, cached = self._counts()
        self.executed, self.cached = executed - self._executed, cached - self._cached
        sql = "select epoch(end_time) - epoch(start_time), late from turns where tid > ? order by tid"
        rows = self.server.rows(sql, self.first)
        self.seconds = [seconds for seconds, _ in rows]
        self.late = sum(late for _, late in rows)

    def _counts(self) -> tuple[float, float]:
        cached = self.server.metric("wasmverse_queries_cached_total")
        return self.server.metric("wasmverse_queries_total") - cached, cached

    def shown(self, base: Stretch | None = None) -> list[str]:
        """Cells of the table of turns."""
        p99 = quantile(self.seconds, 0.99)
        growth = "" if base is None else f"{100 * (p99 / quantile(base.seconds, 0.99) - 1):+.0f} %"
        middle = quantile(self.seconds, 0.5)
        times = [f"{1000 * middle:.1f}", f"{1000 * p99:.1f}"]
        return [str(len(self.seconds)), str(self.late), *times, growth, f"{100 * self.stolen:.0f} %"]


@contextmanager
def load(port: int, **what: Any) -> Iterator[subprocess.Popen[str]]:
    """The load generator, started; it is waited for at the end."""
    command = [sys.executable, "-m", "tests.bench.load", str(port), json.dumps(what)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def run(port: int, **what: Any) -> dict[str, Any]:
    """One load from beginning to end."""
    with load(port, **what) as process:
        return result_of(process)


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a load prints when it is done."""
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    if not lines:
        raise SystemExit("the load generator failed: see above")
    return dict(json.loads(lines[-1]))


def shown(result: dict[str, Any]) -> str:
    """Latencies of a load, in words."""
    text = f"p50 {result['p50_ms']:.1f} ms, p99 {result['p99_ms']:.1f} ms, max {result['max_ms']:.0f} ms"
    if result.get("failed"):
        text += f", **{result['failed']} failed**"
    return text + f"; generator {100 * result['processor']:.0f} % of a core"


def one_system(server: Server, stretches: dict[str, Stretch]) -> Iterator[Row]:
    """One system's entities as JSON, at a rate and as fast as it goes."""
    with stretches.setdefault("100 requests/s, all executed", Stretch(server)) as stretch:
        result = run(server.port, kind="rate", rate=100, seconds=STRETCH_SECONDS, systems=SYSTEMS)
    met = result["p50_ms"] <= 6 and result["p99_ms"] <= 40 and not result["failed"]
    what = f"96 rows as JSON, 100 requests/s, {stretch.executed:.0f} of {result['requests']} executed"
    yield Row(what, "p50 ≤ 6 ms, p99 ≤ 40 ms", shown(result), met)
    result = run(server.port, kind="rate", rate=100, seconds=5, systems=SYSTEMS, is_kept=True)
    yield Row("the same, always the same text: results kept for the turn", "", shown(result))
    best = 0.0
    for rate in RATES:
        with Stretch(server):
            result = run(server.port, kind="rate", rate=rate, seconds=4, systems=SYSTEMS)
        keeps_up = result["per_second"] >= 0.98 * rate and result["p99_ms"] < 250 and not result["failed"]
        yield Row(f"{rate} requests/s", "", shown(result) + ("" if keeps_up else "; a queue grows"))
        best = rate if keeps_up else best
    with stretches.setdefault("8 clients without a pause", Stretch(server)) as stretch:
        result = run(server.port, kind="closed", clients=8, seconds=STRETCH_SECONDS, systems=SYSTEMS)
    text = f"{result['per_second']:.0f} a second; {shown(result)}"
    yield Row(
        "8 clients that ask again at once, all executed", "≥ 600 a second", text, result["per_second"] >= 600
    )


def live(server: Server, stretches: dict[str, Stretch]) -> Iterator[Row]:
    """Many watchers: memory, delay, queries."""
    before = server.memory_bytes()
    with load(server.port, kind="idle", watchers=1_000) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        time.sleep(1)
        kilobytes = (server.memory_bytes() - before) / 1_000 / 1_000
        process.stdin.write("\n")
        process.stdin.flush()
        process.wait(30)
    yield Row("memory of an idle watcher, of 1,000", "≤ 100 kB", f"{kilobytes:.0f} kB", kilobytes <= 100)
    time.sleep(2)
    with load(server.port, kind="watch", same=1_000, different=200, seconds=STRETCH_SECONDS) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with stretches.setdefault("1,200 watchers", Stretch(server)) as stretch:
            result = result_of(process)
    lost = result["expected"] - result["delivered"]
    text = f"{shown(result)}; {result['delivered']:,} results of {result['turns']} turns, {lost} missing"
    yield Row("1,000 watchers of one system and 200 of others: from commit to delivery", "p99 ≤ 250 ms", text,
              result["p99_ms"] <= 250 and lost == 0)  # fmt: skip
    # Two queries of our own frame the stretch.
    each = (stretch.executed - 2) / 201 / max(1, len(stretch.seconds))
    yield Row("queries of a distinct text and turn", "≤ 1", f"{each:.2f}", each <= 1.02)


async def count_by_kind(folder: Path) -> Row:
    """The count by kind over five million rows, every text another one, while the turns go on."""
    writer = SnapshotWriter(folder / "five-million", keep=1, bytes_max=1 << 30)
    writer.publish(1, snapshot_tables(1, systems=31_250, ships=32, nodes=128))
    pool = ReaderPool(Settings(database_path=folder / "none.duckdb"), writer.folder)
    await pool.start()
    seconds = []
    for number in range(60):
        began = time.perf_counter()
        result = await pool.query(f"select kind, count(*) c from entity where {number} >= 0 group by kind")
        seconds.append(time.perf_counter() - began)
        assert b"4000000" in result.body, result.body
        await asyncio.sleep(0.1)
    await pool.close()
    writer.close()
    # The first query of each reader maps the turn.
    middle, slow = 1000 * quantile(seconds[4:], 0.5), 1000 * quantile(seconds[4:], 0.99)
    return Row(
        "count by kind over 5,000,000 rows",
        "≤ 60 ms",
        f"p50 {middle:.0f} ms, p99 {slow:.0f} ms",
        middle <= 60,
    )


def main() -> None:
    """Measure everything and write the report."""
    began = time.monotonic()
    where = conditions("duckdb", "pyarrow", "fastapi", "uvicorn", "websockets", "wasmtime")
    stretches: dict[str, Stretch] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = Server(folder)
        try:
            time.sleep(5)
            with stretches.setdefault("idle", Stretch(server)):
                time.sleep(STRETCH_SECONDS + 5)
            rows = [tell(row) for row in one_system(server, stretches)]
            rows += [tell(row) for row in live(server, stretches)]
            with stretches.setdefault("counts over 5,000,000 rows", Stretch(server)):
                rows.append(tell(asyncio.run(count_by_kind(folder))))
        finally:
            server.stop()
    write(rows, stretches, where)
    print(f"written: {REPORT.relative_to(ROOT)}, after {time.monotonic() - began:.0f} s", file=sys.stderr)


def tell(row: Row) -> Row:
    """Show a row while the rest is measured."""
    print(" | ".join(map(str, row)), file=sys.stderr, flush=True)
    return row


def write(rows: list[Row], stretches: dict[str, Stretch], where: str) -> None:
    """The report as Markdown."""
    marks = {True: "met", False: "**missed**", None: ""}
    table = [f"| {row.what} | {row.target} | {row.figure} | {marks[row.is_met]} |" for row in rows]
    base = stretches["idle"]
    turns = [
        f"| {name} | {' | '.join(stretch.shown(None if stretch is base else base))} |"
        for name, stretch in stretches.items()
    ]
    REPORT.write_text(
        f"""# What queries cost, and what they cost the turns

Made by `make bench`. {where}

`wasmverse serve` with the default universe, {SYSTEMS:,} systems of 32 ships and 64 energy nodes, a turn a second, on the
same cores as the load generator; only `queries_per_second_max` is set to no limit. One system is
`select * from entity where sid = ? and eid <> ?` over HTTP/1.1 with kept connections; the second argument never repeats, so
that every request is a query. At a rate, latency counts from the moment that a request was due. Delivery counts from
`end_time` of the turn in `turns`, its commit, to the last byte of the message at the watcher. The count runs on a snapshot
of its own, in readers of its own, beside the same turns, without HTTP.

| what | target | measured | |
|---|---|---|---|
{chr(10).join(table)}

## The turns meanwhile

From the turn's start to its commit, in milliseconds, of the turns within each load. The targets are no late turn, and a p99
that grows by at most 15 percent; with some thirty turns to a load, p99 is the slowest of them. *stolen* is the share of the
processors that others on the same host took meanwhile.

| load | turns | late | median | p99 | growth of p99 | stolen |
|---|---|---|---|---|---|---|
{chr(10).join(turns)}
"""
    )


if __name__ == "__main__":
    main()
