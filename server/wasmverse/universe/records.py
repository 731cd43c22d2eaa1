"""The rows that a block's resolve works on: structured arrays, so that a step is handed one array instead of ten columns.

numba counts references for every array that a function is given; with columns that took longer than the rules
(tests/bench/README.md). Fields are wider than in the state, so that no sum inside a step can overflow.
"""

from __future__ import annotations

import numpy as np

SHIP_RECORD = np.dtype(
    [
        ("eid", "i8"), ("last_plan", "u8"), ("block_row", "i8"), ("slot", "i4"), ("strategy_id", "i4"), ("x", "i4"),
        ("y", "i4"), ("shield", "i4"), ("blasters", "i4"), ("thrusters", "i4"), ("harvesters", "i4"), ("energy", "i4"),
        ("cell", "i4"), ("has_harvested", "i4"), ("unused", "i4"),
    ]
)  # fmt: skip
"""One ship of the system at hand. block_row: of the ships in its block; slot: of its strategy; cell: y * 100 + x after moves."""

NODE_RECORD = np.dtype([("eid", "i8"), ("sid", "i4"), ("x", "i4"), ("y", "i4"), ("energy", "i4")])
"""A new node."""

EVENT_RECORD = np.dtype(
    [
        ("eid", "i8"),
        ("sid", "i4"),
        ("kind", "i2"),
        ("x", "i2"),
        ("y", "i2"),
        ("slot", "i2"),
        ("by_slot", "i2"),
        ("blasters", "i2"),
    ]
)
"""An event; slots as in a Roster, -1 for nobody."""

CELL_RECORD = np.dtype([("ships", "i4"), ("blasters", "i4"), ("lone", "i4"), ("unused", "i4")])
"""One cell of the grid: living ships, their blasters together, and the index + 1 of a ship that is alone there."""
