"""What is decided for all blocks together, from summaries written by hand."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from tests.wasm.builder import limits_of
from wasmverse.strategies.roster import Roster, Strategy
from wasmverse.universe.deal import Dealt, Summary, deal, flown_by
from wasmverse.universe.outcome import (
    C_NEW_NODES,
    C_NEW_SHIPS,
    C_WRITES,
    COUNTERS,
    T_DEATHS,
    T_ENERGY,
    T_FAULTS,
    T_SHIPS,
    TALLY,
)
from wasmverse.universe.state import Nodes, Ships, State
from wasmverse.universe.turn import Laws, TurnPlayer

ROSTER = Roster(
    [
        Strategy(3, "beta", True, "flying", None),
        Strategy(5, "alpha", True, "flying", None),
        Strategy(8, "gamma", True, "grounded", None),
        Strategy(9, "delta", False, "flying", None),
    ]
)
"""Slots 0 to 3; slot 4 is for ships of unknown strategies. Only beta and alpha are dealt to."""
BETA, ALPHA, GAMMA, DELTA, UNKNOWN = range(5)


def summary(first_sid: int, new_ships: int = 0, new_nodes: int = 0, **changes: Any) -> Summary:
    """A block in which nothing happened but some new ships and nodes."""
    counts = np.zeros(COUNTERS, np.int64)
    counts[[C_NEW_SHIPS, C_NEW_NODES]] = new_ships, new_nodes
    nothing = Summary(
        first_sid,
        counts,
        np.zeros((ROSTER.slots, len(TALLY)), np.int64),
        np.zeros(ROSTER.slots, np.bool_),
        {},
        np.zeros(ROSTER.slots, np.int64),
        np.zeros(ROSTER.slots),
        np.zeros(ROSTER.slots),
        (0.0, 0.0, 0.0),
    )
    return nothing._replace(**changes)


def tally(**rows: list[int]) -> np.ndarray:
    """A column of the tally by its name, in the order of the slots."""
    table = np.zeros((ROSTER.slots, len(TALLY)), np.int64)
    for name, values in rows.items():
        table[:, TALLY.index(name)] = values
    return table


def told(dealt: Dealt) -> list[tuple[int, int, list[int]]]:
    return [
        (decision.first_ship_eid, decision.first_node_eid, decision.slots.tolist())
        for decision in dealt.decisions
    ]


def test_eids_follow_the_sids_ships_first() -> None:
    # By sid: 2 ships and 1 node, then 1 and 0, then 3 and 2. Ships 100..105, nodes 106..108.
    dealt = deal([summary(513, 3, 2), summary(1, 2, 1), summary(257, 1, 0)], ROSTER, 100)
    assert [(first, nodes) for first, nodes, _slots in told(dealt)] == [(103, 107), (100, 106), (102, 107)]
    assert dealt.next_eid == 109


def test_new_ships_go_round_from_block_to_block() -> None:
    # No ships alive: a tie, so alpha first. alpha, beta | alpha | beta, alpha, beta
    dealt = deal([summary(513, 3), summary(1, 2), summary(257, 1)], ROSTER, 1)
    assert [slots for _ship, _node, slots in told(dealt)] == [[BETA, ALPHA, BETA], [ALPHA, BETA], [ALPHA]]


def test_the_strategy_with_the_fewest_ships_over_all_blocks_is_first() -> None:
    # Alpha has 4 + 1 ships, beta 1 + 3; in the first block alone it is the other way round.
    blocks = [
        summary(1, 1, tally=tally(ships=[1, 4, 0, 0, 0])),
        summary(9, tally=tally(ships=[3, 1, 0, 0, 0])),
    ]
    assert told(deal(blocks, ROSTER, 1))[0][2] == [BETA]


def test_new_ships_count_in_the_tally_of_who_flies_them() -> None:
    dealt = deal([summary(1, 3, tally=tally(ships=[7, 6, 5, 4, 9], energy=[70, 60, 50, 40, 90]))], ROSTER, 1)
    # alpha, beta, alpha: each new ship has 100 energy.
    assert [each.counts["ships"] for each in dealt.strategies] == [8, 8, 5, 4]
    assert [each.counts["energy"] for each in dealt.strategies] == [170, 260, 50, 40]
    assert [each.counts["spawned"] for each in dealt.strategies] == [1, 2, 0, 0]
    assert dealt.tally[UNKNOWN, [T_SHIPS, T_ENERGY]].tolist() == [9, 90]


def test_everything_is_summed_over_the_blocks() -> None:
    first = summary(
        1,
        fuel=np.array([10, 0, 0, 0, 0]),
        seconds=np.array([0.5, 0.25, 0, 0, 0]),
        made_seconds=np.array([0.125, 0, 0, 0, 0]),
        phase_seconds=(1.0, 2.0, 3.0),
        tally=tally(deaths=[1, 2, 3, 4, 5]),
    )
    first.counts[C_WRITES] = 7
    second = first._replace(first_sid=9, seconds=np.array([0.25, 0.5, 0, 0, 0]))
    dealt = deal([first, second], ROSTER, 1)
    assert (dealt.counts[C_WRITES], dealt.phase_seconds.tolist()) == (14, [2.0, 4.0, 6.0])
    beta, alpha = dealt.strategies[:2]
    assert (beta.fuel, beta.seconds, beta.made_seconds, beta.longest_seconds) == (20, 0.75, 0.25, 0.5)
    assert (alpha.seconds, alpha.longest_seconds) == (0.75, 0.5)
    assert dealt.tally[:, T_DEATHS].tolist() == [2, 4, 6, 8, 10]


def test_the_first_fault_is_told_by_the_first_block_that_has_one() -> None:
    faults = [[False, True, False, False, False], [True, True, False, False, False]]
    third, first, second = (
        summary(sid, has_faulted=np.array(row), reasons=reasons)
        for sid, row, reasons in (
            (9, faults[1], {BETA: "trapped", ALPHA: "ran out of fuel"}),
            (1, [False] * 5, {}),
            (5, faults[0], {ALPHA: "trapped"}),
        )
    )
    third.tally[[BETA, ALPHA], T_FAULTS] = second.tally[ALPHA, T_FAULTS] = 1
    dealt = deal([third, first, second], ROSTER, 1)
    assert [decision.tells_fault.tolist() for decision in dealt.decisions] == [
        [True, False, False, False, False],
        [False] * 5,
        faults[0],
    ]
    assert [each.reason for each in dealt.strategies] == ["trapped", "trapped", None, None]


def test_a_fault_without_a_reason_of_its_call_is_a_plan_or_a_grounding() -> None:
    dealt = deal([summary(1, tally=tally(faults=[0, 2, 3, 0, 0]))], ROSTER, 1)
    assert [each.reason for each in dealt.strategies] == [None, "returned an invalid plan", "grounded", None]


def test_the_summaries_are_left_as_they_were() -> None:
    block = summary(1, 2, tally=tally(ships=[1, 1, 0, 0, 0]))
    deal([block], ROSTER, 1)
    assert block.tally.tolist() == tally(ships=[1, 1, 0, 0, 0]).tolist()


def test_new_ships_without_a_strategy_to_fly_them_are_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="nobody to fly them"):
        deal([summary(1, 1)], Roster([]), 1)


def one_by_one(ships: list[int], costs: list[int], count: int) -> list[int]:
    """The rule of the rounds as it is told, a ship at a time."""
    least, dealt = min(costs), [0] * len(ships)
    usual = [place for place, cost in enumerate(costs) if cost == least]
    flown: list[int] = []
    done = 0
    while len(flown) < count:
        done += 1
        at_end = sum(ships[place] + done for place in usual)
        for place, cost in enumerate(costs):
            if cost == least or (ships[place] + dealt[place]) * cost * len(usual) < least * at_end:
                dealt[place] += 1
                flown.append(place)
    return flown[:count]


def test_strategies_with_costly_calls_are_dealt_fewer_ships() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        n, count = int(rng.integers(1, 6)), int(rng.integers(0, 60))
        ships = rng.integers(0, int(rng.choice([2, 40])), n)
        costs = rng.choice([20_000, 20_000, 30_000, 100_000, 1_000_000], n)
        order = rng.permutation(10)[:n]
        flown = flown_by(order, ships, costs, count).tolist()
        assert flown == [order[place] for place in one_by_one(ships.tolist(), costs.tolist(), count)]


def test_all_calls_of_a_costly_strategy_may_take_what_those_of_an_ordinary_one_may() -> None:
    costs = np.array([20_000, 20_000, 60_000, 1_000_000])
    order = np.arange(4)
    ships = np.bincount(flown_by(order, np.zeros(4, np.int64), costs, 100_000), minlength=4)
    assert ships.sum() == 100_000 and abs(ships[0] - ships[1]) <= 1
    assert (ships[2:] * costs[2:] <= ships[0] * 20_000 + costs[2:]).all()
    assert (ships[2:] * costs[2:] >= (ships[0] - 1) * 20_000).all()
    # Who comes late catches up with its share, and no further.
    late = np.bincount(flown_by(order, np.array([3_000, 3_000, 0, 0]), costs, 4_000), minlength=4)
    assert late.tolist() == [1_305, 1_304, 1_304, 87]


def test_rounds_that_are_dealt_in_parts_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    for _ in range(100):
        n, count = int(rng.integers(2, 7)), int(rng.integers(0, 300))
        ships = rng.integers(0, 40, n)
        costs = rng.choice([20_000, 30_000, 100_000, 1_000_000], n)
        whole = flown_by(np.arange(n), ships, costs, count)
        with monkeypatch.context() as patch:
            patch.setattr("wasmverse.universe.deal._PLACES", int(rng.integers(1, 50)))
            assert (flown_by(np.arange(n), ships, costs, count) == whole).all()


def test_many_costly_strategies_beside_one_take_little_memory() -> None:
    count, costs = 1_000_000, np.full(255, 2_000_000)
    costs[0] = 20_000
    tracemalloc.start()
    flown = flown_by(np.arange(255), np.full(255, 100_000), costs, count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (np.bincount(flown) == [count]).all() and peak < 100 << 20


def test_where_nobody_declares_more_ships_go_round() -> None:
    order, ships = np.array([4, 2, 9]), np.array([1, 5, 5])
    for cost in (1, 20_000):
        assert flown_by(order, ships, np.full(3, cost), 7).tolist() == [4, 2, 9, 4, 2, 9, 4]
    assert flown_by(np.array([], np.int64), np.array([], np.int64), np.array([], np.int64), 0).tolist() == []


def test_what_a_strategy_declared_counts_from_what_is_usual_on() -> None:
    """Fewer ships for more than the usual; no more ships for less."""
    for usual, expected in ((20_000, [BETA, BETA, BETA]), (60_000, [ALPHA, BETA, ALPHA])):
        roster = Roster(
            [
                Strategy(3, "beta", True, "flying", None, 100),
                Strategy(5, "alpha", True, "flying", None, 60_000),
                *ROSTER.strategies[2:],
            ]
        )
        block = summary(1, 3, tally=tally(ships=[9, 8, 0, 0, 0]))
        assert told(deal([block], roster, 1, usual))[0][2] == expected


def test_a_turn_deals_by_what_is_usual_in_it() -> None:
    """An empty universe, of which every system gets its first ship in one turn."""
    laws = Laws(seed=1, systems=530, ships_min=1, nodes_min=0, block_systems=64)
    roster = Roster(
        [
            Strategy(1, "plain", True, "flying", None),
            Strategy(2, "costly", True, "flying", None, 100_000),
            Strategy(3, "costliest", True, "flying", None, 10_000_000),
        ]
    )
    flown = []
    for threads, usual in ((1, 20_000), (2, 20_000), (2, 100_000)):
        player = TurnPlayer(threads)
        nothing = State(Ships.empty(0), Nodes.empty(0))
        result = player.play(nothing, laws, roster, limits_of(budget_fuel=usual), tid=1, next_eid=1)
        player.close()
        flown.append(np.bincount(result.new_ships.strategy_id)[1:].tolist())
    assert flown == [[440, 89, 1], [440, 89, 1], [263, 264, 3]]
