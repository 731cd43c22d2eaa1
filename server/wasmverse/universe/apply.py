"""Step 3 of a turn: every ship pays for its plan and carries it out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.kernels import kernel
from wasmverse.universe.outcome import CALLED, T_FAULTS, T_UPGRADES, UNCALLED
from wasmverse.universe.rules import (
    CELLS_BITS,
    COMMAND_BYTE,
    COMMAND_SHIFT,
    COST_HOLD,
    COST_MOVE,
    COST_UPGRADE,
    DIRECTION_BITS,
    DIRECTION_SHIFT,
    GRID_SIDE,
    HOLD,
    MOVE,
    UPGRADE,
    UPGRADE_BITS,
    UPGRADE_MAX,
    UPGRADES,
)

U64 = np.uint64


@kernel
def apply(
    ship: Any,
    plan: np.uint64,
    called: int,
    tally: NDArray[np.int64],
    first_fault: NDArray[np.int64],
) -> None:
    """Step 3: pay, then hold, move or upgrade. A fault holds, its memory unchanged."""
    command: Any = np.int64((plan & U64(COMMAND_BYTE)) >> U64(COMMAND_SHIFT))
    choice = np.int64(plan & U64(UPGRADE_BITS))
    invalid = command > UPGRADE or (command == UPGRADE and choice >= UPGRADES)
    if called != CALLED or invalid:
        plan = ship.last_plan & ~U64(COMMAND_BYTE)
        command = HOLD
        if called != UNCALLED:
            tally[ship.slot, T_FAULTS] += 1
            if first_fault[ship.slot] < 0:
                first_fault[ship.slot] = ship.block_row
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
            direction = np.int64((plan >> U64(DIRECTION_SHIFT)) & U64(DIRECTION_BITS))
            cells = min(np.int64(plan & U64(CELLS_BITS)), ship.thrusters)
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
