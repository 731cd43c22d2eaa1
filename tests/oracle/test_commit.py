"""The oracle's record of a turn."""

from __future__ import annotations

import duckdb
import pytest

from .examples import (
    ALPHA,
    BETA,
    EAST,
    FAULT,
    move,
    play,
    reference_random,
    ship,
    strategies_of,
    universe,
)
from .oracle import Oracle, StrategyRow

# 10. Commit


def test_the_record_of_an_empty_turn():
    oracle = universe()
    record = play(oracle)
    counts = (record.tid, record.writes, record.ships, record.nodes, record.kills, record.faults)
    assert counts == (7, 0, 0, 0, 0, 0)
    assert record.events.num_rows == 0
    zeros = dict.fromkeys(
        ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults"), 0
    )
    expected = [{"tid": 7, "strategy": name} | zeros for name in ("alpha", "beta", "gamma")]
    assert record.strategies.to_pylist() == expected
    assert oracle.tid == 7


def test_events_are_those_of_the_turn_in_canonical_order():
    # Turn 7: ship 1 kills ship 2, ship 3 faults and starves. Turn 8 tells none of it again.
    ships = [
        ship(1, 5, 5, blasters=255),
        ship(2, 5, 5, strategy_id=1),
        ship(3, 9, 9, energy=1, strategy_id=2),
    ]
    oracle = universe(*ships)
    first = play(oracle, {3: FAULT}).events.to_pylist()
    assert [(row["tid"], row["sid"], row["kind"], row["eid"]) for row in first] == [
        (7, 1, "battle", 1),
        (7, 1, "battle", 2),
        (7, 1, "death", 2),
        (7, 1, "fault", 3),
        (7, 1, "starve", 3),
    ]
    assert play(oracle).events.num_rows == 0


def test_the_energy_of_a_strategy_is_the_sum_over_its_ships():
    oracle = universe(ship(1, 0, 0, energy=65535), ship(2, 1, 0, energy=65535), ship(3, 2, 0, strategy_id=1))
    rows = strategies_of(play(oracle))
    assert [(rows[name]["ships"], rows[name]["energy"]) for name in ("alpha", "beta")] == [
        (2, 131068),
        (1, 99),
    ]


def test_a_turn_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    oracle = universe(ship(1, 5, 5))
    with monkeypatch.context() as patched, pytest.raises(duckdb.Error, match="cut short"):
        patched.setattr(oracle.all, "turn", [*oracle.all.turn, "SELECT error('cut short')"])
        play(oracle, {1: move(EAST, 1)})
    assert (oracle.tid, oracle.ships().to_pylist()) == (6, [ship(1, 5, 5)])


def test_many_turns_keep_the_books_balanced():
    """Ships now = ships before + spawned - deaths, whatever the plans; the plans here are random numbers."""
    strategies = (ALPHA, BETA, StrategyRow(2, "gamma", status="grounded"))
    oracle = Oracle(seed=3, systems=3, ships_min=10, nodes_min=15, strategies=strategies)
    oracle.genesis()
    before = dict.fromkeys(("alpha", "beta", "gamma"), 10)
    for turn in range(1, 21):
        called = [row["eid"] for row in oracle.ships().to_pylist() if row["strategy_id"] != 2]
        record = play(oracle, {eid: reference_random(turn, eid) for eid in called})
        for name, row in strategies_of(record).items():
            assert row["ships"] == before[name] + row["spawned"] - row["deaths"]
            before[name] = row["ships"]
        assert (record.ships, record.nodes) == (oracle.ships().num_rows, oracle.nodes().num_rows)
