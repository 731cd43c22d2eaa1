"""What a call of a strategy is given, and such calls as bytes: how those before a fault are kept."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

_HEAD = struct.Struct("<BBHBBBBQI")
"""All of a call but what the ship sees, and how many bytes of that follow."""

HEAD_BYTES = _HEAD.size


class Call(NamedTuple):
    """What one call is given: the ship, what it left in its last plan, and what it sees.

    seen : 4 bytes an entity: kind, danger, x, y
    """

    x: int
    y: int
    energy: int
    shield: int
    blasters: int
    thrusters: int
    harvesters: int
    last_plan: int
    seen: bytes


@dataclass(frozen=True, slots=True)
class Scene:
    """What led to a fault: some calls of one instance, of which the last one is the fault's.

    tid, world_seed : what it can learn by WASI; row : the fault's row in its block, budget_fuel : what a call may take
    """

    calls: tuple[Call, ...]
    tid: int
    row: int
    world_seed: int
    budget_fuel: int


def packed_calls(calls: Iterable[Call]) -> bytes:
    """Calls one after the other, each ``HEAD_BYTES`` and what the ship sees."""
    parts: list[bytes] = []
    for call in calls:
        *values, seen = call
        parts += (_HEAD.pack(*values, len(seen)), seen)
    return b"".join(parts)


def calls_in(packed: bytes) -> Iterator[Call]:
    """The calls that were given to `packed_calls`.

    Raises
    ------
    ValueError : these are no such bytes.
    """
    at = 0
    while at < len(packed):
        end = at + HEAD_BYTES
        values = _HEAD.unpack_from(packed, at) if end <= len(packed) else (0,)
        at, end = end, end + values[-1]
        if end > len(packed):
            raise ValueError(f"the last call ends at byte {end:,}; there are {len(packed):,}")
        yield Call._make((*values[:-1], packed[at:end]))
        at = end
