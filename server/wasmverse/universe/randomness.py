"""Counter-based random numbers: a hash of (seed, turn, sid, purpose), so they depend on no order of work.

The finaliser is SplitMix64's (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.kernels import kernel
from wasmverse.universe.rules import CELLS, GRID_SIDE

U64 = np.uint64
_GOLDEN = U64(0x9E3779B97F4A7C15)
_FIRST = U64(0xBF58476D1CE4E5B9)
_SECOND = U64(0x94D049BB133111EB)


@kernel
def mix(z: np.uint64) -> np.uint64:
    """SplitMix64's finaliser; arithmetic modulo 2**64."""
    z = (z ^ (z >> U64(30))) * _FIRST
    z = (z ^ (z >> U64(27))) * _SECOND
    return z ^ (z >> U64(31))


@kernel
def random_u64(seed: np.uint64, turn: np.uint64, sid: np.uint64, purpose: np.uint64) -> np.uint64:
    """64 random bits for one purpose of one system in one turn."""
    h = mix(U64(0) + U64(seed) + _GOLDEN)
    h = mix(h + U64(turn) + _GOLDEN)
    h = mix(h + U64(sid) + _GOLDEN)
    return mix(h + U64(purpose) + _GOLDEN)


@kernel
def random_cell(seed: np.uint64, turn: np.uint64, sid: np.uint64, kind: int, index: int) -> int:
    """Cell (y * 100 + x) of the index-th entity of a kind that is made in a system in a turn."""
    return int(random_u64(seed, turn, sid, U64(index * 256 + kind)) % U64(CELLS))


@kernel
def random_cells(
    seed: np.uint64, sids: NDArray[np.uint32], kind: int, count: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """x and y, each of shape (len(sids) * count,), of what these systems hold at turn 0, system by system."""
    x = np.empty(len(sids) * count, np.uint8)
    y = np.empty(len(sids) * count, np.uint8)
    for system in range(len(sids)):
        for index in range(count):
            cell = random_cell(seed, U64(0), U64(sids[system]), kind, index)
            x[system * count + index] = cell % GRID_SIDE
            y[system * count + index] = cell // GRID_SIDE
    return x, y
