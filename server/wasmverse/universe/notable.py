"""The notable ships of a turn: the strongest ones, few enough that all of them can be told of.

Which they are depends on all ships, and is found block by block: the strongest of all are among the strongest of each block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.state import Ships

NOTABLE_MAX = 256

BLASTERS_MIN = 32
"""With fewer a ship is one of many: a new one has 2. One in a hundred has 32 after 600 turns of a universe, and one in 20
later."""

ENERGY_A_BLASTER = 128
"""So much energy counts as much as a blaster, which costs 50 and the turns in which a ship did nothing else."""

_EID_BITS = 40


_NOBODY = Ships.empty(0)


def strength(blasters: Any, energy: Any) -> Any:
    """How strong ships are: numbers, or arrays of them as signed integers."""
    return energy + ENERGY_A_BLASTER * blasters


def notable(ships: Ships) -> Ships:
    """The strongest of these ships, at most `NOTABLE_MAX`, in their order; of equals those with the lower eid. Copies."""
    rows = np.flatnonzero(ships.blasters >= BLASTERS_MIN)
    if not len(rows):
        return _NOBODY
    if len(rows) > NOTABLE_MAX:
        rows = rows[_strongest(ships, rows)]
    return Ships._make(column[rows] for column in ships)


def _strongest(ships: Ships, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places in ``rows``, ascending. No two ships have the same key, so the outcome is one whatever the algorithm."""
    strong = strength(ships.blasters[rows].astype(np.int64), ships.energy[rows].astype(np.int64))
    keys = (strong << _EID_BITS) + ((1 << _EID_BITS) - 1 - ships.eid[rows] % (1 << _EID_BITS))
    places = np.argpartition(keys, len(keys) - NOTABLE_MAX)[-NOTABLE_MAX:]
    places.sort()
    return places
