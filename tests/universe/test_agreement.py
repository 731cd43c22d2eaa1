"""The kernels against the SQL oracle: the same random universes, the same plans, every byte and every count compared."""

import os
from dataclasses import dataclass

import pyarrow as pa
import pytest

from tests.oracle.oracle import Oracles, TurnRecord, Universe, by_universe
from tests.universe.builder import BUDGET_FUEL, RandomUniverse, in_order, random_universe
from tests.universe.guests import chaotic_plan
from tests.wasm.builder import limits_of
from wasmverse.storage.records import event_rows
from wasmverse.strategies.roster import FLYING
from wasmverse.universe.outcome import TALLY
from wasmverse.universe.result import TurnResult, nodes_after, ships_after
from wasmverse.universe.state import Nodes, Ships, make_state
from wasmverse.universe.turn import TurnPlayer

UNIVERSES = int(os.environ.get("WASMVERSE_TEST_UNIVERSES", "300"))
TURNS = 20
GROUP = 75
"""So many universes are played by the oracle at once."""

# So many faults are allowed that every one is the fault of the ship's own call.
LIMITS = limits_of(budget_fuel=BUDGET_FUEL, faults_max=1_000_000)


@pytest.fixture(scope="module")
def player():
    player = TurnPlayer(threads=2)
    yield player
    player.close()


@pytest.mark.parametrize("first", range(0, UNIVERSES, GROUP))
def test_kernels_and_oracle_agree_to_the_byte(player: TurnPlayer, first: int) -> None:
    compare(player, [random_universe(seed) for seed in range(first, min(first + GROUP, UNIVERSES))], TURNS)


@dataclass
class Played:
    """A universe and how far the kernels have played it."""

    universe: RandomUniverse
    ships: Ships
    nodes: Nodes
    tid: int
    next_eid: int

    def play(self, player: TurnPlayer) -> TurnResult:
        laws, roster = self.universe.laws, self.universe.roster
        state = make_state(self.ships, self.nodes, laws.systems)
        self.tid += 1
        result = player.play(state, laws, roster, LIMITS, tid=self.tid, next_eid=self.next_eid)
        self.ships, self.nodes = ships_after(result), nodes_after(state.nodes, result)
        self.next_eid = result.next_eid
        return result


def compare(player: TurnPlayer, universes: list[RandomUniverse], turns: int) -> None:
    oracle = oracle_of(universes)
    played = [Played(each, each.ships, each.nodes, each.tid, each.next_eid) for each in universes]
    for _ in range(turns):
        expected = oracle.play(plans_of(oracle, universes))
        ships, nodes = (by_universe(table, len(universes)) for table in (oracle.ships(), oracle.nodes()))
        for uid, each in enumerate(played):
            check(each, each.play(player), expected[uid], ships[uid], nodes[uid])


def check(played: Played, result: TurnResult, expected: TurnRecord, ships: pa.Table, nodes: pa.Table) -> None:
    """The turn just played is the one that the oracle played."""
    where = f"turn {played.tid} of {played.universe.laws}"
    assert in_order(played.ships).equals(ships), where
    assert in_order(played.nodes).equals(nodes), where
    assert played.next_eid == expected.next_eid, where
    assert (result.ship_count, result.node_count) == (len(ships), len(nodes)), where
    assert (result.writes, result.kills, result.faults) == (
        expected.writes,
        expected.kills,
        expected.faults,
    ), where
    assert tally_of(result) == {row["strategy"]: row for row in expected.strategies.to_pylist()}, where
    assert events_of(result) == sorted(map(repr, expected.events.to_pylist())), where


def oracle_of(universes: list[RandomUniverse]) -> Oracles:
    oracle = Oracles(
        [
            Universe(
                each.laws.seed, each.laws.systems, each.laws.ships_min, each.laws.nodes_min, tuple(each.rows),
                each.next_eid, each.tid, each.laws.upkeep,
            )
            for each in universes
        ]
    )  # fmt: skip
    for uid, each in enumerate(universes):
        oracle.load(uid, in_order(each.ships), in_order(each.nodes))
    return oracle


def plans_of(oracle: Oracles, universes: list[RandomUniverse]) -> pa.Table:
    """What the guests would answer, worked out in Python from what the oracle says that each ship sees."""
    flying = {
        (uid, row.id) for uid, each in enumerate(universes) for row in each.rows if row.status == FLYING
    }
    seen = {(row["uid"], row["eid"]): row["system"] for row in oracle.observe().to_pylist()}
    uids, eids, plans, faults = [], [], [], []
    for ship in oracle.ships().to_pylist():
        uid, strategy_id = ship["uid"], ship["strategy_id"]
        if (uid, strategy_id) not in flying:
            continue
        me = (
            1,
            *(ship[name] for name in ("x", "y", "energy", "shield", "blasters", "thrusters", "harvesters")),
        )
        salt = universes[uid].salts[strategy_id]
        plan = chaotic_plan(salt, me, ship["last_plan"], seen[uid, ship["eid"]], faults=True)
        uids.append(uid)
        eids.append(ship["eid"])
        plans.append(plan or 0)
        faults.append(plan is None)
    return pa.table(
        {
            "uid": pa.array(uids, pa.int64()),
            "eid": pa.array(eids, pa.int64()),
            "plan": pa.array(plans, pa.uint64()),
            "fault": pa.array(faults, pa.bool_()),
        }
    )


def tally_of(result: TurnResult) -> dict[str, dict[str, object]]:
    return {
        tally.name: {
            "tid": result.tid,
            "strategy": tally.name,
            **{name: tally.counts[name] for name in TALLY},
        }
        for tally in result.strategies
    }


def events_of(result: TurnResult) -> list[str]:
    return sorted(map(repr, event_rows(result.tid, result.events).to_pylist()))
