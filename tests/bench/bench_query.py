"""Measure the query endpoint under load while turns are played, and write docs/benchmarks/queries.md.

    python -m tests.bench.bench_query

A real `wasmverse serve` with the default universe on a free port; loads come from a process of their own (load.py).
Each load runs beside the turns, whose times are compared with those of idle stretches between them. What counts is what was
measured at calm moments (steal.py); a long load with too few of them is repeated while there is time.
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

import numpy as np
from numpy.typing import NDArray

from tests.bench.report import BENCHMARKS, ROOT, conditions
from tests.bench.server import SYSTEMS, Server
from tests.bench.steal import CALM_SHARE, SECONDS_AFTER, SECONDS_BEFORE, Patience, Steal
from tests.query.builder import snapshot_tables
from wasmverse.confinement.prctl import refuse_huge_pages
from wasmverse.query.pool import ReaderPool
from wasmverse.query.query import Query
from wasmverse.settings import Settings
from wasmverse.snapshots.snapshot import SnapshotWriter

REPORT = BENCHMARKS / "queries.md"
LOAD_SECONDS = 30
IDLE_SECONDS = 8
CALM_SECONDS_MIN = 15
"""A load is repeated until this much of it was calm."""
CALM_TURNS_MIN = 10
"""With fewer turns no p99 is reported."""
RATES = (200, 400, 600, 800)
IDLE = "idle"


class Row(NamedTuple):
    """One line of the table; ``is_met`` is None where there is no target."""

    what: str
    target: str
    figure: str
    of_all: str = ""
    calm: str = ""
    is_met: bool | None = None


class Samples:
    """The latency of each answer and when its request was due, of one load or several of the same kind."""

    def __init__(self, steal: Steal) -> None:
        self._steal = steal
        self._parts: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._spans: list[tuple[float, float]] = []
        self.processor: float | None = None
        self.failed = 0

    def add(self, result: dict[str, Any]) -> None:
        """Add what a load printed."""
        moments, seconds = np.array(result["moments"]), np.array(result["seconds"])
        self._parts.append((moments, seconds))
        self._spans.append((moments.min(), moments.max()))
        if "processor" in result:
            self.processor = max(self.processor or 0.0, result["processor"])
        self.failed += result.get("failed", 0)

    @property
    def answers(self) -> int:
        """How many there were."""
        return sum(len(moments) for moments, _ in self._parts)

    @property
    def elapsed_seconds(self) -> float:
        """From the first request of each load to its last."""
        return sum(end - begin for begin, end in self._spans)

    @property
    def calm_seconds(self) -> float:
        """How much of that was calm."""
        return sum(self._steal.calm_seconds(begin, end) for begin, end in self._spans)

    def milliseconds(self, *, calm: bool) -> NDArray[np.float64]:
        """All of them, or those of calm moments, which may be none."""
        moments, seconds = map(np.concatenate, zip(*self._parts, strict=True))
        return np.asarray(1000 * (seconds[self._steal.is_calm(moments)] if calm else seconds))

    def quantiles(self, *shares: float) -> NDArray[np.float64]:
        """Of the milliseconds at calm moments; infinite if there were none: nothing is met by what was not measured."""
        times = self.milliseconds(calm=True)
        return np.quantile(times, shares) if len(times) else np.full(len(shares), np.inf)

    def per_second(self, *, calm: bool) -> float:
        """Answers a second."""
        elapsed = self.calm_seconds if calm else self.elapsed_seconds
        return len(self.milliseconds(calm=calm)) / elapsed if elapsed else 0.0

    def row(self, what: str, target: str = "", note: str = "", *, with_rate: bool = False) -> Row:
        """A line of the table; the target is not judged."""
        cells = []
        for calm in (True, False):
            times = self.milliseconds(calm=calm)
            if not len(times):
                cells.append("none was calm")
                continue
            p50, p99 = np.quantile(times, (0.5, 0.99))
            rate = f"{self.per_second(calm=calm):.0f} a second; " if with_rate else ""
            cells.append(f"{rate}p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {times.max():.0f} ms")
        failed = f", **{self.failed} failed**" if self.failed else ""
        generator = "" if self.processor is None else f"; generator {100 * self.processor:.0f} % of a core"
        calm_share = f"{self.calm_seconds:.0f} of {self.elapsed_seconds:.0f} s"
        return Row(what, target, cells[0], f"{cells[1]}{failed}{note}{generator}", calm_share)


class Stretch:
    """Some turns: their times, how many were late, and what the server used. May be entered several times."""

    def __init__(self, server: Server, steal: Steal) -> None:
        self.server = server
        self.steal = steal
        self.moments: list[float] = []
        self.seconds: list[float] = []
        self.late = self.times = 0
        self.executed = self.cached = self.stolen = self.elapsed = 0.0

    def __enter__(self) -> Stretch:
        [[self._first]] = self.server.rows("select max(tid) from turns")
        self._executed, self._cached = self._counts()
        self._began = time.time()
        return self

    def __exit__(self, *_error: object) -> None:
        now = time.time()
        self.stolen += (now - self._began) * float(self.steal.share(self._began, now))
        self.elapsed += now - self._began
        self.times += 1
        executed, cached = self._counts()
        self.executed += executed - self._executed
        self.cached += cached - self._cached
        sql = "select epoch(start_time), epoch(end_time) - epoch(start_time), late from turns where tid > ? order by tid"
        for moment, seconds, late in self.server.rows(sql, self._first):
            self.moments.append(moment)
            self.seconds.append(seconds)
            self.late += late

    def _counts(self) -> tuple[float, float]:
        cached = self.server.metric("wasmverse_queries_cached_total")
        return self.server.metric("wasmverse_queries_total") - cached, cached

    def calm_turns(self) -> NDArray[np.float64]:
        """Milliseconds of the turns that were played at calm moments."""
        return 1000 * np.array(self.seconds)[self.steal.is_calm(self.moments)]

    def shown(self, base: Stretch) -> str:
        """A line of the table of turns."""
        calm, every = self.calm_turns(), 1000 * np.array(self.seconds)
        cells = [str(len(every)), str(self.late), str(len(calm))]
        usual = base.calm_turns()
        middle = slow = growth = ""
        if len(calm) >= CALM_TURNS_MIN:
            middle, slow = f"{np.median(calm):.1f}", f"{np.quantile(calm, 0.99):.1f}"
            if self is not base and len(usual) >= CALM_TURNS_MIN:
                growth = f"{100 * (np.quantile(calm, 0.99) / np.quantile(usual, 0.99) - 1):+.0f} %"
        cells += [
            middle,
            slow,
            growth,
            f"{np.median(every):.1f}",
            f"{np.quantile(every, 0.99):.1f}",
            f"{100 * self.stolen / self.elapsed:.0f} %",
        ]
        return " | ".join(cells)


class Measurement:
    """One server, its turns under each load, and the time that is left."""

    def __init__(self, server: Server, steal: Steal) -> None:
        self.server = server
        self.steal = steal
        self.patience = Patience()
        self.stretches = {IDLE: Stretch(server, steal)}

    def idle(self) -> None:
        """Turns without a load."""
        time.sleep(2)  # whatever the load before left behind
        with self.stretches[IDLE]:
            time.sleep(IDLE_SECONDS)

    def load(self, name: str, **what: Any) -> Samples:
        """One load beside the turns; again while it was not calm and there is time."""
        stretch = self.stretches.setdefault(name, Stretch(self.server, self.steal))
        samples = Samples(self.steal)
        while True:
            clock = time.monotonic()
            self.idle()
            with load(self.server.port, **what, seconds=LOAD_SECONDS) as process:
                if what["kind"] == "watch":
                    assert process.stdout is not None
                    process.stdout.readline()  # all watchers have had their first message
                with stretch:
                    result = result_of(process)
            samples.add(result)
            samples.failed += result.get("missing", 0)
            time.sleep(SECONDS_AFTER)  # then it is known how calm the last moment was
            took = time.monotonic() - clock
            if samples.calm_seconds >= CALM_SECONDS_MIN or not self.patience.spend(took):
                return samples


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


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a load prints when it is done."""
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    if not lines:
        raise SystemExit("the load generator failed: see above")
    return dict(json.loads(lines[-1]))


