"""One turn of the whole universe: blocks on all cores, then the little that needs them all together."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wasmverse.strategies.roster import Roster
from wasmverse.universe.block import Block, BlockResult, Workspace, blocks_of, play_block
from wasmverse.universe.crew import Crew
from wasmverse.universe.deal import deal
from wasmverse.universe.finish import finish
from wasmverse.universe.join import join
from wasmverse.universe.outcome import Turn
from wasmverse.universe.result import TurnResult
from wasmverse.universe.state import State
from wasmverse.wasm.engine import flight_engine, pool_flights, set_thread_stacks
from wasmverse.wasm.limits import Limits


@dataclass(frozen=True, slots=True)
class Laws:
    """What a universe was made with and every turn obeys.

    upkeep : the energy that 100 parts cost a turn, 0 to UPKEEP_MAX; 0 for none
    """

    seed: int
    systems: int
    ships_min: int
    nodes_min: int
    block_systems: int
    upkeep: int = 0

    def blocks(self) -> list[NDArray[np.uint32]]:
        """The sids of each block: what is played together decides which calls share an instance and its fuel."""
        sids = np.arange(1, self.systems + 1, dtype=np.uint32)
        return [
            sids[first : first + self.block_systems] for first in range(0, self.systems, self.block_systems)
        ]

    def turn(self, tid: int, roster: Roster) -> Turn:
        """What is the same for every block of turn ``tid``."""
        return Turn(self.seed, tid, self.ships_min, self.nodes_min, roster.deals, self.upkeep)

    def bounds(self) -> NDArray[np.int64]:
        """Where the blocks of systems begin, counted from 0, and where the last one ends."""
        return np.append(np.arange(0, self.systems, self.block_systems), self.systems)


class TurnPlayer:
    """Plays turns on a fixed number of threads, its ``crew``. The result depends on its arguments alone, never on the threads."""

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads or os.cpu_count() or 1
        set_thread_stacks()
        pool_flights()
        flight_engine()  # before several threads ask for the first one, and each is given another
        self.crew = Crew(self.threads)
        self._local = threading.local()

    def close(self) -> None:
        """End the threads."""
        self.crew.close()

    def play(
        self,
        state: State,
        laws: Laws,
        roster: Roster,
        limits: Limits,
        *,
        tid: int,
        next_eid: int,
    ) -> TurnResult:
        """Play turn ``tid`` on the state of the turn before, which is not modified."""
        turn = laws.turn(tid, roster)
        blocks = self.crew.map(
            lambda block: self.play_block(block, roster, turn, limits), blocks_of(state, laws.blocks())
        )
        dealt = deal([block.summary() for block in blocks], roster, next_eid, limits.budget_fuel)
        ends = [
            finish(block, decision, roster) for block, decision in zip(blocks, dealt.decisions, strict=True)
        ]
        return join(ends, dealt, roster, tid, min(self.threads, len(blocks)), limits.log_lines_max)

    def play_block(self, block: Block, roster: Roster, turn: Turn, limits: Limits) -> BlockResult:
        """Play one block, as far as it can be without the others, on whichever thread this is called."""
        workspace = getattr(self._local, "workspace", None)
        if workspace is None:
            workspace = self._local.workspace = Workspace()
        return play_block(workspace, block, roster, turn, limits)
