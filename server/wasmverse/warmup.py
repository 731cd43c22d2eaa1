"""What is done before the first turn, so that no turn pays for it: compiling the kernels, and settling the heap."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from wasmverse.universe.genesis import populate
from wasmverse.universe.state import make_state, state_hash
from wasmverse.universe.strategies import Roster
from wasmverse.universe.turn import Laws, TurnPlayer
from wasmverse.wasm.guest import Limits


def compile_kernels(tell: Callable[[str], None] = lambda _text: None) -> float:
    """Play a turn of a tiny universe nobody flies in; returns the seconds it took.

    Parameters
    ----------
    tell : told before and after a compilation that takes long (the first one on a machine).
    """
    clock = time.perf_counter()
    tell("compiling the kernels (some 30 s the first time, cached afterwards)")
    laws = Laws(seed=1, systems=1, ships_min=1, nodes_min=1, block_systems=1)
    ships, nodes, next_eid = populate(1, 1, 1, 1, [1])
    state, _ = make_state(ships, nodes, 1)
    player = TurnPlayer(1)
    result = player.play(state, laws, Roster([]), Limits(), tid=1, next_eid=next_eid)
    player.close()
    state_hash(result.ships, nodes, 1, next_eid)
    return time.perf_counter() - clock


def settle_garbage() -> None:
    """Leave collecting to the turn loop.

    Collections of the whole heap would be pauses inside turns, and what a turn leaves behind has hardly any cycles.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