def one_system(measurement: Measurement) -> Iterator[Row]:
    """One system's entities as JSON, at a fixed rate and as fast as possible."""
    server, steal = measurement.server, measurement.steal
    name = "100 requests/s, all executed"
    samples = measurement.load(name, kind="rate", rate=100, systems=SYSTEMS)
    p50, p99 = samples.quantiles(0.5, 0.99)
    what = f"96 rows as JSON, 100 requests/s, {measurement.stretches[name].executed:.0f} of {samples.answers} executed"
    row = samples.row(what, "p50 ≤ 6 ms, p99 ≤ 40 ms")
    yield row._replace(is_met=bool(p50 <= 6 and p99 <= 40 and not samples.failed))
    for what, rate, is_kept in (
        ("the same, always the same text: results kept for the turn", 100, True),
        *((f"{rate} requests/s", rate, False) for rate in RATES),
    ):
        samples = Samples(steal)
        with load(
            server.port, kind="rate", rate=rate, seconds=5, systems=SYSTEMS, is_kept=is_kept
        ) as process:
            result = result_of(process)
        samples.add(result)
        times = samples.milliseconds(calm=False)
        keeps_up = result["per_second"] >= 0.98 * rate and np.quantile(times, 0.99) < 250
        time.sleep(1)
        yield samples.row(what, note="" if keeps_up and not samples.failed else "; a queue grows")
    samples = measurement.load("8 clients without a pause", kind="closed", clients=8, systems=SYSTEMS)
    row = samples.row("8 clients that ask again at once, all executed", "≥ 600 a second", with_rate=True)
    yield row._replace(is_met=samples.per_second(calm=True) >= 600 and not samples.failed)


