"""Steps 6 and 7 of a turn: a ship that is alone in its cell harvests and repairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.kernels import kernel
from wasmverse.universe.outcome import C_WRITES, T_HARVESTED, Records
from wasmverse.universe.rules import ENERGY_MAX, GRID_SIDE, SHIELD_MAX


@kernel
def harvest(
    ships: Records,
    cells: Records,
    x: NDArray[np.uint8],
    y: NDArray[np.uint8],
    energy: NDArray[np.uint16],
    begin: int,
    end: int,
    counts: NDArray[np.int64],
    tally: NDArray[np.int64],
) -> None:
    """Step 6: a lone ship takes from every node in its cell; ``energy`` is written."""
    for i in range(len(ships)):
        if ships[i].shield != 0 and cells[ships[i].cell].ships == 1:
            cells[ships[i].cell].lone = i + 1
    x_here, y_here, left = x[begin:end], y[begin:end], energy[begin:end]
    for node in range(len(left)):
        lone = cells[np.int64(y_here[node]) * GRID_SIDE + np.int64(x_here[node])].lone
        if lone > 0:
            ship = ships[lone - 1]
            taken = min(np.int64(ship.harvesters), np.int64(left[node]))
            if taken > 0:
                left[node] -= taken
                _take(ship, taken, counts, tally)


@kernel
def harvest_added(
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
def repair(ships: Records, cells: Records, counts: NDArray[np.int64]) -> None:
    """Step 7: a lone ship gains a point of shield."""
    for i in range(len(ships)):
        ship = ships[i]
        if 0 < ship.shield < SHIELD_MAX and cells[ship.cell].ships == 1:
            ship.shield += 1
            counts[C_WRITES] += 1
