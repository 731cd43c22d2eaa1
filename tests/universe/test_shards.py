"""A universe played in one piece and in shards that share nothing but summaries and decisions: the same bytes."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.universe.builder import BUDGET_FUEL, RandomUniverse, random_universe
from tests.wasm.builder import limits_of
from wasmverse.strategies.roster import Roster
from wasmverse.universe.block import BlockResult, Workspace, blocks_of, play_block
from wasmverse.universe.deal import deal
from wasmverse.universe.finish import BlockEnd, finish
from wasmverse.universe.join import join
from wasmverse.universe.result import TurnResult, nodes_after, ships_after
from wasmverse.universe.state import Nodes, Ships, State, make_state, state_hash
from wasmverse.universe.turn import TurnPlayer

TURNS = 5
LIMITS = limits_of(faults_max=2)


class Shard:
    """Some blocks of a universe, with the state of their systems alone."""

    def __init__(self, universe: RandomUniverse, blocks: list[int]) -> None:
        self.universe = universe
        self.blocks = blocks
        all_blocks = universe.laws.blocks()
        self.sids = [all_blocks[number] for number in blocks]
        here = np.concatenate(self.sids)
        self.state = make_state(
            of_systems(universe.ships, here), of_systems(universe.nodes, here), universe.laws.systems
        )
        self.played: list[BlockResult] = []

    def play(self, tid: int) -> bytes:
        """Play the blocks as far as they can be without the others; the summaries."""
        laws, roster = self.universe.laws, self.universe.roster
        turn = laws.turn(tid, roster)
        workspace = Workspace()
        self.played = [
            play_block(workspace, block, roster, turn, LIMITS) for block in blocks_of(self.state, self.sids)
        ]
        return pickle.dumps([block.summary() for block in self.played])

    def finish(self, decisions: bytes) -> list[BlockEnd]:
        """End the turn, and begin the next one on what it led to."""
        roster = self.universe.roster
        ends = [
            finish(block, decision, roster)
            for block, decision in zip(self.played, pickle.loads(decisions), strict=True)
        ]
        energy = np.concatenate([end.node_energy for end in ends])
        nodes = Nodes(*self.state.nodes[:-1], energy)
        left = Nodes._make(column[energy != 0] for column in nodes)
        self.state = make_state(
            joined([part for end in ends for part in (end.ships, end.new_ships)]),
            joined([left, *(part for end in ends for part in (end.dead, end.new_nodes))]),
            self.universe.laws.systems,
        )
        return ends


def of_systems(columns: Any, sids: np.ndarray) -> Any:
    return type(columns)._make(column[np.isin(columns.sid, sids)] for column in columns)


def joined(parts: list[Any]) -> Any:
    return type(parts[0])._make(map(np.concatenate, zip(*parts, strict=True)))


def play_together(shards: list[Shard], roster: Roster, tid: int, next_eid: int) -> TurnResult:
    """One turn of all shards: what comes from one and goes to another is pickled."""
    summaries = [summary for shard in shards for summary in pickle.loads(shard.play(tid))]
    dealt = deal(summaries, roster, next_eid, BUDGET_FUEL)
    ends: dict[int, BlockEnd] = {}
    decisions = iter(dealt.decisions)
    for shard in shards:
        own = pickle.dumps([next(decisions) for _ in shard.blocks])
        ends |= dict(zip(shard.blocks, shard.finish(own), strict=True))
    return join([ends[number] for number in sorted(ends)], dealt, roster, tid, 1, 100)


def without_guests(roster: Roster) -> Roster:
    """What the one who decides knows: no code."""
    return Roster([replace(each, guest=None) for each in roster.strategies])


def record_of(result: TurnResult) -> dict[str, Any]:
    """All that a turn tells of itself, but for the time that it took."""
    return {
        "counts": (
            result.next_eid, result.ship_count, result.node_count, result.writes, result.kills, result.faults,
        ),
        "strategies": [(each.name, each.counts, each.fuel, each.reason) for each in result.strategies],
        "events": [column.tolist() for column in result.events.columns],
        "names": result.events.names,
    }  # fmt: skip


def bytes_of(columns: Ships | Nodes) -> list[bytes]:
    return [column.tobytes() for column in columns]


@pytest.fixture(scope="module")
def player():
    player = TurnPlayer(threads=2)
    yield player
    player.close()


@pytest.mark.parametrize("count", [2, 3, 7])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(data=st.data())
def test_shards_play_the_bytes_of_the_whole(player: TurnPlayer, count: int, data: st.DataObject) -> None:
    block_systems = data.draw(st.integers(1, 3), "systems to a block")
    systems = block_systems * data.draw(st.integers(7, 12), "blocks") - data.draw(
        st.integers(0, block_systems - 1)
    )
    universe = random_universe(data.draw(st.integers(0, 2**32), "seed"), systems, block_systems)
    order = data.draw(st.permutations(range(len(universe.laws.blocks()))), "blocks, dealt to the shards")
    shards = [Shard(universe, sorted(order[number::count])) for number in range(count)]
    judge = without_guests(universe.roster)

    state = make_state(universe.ships, universe.nodes, systems)
    next_eid = universe.next_eid
    for tid in range(universe.tid + 1, universe.tid + 1 + TURNS):
        whole = player.play(state, universe.laws, universe.roster, LIMITS, tid=tid, next_eid=next_eid)
        together = play_together(shards, judge, tid, next_eid)
        assert record_of(together) == record_of(whole)
        assert bytes_of(together.new_ships) == bytes_of(whole.new_ships)
        assert bytes_of(together.new_nodes) == bytes_of(whole.new_nodes)
        assert together.node_energy.tobytes() == whole.node_energy.tobytes()

        state = make_state(ships_after(whole), nodes_after(state.nodes, whole), systems)
        next_eid = whole.next_eid
        of_shards = State(
            joined([shard.state.ships for shard in shards]), joined([shard.state.nodes for shard in shards])
        )
        eids = np.concatenate([of_shards.ships.eid, of_shards.nodes.eid])
        assert len(np.unique(eids)) == len(eids), "an eid is given twice"
        assert state_hash(*of_shards, tid, together.next_eid) == state_hash(*state, tid, next_eid)