def live(measurement: Measurement) -> Iterator[Row]:
    """Many watchers: memory, delay, queries."""
    server = measurement.server
    before = server.memory_bytes()
    with load(server.port, kind="idle", watchers=1_000) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        time.sleep(1)
        kilobytes = (server.memory_bytes() - before) / 1_000 / 1_000
        process.stdin.write("\n")
        process.stdin.flush()
        process.wait(30)
    figure = f"{kilobytes:.0f} kB"
    yield Row("memory of an idle watcher, of 1,000", "≤ 100 kB", figure, is_met=kilobytes <= 100)
    name = "1,200 watchers"
    samples = measurement.load(name, kind="watch", same=1_000, different=200)
    [p99] = samples.quantiles(0.99)
    what = "1,000 watchers of one system and 200 of others: from commit to delivery"
    yield samples.row(what, "p99 ≤ 250 ms")._replace(is_met=bool(p99 <= 250 and not samples.failed))
    stretch = measurement.stretches[name]
    # Each load ends with a query of its own.
    each = (stretch.executed - stretch.times) / 201 / max(1, len(stretch.seconds))
    yield Row("queries of a distinct text and turn", "≤ 1", f"{each:.2f}", is_met=each <= 1.02)


async def count_by_kind(folder: Path) -> dict[str, Any]:
    """The count by kind over five million rows, with a new text each time, while turns are played."""
    writer = SnapshotWriter(folder / "five-million", keep=1, bytes_max=1 << 30)
    writer.publish(1, snapshot_tables(1, systems=31_250, ships=32, nodes=128))
    pool = ReaderPool(Settings(database_path=folder / "none.duckdb"), writer.folder)
    await pool.start()
    moments, seconds = [], []
    for number in range(100):
        moments.append(time.time())
        began = time.perf_counter()
        result = await pool.query(
            Query(f"select kind, count(*) c from entity where {number} >= 0 group by kind")
        )
        seconds.append(time.perf_counter() - began)
        assert b"4000000" in result.body, result.body
        await asyncio.sleep(0.1)
    await pool.close()
    writer.close()
    # The first query of each reader maps the turn.
    return {"moments": moments[4:], "seconds": seconds[4:]}


