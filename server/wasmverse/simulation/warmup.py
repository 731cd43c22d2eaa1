"""What is done before the first turn, so that no turn pays for it: compiling the kernels, and settling the heap."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from wasmverse.settings import GuestSettings
from wasmverse.strategies.limits import guest_limits
from wasmverse.strategies.roster import Roster
from wasmverse.universe.cache import are_compiled
from wasmverse.universe.genesis import populate
from wasmverse.universe.packed import pack_state, pack_turn
from wasmverse.universe.state import State, state_hash
from wasmverse.universe.turn import Laws, TurnPlayer
from wasmverse.universe.unpacked import Unpacking


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
    packed = pack_state(ships, nodes, 1, player.crew)
    ships = Unpacking("ship", [packed.ships.read_only()]).ships(player.crew)
    unpacked = Unpacking("node", [packed.nodes.read_only()])
    nodes = unpacked.nodes(player.crew)
    state = State(ships, nodes)
    result = player.play(state, laws, Roster([]), guest_limits(GuestSettings()), tid=1, next_eid=next_eid)
    after = (result.ships, result.new_ships, nodes, result.node_energy, result.new_nodes)
    unpacked.differs_from(pack_turn(*after, laws.bounds(), player.crew).nodes, player.crew)
    player.close()
    state_hash(ships, nodes, 1, next_eid)
    return time.perf_counter() - clock


def settle_garbage() -> None:
    """Leave collecting to the turn loop.

    Collections of the whole heap would be pauses inside turns, and what a turn leaves behind has hardly any cycles.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
