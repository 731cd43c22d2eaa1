"""The oracle's random numbers, its universes at turn 0, and what it refuses to load."""

from __future__ import annotations

import pytest

from .examples import (
    ALPHA,
    BETA,
    node,
    plan_table,
    reference_cell,
    reference_random,
    ship,
    universe,
)
from .oracle import NODE, SHIP, Oracle, StrategyRow

# Random numbers


def test_the_reference_is_splitmix64():
    # The first output of SplitMix64 seeded with 0, as published: mix(0x9e3779b97f4a7c15).
    assert reference_random(0) == 0xE220A8397B1DCDAF


@pytest.mark.parametrize("seed", [0, 1, 42, 2**63, 2**64 - 1])
@pytest.mark.parametrize("turn", [0, 1, 10**6, 2**63 - 1])
def test_random_numbers_are_those_of_the_reference(seed: int, turn: int):
    cases = [
        (seed, turn, sid, purpose) for sid in (1, 3, 2**32 - 1) for purpose in (1, 2, 257, 65535 * 256 + 2)
    ]
    oracle = universe()
    assert [oracle.random(*case) for case in cases] == [reference_random(*case) for case in cases]


# The beginning


def test_genesis_gives_every_system_its_ships_then_its_nodes():
    # Two systems of 2 ships and 3 nodes. Enabled by name: alpha (7), gamma (2); beta is not enabled.
    strategies = (StrategyRow(2, "gamma"), StrategyRow(1, "beta", False), StrategyRow(7, "alpha"))
    oracle = Oracle(seed=9, systems=2, ships_min=2, nodes_min=3, strategies=strategies)
    oracle.genesis()
    ships, nodes = oracle.ships().to_pylist(), oracle.nodes().to_pylist()
    # eids 1, 2 ships of system 1; 3, 4, 5 its nodes; 6, 7 ships of system 2; 8, 9, 10 its nodes.
    assert [(row["sid"], row["eid"]) for row in ships] == [(1, 1), (1, 2), (2, 6), (2, 7)]
    assert [(row["sid"], row["eid"]) for row in nodes] == [(1, 3), (1, 4), (1, 5), (2, 8), (2, 9), (2, 10)]
    assert [row["strategy_id"] for row in ships] == [7, 2, 7, 2]
    cells = [reference_cell(9, 0, sid, index, 1) for sid in (1, 2) for index in (0, 1)]
    assert [(row["x"], row["y"]) for row in ships] == cells
    cells = [reference_cell(9, 0, sid, index, 2) for sid in (1, 2) for index in (0, 1, 2)]
    assert [(row["x"], row["y"]) for row in nodes] == cells
    x, y = reference_cell(9, 0, 1, 0, 1)
    assert ships[0] == ship(1, x, y, strategy_id=7)
    x, y = reference_cell(9, 0, 1, 0, 2)
    assert nodes[0] == node(3, x, y)
    assert (oracle.tid, oracle.next_eid) == (0, 11)


def test_the_rotation_of_genesis_goes_on_from_system_to_system():
    oracle = Oracle(seed=9, systems=2, ships_min=3, nodes_min=0, strategies=[ALPHA, BETA])
    oracle.genesis()
    # Six ships in a row to 0, 1, 0, 1, 0, 1: system 2 begins with 1.
    assert oracle.ships().column("strategy_id").to_pylist() == [0, 1, 0, 1, 0, 1]


def test_genesis_without_an_enabled_strategy_has_no_ships():
    oracle = Oracle(
        seed=9, systems=2, ships_min=2, nodes_min=1, strategies=[ALPHA._replace(is_enabled=False)]
    )
    oracle.genesis()
    assert oracle.ships().num_rows == 0
    # With no ships, the two nodes get the first eids.
    assert oracle.nodes().column("eid").to_pylist() == [1, 2]
    assert oracle.next_eid == 3


def test_tables_have_the_types_of_the_schema():
    oracle = universe(ship(1, 0, 0), node(2, 0, 0))
    assert oracle.ships().schema == SHIP
    assert oracle.nodes().schema == NODE
    assert oracle.ships().to_pylist() == [ship(1, 0, 0)]
    assert oracle.nodes().to_pylist() == [node(2, 0, 0)]


# What is loaded


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ([ship(1, 5, 5), node(1, 6, 6)], "eid is given twice"),
        ([ship(1, 5, 5, sid=2)], "in a system that the universe does not have"),
        ([node(1000, 5, 5)], "next_eid is 1000"),
    ],
)
def test_what_cannot_be_a_universe_is_refused(entities: list[dict[str, int]], message: str):
    with pytest.raises(ValueError, match=message):
        universe(*entities)


def test_strategies_are_told_apart_by_id_and_name():
    with pytest.raises(ValueError, match="share an id or a name"):
        universe(strategies=(ALPHA, StrategyRow(0, "other")))


def test_strategies_can_change_between_turns():
    oracle = universe(ship(1, 5, 5))
    oracle.set_strategies([ALPHA._replace(status="grounded")])
    record = oracle.play(plan_table({}))
    assert record.faults == 1
