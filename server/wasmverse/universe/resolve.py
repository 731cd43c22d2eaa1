"""Steps 3 to 9 of a turn for one block of systems. Each step is a function of its own, in the order of the rules.

The dealing of new ships (who flies them, and all new eids) needs the whole universe and is left to ``turn``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.kernels import kernel
from wasmverse.universe.observe import BlockNodes
from wasmverse.universe.randomness import random_cell
from wasmverse.universe.records import CELL_RECORD, EVENT_RECORD, NODE_RECORD, SHIP_RECORD
from wasmverse.universe.rules import (
    CELLS,
    COST_HOLD,
    COST_MOVE,
    COST_UPGRADE,
    ENERGY_MAX,
    GRID_SIDE,
    MOVE,
    NEW_BLASTERS,
    NEW_ENERGY,
    NEW_HARVESTERS,
    NEW_SHIELD,
    NEW_THRUSTERS,
    NODE,
    SHIELD_MAX,
    SHIP,
    UPGRADE,
    UPGRADE_MAX,
    UPGRADES,
)
from wasmverse.universe.state import Ships

U64 = np.uint64
Records = NDArray[Any]

# What became of a ship's call, per row.
CALLED = 0
FAULTED = 1
UNCALLED = 2
"""Holds without a call and without a fault: its strategy was removed."""

# Columns of a block's tally, one row a strategy slot.
TALLY = ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults")
T_SHIPS, T_ENERGY, T_KILLS, T_DEATHS, T_SPAWNED, T_HARVESTED, T_UPGRADES, T_FAULTS = range(len(TALLY))

EVENT_KINDS = ("spawn", "battle", "death", "starve", "fault")
E_SPAWN, E_BATTLE, E_DEATH, E_STARVE, E_FAULT = range(len(EVENT_KINDS))

NOBODY = -1

# Counters of a block: rows affected so far, and how far each array of its outcome is filled.
COUNTERS = 8
C_WRITES, C_SHIPS, C_ADDED, C_CHANGED, C_REMOVED, C_EVENTS, C_NEW_SHIPS, C_NEW_NODES = range(COUNTERS)


class Outcome(NamedTuple):
    """What a block's resolve writes; ``counts`` says how far each array is filled (C_...).

    ships : the living ships in order; a new one is the last of its system, its eid and strategy not yet given
    new_ships : rows of ``ships`` that are new
    added : NODE_RECORD, what the dead became; new_nodes : NODE_RECORD, spawned, eid not yet given
    changed, changed_energy : state rows of nodes that gave energy and are still there, and what they have left
    removed : state rows of nodes that are gone
    tally : shape (slots, len(TALLY)); first_fault, shape (slots,): the first ship that faulted, as a state row, -1 for none
    events : EVENT_RECORD
    """

    counts: NDArray[np.int64]
    ships: Ships
    new_ships: NDArray[np.int64]
    added: Records
    new_nodes: Records
    changed: NDArray[np.int64]
    changed_energy: NDArray[np.uint16]
    removed: NDArray[np.int64]
    tally: NDArray[np.int64]
    first_fault: NDArray[np.int64]
    events: Records

    @classmethod
    def empty(cls, ships: int, nodes: int, systems: int, slots: int) -> Outcome:
        """Room for a block of this size. A ship can battle, and then die or starve: two events at most."""
        return cls(
            np.zeros(COUNTERS, np.int64),
            Ships.empty(ships + systems),
            np.empty(systems, np.int64),
            np.empty(ships, NODE_RECORD),
            np.empty(systems, NODE_RECORD),
            np.empty(nodes, np.int64),
            np.empty(nodes, np.uint16),
            np.empty(nodes, np.int64),
            np.zeros((slots, len(TALLY)), np.int64),
            np.full(slots, -1, np.int64),
            np.empty(2 * ships, EVENT_RECORD),
        )


class Turn(NamedTuple):
    """What is the same for every block of a turn. deal is whether there is anybody to fly a new ship."""

    seed: int
    tid: int
    ships_min: int
    nodes_min: int
    deal: bool


@kernel
def resolve_block(
    turn: Turn,
    ships: Ships,
    ship_offsets: NDArray[np.int64],
    first: int,
    last: int,
    nodes: BlockNodes,
    slots: NDArray[np.int64],
    row: NDArray[np.int64],
    plan: NDArray[np.uint64],
    called: NDArray[np.uint8],
    out: Outcome,
) -> None:
    """Play steps 3 to 9 for the systems first..last (exclusive). ``nodes.energy`` and ``out`` are written.

    Parameters
    ----------
    row, plan, called : the row of each ship, and per row what its strategy returned and whether it did (CALLED, ...)
    """
    counts, tally, events, added = out.counts, out.tally, out.events, out.added
    crowd = 0
    for system in range(first, last):
        crowd = max(crowd, ship_offsets[system + 1] - ship_offsets[system])
    work = np.empty(crowd, SHIP_RECORD)
    cells = np.zeros(CELLS, CELL_RECORD)
    by_slot = np.zeros(len(out.first_fault), np.int64)

    block_start = ship_offsets[first]
    for system in range(first, last):
        sid = system + 1
        source = ship_offsets[system]
        count = ship_offsets[system + 1] - source
        node_begin, node_end = nodes.offsets[system - first], nodes.offsets[system - first + 1]
        added_begin = counts[C_ADDED]
        for i in range(count):
            ship = work[i]
            ship.eid = ships.eid[source + i]
            ship.last_plan = ships.last_plan[source + i]
            ship.state_row = source + i
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
            at = row[source + i - block_start]
            _apply(ship, plan[at], called[at], tally, out.first_fault)
        counts[C_WRITES] += count
        here = work[:count]
        _crowd(here, cells)
        _battle(here, sid, cells, by_slot, counts, events)
        dead = _death(here, sid, cells, by_slot, counts, tally, events, added)
        _harvest(
            here,
            cells,
            nodes.rows,
            nodes.x,
            nodes.y,
            nodes.energy,
            node_begin,
            node_end,
            counts,
            tally,
            out.changed,
            out.changed_energy,
        )
        if dead > 0:
            _harvest_added(here, cells, added[added_begin : counts[C_ADDED]], counts, tally)
        _repair(here, cells, counts)
        _clear(here, cells)
        kept = _keep_ships(here, sid, counts, tally, events, out.ships)
        nodes_left = _keep_nodes(nodes.rows, nodes.energy, node_begin, node_end, counts, out.removed)
        if dead > 0:
            nodes_left += _keep_added(added, added_begin, counts)
        if kept < turn.ships_min and turn.deal:
            cell = random_cell(U64(turn.seed), U64(turn.tid), U64(sid), SHIP, 0)
            _new_ship(sid, cell, counts, out.ships, out.new_ships)
        if nodes_left < turn.nodes_min:
            cell = random_cell(U64(turn.seed), U64(turn.tid), U64(sid), NODE, 0)
            _new_node(sid, cell, counts, out.new_nodes)


@kernel
def _apply(
    ship: Any,
    plan: np.uint64,
    called: int,
    tally: NDArray[np.int64],
    first_fault: NDArray[np.int64],
) -> None:
    """Step 3: pay, then hold, move or upgrade. A fault holds, its memory unchanged."""
    command: Any = np.int64((plan >> U64(6)) & U64(3))
    choice = np.int64(plan & U64(3))
    invalid = command == 3 or (command == UPGRADE and choice >= UPGRADES)
    if called != CALLED or invalid:
        plan = ship.last_plan & ~U64(0xFF)
        command = 0
        if called != UNCALLED:
            tally[ship.slot, T_FAULTS] += 1
            if first_fault[ship.slot] < 0:
                first_fault[ship.slot] = ship.state_row
    ship.last_plan = plan

    cost = COST_HOLD
    if command == MOVE:
        cost = COST_MOVE
    elif command == UPGRADE:
        cost = COST_UPGRADE
    if ship.energy < cost:
        ship.energy = max(ship.energy - 1, 0)
    else:
        ship.energy -= cost
        if command == MOVE:
            direction = np.int64((plan >> U64(4)) & U64(3))
            cells = min(np.int64(plan & U64(15)), ship.thrusters)
            if direction == 0:
                ship.y = max(ship.y - cells, 0)
            elif direction == 1:
                ship.x = min(ship.x + cells, GRID_SIDE - 1)
            elif direction == 2:
                ship.y = min(ship.y + cells, GRID_SIDE - 1)
            else:
                ship.x = max(ship.x - cells, 0)
        elif command == UPGRADE:
            tally[ship.slot, T_UPGRADES] += 1
            if choice == 0:
                ship.blasters = min(ship.blasters + 1, UPGRADE_MAX)
            elif choice == 1:
                ship.thrusters = min(ship.thrusters + 1, UPGRADE_MAX)
            else:
                ship.harvesters = min(ship.harvesters + 1, UPGRADE_MAX)
    ship.cell = ship.y * GRID_SIDE + ship.x


@kernel
def _crowd(ships: Records, cells: Records) -> None:
    """Count ships and blasters in each cell, after all moves."""
    for i in range(len(ships)):
        cell = cells[ships[i].cell]
        cell.ships += 1
        cell.blasters += ships[i].blasters


@kernel
def _battle(
    ships: Records,
    sid: int,
    cells: Records,
    by_slot: NDArray[np.int64],
    counts: NDArray[np.int64],
    events: Records,
) -> None:
    """Step 4: ships that share a cell lose shield, all at once."""
    for i in range(len(ships)):
        ship = ships[i]
        cell = cells[ship.cell]
        if cell.ships > 1:
            ship.shield = max(ship.shield - (cell.blasters - ship.blasters), 0)
            counts[C_WRITES] += 1
            _record(events, counts, sid, E_BATTLE, ship, _hardest_hitter(ships, i, by_slot))


@kernel
def _hardest_hitter(ships: Records, victim: int, by_slot: NDArray[np.int64]) -> int:
    """The slot whose other ships in the cell have the most blasters together; ties to the lower strategy id.

    Slots are ordered by strategy id, so the lower slot is the lower id. by_slot is scratch, zero before and after.
    """
    cell = ships[victim].cell
    for i in range(len(ships)):
        if ships[i].cell == cell and i != victim:
            by_slot[ships[i].slot] += ships[i].blasters
    best = NOBODY
    most = np.int64(-1)
    for i in range(len(ships)):
        if ships[i].cell == cell and i != victim:
            slot: int = ships[i].slot
            if by_slot[slot] > most or (by_slot[slot] == most and slot < best):
                most = by_slot[slot]
                best = slot
    for i in range(len(ships)):
        if ships[i].cell == cell:
            by_slot[ships[i].slot] = 0
    return best


@kernel
def _death(
    ships: Records,
    sid: int,
    cells: Records,
    by_slot: NDArray[np.int64],
    counts: NDArray[np.int64],
    tally: NDArray[np.int64],
    events: Records,
    added: Records,
) -> int:
    """Step 5: ships without shield become nodes; the kill goes to who hit hardest. Returns the number of dead.

    All die at once: credit is found while every ship still counts, and only then do the dead leave their cells.
    """
    dead = 0
    for i in range(len(ships)):
        ship = ships[i]
        if ship.shield != 0:
            continue
        dead += 1
        by = NOBODY
        if cells[ship.cell].ships > 1:
            by = _hardest_hitter(ships, i, by_slot)
            tally[by, T_KILLS] += 1
        tally[ship.slot, T_DEATHS] += 1
        counts[C_WRITES] += 1
        _record(events, counts, sid, E_DEATH, ship, by)
        node = added[counts[C_ADDED]]
        node.sid = sid
        node.eid = ship.eid
        node.x = ship.x
        node.y = ship.y
        node.energy = ship.energy
        counts[C_ADDED] += 1
    if dead > 0:
        for i in range(len(ships)):
            if ships[i].shield == 0:
                cells[ships[i].cell].ships -= 1
    return dead


@kernel
def _harvest(
    ships: Records,
    cells: Records,
    rows: NDArray[np.int64],
    x: NDArray[np.uint8],
    y: NDArray[np.uint8],
    energy: NDArray[np.uint16],
    begin: int,
    end: int,
    counts: NDArray[np.int64],
    tally: NDArray[np.int64],
    changed: NDArray[np.int64],
    changed_energy: NDArray[np.uint16],
) -> None:
    """Step 6: a lone ship takes from every node in its cell."""
    for i in range(len(ships)):
        if ships[i].shield != 0 and cells[ships[i].cell].ships == 1:
            cells[ships[i].cell].lone = i + 1
    for node in range(begin, end):
        lone = cells[np.int64(y[node]) * GRID_SIDE + np.int64(x[node])].lone
        if lone > 0:
            ship = ships[lone - 1]
            taken = min(np.int64(ship.harvesters), np.int64(energy[node]))
            if taken > 0:
                energy[node] -= taken
                _take(ship, taken, counts, tally)
                if energy[node] > 0:
                    changed[counts[C_CHANGED]] = rows[node]
                    changed_energy[counts[C_CHANGED]] = energy[node]
                    counts[C_CHANGED] += 1


@kernel
def _harvest_added(
    ships: Records, cells: Records, added: Records, counts: NDArray[np.int64], tally: NDArray[np.int64]
) -> None:
    """Step 6 for the nodes that the dead of this turn became."""
    for k in range(len(added)):
        node = added[k]
        lone = cells[np.int64(node.y) * GRID_SIDE + np.int64(node.x)].lone
        if lone > 0:
            ship = ships[lone - 1]
            taken = min(np.int64(ship.harvesters), np.int64(node.energy))
            if taken > 0:
                node.energy -= taken
                _take(ship, taken, counts, tally)


@kernel
def _take(ship: Any, taken: int | np.int64, counts: NDArray[np.int64], tally: NDArray[np.int64]) -> None:
    """Give a lone ship what one node gave: a write for the node, and one for the ship however many it took from."""
    ship.energy = min(ship.energy + taken, ENERGY_MAX)
    tally[ship.slot, T_HARVESTED] += taken
    counts[C_WRITES] += 2 - ship.has_harvested
    ship.has_harvested = 1


@kernel
def _repair(ships: Records, cells: Records, counts: NDArray[np.int64]) -> None:
    """Step 7: a lone ship gains a point of shield."""
    for i in range(len(ships)):
        ship = ships[i]
        if 0 < ship.shield < SHIELD_MAX and cells[ship.cell].ships == 1:
            ship.shield += 1
            counts[C_WRITES] += 1


@kernel
def _clear(ships: Records, cells: Records) -> None:
    """Leave the grid zero for the next system."""
    for i in range(len(ships)):
        cell = cells[ships[i].cell]
        cell.ships = 0
        cell.blasters = 0
        cell.lone = 0


@kernel
def _keep_ships(
    ships: Records, sid: int, counts: NDArray[np.int64], tally: NDArray[np.int64], events: Records, out: Ships
) -> int:
    """Step 8 for ships: who has no energy disappears; the dead have left. Returns how many stay, and writes them out."""
    first = at = counts[C_SHIPS]
    for i in range(len(ships)):
        ship = ships[i]
        if ship.shield == 0:
            continue
        if ship.energy == 0:
            counts[C_WRITES] += 1
            tally[ship.slot, T_DEATHS] += 1
            _record(events, counts, sid, E_STARVE, ship, NOBODY)
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
def _keep_nodes(
    rows: NDArray[np.int64],
    energy: NDArray[np.uint16],
    begin: int,
    end: int,
    counts: NDArray[np.int64],
    removed: NDArray[np.int64],
) -> int:
    """Step 8 for the nodes of the state. Returns how many stay."""
    left = 0
    for node in range(begin, end):
        if energy[node] == 0:
            removed[counts[C_REMOVED]] = rows[node]
            counts[C_REMOVED] += 1
            counts[C_WRITES] += 1
        else:
            left += 1
    return left


@kernel
def _keep_added(added: Records, begin: int, counts: NDArray[np.int64]) -> Any:
    """Step 8 for what the dead became. Returns how many stay, moved together."""
    keep = begin
    for node in range(begin, counts[C_ADDED]):
        if added[node].energy == 0:
            counts[C_WRITES] += 1
        else:
            added[keep] = added[node]
            keep += 1
    counts[C_ADDED] = keep
    return keep - begin


@kernel
def _new_ship(
    sid: int, cell: int, counts: NDArray[np.int64], out: Ships, new_ships: NDArray[np.int64]
) -> None:
    """Step 9: a ship that nobody flies yet."""
    at = counts[C_SHIPS]
    out.sid[at] = sid
    out.eid[at] = 0
    out.strategy_id[at] = 0
    out.x[at] = cell % GRID_SIDE
    out.y[at] = cell // GRID_SIDE
    out.shield[at] = NEW_SHIELD
    out.blasters[at] = NEW_BLASTERS
    out.thrusters[at] = NEW_THRUSTERS
    out.harvesters[at] = NEW_HARVESTERS
    out.energy[at] = NEW_ENERGY
    out.last_plan[at] = 0
    new_ships[counts[C_NEW_SHIPS]] = at
    counts[C_NEW_SHIPS] += 1
    counts[C_SHIPS] += 1
    counts[C_WRITES] += 1


@kernel
def _new_node(sid: int, cell: int, counts: NDArray[np.int64], new_nodes: Records) -> None:
    """Step 9: an energy node."""
    node = new_nodes[counts[C_NEW_NODES]]
    node.sid = sid
    node.eid = 0
    node.x = cell % GRID_SIDE
    node.y = cell // GRID_SIDE
    node.energy = NEW_ENERGY
    counts[C_NEW_NODES] += 1
    counts[C_WRITES] += 1


@kernel
def _record(events: Records, counts: NDArray[np.int64], sid: int, kind: int, ship: Any, by: int) -> None:
    """Note an event of a ship."""
    event = events[counts[C_EVENTS]]
    event.sid = sid
    event.kind = kind
    event.eid = ship.eid
    event.x = ship.x
    event.y = ship.y
    event.slot = ship.slot
    event.by_slot = by
    counts[C_EVENTS] += 1
