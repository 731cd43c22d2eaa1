"""Steps 4 and 5 of a turn: ships that share a cell fight, and ships without shield die."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.kernels import kernel
from wasmverse.universe.outcome import (
    C_ADDED,
    C_WRITES,
    E_BATTLE,
    E_DEATH,
    NOBODY,
    T_DEATHS,
    T_KILLS,
    Records,
    record,
)


@kernel
def crowd(ships: Records, cells: Records) -> None:
    """Count ships and blasters in each cell, after all moves."""
    for i in range(len(ships)):
        cell = cells[ships[i].cell]
        cell.ships += 1
        cell.blasters += ships[i].blasters


@kernel
def battle(
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
            record(events, counts, sid, E_BATTLE, ship, _hardest_hitter(ships, i, by_slot))


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
def death(
    ships: Records,
    sid: int,
    cells: Records,
    by_slot: NDArray[np.int64],
    counts: NDArray[np.int64],
    tally: NDArray[np.int64],
    events: Records,
    added: Records,
) -> int:
    """Step 5: ships without shield become nodes; a kill is credited to the slot that did the most damage. Returns the dead.

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
        record(events, counts, sid, E_DEATH, ship, by)
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
def clear(ships: Records, cells: Records) -> None:
    """Leave the grid zero for the next system."""
    for i in range(len(ships)):
        cell = cells[ships[i].cell]
        cell.ships = 0
        cell.blasters = 0
        cell.lone = 0
