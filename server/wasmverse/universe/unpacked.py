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


def split_blobs(kind: str, data: NDArray[np.uint8], systems: int, first_sid: int = 1) -> Blobs:
    """Blobs of so many systems that lie one after the other, each as long as its head says. `Unpacking` checks what they hold.

    Parameters
    ----------
    kind : "ship" or "node".

    Raises
    ------
    StateError : they are not as long as the bytes; names the first system concerned.
    """
    offsets = np.zeros(systems + 1, np.int64)
    entity_bytes = SHIP_BYTES if kind == "ship" else NODE_BYTES
    found = _walk_heads(data, entity_bytes, offsets)
    if found < systems:
        left = len(data) - int(offsets[found])
        fault = f"its blob is longer than the {left:,} bytes that are left of its row"
        raise _damaged(kind, first_sid + found, fault)
    if offsets[-1] != len(data):
        fault = f"{len(data) - int(offsets[-1]):,} bytes follow its blob, the last one of its row"
        raise _damaged(kind, first_sid + systems - 1, fault)
    return Blobs(offsets, data)


def _damaged(kind: str, sid: int, fault: str) -> StateError:
    return StateError(f"the {kind}s of system {sid} cannot be read: {fault}; {_REMEDY}")


class Unpacking:
    """Blobs of ships or of nodes, one a system, whose heads have been checked and whose columns can be unpacked.

    offsets : int64, shape (systems + 1,); the entities of system s are the rows ``offsets[s]:offsets[s + 1]``
    """

    def __init__(self, kind: str, chunks: Iterable[Blobs], first_sid: int = 1) -> None:
        """``kind`` is "ship" or "node"; the chunks are those of all systems from ``first_sid`` on in order.

        Raises
        ------
        StateError : a head is not that of such a blob; names the first system concerned.
        """
        self.kind = kind
        self.first_sid = first_sid
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
            return unpack(
                chunk.offsets, chunk.words, self.offsets, chunk.first, first, last, self.first_sid, columns
            )

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
        return _damaged(self.kind, self.first_sid + system, fault)

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
def _walk_heads(data: NDArray[np.uint8], entity_bytes: int, offsets: NDArray[np.int64]) -> int:
    """Fill ``offsets`` with where each blob ends; how many blobs there is room for."""
    at = I64(0)
    for row in range(len(offsets) - 1):
        offsets[row] = at
        if at + HEAD_BYTES > len(data):
            return row
        count = I64(0)
        for byte in range(4):
            count |= I64(data[at + 4 + byte]) << I64(8 * byte)
        at += (HEAD_BYTES + count * (entity_bytes + I64(data[at + 1])) + 7) // 8 * 8
        if at > len(data):
            return row
        offsets[row + 1] = at
    return len(offsets) - 1


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
        begin, end = offsets[row] // 8, offsets[row + 1] // 8
        written_begin, written_end = written_offsets[system] // 8, written_offsets[system + 1] // 8
        if end - begin != written_end - written_begin:
            return system
        read, was = u64[begin:end], written[written_begin:written_end]
        difference = U64(0)
        for word in range(len(read)):
            difference |= read[word] ^ was[word]
        if difference != U64(0):
            return system
    return -1


# Values are copied from slice to slice: only of an index that counts from 0 the compiler knows that it is not negative, which it
# must before it makes vector instructions of a loop.


@kernel
def _read_eids(at: int, base: Any, width: Any, count: int, words: Words, eid: NDArray[np.int64]) -> bool:
    """Unpack the eids of a blob; whether they ascend within what there may be."""
    if width == NARROW:
        narrow = words.u32[at // 4 : at // 4 + count]
        for i in range(count):
            eid[i] = base + I64(narrow[i])
    else:
        wide = words.u64[at // 8 : at // 8 + count]
        for i in range(count):
            eid[i] = base + I64(wide[i])
    wrong = count > 0 and (eid[0] < 1 or eid[count - 1] >= EID_END)
    later = eid[1:]
    for i in range(len(later)):
        wrong |= eid[i] >= later[i]
    return not wrong


@kernel
def _unpack_ships(
    offsets: NDArray[np.int64],
    words: Words,
    rows: NDArray[np.int64],
    chunk_first: int,
    first: int,
    last: int,
    first_sid: int,
    out: Ships,
) -> int:
    """Unpack these rows of a chunk; the first one with a value that cannot be, as a system, -1 for none."""
    u64, u16, u8 = words.u64, words.u16, words.u8
    for row in range(first, last):
        at = offsets[row]
        system = chunk_first + row
        here, end = rows[system], rows[system + 1]
        count = end - here
        base, width = I64(u64[at // 8 + 1]), I64(u8[at + 1])
        at += HEAD_BYTES
        out.sid[here:end] = first_sid + system
        out.last_plan[here:end] = u64[at // 8 : at // 8 + count]
        at += 8 * count
        is_sound = _read_eids(at, base, width, count, words, out.eid[here:end])
        at += width * count
        out.strategy_id[here:end] = u16[at // 2 : at // 2 + count]
        at += 2 * count
        energy = u16[at // 2 : at // 2 + count]
        out.energy[here:end] = energy
        at += 2 * count
        bytes_ = u8[at : at + 6 * count]
        x, y, shield = bytes_[:count], bytes_[count : 2 * count], bytes_[2 * count : 3 * count]
        out.x[here:end] = x
        out.y[here:end] = y
        out.shield[here:end] = shield
        out.blasters[here:end] = bytes_[3 * count : 4 * count]
        out.thrusters[here:end] = bytes_[4 * count : 5 * count]
        out.harvesters[here:end] = bytes_[5 * count :]
        is_wrong = False
        for i in range(count):
            is_wrong |= energy[i] == 0
        for i in range(count):
            is_wrong |= (x[i] >= GRID_SIDE) | (y[i] >= GRID_SIDE) | (shield[i] > SHIELD_MAX)
        if is_wrong or not is_sound:
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
    first_sid: int,
    out: Nodes,
) -> int:
    """Unpack these rows of a chunk; the first one with a value that cannot be, as a system, -1 for none."""
    u64, u16, u8 = words.u64, words.u16, words.u8
    for row in range(first, last):
        at = offsets[row]
        system = chunk_first + row
        here, end = rows[system], rows[system + 1]
        count = end - here
        base, width = I64(u64[at // 8 + 1]), I64(u8[at + 1])
        at += HEAD_BYTES
        out.sid[here:end] = first_sid + system
        is_sound = _read_eids(at, base, width, count, words, out.eid[here:end])
        at += width * count
        energy = u16[at // 2 : at // 2 + count]
        out.energy[here:end] = energy
        at += 2 * count
        x, y = u8[at : at + count], u8[at + count : at + 2 * count]
        out.x[here:end] = x
        out.y[here:end] = y
        is_wrong = False
        for i in range(count):
            is_wrong |= energy[i] == 0
        for i in range(count):
            is_wrong |= (x[i] >= GRID_SIDE) | (y[i] >= GRID_SIDE)
        if is_wrong or not is_sound:
            return system
    return -1
