"""The end of a turn for one block: its new ships get eids and strategies, its new nodes get eids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.strategies.roster import Roster
from wasmverse.universe.block import BlockResult
from wasmverse.universe.deal import Decision
from wasmverse.universe.faulted import Fault
from wasmverse.universe.genesis import new_ships
from wasmverse.universe.notable import notable
from wasmverse.universe.outcome import (
    C_ADDED,
    C_EVENTS,
    C_NEW_NODES,
    C_NEW_SHIPS,
    C_SHIPS,
    E_FAULT,
    E_SPAWN,
    NOBODY,
    Records,
)
from wasmverse.universe.printed import Printed
from wasmverse.universe.result import EVENT_DTYPES, Events
from wasmverse.universe.state import NODE_DTYPES, Nodes, Ships


class BlockAccount(NamedTuple):
    """What is told of a block's turn: events, in the order in which they are told, by slot what strategies printed, its
    notable ships, and by slot what a strategy was asked that faulted here first of all."""

    seen: Events
    faults: Events
    ships_spawned: Events
    nodes_spawned: Events
    printed: dict[int, Printed]
    notable: Ships
    inputs: dict[int, Fault]


class BlockEnd(NamedTuple):
    """A block at the end of a turn.

    ships : those that live on, sorted, views; new_ships : by sid
    node_energy : shape (M,), what each node of the block has left, 0: it is gone
    dead : what the dead became; new_nodes : by sid
    """

    ships: Ships
    new_ships: Ships
    node_energy: NDArray[np.uint16]
    dead: Nodes
    new_nodes: Nodes
    account: BlockAccount


def living_ships(block: BlockResult) -> Ships:
    """The ships of a block that live on, sorted; views."""
    end = block.outcome.counts[C_SHIPS]
    return Ships._make(column[:end] for column in block.outcome.ships)


def finish(block: BlockResult, decision: Decision, roster: Roster) -> BlockEnd:
    """Give a block what was decided for it; the block's result is not modified."""
    outcome = block.outcome
    ended: list[int] = outcome.counts.tolist()
    ships = _dealt(outcome.new_ships[: ended[C_NEW_SHIPS]], decision, roster)
    nodes = _nodes(outcome.new_nodes[: ended[C_NEW_NODES]])
    if ended[C_NEW_NODES]:
        nodes.eid[:] = decision.first_node_eid + np.arange(len(nodes.eid))
    living = living_ships(block)
    return BlockEnd(
        living,
        ships,
        block.node_energy,
        _nodes(outcome.added[: ended[C_ADDED]]),
        nodes,
        BlockAccount(
            _seen(outcome.events[: ended[C_EVENTS]], roster.slots - 1),
            _faults(block, decision),
            _events(ships.sid, E_SPAWN, ships.eid, ships.x, ships.y, decision.slots, ships.blasters),
            _events(
                nodes.sid,
                E_SPAWN,
                nodes.eid,
                nodes.x,
                nodes.y,
                np.full(len(nodes.sid), NOBODY),
                np.zeros(len(nodes.sid), np.uint8),
            ),
            block.printed,
            notable(living),
            {slot: fault for slot, fault in block.faults.items() if decision.tells_fault[slot]},
        ),
    )


# Most blocks of a small universe have nothing of some kind in most turns: there is one such nothing of each.
_NO_SHIPS, _NO_NODES = new_ships(0), Nodes.empty(0)
_NO_EVENTS = Events._make(np.empty(0, dtype) for dtype in EVENT_DTYPES.values())


def _dealt(cells: Records, decision: Decision, roster: Roster) -> Ships:
    """New ships, by sid; ``cells`` : NODE_RECORD rows, where they appear."""
    if not len(cells):
        return _NO_SHIPS
    ships = new_ships(len(cells))
    ships.sid[:], ships.x[:], ships.y[:] = cells["sid"], cells["x"], cells["y"]
    ships.eid[:] = decision.first_ship_eid + np.arange(len(cells))
    ships.strategy_id[:] = roster.ids[decision.slots]
    return ships


def _faults(block: BlockResult, decision: Decision) -> Events:
    """The first faults of the turn that were this block's."""
    if not decision.tells_fault.any():
        return _NO_EVENTS
    before, faulted = block.before, np.flatnonzero(decision.tells_fault)
    rows = block.outcome.first_fault[faulted]
    return _events(
        before.sid[rows],
        E_FAULT,
        before.eid[rows],
        before.x[rows],
        before.y[rows],
        faulted,
        before.blasters[rows],
    )


def _nodes(rows: Records) -> Nodes:
    """NODE_RECORD rows as columns."""
    if not len(rows):
        return _NO_NODES
    return Nodes._make(rows[name].astype(dtype) for name, dtype in NODE_DTYPES.items())


def _seen(rows: Records, unknown: int) -> Events:
    """EVENT_RECORD rows as columns; the unknown has no name."""
    if not len(rows):
        return _NO_EVENTS
    events = Events._make(rows[name].astype(dtype) for name, dtype in EVENT_DTYPES.items())
    for slots in (events.slot, events.by_slot):
        slots[slots == unknown] = NOBODY
    return events


def _events(
    sid: NDArray[np.uint32],
    kind: int,
    eid: NDArray[np.int64],
    x: NDArray[np.uint8],
    y: NDArray[np.uint8],
    slot: NDArray[np.int64],
    blasters: NDArray[np.uint8],
) -> Events:
    """Events of one kind that nobody is credited with."""
    length = len(sid)
    if not length:
        return _NO_EVENTS
    return Events(
        sid,
        np.full(length, kind, np.int16),
        eid,
        x,
        y,
        slot.astype(np.int16),
        np.full(length, NOBODY, np.int16),
        blasters,
    )
