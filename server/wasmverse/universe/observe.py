"""Step 1 of a turn: what every ship of a block sees, written where the strategies' driver reads it.

A ship sees about 8 percent of its system's entities, so the time goes into finding which. All distances of one ship are
computed without a branch into a row of flags, in 16-bit arithmetic that the compiler turns into vector instructions; the
flags are then gathered into words of 64 bits, of which only the set ones are visited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from wasmverse.universe.kernels import kernel
from wasmverse.universe.rules import NODE, SHIP, SIGHT
from wasmverse.universe.state import Ships

I16 = np.int16
U32 = np.uint32
U64 = np.uint64
I64 = np.int64

GROUP = 8
"""Ships whose flags are computed together: reading flags just written would wait for the writes to reach the cache."""


@intrinsic
def _count_trailing_zeros(typingctx, value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


count_trailing_zeros = cast("Callable[[np.uint64], np.uint64]", _count_trailing_zeros)
"""Zeros below the lowest set bit of a uint64 that is not 0."""


class BlockNodes(NamedTuple):
    """The nodes of a block, sorted by (sid, eid): views of the state, but for ``energy``, which resolve writes.

    offsets has one entry a system of the block and one more, the first 0.
    """

    offsets: NDArray[np.int64]
    x: NDArray[np.uint8]
    y: NDArray[np.uint8]
    energy: NDArray[np.uint16]


class Columns(NamedTuple):
    """The arguments of a block's strategies in host memory, one row a ship; what a ship sees is at ``list_address``, in bytes."""

    kind: NDArray[np.uint8]
    x: NDArray[np.uint8]
    y: NDArray[np.uint8]
    energy: NDArray[np.uint16]
    shield: NDArray[np.uint8]
    blasters: NDArray[np.uint8]
    thrusters: NDArray[np.uint8]
    harvesters: NDArray[np.uint8]
    last_plan: NDArray[np.uint64]
    list_address: NDArray[np.uint32]
    list_length: NDArray[np.uint32]
    plan: NDArray[np.uint64]


@kernel
def assign_rows(
    strategy_id: NDArray[np.uint16],
    slots: NDArray[np.int64],
    row: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> None:
    """Give each ship of a block a row, so that the ships of a strategy have neighbouring rows.

    slots maps a strategy id to its slot; row, shape (ships,), and starts, shape (slots + 1,), are written:
    the ships of slot k have the rows ``starts[k]:starts[k + 1]``.
    """
    starts[:] = 0
    for ship in range(len(strategy_id)):
        starts[slots[strategy_id[ship]] + 1] += 1
    for slot in range(1, len(starts)):
        starts[slot] += starts[slot - 1]
    cursor = starts.copy()
    for ship in range(len(strategy_id)):
        slot = slots[strategy_id[ship]]
        row[ship] = cursor[slot]
        cursor[slot] += 1


@kernel
def observe_block(
    ships: Ships,
    ship_offsets: NDArray[np.int64],
    nodes: BlockNodes,
    row: NDArray[np.int64],
    columns: Columns,
    lists: NDArray[np.uint32],
    lists_address: int,
) -> int:
    """Write the arguments of every ship of a block into ``columns`` and ``lists``.

    Parameters
    ----------
    ships : of the block; those of its s-th system are the rows ``ship_offsets[s]:ship_offsets[s + 1]``
    row : shape (ships,), the row that each has in ``columns``
    lists : host memory for the lists, 4 bytes an entity (kind, danger, x, y); ``lists_address`` is where it begins.

    Returns
    -------
    The entities written; or -1 when ``lists`` is too short: nothing written is valid then, try again with more.
    """
    systems = len(ship_offsets) - 1
    used = 0
    crowd = 0
    for system in range(systems):
        ships_here = ship_offsets[system + 1] - ship_offsets[system]
        nodes_here = nodes.offsets[system + 1] - nodes.offsets[system]
        crowd = max(crowd, ships_here + nodes_here)
    padded = (crowd + 63) // 64 * 64
    x = np.zeros(padded, np.int16)
    y = np.zeros(padded, np.int16)
    entity = np.zeros(padded, np.uint32)
    near = np.zeros((GROUP, padded), np.uint8)
    near_words = near.view(np.uint64)

    for system in range(systems):
        start, stop = ship_offsets[system], ship_offsets[system + 1]
        node_start, node_stop = nodes.offsets[system], nodes.offsets[system + 1]
        ships_here = stop - start
        here = ships_here + node_stop - node_start
        for i in range(ships_here):
            ship = start + i
            x[i] = ships.x[ship]
            y[i] = ships.y[ship]
            entity[i] = (
                U32(SHIP)
                | (U32(ships.blasters[ship]) << U32(8))
                | (U32(ships.x[ship]) << U32(16))
                | (U32(ships.y[ship]) << U32(24))
            )
        for i in range(node_stop - node_start):
            node = node_start + i
            x[ships_here + i] = nodes.x[node]
            y[ships_here + i] = nodes.y[node]
            entity[ships_here + i] = (
                U32(NODE) | (U32(nodes.x[node]) << U32(16)) | (U32(nodes.y[node]) << U32(24))
            )
        words = (here + 63) // 64 * 8
        for i in range(here, words * 8):
            x[i] = 1000  # out of everybody's sight
            y[i] = 0
        for group in range(0, ships_here, GROUP):
            grouped = min(GROUP, ships_here - group)
            for g in range(grouped):
                # Squares of 16-bit differences on a grid of 100 fit 16 bits.
                own_x, own_y = x[group + g], y[group + g]
                for k in range(words * 8):
                    across = I16(x[k] - own_x)
                    down = I16(y[k] - own_y)
                    near[g, k] = np.uint8(
                        (across < I16(SIGHT))
                        & (I16(I16(across * across) + I16(down * down)) < I16(SIGHT * SIGHT))
                    )
                near[g, group + g] = 0
            for g in range(grouped):
                ship = start + group + g
                to = row[ship]
                columns.kind[to] = SHIP
                columns.x[to] = ships.x[ship]
                columns.y[to] = ships.y[ship]
                columns.energy[to] = ships.energy[ship]
                columns.shield[to] = ships.shield[ship]
                columns.blasters[to] = ships.blasters[ship]
                columns.thrusters[to] = ships.thrusters[ship]
                columns.harvesters[to] = ships.harvesters[ship]
                columns.last_plan[to] = ships.last_plan[ship]
                columns.plan[to] = 0
                if used + here > len(lists):
                    return -1
                begin = used
                for base in range(0, words, 8):
                    # The flags of 64 entities, a byte each, become 64 bits. The product moves the lowest bits of eight
                    # bytes side by side into the highest byte; no two of its terms overlap.
                    bits = U64(0)
                    for k in range(8):
                        word = near_words[g, base + k]
                        bits |= ((word * U64(0x0102040810204080)) >> U64(56)) << U64(8 * k)
                    while bits != U64(0):
                        lists[used] = entity[base * 8 + I64(count_trailing_zeros(bits))]
                        used += 1
                        bits &= bits - U64(1)
                columns.list_address[to] = lists_address + 4 * begin
                columns.list_length[to] = 4 * (used - begin)
    return used
