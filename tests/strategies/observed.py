"""Where the observations of a strategy's trial come from: a small universe, played by the bundled strategies.

    python -m tests.strategies.observed      writes server/wasmverse/strategies/observations.csv again

Twenty-five ships are chosen by a seed, five at each of five turns between the beginning and the time of the strong; each is
followed for four turns in a row. What they see is observed by the kernel of every turn.
"""

from __future__ import annotations

import random

import numpy as np

from wasmverse.settings import Settings
from wasmverse.simulation.arena import Arena
from wasmverse.simulation.beginning import bundled_founders
from wasmverse.strategies.observations import COLUMNS, FILE
from wasmverse.universe.block import Workspace
from wasmverse.universe.observe import BlockNodes
from wasmverse.universe.state import State, offsets_by_system

SYSTEMS = 4
BEGINNINGS = (0, 20, 100, 300, 800)
SHIPS = 5
TURNS = 4
SEED = 1


def observed() -> str:
    """The file's text."""
    arena = Arena(Settings(systems=SYSTEMS, upkeep=0, seed=SEED, threads=1), bundled_founders())
    choose = random.Random(SEED)
    lines = [",".join(COLUMNS)]
    try:
        ship = 0
        for beginning in BEGINNINGS:
            while arena.tid < beginning:
                arena.advance()
            turns = []
            for _ in range(TURNS):
                turns.append(_seen(arena.state))
                arena.advance()
            followed = sorted(set.intersection(*(set(turn) for turn in turns)))
            for eid in choose.sample(followed, SHIPS):
                ship += 1
                lines += [",".join(map(str, (ship, *turn[eid]))) for turn in turns]
    finally:
        arena.close()
    return "\n".join(lines) + "\n"


def _seen(state: State) -> dict[int, tuple[int | str, ...]]:
    """By its eid, each ship's columns and what it sees."""
    ships, nodes = state
    sids = np.arange(1, SYSTEMS + 1, dtype=np.uint32)
    workspace = Workspace()
    workspace.fit(len(ships.sid), 64 * len(ships.sid))
    workspace.observe(
        ships,
        offsets_by_system(ships.sid, sids),
        BlockNodes(offsets_by_system(nodes.sid, sids), nodes.x, nodes.y, nodes.energy.copy()),
        np.arange(len(ships.sid)),
    )
    columns, lists = workspace.columns, workspace.lists.view(np.uint8)
    found: dict[int, tuple[int | str, ...]] = {}
    for row, eid in enumerate(ships.eid.tolist()):
        begin = int(columns.list_address[row]) - workspace.frame.tail_address
        seen = lists[begin : begin + int(columns.list_length[row])].tobytes().hex()
        found[eid] = (*(int(getattr(columns, name)[row]) for name in COLUMNS[1:-1]), seen)
    return found


if __name__ == "__main__":
    FILE.write_text(observed())
