"""The kernels against the SQL oracle: the same random universes, the same plans, every byte and every count compared."""

import os

import pyarrow as pa
import pytest

from tests.oracle.oracle import Oracle
from tests.universe.builder import RandomUniverse, in_order, random_universe
from tests.universe.guests import chaotic_plan
from tests.wasm.builder import limits_of
from wasmverse.storage.duckdb.history import event_rows
from wasmverse.strategies.roster import FLYING
from wasmverse.universe.outcome import TALLY
from wasmverse.universe.result import TurnResult, nodes_after, ships_after
from wasmverse.universe.state import make_state
from wasmverse.universe.turn import TurnPlayer

UNIVERSES = int(os.environ.get("WASMVERSE_TEST_UNIVERSES", "300"))
TURNS = 20
GROUP = 10

# So many faults are allowed that every one is the fault of the ship's own call.
LIMITS = limits_of(budget_fuel=20_000, faults_max=1_000_000)


@pytest.fixture(scope="module")
def player():
    player = TurnPlayer(threads=2)
    yield player
    player.close()


@pytest.mark.parametrize("group", range(UNIVERSES // GROUP))
def test_kernels_and_oracle_agree_to_the_byte(player: TurnPlayer, group: int) -> None:
    for seed in range(group * GROUP, (group + 1) * GROUP):
        compare(player, random_universe(seed), TURNS)


def compare(player: TurnPlayer, universe: RandomUniverse, turns: int) -> None:
    oracle = Oracle(
        seed=universe.laws.seed, systems=universe.laws.systems, ships_min=universe.laws.ships_min,
        nodes_min=universe.laws.nodes_min, strategies=universe.rows, next_eid=universe.next_eid, tid=universe.tid,
    )  # fmt: skip
    oracle.load(in_order(universe.ships), in_order(universe.nodes))
    ships, nodes, next_eid, tid = universe.ships, universe.nodes, universe.next_eid, universe.tid
    for _ in range(turns):
        tid += 1
        expected = oracle.play(plans_of(oracle, universe))
        state = make_state(ships, nodes, universe.laws.systems)
        result = player.play(state, universe.laws, universe.roster, LIMITS, tid=tid, next_eid=next_eid)
        ships, nodes, next_eid = ships_after(result), nodes_after(state.nodes, result), result.next_eid

        where = f"turn {tid} of {universe.laws}"
        assert in_order(ships).equals(oracle.ships()), where
        assert in_order(nodes).equals(oracle.nodes()), where
        assert next_eid == oracle.next_eid, where
        assert (result.ship_count, result.node_count) == (len(ships.sid), len(nodes.sid)), where
        assert (result.writes, result.kills, result.faults) == (
            expected.writes,
            expected.kills,
            expected.faults,
        ), where
        assert tally_of(result) == {row["strategy"]: row for row in expected.strategies.to_pylist()}, where
        assert events_of(result) == sorted(map(repr, expected.events.to_pylist())), where


def plans_of(oracle: Oracle, universe: RandomUniverse) -> pa.Table:
    """What the guests would answer, worked out in Python from what the oracle says that each ship sees."""
    flying = {row.id for row in universe.rows if row.status == FLYING}
    seen = {row["eid"]: row["system"] for row in oracle.observe().to_pylist()}
    eids, plans, faults = [], [], []
    for ship in oracle.ships().to_pylist():
        if ship["strategy_id"] not in flying:
            continue
        me = (
            1,
            *(ship[name] for name in ("x", "y", "energy", "shield", "blasters", "thrusters", "harvesters")),
        )
        plan = chaotic_plan(
            universe.salts[ship["strategy_id"]], me, ship["last_plan"], seen[ship["eid"]], faults=True
        )
        eids.append(ship["eid"])
        plans.append(plan or 0)
        faults.append(plan is None)
    return pa.table(
        {
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
