"""Step 8 of a turn, before anything is removed: every living ship pays for its parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.kernels import kernel
from wasmverse.universe.outcome import C_WRITES, Records
from wasmverse.universe.rules import UPKEEP_PARTS


@kernel
def pay_upkeep(ships: Records, upkeep: int, counts: NDArray[np.int64]) -> None:
    """Each living ship pays ``parts * upkeep // 100`` energy, rounded down, or what it has; who paid anything is a write.

    Parameters
    ----------
    ships : SHIP_RECORD of one system; their energy is changed. Who has shield 0 is no ship any more, and pays nothing.
    upkeep : the energy that 100 parts cost, positive.
    """
    for i in range(len(ships)):
        ship = ships[i]
        parts = np.int64(ship.blasters) + np.int64(ship.thrusters) + np.int64(ship.harvesters)
        due = parts * upkeep // UPKEEP_PARTS
        if due > 0 and ship.shield > 0:
            ship.energy = max(ship.energy - due, 0)
            counts[C_WRITES] += 1
