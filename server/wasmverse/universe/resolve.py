"""Steps 3 to 9 of a turn for one block of systems. Each step is a function of its own, in the order of the rules.

The dealing of new ships (who flies them, and all new eids) needs the whole universe and is left to ``spawn``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.kernels import kernel
from wasmverse.universe.observe import BlockNodes
from wasmverse.universe.randomness import random_cell
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
from wasmverse.universe.state import Nodes, Ships

U64 = np.uint64

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

# Counters of a block.
C_WRITES, C_SHIPS, C_ADDED, C_CHANGED, C_REMOVED, C_EVENTS, C_NEW_SHIPS, C_NEW_NODES = range(8)


class Events(NamedTuple):
    """Columns of events; strategies are slots, NOBODY for none."""

    sid: NDArray[np.uint32]
    kind: NDArray[np.uint8]
    eid: NDArray[np.int64]
    x: NDArray[np.uint8]
    y: NDArray[np.uint8]
    slot: NDArray[np.int16]
    by_slot: NDArray[np.int16]

    @classmethod
    def empty(cls, length: int) -> Events:
        """Columns with room for this many events."""
        dtypes = (np.uint32, np.uint8, np.int64, np.uint8, np.uint8, np.int16, np.int16)
        return cls(*(np.empty(length, dtype) for dtype in dtypes))


class Outcome(NamedTuple):
    """What a block's resolve writes. ``counts`` says how far each array is filled (C_...).

    ships : the living ships in order; a new one is the last of its system, its eid and strategy not yet given
    new_ships : rows of ``ships`` that are new, shape (systems,)
    added : new nodes: those of the dead, in order; then (from ``counts[C_ADDED]`` on) none
    new_nodes : spawned nodes, eid not yet given
    changed, changed_energy : state rows of nodes that gave energy and are still there, and what they have left
    removed : state rows of nodes that are gone
    tally : shape (slots, len(TALLY)); first_fault, shape (slots,): the first ship that faulted, as a state row, -1 for none
    """

    counts: NDArray[np.int64]
    ships: Ships
    new_ships: NDArray[np.int64]
    added: Nodes
    new_nodes: Nodes
    changed: NDArray[np.int64]
    changed_energy: NDArray[np.uint16]
    removed: NDArray[np.int64]
    tally: NDArray[np.int64]
    first_fault: NDArray[np.int64]
    events: Events

    @classmethod
    def empty(cls, ships: int, nodes: int, systems: int, slots: int) -> Outcome:
        """Room for a block of this size."""
        return cls(
            np.zeros(8, np.int64),
            Ships.empty(ships + systems),
            np.empty(systems, np.int64),
            Nodes.empty(ships),
            Nodes.empty(systems),
            np.empty(nodes, np.int64),
            np.empty(nodes, np.uint16),
            np.empty(nodes, np.int64),
            np.zeros((slots, len(TALLY)), np.int64),
            np.full(slots, -1, np.int64),
            Events.empty(3 * ships),
        )


class Cells(NamedTuple):
    """Scratch over one system's grid, all zero between systems: ships and blasters in each cell, and the lone ship (+ 1)."""

    ships: NDArray[np.int32]
    blasters: NDArray[np.int32]
    lone: NDArray[np.int32]
    by_slot: NDArray[np.int64]

    @classmethod
    def empty(cls, slots: int) -> Cells:
        """Scratch for a universe with this many strategy slots."""
        return cls(*(np.zeros(CELLS, np.int32) for _ in range(3)), np.zeros(slots, np.int64))


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
    cells: Cells,
    out: Outcome,
) -> None:
    """Play steps 3 to 9 for the systems first..last (exclusive); only ``out`` is written, ``cells`` is left zero.

    Parameters
    ----------
    row, plan, called : the row of each ship, and per row what its strategy returned and whether it did (CALLED, ...)
    """
    block_start = ship_offsets[first]
    done = 0
    for system in range(first, last):
        sid = np.uint32(system + 1)
        begin = done
        end = begin + ship_offsets[system + 1] - ship_offsets[system]
        node_begin, node_end = nodes.offsets[system - first], nodes.offsets[system - first + 1]
        added_begin = out.counts[C_ADDED]

        source = ship_offsets[system]
        for i in range(begin, end):
            _copy_ship(ships, source + i - begin, out.ships, i)
            at = row[source + i - begin - block_start]
            _apply(out, i, source + i - begin, slots[out.ships.strategy_id[i]], plan[at], called[at])
        _crowd(out.ships, begin, end, cells)
        _battle(out, begin, end, slots, cells)
        dead = _death(out, sid, begin, end, slots, cells)
        _find_lone(out.ships, begin, end, cells)
        _harvest(out, begin, end, nodes, node_begin, node_end, added_begin, slots, cells)
        _repair(out, begin, end, cells)
        _clear(out.ships, begin, end, cells)
        done, nodes_left = _remove(out, sid, begin, end, dead, nodes, node_begin, node_end, added_begin, slots)
        done = _spawn(turn, out, sid, done, done - begin, nodes_left)
    out.counts[C_SHIPS] = done


