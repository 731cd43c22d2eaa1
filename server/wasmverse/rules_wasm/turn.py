"""What the module exports: a duel's beginning, what its ships see, and its turns; all of it in one block of systems.

``observe`` and ``resolve`` call the kernels of ``universe`` that every server plays by. What a server does in Python for
all blocks together (``genesis.populate``, ``deal``, ``finish``) is written here for one block and compiled with them;
tests/rules_wasm plays both and compares every byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.np.numpy_support import carray
from numpy.typing import NDArray

from wasmverse.rules_wasm.memory import give_back, pointer, take
from wasmverse.universe.observe import BlockNodes, Columns, assign_rows, observe_block
from wasmverse.universe.outcome import (
    C_ADDED,
    C_EVENTS,
    C_NEW_NODES,
    C_NEW_SHIPS,
    C_SHIPS,
    COUNTERS,
    E_SPAWN,
    NOBODY,
    T_ENERGY,
    T_SHIPS,
    T_SPAWNED,
    TALLY,
    Outcome,
    Turn,
)
from wasmverse.universe.randomness import random_cell
from wasmverse.universe.records import EVENT_RECORD, NODE_RECORD
from wasmverse.universe.resolve import resolve_block
from wasmverse.universe.rules import (
    GRID_SIDE,
    NEW_BLASTERS,
    NEW_ENERGY,
    NEW_HARVESTERS,
    NEW_SHIELD,
    NEW_THRUSTERS,
    NODE,
    SHIP,
)
from wasmverse.universe.state import NODE_DTYPES, SHIP_DTYPES, Nodes, Ships

U64 = np.uint64

HEADER = (
    "seed", "tid", "next_eid", "systems", "ships_min", "nodes_min", "strategies",
    "ships", "nodes", "events", "ships_room", "nodes_room", "entities_room", "scratch",
    "ship_sid", "ship_eid", "ship_strategy", "ship_x", "ship_y", "ship_shield", "ship_blasters", "ship_thrusters",
    "ship_harvesters", "ship_energy", "ship_last_plan",
    "node_sid", "node_eid", "node_x", "node_y", "node_energy",
    "row_kind", "row_x", "row_y", "row_energy", "row_shield", "row_blasters", "row_thrusters", "row_harvesters",
    "row_last_plan", "row_list", "row_list_bytes", "row_plan", "row_called",
    "row_of_ship", "row_starts", "lists", "order", "is_dealt", "tally", "event", "upkeep",
)  # fmt: skip
"""The words of the header, 64 bits each, in this order. From ``ship_sid`` to ``event`` they are addresses of arrays."""

(
    SEED, TID, NEXT_EID, SYSTEMS, SHIPS_MIN, NODES_MIN, STRATEGIES,
    SHIPS, NODES, EVENTS, SHIPS_ROOM, NODES_ROOM, ENTITIES_ROOM, SCRATCH,
) = range(14)  # fmt: skip
SHIP_AT = HEADER.index("ship_sid")
NODE_AT = HEADER.index("node_sid")
ROW_AT = HEADER.index("row_kind")
PLAN_AT = HEADER.index("row_plan")
CALLED_AT = HEADER.index("row_called")
ROW_OF_SHIP, ROW_STARTS, LISTS, ORDER, IS_DEALT, TALLY_AT, EVENT_AT, UPKEEP = range(
    HEADER.index("row_of_ship"), len(HEADER)
)

WORDS = len(HEADER)
TALLIED = len(TALLY)
SHIP_BYTES = tuple(np.dtype(of).itemsize for of in SHIP_DTYPES.values())
NODE_BYTES = tuple(np.dtype(of).itemsize for of in NODE_DTYPES.values())
ROW_BYTES = (1, 1, 1, 2, 1, 1, 1, 1, 8, 4, 4, 8, 1)
EVENT_BYTES = EVENT_RECORD.itemsize


def begin(seed: int, systems: int, ships_min: int, nodes_min: int, strategies: int, turns: int) -> int:
    """Make room for a duel of at most so many turns; the address of its header. Nothing lives yet, and nothing costs upkeep."""
    at = take(8 * WORDS)
    header = _header(at)
    header[:] = 0
    header[SEED], header[SYSTEMS], header[SHIPS_MIN], header[NODES_MIN] = seed, systems, ships_min, nodes_min
    header[STRATEGIES] = strategies
    header[NEXT_EID] = 1
    # A turn gives a system one ship at most, and each ship that dies becomes a node.
    ships_room = systems * ships_min
    crowd = nodes_min + ships_min + turns + 2
    nodes_room = systems * crowd
    header[SHIPS_ROOM], header[NODES_ROOM] = ships_room, nodes_room
    header[ENTITIES_ROOM] = ships_room * (ships_min + crowd) + ships_min + crowd
    for i in range(len(SHIP_BYTES)):
        header[SHIP_AT + i] = take(SHIP_BYTES[i] * ships_room)
    for i in range(len(NODE_BYTES)):
        header[NODE_AT + i] = take(NODE_BYTES[i] * nodes_room)
    for i in range(len(ROW_BYTES)):
        header[ROW_AT + i] = take(ROW_BYTES[i] * ships_room)
    header[ROW_OF_SHIP] = take(8 * ships_room)
    header[ROW_STARTS] = take(8 * (strategies + 2))
    header[LISTS] = take(4 * header[ENTITIES_ROOM])
    header[ORDER] = take(8 * strategies)
    header[IS_DEALT] = take(strategies)
    header[TALLY_AT] = take(8 * TALLIED * (strategies + 1))
    header[EVENT_AT] = take(EVENT_BYTES * (2 * ships_room + 2 * systems))
    order, is_dealt = _words(header[ORDER], strategies), _bytes(header[IS_DEALT], strategies)
    for slot in range(strategies):
        order[slot] = slot
        is_dealt[slot] = 1
    _tally(header)[:] = 0
    header[SCRATCH] = take(0)
    return at


def populate(at: int) -> None:
    """Fill the systems as at turn 0 (``genesis.populate``): ships go round the strategies in their ``order``."""
    header = _header(at)
    seed, order = U64(header[SEED]), _words(header[ORDER], header[STRATEGIES])
    ships, nodes = _ships(header, header[SHIPS_ROOM]), _nodes(header, header[NODES_ROOM])
    ship, node, eid = 0, 0, 1
    for system in range(header[SYSTEMS]):
        sid = system + 1
        for index in range(header[SHIPS_MIN]):
            slot = order[ship % len(order)]
            _build(ships, ship, sid, eid, slot, random_cell(seed, U64(0), U64(sid), SHIP, index))
            ship += 1
            eid += 1
        for index in range(header[NODES_MIN]):
            cell = random_cell(seed, U64(0), U64(sid), NODE, index)
            _place(nodes, node, sid, eid, cell % GRID_SIDE, cell // GRID_SIDE, NEW_ENERGY)
            node += 1
            eid += 1
    header[SHIPS], header[NODES], header[NEXT_EID] = ship, node, eid


def observe(at: int) -> int:
    """Step 1: write the arguments of every ship into the rows, those of a strategy side by side. The entities that are seen."""
    header = _header(at)
    ships = _ships(header, header[SHIPS])
    nodes = _nodes(header, header[NODES])
    row, starts = (
        _words(header[ROW_OF_SHIP], header[SHIPS]),
        _words(header[ROW_STARTS], header[STRATEGIES] + 2),
    )
    assign_rows(ships.strategy_id, _slots(header), row, starts)
    lists = carray(pointer(header[LISTS]), header[ENTITIES_ROOM], np.uint32)
    block = BlockNodes(_offsets(nodes.sid, header[SYSTEMS]), nodes.x, nodes.y, nodes.energy)
    seen = observe_block(
        ships, _offsets(ships.sid, header[SYSTEMS]), block, row, _rows(header), lists, header[LISTS]
    )
    carray(pointer(header[CALLED_AT]), header[SHIPS], np.uint8)[:] = 0
    give_back(header[SCRATCH])
    return seen


def resolve(at: int) -> None:
    """Steps 3 to 9 by what the rows hold now, dealing included: the state becomes that at the end of the next turn."""
    header = _header(at)
    header[TID] += 1
    systems, strategies = header[SYSTEMS], header[STRATEGIES]
    ships, nodes = _ships(header, header[SHIPS]), _nodes(header, header[NODES])
    is_dealt = _bytes(header[IS_DEALT], strategies)
    deals = False
    for slot in range(strategies):
        deals = deals or is_dealt[slot] != 0
    turn = Turn(header[SEED], header[TID], header[SHIPS_MIN], header[NODES_MIN], deals, header[UPKEEP])
    sids = np.arange(1, systems + 1).astype(np.uint32)
    living = Ships(
        np.empty(len(ships.sid), np.uint32), np.empty(len(ships.sid), np.int64), np.empty(len(ships.sid), np.uint16),
        np.empty(len(ships.sid), np.uint8), np.empty(len(ships.sid), np.uint8), np.empty(len(ships.sid), np.uint8),
        np.empty(len(ships.sid), np.uint8), np.empty(len(ships.sid), np.uint8), np.empty(len(ships.sid), np.uint8),
        np.empty(len(ships.sid), np.uint16), np.empty(len(ships.sid), np.uint64),
    )  # fmt: skip
    events = carray(pointer(header[EVENT_AT]), 2 * header[SHIPS_ROOM] + 2 * systems, EVENT_RECORD)
    out = Outcome(
        np.zeros(COUNTERS, np.int64),
        living,
        np.empty(systems, NODE_RECORD),
        np.empty(len(ships.sid), NODE_RECORD),
        np.empty(systems, NODE_RECORD),
        _tally(header),
        np.full(strategies + 1, -1, np.int64),
        events,
    )
    out.tally[:] = 0
    block = BlockNodes(_offsets(nodes.sid, systems), nodes.x, nodes.y, nodes.energy)
    resolve_block(
        turn, sids, ships, _offsets(ships.sid, systems), block, _slots(header), _words(header[ROW_OF_SHIP], header[SHIPS]),
        carray(pointer(header[PLAN_AT]), header[SHIPS], np.uint64),
        carray(pointer(header[CALLED_AT]), header[SHIPS], np.uint8), out,
    )  # fmt: skip
    header[EVENTS] = out.counts[C_EVENTS]
    _settle_ships(header, out)
    _settle_nodes(header, out)
    give_back(header[SCRATCH])


def _settle_ships(header: NDArray[np.int64], out: Outcome) -> None:
    """The ships that live on, and behind those of each system its new one, dealt as ``deal`` deals them to equals."""
    ships, living = _ships(header, header[SHIPS_ROOM]), out.ships
    order = _dealing_order(header, out.tally)
    source, to = 0, 0
    new = 0
    for system in range(header[SYSTEMS]):
        sid = system + 1
        while source < out.counts[C_SHIPS] and living.sid[source] == sid:
            ships.sid[to], ships.eid[to], ships.strategy_id[to] = (
                sid,
                living.eid[source],
                living.strategy_id[source],
            )
            ships.x[to], ships.y[to], ships.shield[to] = (
                living.x[source],
                living.y[source],
                living.shield[source],
            )
            ships.blasters[to], ships.thrusters[to] = living.blasters[source], living.thrusters[source]
            ships.harvesters[to], ships.energy[to] = living.harvesters[source], living.energy[source]
            ships.last_plan[to] = living.last_plan[source]
            source += 1
            to += 1
        if new < out.counts[C_NEW_SHIPS] and out.new_ships[new].sid == sid:
            slot = order[new % len(order)]
            born = out.new_ships[new]
            _build(ships, to, sid, header[NEXT_EID] + new, slot, int(born.y) * GRID_SIDE + int(born.x))
            _tell_spawn(header, sid, ships.eid[to], born.x, born.y, slot)
            out.tally[slot, T_SPAWNED] += 1
            out.tally[slot, T_SHIPS] += 1
            out.tally[slot, T_ENERGY] += NEW_ENERGY
            new += 1
            to += 1
    header[SHIPS] = to
    header[NEXT_EID] += new


def _settle_nodes(header: NDArray[np.int64], out: Outcome) -> None:
    """The nodes that have energy left, what the dead became, and the new ones; those of each system sorted by eid."""
    room = header[NODES_ROOM]
    before, after = header[NODES], _nodes(header, room)
    sid, eid = after.sid[:before].copy(), after.eid[:before].copy()
    x, y, energy = after.x[:before].copy(), after.y[:before].copy(), after.energy[:before].copy()
    source, dead, new, to = 0, 0, 0, 0
    for system in range(header[SYSTEMS]):
        here = system + 1
        first = to
        while source < before and sid[source] == here:
            if energy[source] != 0:
                _place(after, to, here, eid[source], x[source], y[source], energy[source])
                to += 1
            source += 1
        while dead < out.counts[C_ADDED] and out.added[dead].sid == here:
            node = out.added[dead]
            _place(after, to, here, node.eid, node.x, node.y, node.energy)
            at = to
            while at > first and after.eid[at - 1] > after.eid[at]:
                _swap(after, at - 1, at)
                at -= 1
            dead += 1
            to += 1
        if new < out.counts[C_NEW_NODES] and out.new_nodes[new].sid == here:
            node = out.new_nodes[new]
            _place(after, to, here, header[NEXT_EID] + new, node.x, node.y, node.energy)
            _tell_spawn(header, here, after.eid[to], node.x, node.y, NOBODY)
            new += 1
            to += 1
    header[NODES] = to
    header[NEXT_EID] += new


def _dealing_order(header: NDArray[np.int64], tally: NDArray[np.int64]) -> NDArray[np.int64]:
    """``Roster.dealing_order``: the fewest ships first, ties as in ``order``."""
    order, is_dealt = _words(header[ORDER], header[STRATEGIES]), _bytes(header[IS_DEALT], header[STRATEGIES])
    dealt = np.empty(len(order), np.int64)
    count = 0
    for place in range(len(order)):
        slot = order[place]
        if is_dealt[slot] == 0:
            continue
        at = count
        while at > 0 and tally[dealt[at - 1], T_SHIPS] > tally[slot, T_SHIPS]:
            dealt[at] = dealt[at - 1]
            at -= 1
        dealt[at] = slot
        count += 1
    return dealt[:count]


def _build(ships: Ships, at: int, sid: int, eid: int, slot: int, cell: int) -> None:
    ships.sid[at], ships.eid[at], ships.strategy_id[at] = sid, eid, slot + 1
    ships.x[at], ships.y[at] = cell % GRID_SIDE, cell // GRID_SIDE
    ships.shield[at], ships.energy[at], ships.last_plan[at] = NEW_SHIELD, NEW_ENERGY, 0
    ships.blasters[at], ships.thrusters[at], ships.harvesters[at] = (
        NEW_BLASTERS,
        NEW_THRUSTERS,
        NEW_HARVESTERS,
    )


def _place(nodes: Nodes, at: int, sid: int, eid: int, x: int, y: int, energy: int) -> None:
    nodes.sid[at], nodes.eid[at], nodes.x[at], nodes.y[at], nodes.energy[at] = sid, eid, x, y, energy


def _swap(nodes: Nodes, a: int, b: int) -> None:
    nodes.eid[a], nodes.eid[b] = nodes.eid[b], nodes.eid[a]
    nodes.x[a], nodes.x[b] = nodes.x[b], nodes.x[a]
    nodes.y[a], nodes.y[b] = nodes.y[b], nodes.y[a]
    nodes.energy[a], nodes.energy[b] = nodes.energy[b], nodes.energy[a]


def _tell_spawn(header: NDArray[np.int64], sid: int, eid: int, x: int, y: int, slot: int) -> None:
    events = carray(pointer(header[EVENT_AT]), 2 * header[SHIPS_ROOM] + 2 * header[SYSTEMS], EVENT_RECORD)
    event = events[header[EVENTS]]
    event.sid, event.kind, event.eid, event.x, event.y = sid, E_SPAWN, eid, x, y
    event.slot, event.by_slot = slot, NOBODY
    header[EVENTS] += 1


def _header(at: int) -> NDArray[np.int64]:
    return _words(at, WORDS)


def _words(at: int, length: int) -> NDArray[np.int64]:
    return carray(pointer(at), length, np.int64)


def _bytes(at: int, length: int) -> NDArray[np.uint8]:
    return carray(pointer(at), length, np.uint8)


def _tally(header: NDArray[np.int64]) -> NDArray[np.int64]:
    return carray(pointer(header[TALLY_AT]), (header[STRATEGIES] + 1, TALLIED), np.int64)


def _slots(header: NDArray[np.int64]) -> NDArray[np.int64]:
    """Strategy id to slot: ids are 1, 2, ... in the order in which the strategies were given."""
    return np.arange(-1, header[STRATEGIES])


def _offsets(sid: NDArray[np.uint32], systems: int) -> NDArray[np.int64]:
    offsets = np.empty(systems + 1, np.int64)
    row = 0
    for system in range(systems):
        offsets[system] = row
        while row < len(sid) and sid[row] == system + 1:
            row += 1
    offsets[systems] = row
    return offsets


def _ships(header: NDArray[np.int64], length: int) -> Ships:
    at: Any = header[SHIP_AT : SHIP_AT + len(SHIP_BYTES)]
    return Ships(
        carray(pointer(at[0]), length, np.uint32),
        carray(pointer(at[1]), length, np.int64),
        carray(pointer(at[2]), length, np.uint16),
        carray(pointer(at[3]), length, np.uint8),
        carray(pointer(at[4]), length, np.uint8),
        carray(pointer(at[5]), length, np.uint8),
        carray(pointer(at[6]), length, np.uint8),
        carray(pointer(at[7]), length, np.uint8),
        carray(pointer(at[8]), length, np.uint8),
        carray(pointer(at[9]), length, np.uint16),
        carray(pointer(at[10]), length, np.uint64),
    )


def _nodes(header: NDArray[np.int64], length: int) -> Nodes:
    at: Any = header[NODE_AT : NODE_AT + len(NODE_BYTES)]
    return Nodes(
        carray(pointer(at[0]), length, np.uint32),
        carray(pointer(at[1]), length, np.int64),
        carray(pointer(at[2]), length, np.uint8),
        carray(pointer(at[3]), length, np.uint8),
        carray(pointer(at[4]), length, np.uint16),
    )


def _rows(header: NDArray[np.int64]) -> Columns:
    at: Any = header[ROW_AT : ROW_AT + len(ROW_BYTES)]
    length = header[SHIPS]
    return Columns(
        carray(pointer(at[0]), length, np.uint8),
        carray(pointer(at[1]), length, np.uint8),
        carray(pointer(at[2]), length, np.uint8),
        carray(pointer(at[3]), length, np.uint16),
        carray(pointer(at[4]), length, np.uint8),
        carray(pointer(at[5]), length, np.uint8),
        carray(pointer(at[6]), length, np.uint8),
        carray(pointer(at[7]), length, np.uint8),
        carray(pointer(at[8]), length, np.uint64),
        carray(pointer(at[9]), length, np.uint32),
        carray(pointer(at[10]), length, np.uint32),
        carray(pointer(at[11]), length, np.uint64),
    )
