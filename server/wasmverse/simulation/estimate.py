"""What a universe will need of a machine, before it is started: by what was measured of others.

All constants are here. They were fitted to docs/benchmarks/turns.md and long-run.md (2 cores, 2026-11-23) and to the processes of
a server of the default size; a test compares them with a universe that it plays. Of another machine the times are a guess.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wasmverse.settings import Settings
from wasmverse.universe.row_format import NARROW, NODE_BYTES, SHIP_BYTES
from wasmverse.universe.state import NODE_DTYPES, SHIP_DTYPES

TURN_SECONDS = 0.015
"""Of a turn without ships: five statements, the log, the disk."""

TURN_SECONDS_PER_SHIP, TURN_SECONDS_PER_NODE = 330e-9, 65e-9
"""On one core, with the bundled strategies."""

TURN_SERIAL_SHARE = 0.39
"""Of that, what a second core does not make shorter: 0.47 s became 0.33 for a million ships."""

UNIVERSE_BYTES, UNIVERSE_BYTES_PER_SHIP, UNIVERSE_BYTES_PER_NODE = 330 << 20, 354, 124
"""Peak memory of the process that plays; of the historian too, which plays past turns again."""

GATEWAY_BYTES, READER_BYTES = 120 << 20, 90 << 20
"""Measured at the default size: 106 MB, and 59 MB a reader that is asked little."""

SNAPSHOT_BYTES_PER_SHIP = 64
"""Of the records of past turns, beside its own row: 37 MB at the default size, of nine snapshots."""

FILE_STATES, FILE_STATES_MORE, FILE_BYTES_MORE = 9, 20, 130 << 20
"""The file has so many states in the form of its rows, and more until a checkpoint frees them, up to some bytes."""


class Sizes(NamedTuple):
    """How large a universe is, or begins."""

    systems: int
    ships: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What will be needed; bytes, and seconds of a turn.

    memory_bytes : of all processes, snapshots left out; snapshot_bytes : in shared memory
    past_bytes : the most that is kept of past turns on disk
    """

    memory_bytes: int
    snapshot_bytes: int
    file_bytes: int
    past_bytes: int
    turn_seconds: float


def estimate(sizes: Sizes, settings: Settings, cores: int | None = None) -> Estimate:
    """What a server with these settings will need for a universe of that size.

    Parameters
    ----------
    cores : that the turn has; None for as many as the settings and the machine give it.
    """
    ships, nodes = sizes.ships, sizes.nodes
    universe = UNIVERSE_BYTES + ships * UNIVERSE_BYTES_PER_SHIP + nodes * UNIVERSE_BYTES_PER_NODE
    readers = settings.readers + settings.reader_spares
    state = ships * (SHIP_BYTES + NARROW) + nodes * (NODE_BYTES + NARROW)
    return Estimate(
        memory_bytes=universe * (2 if settings.past_bytes_max else 1)
        + GATEWAY_BYTES
        + readers * READER_BYTES,
        snapshot_bytes=snapshot_bytes(sizes, settings),
        file_bytes=settings.log_bytes_max
        + FILE_STATES * state
        + min(FILE_STATES_MORE * state, FILE_BYTES_MORE),
        past_bytes=settings.past_bytes_max,
        turn_seconds=turn_seconds(sizes, cores or settings.threads or os.cpu_count() or 1),
    )


def turn_seconds(sizes: Sizes, cores: int) -> float:
    """How long a turn takes."""
    work = sizes.ships * TURN_SECONDS_PER_SHIP + sizes.nodes * TURN_SECONDS_PER_NODE
    return TURN_SECONDS + work * (TURN_SERIAL_SHARE + (1 - TURN_SERIAL_SHARE) / cores)


def snapshot_bytes(sizes: Sizes, settings: Settings) -> int:
    """Of those that are kept, and of the one that is being written."""
    ship, node = (
        sum(np.dtype(dtype).itemsize for dtype in dtypes.values()) for dtypes in (SHIP_DTYPES, NODE_DTYPES)
    )
    one = sizes.ships * (ship + SNAPSHOT_BYTES_PER_SHIP) + sizes.nodes * node
    return min(settings.snapshots_kept * one, max(one, settings.snapshot_bytes_max)) + one