@kernel
def _copy_ship(source: Ships, i: int, to: Ships, k: int) -> None:
    to.sid[k] = source.sid[i]
    to.eid[k] = source.eid[i]
    to.strategy_id[k] = source.strategy_id[i]
    to.x[k] = source.x[i]
    to.y[k] = source.y[i]
    to.shield[k] = source.shield[i]
    to.blasters[k] = source.blasters[i]
    to.thrusters[k] = source.thrusters[i]
    to.harvesters[k] = source.harvesters[i]
    to.energy[k] = source.energy[i]
    to.last_plan[k] = source.last_plan[i]


@kernel
def _apply(out: Outcome, i: int, state_row: int, slot: int, plan: np.uint64, called: int) -> None:
    """Step 3: pay, then hold, move or upgrade. A fault holds, its memory unchanged."""
    ships = out.ships
    command = np.int64((plan >> U64(6)) & U64(3))
    choice = np.int64(plan & U64(3))
    invalid = command == 3 or (command == UPGRADE and choice >= UPGRADES)
    if called != CALLED or invalid:
        plan = ships.last_plan[i] & ~U64(0xFF)
        command = 0
        if called != UNCALLED:
            out.tally[slot, T_FAULTS] += 1
            if out.first_fault[slot] < 0:
                out.first_fault[slot] = state_row
    ships.last_plan[i] = plan
    out.counts[C_WRITES] += 1

    cost = COST_HOLD
    if command == MOVE:
        cost = COST_MOVE
    elif command == UPGRADE:
        cost = COST_UPGRADE
    energy = np.int64(ships.energy[i])
    if energy < cost:
        ships.energy[i] = max(energy - 1, 0)
        return
    ships.energy[i] = energy - cost
    if command == MOVE:
        direction = np.int64((plan >> U64(4)) & U64(3))
        cells = min(np.int64(plan & U64(15)), np.int64(ships.thrusters[i]))
        x, y = np.int64(ships.x[i]), np.int64(ships.y[i])
        if direction == 0:
            y = max(y - cells, 0)
        elif direction == 1:
            x = min(x + cells, GRID_SIDE - 1)
        elif direction == 2:
            y = min(y + cells, GRID_SIDE - 1)
        else:
            x = max(x - cells, 0)
        ships.x[i] = x
        ships.y[i] = y
    elif command == UPGRADE:
        out.tally[slot, T_UPGRADES] += 1
        if choice == 0:
            ships.blasters[i] = min(np.int64(ships.blasters[i]) + 1, UPGRADE_MAX)
        elif choice == 1:
            ships.thrusters[i] = min(np.int64(ships.thrusters[i]) + 1, UPGRADE_MAX)
        else:
            ships.harvesters[i] = min(np.int64(ships.harvesters[i]) + 1, UPGRADE_MAX)


@kernel
def _cell(ships: Ships, i: int) -> int:
    return np.int64(ships.y[i]) * GRID_SIDE + np.int64(ships.x[i])


@kernel
def _crowd(ships: Ships, begin: int, end: int, cells: Cells) -> None:
    """Count ships and blasters in each cell, after all moves."""
    for i in range(begin, end):
        cell = _cell(ships, i)
        cells.ships[cell] += 1
        cells.blasters[cell] += ships.blasters[i]


@kernel
def _battle(out: Outcome, begin: int, end: int, slots: NDArray[np.int64], cells: Cells) -> None:
    """Step 4: ships that share a cell lose shield, all at once."""
    ships = out.ships
    for i in range(begin, end):
        cell = _cell(ships, i)
        if cells.ships[cell] < 2:
            continue
        damage = cells.blasters[cell] - np.int64(ships.blasters[i])
        ships.shield[i] = max(np.int64(ships.shield[i]) - damage, 0)
        out.counts[C_WRITES] += 1
        by = _hardest_hitter(ships, i, begin, end, slots, cells)
        _record(out, ships.sid[i], E_BATTLE, i, slots[ships.strategy_id[i]], by)


