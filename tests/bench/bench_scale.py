"""Measure the points of the model of docs/scale.md, check it against a size that it has not seen, and write the page's tables.

    python -m tests.bench.bench_scale

Takes some three minutes. Each size has a universe of its own on one server, which one process plays and another one follows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np

from tests.bench.engines import Shape, follower, opened, servers
from tests.bench.report import DOCS, conditions, put_between
from tests.bench.scale import Estimate, Line, Machine, Model, Point, estimate
from tests.postgres.proxy import Proxy
from tests.postgres.server import Server
from wasmverse.confinement.prctl import refuse_huge_pages

PAGE = DOCS / "scale.md"
ENGINE = "PostgreSQL, one session"
FITTED = (
    Shape(1_000, 32, 64),
    Shape(4_000, 32, 32),
    Shape(4_000, 32, 128),
    Shape(16_000, 32, 32),
    Shape(8_000, 32, 96),
)
CHECKED = Shape(31_250, 32, 64)
"""Twice the largest that is fitted to."""
LARGER = (32_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
DELAY_SECONDS = 0.02
TOLERANCE = 0.2


def figure(server: Server, database: str, query: str) -> float:
    """The one number that a query gives."""
    with server.connect(database) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return float(row[0])


def measure(shape: Shape, running: list[Server]) -> tuple[Point, float]:
    """A point, and how much the blocks differ: their standard deviation as a part of the mean."""
    rounds, turns = (3, max(3, round(400_000 / (shape.systems * (shape.ships + shape.nodes)))))
    with opened(ENGINE, shape, running) as engine, follower(engine) as other:
        engine.play(3, is_counted=False)
        other.follow()
        for _ in range(rounds):
            engine.play(turns)
        pulls, served = [], []
        for _ in range(rounds):
            engine.play(1, is_counted=False)
            server, own = engine.servers[0].cpu_seconds(), time.process_time()
            other.follow()
            pulls.append(time.process_time() - own)
            served.append(engine.servers[0].cpu_seconds() - server)
        name = engine.databases[0]
        packed = figure(
            running[0], name, "SELECT sum(length(ships)::bigint + length(nodes)) FROM system_state"
        )
        spread = figure(
            running[0],
            name,
            "SELECT coalesce(stddev(bytes) / avg(bytes), 0) FROM (SELECT sum(length(ships) + length(nodes)) AS bytes "
            "FROM system_state GROUP BY block ORDER BY block) AS of_blocks",
        )
        size = engine.store.size
        point = Point(
            shape.systems,
            size.ships,
            size.nodes,
            float(np.median(engine.database_seconds)),
            float(np.median(engine.process_seconds)),
            float(np.median(engine.wal_bytes)),
            packed,
            float(np.median(pulls)),
            max(1e-9, float(np.mean(served))),
        )
        return point, spread


def serial_messages(name: str, running: list[Server]) -> int:
    """What a turn waits for one after the other: a network that takes its time shows how often it was waited for."""
    shape = Shape(2_100, 4, 4)
    with (
        Proxy(running[0].port) as one,
        Proxy(running[1].port) as two,
        opened(name, shape, running, ports=(one.port, two.port)) as engine,
    ):
        medians = []
        for delay in (0.0, DELAY_SECONDS):
            one.delay_seconds = two.delay_seconds = delay
            engine.turn_seconds.clear()
            engine.play(3, is_counted=False)
            engine.play(15)
            medians.append(float(np.median(engine.turn_seconds)))
        one.delay_seconds = two.delay_seconds = 0.0
    return round((medians[1] - medians[0]) / DELAY_SECONDS)


def commit_seconds(server: Server) -> float:
    """A durable commit of one row."""
    with server.connect() as connection:
        connection.execute("CREATE TABLE committed (n int)")
        seconds = []
        for number in range(60):
            began = time.perf_counter()
            connection.execute("INSERT INTO committed VALUES (%s)", [number])
            seconds.append(time.perf_counter() - began)
        connection.execute("DROP TABLE committed")
    return float(np.median(seconds))


def check(model: Model, point: Point) -> list[tuple[str, float, float]]:
    """(what, measured, foretold) of the size that was not fitted to."""
    return [
        ("processor of the servers, ms a turn", 1e3 * point.database_seconds, 1e3 * model.database.at(point.ships, point.nodes)),
        ("log, MB a turn", point.wal_bytes / 1e6, model.wal.at(point.ships, point.nodes) / 1e6),
        ("pulled, MB a turn", point.pull_bytes / 1e6, model.pull.at(point.ships, point.nodes) / 1e6),
        ("processor of a pull, ms", 1e3 * point.pull_seconds, 1e3 * model.pull_seconds.at(point.ships, point.nodes)),
    ]  # fmt: skip


def line(seconds: Line) -> str:
    """What a line of times says, in words."""
    parts = 1e3 * seconds.constant, 1e9 * seconds.ship, 1e9 * seconds.node
    return "{:.1f} ms, and {:.1f} ns a ship and {:.1f} ns a node".format(*parts)


def described(
    model: Model, points: Sequence[Point], checked: Point, serial: dict[str, int], where: str
) -> str:
    """The section of the model."""
    measured = [
        f"| {point.ships:,} | {point.nodes:,} | {1e3 * point.database_seconds:.0f} | {1e3 * point.clock_seconds:.0f} | "
        f"{point.wal_bytes / 1e6:.1f} | {point.pull_bytes / 1e6:.1f} | {1e3 * point.pull_seconds:.0f} |"
        for point in (*points, checked)
    ]
    compared = [
        f"| {what} | {found:.1f} | {foretold:.1f} | {foretold / found - 1:+.0%} | "
        f"{'yes' if abs(foretold / found - 1) <= TOLERANCE else '**no**'} |"
        for what, found, foretold in check(model, checked)
    ]
    messages = ", ".join(f"{count} with {name}" for name, count in serial.items())
    work, log, pull, clock, own = model.database, model.wal, model.pull, model.clock, model.pull_seconds
    served = model.pull_server_seconds.at(1e6, 1e6) / own.at(1e6, 1e6)
    return f"""{where}

