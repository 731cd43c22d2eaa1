"""Blobs of ships and nodes (`row_format`) back as columns: what `packed` wrote, or what a damaged file holds instead.

Nothing is believed: every version, length, count and value is checked before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.errors import StateError
from wasmverse.universe.crew import Crew
from wasmverse.universe.kernels import kernel
from wasmverse.universe.packed import EID_END, Blobs, Words
from wasmverse.universe.row_format import HEAD_BYTES, NARROW, NODE_BYTES, SHIP_BYTES, VERSION, WIDE
from wasmverse.universe.rules import ENERGY_MAX, GRID_SIDE, SHIELD_MAX
from wasmverse.universe.state import Columns, Nodes, Ships

U64, I64 = np.uint64, np.int64

RANGE_SYSTEMS = 1_024
"""Systems that one thread unpacks at a time."""

LIMITS = {
    "x": (0, GRID_SIDE - 1),
    "y": (0, GRID_SIDE - 1),
    "shield": (0, SHIELD_MAX),
    "energy": (1, ENERGY_MAX),
}
"""What is allowed in the columns of an entity that is there."""

_REMEDY = "restore a copy of the universe, or load what was exported of it"


class _Chunk(NamedTuple):
    """Blobs of the rows ``first:first + len(offsets) - 1``, as they lie in one buffer; offsets and bytes as in `Blobs`."""

    first: int
    offsets: NDArray[np.int64]
    words: Words


class Unpacking:
    """Blobs of ships or of nodes, one a system, whose heads have been checked and whose columns can be unpacked.

    offsets : int64, shape (systems + 1,); the entities of system s are the rows ``offsets[s]:offsets[s + 1]``
    """

    def __init__(self, kind: str, chunks: Iterable[Blobs]) -> None:
        """``kind`` is "ship" or "node"; the chunks are those of all systems in order.

        Raises
        ------
        StateError : a head is not that of such a blob; names the first system concerned.
        """
        self.kind = kind
        self._chunks: list[_Chunk] = []
        counts = []
        first = 0
        for offsets, given in chunks:
            if np.any(offsets % 8):
                row = max(0, int(np.argmax(offsets % 8 != 0)) - 1)
                raise self._damaged(first + row, "the length of its blob is no multiple of 8")
            data = given
            if data.ctypes.data % 8 or len(data) % 8:
                data = np.frombuffer(given.tobytes() + bytes(-len(given) % 8), np.uint8)
            chunk = _Chunk(first, offsets, Words.of(data))
            count = np.empty(len(offsets) - 1, np.int64)
            entity_bytes = SHIP_BYTES if kind == "ship" else NODE_BYTES
            found = _check_heads(chunk.offsets, chunk.words.u8, chunk.words.u32, entity_bytes, count)
            if found >= 0:
                raise self._damaged(first + found, self._head_fault(chunk, found))
            self._chunks.append(chunk)
            counts.append(count)
            first += len(count)
        self.systems = first
        self.offsets = np.zeros(first + 1, np.int64)
        if counts:
            np.cumsum(np.concatenate(counts), out=self.offsets[1:])

    def differs_from(self, written: Blobs, crew: Crew) -> int:
        """The first system whose bytes are not those that were written, counted from 0; -1 when all are."""
        if self.systems != len(written.offsets) - 1:
            return min(self.systems, len(written.offsets) - 1)
        words = written.data.view(np.uint64)

        def compare(task: tuple[_Chunk, int, int]) -> int:
            chunk, first, last = task
            return _differs(chunk.offsets, chunk.words.u64, written.offsets, words, chunk.first, first, last)

        return next((found for found in crew.map(compare, self._tasks()) if found >= 0), -1)

    def ships(self, crew: Crew) -> Ships:
        """The columns of blobs of ships, sorted by (sid, eid); read-only.

        Raises
        ------
        StateError : a value cannot be; names the ship.
        """
        return self._columns(Ships.empty(int(self.offsets[-1])), _unpack_ships, crew)

    def nodes(self, crew: Crew) -> Nodes:
        """The columns of blobs of nodes, sorted by (sid, eid); read-only.

        Raises
        ------
        StateError : a value cannot be; names the node.
        """
        return self._columns(Nodes.empty(int(self.offsets[-1])), _unpack_nodes, crew)

    def _columns(self, columns: Columns, unpack: Callable[..., int], crew: Crew) -> Columns:
        def fill(task: tuple[_Chunk, int, int]) -> int:
            chunk, first, last = task
            return unpack(chunk.offsets, chunk.words, self.offsets, chunk.first, first, last, columns)

        for system in crew.map(fill, self._tasks()):
            if system >= 0:
                rows = slice(int(self.offsets[system]), int(self.offsets[system + 1]))
                raise self._damaged(system, _value_fault(self.kind, columns, rows))
        for column in columns:
            column.setflags(write=False)
        return columns

    def _tasks(self) -> Iterator[tuple[_Chunk, int, int]]:
        """Ranges of rows of a chunk."""
        for chunk in self._chunks:
            rows = len(chunk.offsets) - 1
            for first in range(0, rows, RANGE_SYSTEMS):
                yield chunk, first, min(first + RANGE_SYSTEMS, rows)

    def _damaged(self, system: int, fault: str) -> StateError:
        return StateError(f"the {self.kind}s of system {system + 1} cannot be read: {fault}; {_REMEDY}")

    def _head_fault(self, chunk: _Chunk, row: int) -> str:
        start, end = int(chunk.offsets[row]), int(chunk.offsets[row + 1])
        if end - start < HEAD_BYTES:
            return f"its blob has {end - start} bytes, at least {HEAD_BYTES} are needed"
        version, width = chunk.words.u8[start], chunk.words.u8[start + 1]
        if version != VERSION:
            return f"its blob is of version {version}; this Wasmverse knows {VERSION}"
        if width not in (NARROW, WIDE):
            return f"its eids are {width} bytes wide; allowed are {NARROW} and {WIDE}"
        count = chunk.words.u32[start // 4 + 1]
        return f"its blob of {end - start} bytes is not as long as that of the {count:,} that it tells of"


def _value_fault(kind: str, columns: Ships | Nodes, rows: slice) -> str:
    """What is wrong with the first entity that cannot be, of rows of one system of which one is."""
    eid = columns.eid[rows]
    before = np.concatenate((np.zeros(1, np.int64), eid[:-1]))
    for row in range(len(eid)):
        if not before[row] < eid[row] < EID_END:
            return f"{kind} {eid[row]} comes after {before[row]}; eids ascend from 1 to {EID_END - 1}"
        for name, (least, most) in LIMITS.items():
            value = int(getattr(columns, name)[rows][row]) if hasattr(columns, name) else least
            if not least <= value <= most:
                return f"{kind} {eid[row]} has {name} {value}; allowed is {least}..{most}"
    raise AssertionError("no value is wrong")


@kernel
def _check_heads(
    offsets: NDArray[np.int64],
    u8: NDArray[np.uint8],
    u32: NDArray[np.uint32],
    entity_bytes: int,
    count: NDArray[np.int64],
) -> int:
    """Read how many entities each blob has; the first row whose head or length cannot be, -1 for none."""
    for row in range(len(count)):
        at, end = offsets[row], offsets[row + 1]
        if end - at < HEAD_BYTES:
            return row
        width = I64(u8[at + 1])
        entities = I64(u32[at // 4 + 1])
        if u8[at] != VERSION or width not in (NARROW, WIDE):
            return row
        if end - at != (HEAD_BYTES + entities * (entity_bytes + width) + 7) // 8 * 8:
            return row
        count[row] = entities
    return -1


@kernel
def _differs(
    offsets: NDArray[np.int64],
    u64: NDArray[np.uint64],
    written_offsets: NDArray[np.int64],
    written: NDArray[np.uint64],
    chunk_first: int,
    first: int,
    last: int,
) -> int:
    """The first of these rows of a chunk that is not what was written, as a system; -1 for none."""
    for row in range(first, last):
        system = chunk_first + row
        at, to = offsets[row] // 8, written_offsets[system] // 8
        words = offsets[row + 1] // 8 - at
        if words != written_offsets[system + 1] // 8 - to:
            return system
        difference = U64(0)
        for word in range(words):
            difference |= u64[at + word] ^ written[to + word]
        if difference != U64(0):
            return system
    return -1


@kernel
def _read_eids(
    at: int, base: Any, width: Any, count: int, words: Words, eid: NDArray[np.int64], to: int
) -> bool:
    """Unpack the eids of a blob; whether they ascend within what there may be."""
    if width == NARROW:
        for i in range(count):
            eid[to + i] = base + I64(words.u32[at // 4 + i])
    else:
        for i in range(count):
            eid[to + i] = base + I64(words.u64[at // 8 + i])
    wrong = count > 0 and (eid[to] < 1 or eid[to + count - 1] >= EID_END)
    for i in range(1, count):
        wrong |= eid[to + i - 1] >= eid[to + i]
    return not wrong


@kernel
def _unpack_ships(
    offsets: NDArray[np.int64],
    words: Words,
    rows: NDArray[np.int64],
    chunk_first: int,
    first: int,
    last: int,
    out: Ships,
) -> int:
    """Unpack these rows of a chunk; the first one with a value that cannot be, as a system, -1 for none."""
    u64, u16, u8 = words.u64, words.u16, words.u8
    for row in range(first, last):
        at = offsets[row]
        system = chunk_first + row
        to = rows[system]
        count = rows[system + 1] - to
        base, width = I64(u64[at // 8 + 1]), I64(u8[at + 1])
        plans = at // 8 + 2
        for i in range(count):
            out.sid[to + i] = system + 1
        for i in range(count):
            out.last_plan[to + i] = u64[plans + i]
        at += HEAD_BYTES + 8 * count
        is_sound = _read_eids(at, base, width, count, words, out.eid, to)
        at += width * count
        ids, energies = at // 2, at // 2 + count
        no_energy = False
        for i in range(count):
            out.strategy_id[to + i] = u16[ids + i]
        for i in range(count):
            out.energy[to + i] = u16[energies + i]
            no_energy |= u16[energies + i] == 0
        at += 4 * count
        off_grid = off_shield = False
        for i in range(count):
            out.x[to + i] = u8[at + i]
            out.y[to + i] = u8[at + count + i]
            off_grid |= (u8[at + i] >= GRID_SIDE) | (u8[at + count + i] >= GRID_SIDE)
        at += 2 * count
        for i in range(count):
            out.shield[to + i] = u8[at + i]
            off_shield |= u8[at + i] > SHIELD_MAX
        for i in range(count):
            out.blasters[to + i] = u8[at + count + i]
            out.thrusters[to + i] = u8[at + 2 * count + i]
            out.harvesters[to + i] = u8[at + 3 * count + i]
        if no_energy or off_grid or off_shield or not is_sound:
            return system
    return -1


@kernel
def _unpack_nodes(
    offsets: NDArray[np.int64],
    words: Words,
    rows: NDArray[np.int64],
    chunk_first: int,
    first: int,
    last: int,
    out: Nodes,
) -> int:
    """Unpack these rows of a chunk; the first one with a value that cannot be, as a system, -1 for none."""
    u64, u16, u8 = words.u64, words.u16, words.u8
    for row in range(first, last):
        at = offsets[row]
        system = chunk_first + row
        to = rows[system]
        count = rows[system + 1] - to
        base, width = I64(u64[at // 8 + 1]), I64(u8[at + 1])
        at += HEAD_BYTES
        for i in range(count):
            out.sid[to + i] = system + 1
        is_sound = _read_eids(at, base, width, count, words, out.eid, to)
        at += width * count
        energies, xs, ys = at // 2, at + 2 * count, at + 3 * count
        no_energy = off_grid = False
        for i in range(count):
            out.energy[to + i] = u16[energies + i]
            no_energy |= u16[energies + i] == 0
        for i in range(count):
            out.x[to + i] = u8[xs + i]
            out.y[to + i] = u8[ys + i]
            off_grid |= (u8[xs + i] >= GRID_SIDE) | (u8[ys + i] >= GRID_SIDE)
        if no_energy or off_grid or not is_sound:
            return system
    return -1
