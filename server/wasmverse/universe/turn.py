"""One turn of the whole universe: blocks on all cores, then the little that needs them all together."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from wasmverse.strategies.roster import Roster
from wasmverse.universe.assemble import assemble, living_ships
from wasmverse.universe.block import BlockResult, Offsets, Workspace, play_block
from wasmverse.universe.outcome import Turn
from wasmverse.universe.result import TurnResult
from wasmverse.universe.state import Ships, State, offsets_by_system
from wasmverse.wasm.engine import set_thread_stacks
from wasmverse.wasm.guest import Limits


@dataclass(frozen=True, slots=True)
class Laws:
    """What a universe was made with and every turn obeys."""

    seed: int
    systems: int
    ships_min: int
    nodes_min: int
    block_systems: int


TakeShips = Callable[[Iterator[Ships]], None]
"""Is given all ships after the turn: those that live on, block by block, while later blocks are still being played; then the
new ones."""


def _take_no_ships(ships: Iterator[Ships]) -> None:
    deque(ships, maxlen=0)


class TurnPlayer:
    """Plays turns on a fixed number of threads, ``pool``. The result depends on its arguments alone, never on the threads."""

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads or os.cpu_count() or 1
        set_thread_stacks()
        self.pool = ThreadPoolExecutor(self.threads, "turn")
        self._local = threading.local()

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown()

    def play(
        self,
        state: State,
        laws: Laws,
        roster: Roster,
        limits: Limits,
        *,
        tid: int,
        next_eid: int,
        take_ships: TakeShips = _take_no_ships,
    ) -> TurnResult:
        """Play turn ``tid`` on the state of the turn before, which is not modified.

        ``take_ships`` is called on the caller's thread and must read the iterator to its end.
        """
        offsets = Offsets(
            offsets_by_system(state.ships.sid, 0, len(state.ships.sid), laws.systems),
            offsets_by_system(state.nodes.sid, 0, len(state.nodes.sid), laws.systems),
        )
        deal = any(strategy.is_dealt for strategy in roster.strategies)
        turn = Turn(laws.seed, tid, laws.ships_min, laws.nodes_min, deal)

        def play_at(first: int) -> BlockResult:
            workspace = getattr(self._local, "workspace", None)
            if workspace is None:
                workspace = self._local.workspace = Workspace()
            last = min(first + laws.block_systems, laws.systems)
            return play_block(workspace, state, offsets, roster, turn, limits, first, last)

        results: list[TurnResult] = []

        def ships_after() -> Iterator[Ships]:
            for future in played:
                yield living_ships(future.result())
            blocks = [future.result() for future in played]
            results.append(assemble(blocks, state, roster, tid, next_eid, self.threads))
            yield results[0].new_ships

        played = [self.pool.submit(play_at, first) for first in range(0, laws.systems, laws.block_systems)]
        try:
            take_ships(ships_after())
            (result,) = results
            return result
        except BaseException:
            # A block's own error says more than that of who could not read on because of it.
            for future in played:
                if not future.cancel():
                    future.result()
            raise
