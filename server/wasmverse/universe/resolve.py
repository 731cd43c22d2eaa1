"""Steps 3 to 9 of a turn for one block of systems. Each step is a function of its own, in the order of the rules.

The strategies and eids of new ships, and the eids of new nodes, depend on the whole universe: ``deal`` gives them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.apply import apply
from wasmverse.universe.battle import battle, clear, crowd, death
from wasmverse.universe.harvest import harvest, harvest_added, repair
from wasmverse.universe.kernels import kernel
from wasmverse.universe.observe import BlockNodes
from wasmverse.universe.outcome import (
    C_ADDED,
    C_NEW_NODES,
    C_NEW_SHIPS,
    C_NODES,
    C_SHIPS,
    C_WRITES,
    E_STARVE,
    NOBODY,
    T_DEATHS,
    T_ENERGY,
    T_SHIPS,
    Outcome,
    Records,
    Turn,
    record,
)
from wasmverse.universe.randomness import random_cell
from wasmverse.universe.records import CELL_RECORD, SHIP_RECORD
from wasmverse.universe.rules import (
    CELLS,
    GRID_SIDE,
    NEW_ENERGY,
    NODE,
    SHIP,
)
from wasmverse.universe.state import Ships
from wasmverse.universe.upkeep import pay_upkeep

U64 = np.uint64


@kernel
def resolve_block(
    turn: Turn,
    sids: NDArray[np.uint32],
    ships: Ships,
    ship_offsets: NDArray[np.int64],
    nodes: BlockNodes,
    slots: NDArray[np.int64],
    row: NDArray[np.int64],
    plan: NDArray[np.uint64],
    called: NDArray[np.uint8],
    out: Outcome,
) -> None:
    """Play steps 3 to 9 for the systems ``sids``. ``nodes.energy`` and ``out`` are written.

    Parameters
    ----------
    ships : those of the s-th system are the rows ``ship_offsets[s]:ship_offsets[s + 1]``
    row, plan, called : the row of each ship, and per row what its strategy returned and whether it did (CALLED, ...)
    """
    counts, tally, events, added = out.counts, out.tally, out.events, out.added
    crowded = 0
    for system in range(len(sids)):
        crowded = max(crowded, ship_offsets[system + 1] - ship_offsets[system])
    work = np.empty(crowded, SHIP_RECORD)
    cells = np.zeros(CELLS, CELL_RECORD)
    by_slot = np.zeros(len(out.first_fault), np.int64)

    for system in range(len(sids)):
        sid: Any = np.int64(sids[system])
        source = ship_offsets[system]
        count = ship_offsets[system + 1] - source
        node_begin, node_end = nodes.offsets[system], nodes.offsets[system + 1]
        added_begin = counts[C_ADDED]
        for i in range(count):
            ship = work[i]
            ship.eid = ships.eid[source + i]
            ship.last_plan = ships.last_plan[source + i]
            ship.block_row = source + i
            ship.strategy_id = ships.strategy_id[source + i]
            ship.slot = slots[ships.strategy_id[source + i]]
            ship.x = ships.x[source + i]
            ship.y = ships.y[source + i]
            ship.shield = ships.shield[source + i]
            ship.blasters = ships.blasters[source + i]
            ship.thrusters = ships.thrusters[source + i]
            ship.harvesters = ships.harvesters[source + i]
            ship.energy = ships.energy[source + i]
            ship.has_harvested = 0
            at = row[source + i]
            apply(ship, plan[at], called[at], tally, out.first_fault)
        counts[C_WRITES] += count
        here = work[:count]
        crowd(here, cells)
        battle(here, sid, cells, by_slot, counts, events)
        dead = death(here, sid, cells, by_slot, counts, tally, events, added)
        harvest(here, cells, nodes.x, nodes.y, nodes.energy, node_begin, node_end, counts, tally)
        if dead > 0:
            harvest_added(here, cells, added[added_begin : counts[C_ADDED]], counts, tally)
        repair(here, cells, counts)
        if turn.upkeep > 0:
            pay_upkeep(here, turn.upkeep, counts)
        clear(here, cells)
        kept = _keep_ships(here, sid, counts, tally, events, out.ships)
        nodes_left = _keep_nodes(nodes.energy, node_begin, node_end, counts)
        if dead > 0:
            nodes_left += _keep_added(added, added_begin, counts)
        if kept < turn.ships_min and turn.deal:
            cell = random_cell(U64(turn.seed), U64(turn.tid), U64(sid), SHIP, 0)
            _new(sid, cell, counts, C_NEW_SHIPS, out.new_ships)
        if nodes_left < turn.nodes_min:
            cell = random_cell(U64(turn.seed), U64(turn.tid), U64(sid), NODE, 0)
            _new(sid, cell, counts, C_NEW_NODES, out.new_nodes)


@kernel
def _keep_ships(
    ships: Records, sid: int, counts: NDArray[np.int64], tally: NDArray[np.int64], events: Records, out: Ships
) -> int:
    """Step 8 for ships: those without energy disappear, the dead are left out, the others are written. Returns how many."""
    first = at = counts[C_SHIPS]
    for i in range(len(ships)):
        ship = ships[i]
        if ship.shield == 0:
            continue
        if ship.energy == 0:
            counts[C_WRITES] += 1
            tally[ship.slot, T_DEATHS] += 1
            record(events, counts, sid, E_STARVE, ship, NOBODY)
            continue
        tally[ship.slot, T_SHIPS] += 1
        tally[ship.slot, T_ENERGY] += ship.energy
        out.sid[at] = sid
        out.eid[at] = ship.eid
        out.strategy_id[at] = ship.strategy_id
        out.x[at] = ship.x
        out.y[at] = ship.y
        out.shield[at] = ship.shield
        out.blasters[at] = ship.blasters
        out.thrusters[at] = ship.thrusters
        out.harvesters[at] = ship.harvesters
        out.energy[at] = ship.energy
        out.last_plan[at] = ship.last_plan
        at += 1
    counts[C_SHIPS] = at
    return int(at - first)


@kernel
def _keep_nodes(energy: NDArray[np.uint16], begin: int, end: int, counts: NDArray[np.int64]) -> int:
    """Step 8 for the nodes of the state: those without energy are gone. Returns how many stay."""
    energies = energy[begin:end]
    left = 0
    for node in range(len(energies)):
        left += energies[node] != 0
    counts[C_WRITES] += end - begin - left
    counts[C_NODES] += left
    return left


@kernel
def _keep_added(added: Records, begin: int, counts: NDArray[np.int64]) -> int:
    """Step 8 for what the dead became. Returns how many stay, moved together."""
    keep = begin
    for node in range(begin, counts[C_ADDED]):
        if added[node].energy == 0:
            counts[C_WRITES] += 1
        else:
            added[keep] = added[node]
            keep += 1
    counts[C_ADDED] = keep
    return int(keep - begin)


@kernel
def _new(sid: int, cell: int, counts: NDArray[np.int64], counter: int, new: Records) -> None:
    """Step 9: a ship that nobody flies yet, or an energy node."""
    entity = new[counts[counter]]
    entity.sid = sid
    entity.eid = 0
    entity.x = cell % GRID_SIDE
    entity.y = cell // GRID_SIDE
    entity.energy = NEW_ENERGY
    counts[counter] += 1
    counts[C_WRITES] += 1
