"""How the ships and the nodes of one system are packed into bytes: the format, known without loading the compiler.

All numbers are little-endian. A blob is a head and then, column after column, the values of all entities by ascending eid::

    byte   0        VERSION
           1        width: bytes of an eid in this blob, 4 or 8
           2..3     0
           4..7     count: the number of entities
           8..15    base: the lowest eid; 0 without entities
    then   columns  each `count` values wide, those of `SHIP_COLUMNS` or `NODE_COLUMNS` in their order; an eid as what it is
                    above the base
    then   0        up to a multiple of 8 bytes

Every column begins at a multiple of its values' width, so kernels read and write whole words. The width is 4 while the eids of a
system lie within 2 ** 32 of each other, else 8.
"""

from __future__ import annotations

VERSION = 1
HEAD_BYTES = 16
NARROW, WIDE = 4, 8

EID = 0
"""Stands for the width of an eid, which each blob says for itself."""

SHIP_COLUMNS = {
    "last_plan": 8, "eid": EID, "strategy_id": 2, "energy": 2, "x": 1, "y": 1, "shield": 1, "blasters": 1, "thrusters": 1,
    "harvesters": 1,
}  # fmt: skip
"""The columns of a blob of ships and the bytes of a value. The widest come first, so all are aligned."""

NODE_COLUMNS = {"eid": EID, "energy": 2, "x": 1, "y": 1}
"""The columns of a blob of nodes and the bytes of a value."""

SHIP_BYTES = sum(SHIP_COLUMNS.values())
NODE_BYTES = sum(NODE_COLUMNS.values())
"""Bytes of an entity without its eid."""
