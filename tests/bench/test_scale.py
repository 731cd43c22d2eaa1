"""The model finds the costs that it is given, and says of a larger universe what follows from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.bench.scale import Line, Machine, Model, Point, estimate, fit

SIZES = (
    (1_000, 32_000, 64_000),
    (4_000, 128_000, 128_000),
    (4_000, 128_000, 512_000),
    (16_000, 512_000, 512_000),
)
WORK = Line(0.010, 200e-9, 90e-9)


def points(noise: Sequence[float] = (0, 0, 0, 0)) -> list[Point]:
    return [
        Point(
            systems,
            ships,
            nodes,
            database_seconds=WORK.at(ships, nodes) * (1 + error),
            clock_seconds=0.004 + 1e-9 * ships,
            wal_bytes=28.0 * ships + 13.0 * nodes,
            pull_bytes=24.0 * ships + 9.0 * nodes,
            pull_seconds=2e-9 * (24.0 * ships + 9.0 * nodes),
            pull_server_seconds=1e-9 * (24.0 * ships + 9.0 * nodes),
        )
        for (systems, ships, nodes), error in zip(SIZES, noise, strict=True)
    ]


@pytest.fixture
def model() -> Model:
    return Model.of(points(), serial_turns=6, spread=0.1, commit_seconds=0.002)


def test_a_fit_finds_the_line_that_made_the_points(model: Model) -> None:
    for found, meant in zip(
        (model.database.constant, model.database.ship, model.database.node),
        (WORK.constant, WORK.ship, WORK.node),
        strict=True,
    ):
        assert found == pytest.approx(meant, rel=1e-6)
    assert model.wal.constant == pytest.approx(0, abs=1e-3)
    assert model.pull_seconds.at(1e6, 1e6) == pytest.approx(2e-9 * 33e6)


def test_small_universes_count_as_much_as_large_ones() -> None:
    """One percent off in the largest is 2 ms, half of all that the smallest costs besides its ships."""
    noisy = points((0, 0, 0, 0.01))
    found = fit(noisy, [point.database_seconds for point in noisy])
    smallest = noisy[0]
    assert found.at(smallest.ships, smallest.nodes) == pytest.approx(smallest.database_seconds, rel=0.01)


def test_no_part_costs_less_than_nothing() -> None:
    values = [1e-6 * point.ships - 1e-9 * point.nodes for point in points()]
    found = fit(points(), values)
    assert min(found.constant, found.ship, found.node) >= 0
    assert found.at(512_000, 512_000) == pytest.approx(values[-1], rel=0.02)


def test_the_slowest_of_many_sessions_decides(model: Model) -> None:
    assert model.slowest_share(31, 1) == 1
    # 31 blocks on 16 sessions: one has 1, the others 2, so the turn takes 2 of 31 parts instead of 1 of 16.
    even = Model.of(points(), serial_turns=6, spread=0.0, commit_seconds=0.0)
    assert even.slowest_share(31, 16) == pytest.approx(32 / 31)
    assert model.slowest_share(31, 16) > even.slowest_share(31, 16)
    # Random work evens out over many blocks a session: what the formula says is what a draw of it gives.
    draws = np.random.default_rng(1).normal(1, model.spread, (2_000, 64, 50)).mean(axis=2)
    assert model.slowest_share(64 * 50, 64) == pytest.approx(draws.max(axis=1).mean(), rel=0.01)


def test_a_turn_waits_for_the_slowest_the_clock_and_the_network(model: Model) -> None:
    near = model.turn_seconds(16_000, 512_000, 512_000, sessions=2, round_trip=0.0)
    far = model.turn_seconds(16_000, 512_000, 512_000, sessions=2, round_trip=0.010)
    assert far - near == pytest.approx(0.060)
    more = model.turn_seconds(16_000, 512_000, 512_000, sessions=8, round_trip=0.0)
    played = WORK.at(512_000, 512_000)
    assert near > played / 2 > more > played / 8


def test_a_larger_universe_needs_more_machines_and_a_gateway_breaks_first(model: Model) -> None:
    estimates = [
        estimate(model, ships, 2 * ships, ships // 32, Machine()) for ships in (10**6, 10**7, 10**8, 10**9)
    ]
    machines = [one.machines for one in estimates]
    assert machines == sorted(machines) and machines[0] == 1 and machines[-1] > 30
    assert estimates[0].breaks == []
    assert estimates[-1].breaks[0] == "gateway's processor"
    # The log of a machine stays within what its disk may be used for.
    assert all(one.wal_bytes <= one.machine.disk_bytes * one.machine.use for one in estimates)
