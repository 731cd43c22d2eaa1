"""What is done before the first turn, so that no turn pays for it: compiling the kernels, and settling the heap."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import numpy as np

from wasmverse.settings import GuestSettings
from wasmverse.strategies.limits import guest_limits
from wasmverse.strategies.roster import Roster
from wasmverse.universe.cache import are_compiled
from wasmverse.universe.genesis import populate
from wasmverse.universe.merge import merge_nodes, merge_ships, scatter_energy
from wasmverse.universe.state import Columns, Nodes, PlacedNodes, State, state_hash
from wasmverse.universe.turn import Laws, TurnPlayer


def compile_kernels(tell: Callable[[str], None] = lambda _text: None) -> float:
    """Play a turn of a tiny universe nobody flies in; returns the seconds it took.

    Parameters
    ----------
    tell : told before a compilation that takes long (the first one on a machine).
    """
    clock = time.perf_counter()
    if not are_compiled():
        tell("compiling the kernels (some 30 s the first time, cached afterwards)")
    laws = Laws(seed=1, systems=1, ships_min=1, nodes_min=1, block_systems=1)
    ships, nodes, next_eid = populate(1, 1, 1, 1, [1])
    player = TurnPlayer(1)
    placed = PlacedNodes(*nodes, np.zeros(len(nodes.sid), np.int32))
    (*merged, rows), _run = merge_nodes([_read_only(placed)], 1, player.pool)
    nodes = Nodes._make(merged)
    state = State(merge_ships([_read_only(ships)], 1, player.pool), nodes)
    result = player.play(state, laws, Roster([]), guest_limits(GuestSettings()), tid=1, next_eid=next_eid)
    player.close()
    scatter_energy(result.node_energy, rows, np.empty(1, np.uint16))
    state_hash(state.ships, nodes, 1, next_eid)
    return time.perf_counter() - clock


def _read_only(columns: Columns) -> Columns:
    """As rows come from a database: kernels are compiled for that, and for arrays that may be written to, apart."""
    for column in columns:
        column.setflags(write=False)
    return columns


def settle_garbage() -> None:
    """Leave collecting to the turn loop.

    Collections of the whole heap would be pauses inside turns, and what a turn leaves behind has hardly any cycles.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