def counts(measurement: Measurement, folder: Path) -> Row:
    """The row of the counts."""
    samples = Samples(measurement.steal)
    measurement.idle()
    name = "counts over 5,000,000 rows"
    with measurement.stretches.setdefault(name, Stretch(measurement.server, measurement.steal)):
        samples.add(asyncio.run(count_by_kind(folder)))
    time.sleep(SECONDS_AFTER)
    [middle] = samples.quantiles(0.5)
    return samples.row("count by kind over 5,000,000 rows", "p50 ≤ 60 ms")._replace(is_met=bool(middle <= 60))


def main() -> None:
    """Measure everything and write the report."""
    refuse_huge_pages()  # the count's readers are ours
    began = time.monotonic()
    where = conditions("duckdb", "pyarrow", "fastapi", "uvicorn", "websockets", "wasmtime")
    with tempfile.TemporaryDirectory() as temporary, Steal() as steal:
        folder = Path(temporary)
        server = Server(folder)
        try:
            time.sleep(5)
            measurement = Measurement(server, steal)
            rows = [tell(row) for row in one_system(measurement)]
            rows += [tell(row) for row in live(measurement)]
            rows.append(tell(counts(measurement, folder)))
            measurement.idle()
        finally:
            server.stop()
        write(rows, measurement.stretches, where)
    print(f"written: {REPORT.relative_to(ROOT)}, after {time.monotonic() - began:.0f} s", file=sys.stderr)


def tell(row: Row) -> Row:
    """Show a row while the rest is measured."""
    print(" | ".join(map(str, row)), file=sys.stderr, flush=True)
    return row


def write(rows: list[Row], stretches: dict[str, Stretch], where: str) -> None:
    """The report as Markdown."""
    marks = {True: "met", False: "**missed**", None: ""}
    table = [f"| {' | '.join((*row[:-1], marks[row.is_met]))} |" for row in rows]
    turns = [f"| {name} | {stretch.shown(stretches[IDLE])} |" for name, stretch in stretches.items()]
    REPORT.write_text(
        f"""# What queries cost, and what they cost the turns

Made by `make bench`. {where}

`wasmverse serve` with the default universe, {SYSTEMS:,} systems of 32 ships and 64 energy nodes, a turn a second, on the
same cores as the load generator; only `queries_per_second_max` is set to no limit. One system is
`select * from entity where sid = ? and eid <> ?` over HTTP/1.1 with kept connections; the second argument never repeats, so
that every request is a query. At a rate, latency counts from the moment that a request was due. Delivery counts from
`end_time` of the turn in `turns`, its commit, to the last byte of the message at the watcher. The count runs on a snapshot
of its own, in readers of its own, beside the same turns, without HTTP.

The machine is a guest among others, who take its processors for seconds at a time (*stolen*, as Linux counts it). A moment
is *calm* if they took at most {CALM_SHARE:.0%} from {SECONDS_BEFORE:g} s before to {SECONDS_AFTER:g} s after it. What was due
at a calm moment is judged; beside it stands the same of all. A load of {LOAD_SECONDS} s of which less than
{CALM_SECONDS_MIN} s were calm is repeated while there is time.

| what | target | at calm moments | of all | calm | |
|---|---|---|---|---|---|
{chr(10).join(table)}

## The turns meanwhile

From the turn's start to its commit, in milliseconds, of the turns within each load; *idle* is {IDLE_SECONDS} s before each
of them and after the last. The targets are no late turn, and a p99 that grows by at most 15 percent; with some thirty turns
to a load, p99 is nearly the slowest of them.

| load | turns | late | calm turns | median | p99 | growth of p99 | median of all | p99 of all | stolen |
|---|---|---|---|---|---|---|---|---|---|
{chr(10).join(turns)}
"""
    )


if __name__ == "__main__":
    main()