@kernel
def _hardest_hitter(ships: Ships, victim: int, begin: int, end: int, slots: NDArray[np.int64], cells: Cells) -> int:
    """The slot whose other ships in the cell have the most blasters together; ties to the lower strategy id.

    Slots are ordered by strategy id, so the lower slot is the lower id.
    """
    best = NOBODY
    cell = _cell(ships, victim)
    for i in range(begin, end):
        if i != victim and _cell(ships, i) == cell:
            cells.by_slot[slots[ships.strategy_id[i]]] += ships.blasters[i]
    most = np.int64(-1)
    for i in range(begin, end):
        if i != victim and _cell(ships, i) == cell:
            slot = slots[ships.strategy_id[i]]
            if cells.by_slot[slot] > most or (cells.by_slot[slot] == most and slot < best):
                most = cells.by_slot[slot]
                best = slot
    for i in range(begin, end):
        if i != victim and _cell(ships, i) == cell:
            cells.by_slot[slots[ships.strategy_id[i]]] = 0
    return best


@kernel
def _death(out: Outcome, sid: np.uint32, begin: int, end: int, slots: NDArray[np.int64], cells: Cells) -> int:
    """Step 5: ships without shield become nodes; the kill goes to who hit hardest. Returns the number of dead.

    All die at once: credit is found while every ship still counts, and only then do the dead leave their cells.
    """
    ships = out.ships
    dead = 0
    for i in range(begin, end):
        if ships.shield[i] != 0:
            continue
        dead += 1
        slot = slots[ships.strategy_id[i]]
        by = NOBODY
        if cells.ships[_cell(ships, i)] > 1:
            by = _hardest_hitter(ships, i, begin, end, slots, cells)
            out.tally[by, T_KILLS] += 1
        out.tally[slot, T_DEATHS] += 1
        out.counts[C_WRITES] += 1
        _record(out, sid, E_DEATH, i, slot, by)
        k = out.counts[C_ADDED]
        out.added.sid[k] = sid
        out.added.eid[k] = ships.eid[i]
        out.added.x[k] = ships.x[i]
        out.added.y[k] = ships.y[i]
        out.added.energy[k] = ships.energy[i]
        out.counts[C_ADDED] += 1
    if dead > 0:
        for i in range(begin, end):
            if ships.shield[i] == 0:
                cells.ships[_cell(ships, i)] -= 1
    return dead


@kernel
def _find_lone(ships: Ships, begin: int, end: int, cells: Cells) -> None:
    """Note for each cell with exactly one living ship which it is, as index + 1 within the system."""
    for i in range(begin, end):
        if ships.shield[i] != 0:
            cell = _cell(ships, i)
            if cells.ships[cell] == 1:
                cells.lone[cell] = i - begin + 1


@kernel
def _harvest(
    out: Outcome,
    begin: int,
    end: int,
    nodes: BlockNodes,
    node_begin: int,
    node_end: int,
    added_begin: int,
    slots: NDArray[np.int64],
    cells: Cells,
) -> None:
    """Step 6: a lone ship takes from every node in its cell; those that the dead became are among them."""
    ships = out.ships
    for node in range(node_begin, node_end):
        lone = cells.lone[np.int64(nodes.y[node]) * GRID_SIDE + np.int64(nodes.x[node])]
        if lone > 0:
            i = begin + lone - 1
            taken = min(np.int64(ships.harvesters[i]), np.int64(nodes.energy[node]))
            nodes.energy[node] -= taken
            if taken > 0:
                _take(out, i, taken, slots, cells)
                if nodes.energy[node] > 0:
                    k = out.counts[C_CHANGED]
                    out.changed[k] = nodes.index[node]
                    out.changed_energy[k] = nodes.energy[node]
                    out.counts[C_CHANGED] += 1
    for node in range(added_begin, out.counts[C_ADDED]):
        lone = cells.lone[np.int64(out.added.y[node]) * GRID_SIDE + np.int64(out.added.x[node])]
        if lone > 0:
            i = begin + lone - 1
            taken = min(np.int64(ships.harvesters[i]), np.int64(out.added.energy[node]))
            out.added.energy[node] -= taken
            if taken > 0:
                _take(out, i, taken, slots, cells)


@kernel
def _take(out: Outcome, i: int, taken: int, slots: NDArray[np.int64], cells: Cells) -> None:
    """Give a lone ship what one node gave; a ship counts as one write however many nodes it took from.

    In a cell with a lone ship nobody needs the blasters any more: a negative number there marks that it has harvested.
    """
    ships = out.ships
    ships.energy[i] = min(np.int64(ships.energy[i]) + taken, ENERGY_MAX)
    out.tally[slots[ships.strategy_id[i]], T_HARVESTED] += taken
    out.counts[C_WRITES] += 1
    cell = _cell(ships, i)
    if cells.blasters[cell] >= 0:
        cells.blasters[cell] = -1
        out.counts[C_WRITES] += 1


