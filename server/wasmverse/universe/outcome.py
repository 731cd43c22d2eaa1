"""What a block's resolve is given and writes: the turn, the outcome, and the columns of its counts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.event_format import EVENT_KINDS
from wasmverse.universe.kernels import kernel
from wasmverse.universe.records import EVENT_RECORD, NODE_RECORD
from wasmverse.universe.state import Ships

Records = NDArray[Any]

# What became of a ship's call, per row.
CALLED = 0
FAULTED = 1
UNCALLED = 2
"""Holds without a call and without a fault: its strategy was removed."""

# Columns of a block's tally, one row a strategy slot.
TALLY = ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults")
T_SHIPS, T_ENERGY, T_KILLS, T_DEATHS, T_SPAWNED, T_HARVESTED, T_UPGRADES, T_FAULTS = range(len(TALLY))

E_SPAWN, E_BATTLE, E_DEATH, E_STARVE, E_FAULT = range(len(EVENT_KINDS))

NOBODY = -1

# Counters of a block: rows affected so far, and how far each array of its outcome is filled.
COUNTERS = 7
C_WRITES, C_SHIPS, C_NODES, C_ADDED, C_EVENTS, C_NEW_SHIPS, C_NEW_NODES = range(COUNTERS)


class Turn(NamedTuple):
    """What is the same for every block of a turn. ``deal`` is whether there is a strategy to fly new ships."""

    seed: int
    tid: int
    ships_min: int
    nodes_min: int
    deal: bool
    upkeep: int = 0


class Outcome(NamedTuple):
    """What a block's resolve writes; ``counts`` says how far each array is filled (C_...).

    ships : the living ships, sorted, without the new ones
    new_ships : NODE_RECORD, spawned, eid and strategy not yet given, a new ship's energy
    added : NODE_RECORD, what the dead became; new_nodes : NODE_RECORD, spawned, eid not yet given
    tally : shape (slots, len(TALLY)); first_fault, shape (slots,): the block's first ship that faulted, as a row, -1 for none
    events : EVENT_RECORD
    """

    counts: NDArray[np.int64]
    ships: Ships
    new_ships: Records
    added: Records
    new_nodes: Records
    tally: NDArray[np.int64]
    first_fault: NDArray[np.int64]
    events: Records

    @classmethod
    def empty(cls, ships: int, systems: int, slots: int) -> Outcome:
        """Room for a block of this size. A ship can battle, and then die or starve: two events at most."""
        return cls(
            np.zeros(COUNTERS, np.int64),
            Ships.empty(ships),
            np.empty(systems, NODE_RECORD),
            np.empty(ships, NODE_RECORD),
            np.empty(systems, NODE_RECORD),
            np.zeros((slots, len(TALLY)), np.int64),
            np.full(slots, -1, np.int64),
            np.empty(2 * ships, EVENT_RECORD),
        )


@kernel
def record(events: Records, counts: NDArray[np.int64], sid: int, kind: int, ship: Any, by: int) -> None:
    """Note an event of a ship."""
    event = events[counts[C_EVENTS]]
    event.sid = sid
    event.kind = kind
    event.eid = ship.eid
    event.x = ship.x
    event.y = ship.y
    event.slot = ship.slot
    event.by_slot = by
    event.blasters = ship.blasters
    counts[C_EVENTS] += 1