| ships | nodes | servers, ms | clock, ms | log, MB | pulled, MB | pull, ms |
|---|---|---|---|---|---|---|
{chr(10).join(measured)}

All are figures of one turn, times of processors. The last line is the size that the model has not seen. Fitted to the others:

- servers: {line(work)};
- clock: {line(clock)};
- log: {log.constant / 1e3:.0f} kB, and {log.ship:.1f} bytes a ship and {log.node:.1f} a node;
- pulled by a gateway: {pull.ship:.1f} bytes a ship and {pull.node:.1f} a node;
- its processor for that: {line(own)}, and the servers' {served:.0%} of it;
- messages one after the other: {messages};
- blocks differ by {model.spread:.1%}, a durable commit took {1e3 * model.commit_seconds:.1f} ms.

Foretold for {checked.ships:,} ships and {checked.nodes:,} nodes:

| | measured | foretold | off by | within {TOLERANCE:.0%} |
|---|---|---|---|---|
{chr(10).join(compared)}"""


def table(estimates: Sequence[Estimate]) -> str:
    """The section of larger universes."""
    lines = [
        f"| {one.ships:,} | {one.nodes:,} | {one.cores:.1f} | {one.machines:,} | {one.turn_seconds:.2f} | "
        f"{one.clock_seconds:.2f} | {one.wal_bytes / 1e6:.0f} | {one.pull_bytes / 1e6:,.0f} | {one.gateway_share:.0%} | "
        f"{one.pull_seconds:.2f} | "
        f"{', '.join(one.breaks) or 'nothing'} |"
        for one in estimates
    ]
    return (
        "| ships | nodes | cores in use | machines | turn, s | clock, s | log of a machine, MB/s | a gateway pulls, MB | "
        "of its network | its processor, s | too much for |\n"
        f"|---|---|---|---|---|---|---|---|---|---|---|\n{chr(10).join(lines)}"
    )


def main() -> None:
    """Measure, fit, check and write."""
    refuse_huge_pages()
    where = conditions("psycopg", "wasmtime", "numba", "numpy")
    with servers(2) as running:
        spreads, points = [], []
        for shape in (*FITTED, CHECKED):
            point, spread = measure(shape, running)
            print(point, file=sys.stderr, flush=True)
            points.append(point)
            spreads.append(spread)
        serial = {
            name: serial_messages(name, running)
            for name in (ENGINE, "PostgreSQL, two sessions", "two servers")
        }
        commit = commit_seconds(running[0])
    *fitted, checked = points
    model = Model.of(fitted, serial_turns=serial["two servers"], spread=max(spreads), commit_seconds=commit)
    put_between(PAGE, "model", described(model, fitted, checked, serial, where))
    estimates = [estimate(model, ships, 2 * ships, ships // 32, Machine()) for ships in LARGER]
    put_between(PAGE, "table", table(estimates))
    print(f"written: {PAGE}", file=sys.stderr)


if __name__ == "__main__":
    main()