@kernel
def _repair(out: Outcome, begin: int, end: int, cells: Cells) -> None:
    """Step 7: a lone ship gains a point of shield."""
    ships = out.ships
    for i in range(begin, end):
        if 0 < ships.shield[i] < SHIELD_MAX and cells.ships[_cell(ships, i)] == 1:
            ships.shield[i] += 1
            out.counts[C_WRITES] += 1


@kernel
def _clear(ships: Ships, begin: int, end: int, cells: Cells) -> None:
    for i in range(begin, end):
        cell = _cell(ships, i)
        cells.ships[cell] = 0
        cells.blasters[cell] = 0
        cells.lone[cell] = 0


@kernel
def _remove(
    out: Outcome,
    sid: np.uint32,
    begin: int,
    end: int,
    dead: int,
    nodes: BlockNodes,
    node_begin: int,
    node_end: int,
    added_begin: int,
    slots: NDArray[np.int64],
) -> tuple[int, int]:
    """Step 8: what has no energy disappears; the dead have left. Returns the end of the ships, and the nodes left.

    The ships that stay are moved together and counted for their strategies.
    """
    ships = out.ships
    to = begin
    for i in range(begin, end):
        slot = slots[ships.strategy_id[i]]
        if ships.shield[i] == 0:
            continue
        if ships.energy[i] == 0:
            out.counts[C_WRITES] += 1
            out.tally[slot, T_DEATHS] += 1
            _record(out, sid, E_STARVE, i, slot, NOBODY)
            continue
        out.tally[slot, T_SHIPS] += 1
        out.tally[slot, T_ENERGY] += ships.energy[i]
        if to != i:
            _copy_ship(ships, i, ships, to)
        to += 1

    left = 0
    for node in range(node_begin, node_end):
        if nodes.energy[node] == 0:
            out.removed[out.counts[C_REMOVED]] = nodes.index[node]
            out.counts[C_REMOVED] += 1
            out.counts[C_WRITES] += 1
        else:
            left += 1
    if dead > 0:
        keep = added_begin
        for node in range(added_begin, out.counts[C_ADDED]):
            if out.added.energy[node] == 0:
                out.counts[C_WRITES] += 1
                continue
            out.added.sid[keep] = out.added.sid[node]
            out.added.eid[keep] = out.added.eid[node]
            out.added.x[keep] = out.added.x[node]
            out.added.y[keep] = out.added.y[node]
            out.added.energy[keep] = out.added.energy[node]
            keep += 1
        left += keep - added_begin
        out.counts[C_ADDED] = keep
    return to, left


@kernel
def _spawn(turn: Turn, out: Outcome, sid: np.uint32, at: int, ships_left: int, nodes_left: int) -> int:
    """Step 9, what one system can know: a new ship or node if there are too few. Returns the end of the ships."""
    if ships_left < turn.ships_min and turn.deal:
        cell = random_cell(U64(turn.seed), U64(turn.tid), U64(sid), SHIP, 0)
        ships = out.ships
        ships.sid[at] = sid
        ships.eid[at] = 0
        ships.strategy_id[at] = 0
        ships.x[at] = cell % GRID_SIDE
        ships.y[at] = cell // GRID_SIDE
        ships.shield[at] = NEW_SHIELD
        ships.blasters[at] = NEW_BLASTERS
        ships.thrusters[at] = NEW_THRUSTERS
        ships.harvesters[at] = NEW_HARVESTERS
        ships.energy[at] = NEW_ENERGY
        ships.last_plan[at] = 0
        out.new_ships[out.counts[C_NEW_SHIPS]] = at
        out.counts[C_NEW_SHIPS] += 1
        out.counts[C_WRITES] += 1
        at += 1
    if nodes_left < turn.nodes_min:
        cell = random_cell(U64(turn.seed), U64(turn.tid), U64(sid), NODE, 0)
        k = out.counts[C_NEW_NODES]
        out.new_nodes.sid[k] = sid
        out.new_nodes.x[k] = cell % GRID_SIDE
        out.new_nodes.y[k] = cell // GRID_SIDE
        out.new_nodes.energy[k] = NEW_ENERGY
        out.counts[C_NEW_NODES] += 1
        out.counts[C_WRITES] += 1
    return at


@kernel
def _record(out: Outcome, sid: np.uint32, kind: int, i: int, slot: int, by: int) -> None:
    """Note an event of ship i."""
    events = out.events
    k = out.counts[C_EVENTS]
    events.sid[k] = sid
    events.kind[k] = kind
    events.eid[k] = out.ships.eid[i]
    events.x[k] = out.ships.x[i]
    events.y[k] = out.ships.y[i]
    events.slot[k] = slot
    events.by_slot[k] = by
    out.counts[C_EVENTS] += 1
