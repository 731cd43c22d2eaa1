"""The state as the bytes that a database keeps: a row a system, with one blob of ships and one of nodes (`row_format`).

A turn is packed straight from what its blocks hand on: who is gone is left out, who is new goes behind the others of its system,
because no eid is higher. So rows are always by (sid, eid) and nothing is ever sorted. `unpacked` reads the bytes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.errors import StateError
from wasmverse.universe.crew import Crew
from wasmverse.universe.kernels import kernel
from wasmverse.universe.row_format import (
    HEAD_BYTES,
    NARROW,
    NODE_BYTES,
    SHIP_BYTES,
    VERSION,
    WIDE,
)
from wasmverse.universe.state import Columns, Nodes, Ships, with_columns

U32, U64, I64 = np.uint32, np.uint64, np.int64

EID_END = 2**62
"""Every eid is lower."""


class Blobs(NamedTuple):
    """One blob for each system: that of sid ``s + 1`` is ``data[offsets[s]:offsets[s + 1]]``.

    offsets : int64, shape (systems + 1,), multiples of 8; data : uint8, shape (offsets[-1],)
    """

    offsets: NDArray[np.int64]
    data: NDArray[np.uint8]

    def read_only(self) -> Blobs:
        """The same bytes as a database returns them: kernels that read are compiled for such only."""
        data = self.data.view()
        data.setflags(write=False)
        return Blobs(self.offsets, data)


class PackedState(NamedTuple):
    """All ships and all nodes, packed."""

    ships: Blobs
    nodes: Blobs

    @property
    def size_bytes(self) -> int:
        """Of all blobs together."""
        return len(self.ships.data) + len(self.nodes.data)


class _Sizes(NamedTuple):
    """What is known of each blob before it is written, shape (systems,) each."""

    entities: NDArray[np.int64]
    base: NDArray[np.int64]
    width: NDArray[np.int64]
    size: NDArray[np.int64]

    @classmethod
    def empty(cls, systems: int) -> _Sizes:
        return cls._make(np.empty(systems, np.int64) for _ in cls._fields)


class Words(NamedTuple):
    """The same bytes as words of every width."""

    u64: NDArray[np.uint64]
    u32: NDArray[np.uint32]
    u16: NDArray[np.uint16]
    u8: NDArray[np.uint8]

    @classmethod
    def of(cls, data: NDArray[np.uint8]) -> Words:
        """Views of bytes that begin at a multiple of 8 and are a multiple of 8."""
        return cls(data.view(np.uint64), data.view(np.uint32), data.view(np.uint16), data)


def pack_state(ships: Ships, nodes: Nodes, systems: int, crew: Crew) -> PackedState:
    """Pack columns that are sorted by (sid, eid).

    Raises
    ------
    StateError : they are not sorted, or a sid does not exist.
    """
    bounds = np.array([0, systems])
    return pack_turn([ships], Ships.empty(0), nodes, nodes.energy, Nodes.empty(0), bounds, crew)


def pack_turn(
    ships: Sequence[Ships],
    new_ships: Ships,
    nodes: Nodes,
    node_energy: NDArray[np.uint16],
    new_nodes: Nodes,
    bounds: NDArray[np.int64],
    crew: Crew,
) -> PackedState:
    """Pack the end of a turn. Nothing that is given is modified.

    Parameters
    ----------
    ships : the ships that live on, a part for each block, each sorted by (sid, eid); part k has the systems
        ``bounds[k]:bounds[k + 1]``, counted from 0.
    new_ships : sorted by sid; their eids are the highest.
    nodes, node_energy : the nodes of the turn before, sorted by (sid, eid), and what each has left; 0: it is gone.
    new_nodes : in any order.
    crew : what the blocks are shared out to.

    Raises
    ------
    StateError : rows are not sorted, or a sid does not exist.
    """
    systems = int(bounds[-1])
    order = np.argsort(new_nodes.sid, kind="stable")
    if len(order) and not _ascending(new_nodes.sid[order], new_nodes.eid[order]):
        order = np.lexsort((new_nodes.eid, new_nodes.sid))
    new_nodes = _read_only(Nodes._make(column[order] for column in new_nodes))
    new_ships, nodes = _read_only(new_ships), _read_only(nodes)
    parts = [_read_only(part) for part in ships]
    energy = node_energy.view()
    energy.setflags(write=False)

    ranges = list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
    new_ship_starts = _starts_of("new ships", new_ships.sid, 0, systems)
    new_node_starts = _starts_of("new nodes", new_nodes.sid, 0, systems)
    node_starts = _starts_of("nodes", nodes.sid, 0, systems)
    ship_sizes, node_sizes = _Sizes.empty(systems), _Sizes.empty(systems)

    def measure(part: Ships, range_: tuple[int, int]) -> NDArray[np.int64]:
        first, last = range_
        starts = _starts_of("ships", part.sid, first, last)
        _size_ships(part.eid, starts, new_ships.eid, new_ship_starts, first, last, ship_sizes)
        _size_nodes(nodes.eid, energy, node_starts, new_nodes.eid, new_node_starts, first, last, node_sizes)
        return starts

    starts = crew.map(measure, parts, ranges)
    packed_ships, packed_nodes = _room(ship_sizes), _room(node_sizes)
    ship_words, node_words = Words.of(packed_ships.data), Words.of(packed_nodes.data)

    def write(part: Ships, part_starts: NDArray[np.int64], range_: tuple[int, int]) -> None:
        first, last = range_
        _write_ships(
            part, part_starts, new_ships, new_ship_starts, first, last, ship_sizes, packed_ships.offsets, ship_words
        )  # fmt: skip
        _write_nodes(
            nodes, energy, node_starts, new_nodes, new_node_starts, first, last, node_sizes, packed_nodes.offsets,
            node_words,
        )  # fmt: skip

    crew.map(write, parts, starts, ranges)
    return PackedState(packed_ships, packed_nodes)


def _room(sizes: _Sizes) -> Blobs:
    offsets = np.zeros(len(sizes.size) + 1, np.int64)
    np.cumsum(sizes.size, out=offsets[1:])
    # Words, so that the first byte is aligned.
    return Blobs(offsets, np.empty(int(offsets[-1]) // 8, np.uint64).view(np.uint8))


def _starts_of(what: str, sid: NDArray[np.uint32], first: int, last: int) -> NDArray[np.int64]:
    starts = _starts(sid, first, last)
    if starts[-1] != len(sid):
        row = int(starts[-1])
        raise StateError(
            f"{what} cannot be packed: row {row} has sid {sid[row]}; rows must be sorted and within {first + 1}..{last}: "
            "sort them by sid and eid"
        )
    return starts


def _read_only(columns: Columns) -> Columns:
    """Views that may not be written to: kernels are compiled for such columns only."""
    views = [column.view() for column in columns]
    for view in views:
        view.setflags(write=False)
    return with_columns(columns, views)


@kernel
def _starts(sid: NDArray[np.uint32], first: int, last: int) -> NDArray[np.int64]:
    """Shape (last - first + 1,): rows of system s, sid s + 1, are ``starts[s - first]:starts[s - first + 1]``.

    The last one is less than the number of rows when these are not sorted or not within first..last (exclusive).
    """
    starts = np.empty(last - first + 1, np.int64)
    row = 0
    for system in range(first, last):
        starts[system - first] = row
        while row < len(sid) and sid[row] == system + 1:
            row += 1
    starts[last - first] = row
    return starts


@kernel
def _ascending(sid: NDArray[np.uint32], eid: NDArray[np.int64]) -> bool:
    broken = False
    for row in range(1, len(sid)):
        broken |= (sid[row - 1] == sid[row]) & (eid[row - 1] >= eid[row])
    return not broken


@kernel
def _size_ships(
    eid: NDArray[np.int64],
    starts: NDArray[np.int64],
    new_eid: NDArray[np.int64],
    new_starts: NDArray[np.int64],
    first: int,
    last: int,
    sizes: _Sizes,
) -> None:
    """Measure the blobs of ships of the systems first..last (exclusive)."""
    for system in range(first, last):
        begin, end = starts[system - first], starts[system - first + 1]
        new_begin, new_end = new_starts[system], new_starts[system + 1]
        count = end - begin + new_end - new_begin
        low, high = I64(0), I64(0)
        if count > 0:
            low = eid[begin] if begin < end else new_eid[new_begin]
            high = new_eid[new_end - 1] if new_begin < new_end else eid[end - 1]
        width = I64(NARROW) if high - low < 2**32 else I64(WIDE)
        sizes.entities[system] = count
        sizes.base[system] = low
        sizes.width[system] = width
        sizes.size[system] = (HEAD_BYTES + count * (SHIP_BYTES + width) + 7) // 8 * 8


@kernel
def _size_nodes(
    eid: NDArray[np.int64],
    energy: NDArray[np.uint16],
    starts: NDArray[np.int64],
    new_eid: NDArray[np.int64],
    new_starts: NDArray[np.int64],
    first: int,
    last: int,
    sizes: _Sizes,
) -> None:
    """Measure the blobs of nodes of the systems first..last (exclusive); those without energy are left out."""
    for system in range(first, last):
        begin, end = starts[system], starts[system + 1]
        new_begin, new_end = new_starts[system], new_starts[system + 1]
        left = 0
        for node in range(begin, end):
            left += energy[node] != 0
        low, high = I64(EID_END), I64(0)
        if left > 0:
            while energy[begin] == 0:
                begin += 1
            while energy[end - 1] == 0:
                end -= 1
            low, high = eid[begin], eid[end - 1]
        if new_begin < new_end:
            low = min(low, new_eid[new_begin])
            high = max(high, new_eid[new_end - 1])
        count = left + new_end - new_begin
        if count == 0:
            low = I64(0)
        width = I64(NARROW) if high - low < 2**32 else I64(WIDE)
        sizes.entities[system] = count
        sizes.base[system] = low
        sizes.width[system] = width
        sizes.size[system] = (HEAD_BYTES + count * (NODE_BYTES + width) + 7) // 8 * 8


@kernel
def _write_head(to: int, size: int, count: int, base: int, width: int, u64: NDArray[np.uint64]) -> None:
    """The head of a blob that begins at byte ``to``, and zeros where its last word may be filled up."""
    if size > 0:
        u64[(to + size) // 8 - 1] = U64(0)
    u64[to // 8] = U64(VERSION) | (U64(width) << U64(8)) | (U64(count) << U64(32))
    u64[to // 8 + 1] = U64(base)


@kernel
def _write_ships(
    ships: Ships,
    starts: NDArray[np.int64],
    new: Ships,
    new_starts: NDArray[np.int64],
    first: int,
    last: int,
    sizes: _Sizes,
    offsets: NDArray[np.int64],
    words: Words,
) -> None:
    """Write the blobs of the systems first..last (exclusive): the ships of a block, then the new ones."""
    u64, u32, u16, u8 = words.u64, words.u32, words.u16, words.u8
    for system in range(first, last):
        begin, new_begin = starts[system - first], new_starts[system]
        old = starts[system - first + 1] - begin
        added = new_starts[system + 1] - new_begin
        count, base, width = old + added, sizes.base[system], sizes.width[system]
        at = offsets[system]
        _write_head(at, sizes.size[system], count, base, width, u64)

        plans = at // 8 + 2
        for i in range(old):
            u64[plans + i] = ships.last_plan[begin + i]
        for i in range(added):
            u64[plans + old + i] = new.last_plan[new_begin + i]
        at += HEAD_BYTES + 8 * count
        if width == NARROW:
            eids = at // 4
            for i in range(old):
                u32[eids + i] = U32(ships.eid[begin + i] - base)
            for i in range(added):
                u32[eids + old + i] = U32(new.eid[new_begin + i] - base)
        else:
            eids = at // 8
            for i in range(old):
                u64[eids + i] = U64(ships.eid[begin + i] - base)
            for i in range(added):
                u64[eids + old + i] = U64(new.eid[new_begin + i] - base)
        at += width * count
        ids, energies = at // 2, at // 2 + count
        for i in range(old):
            u16[ids + i] = ships.strategy_id[begin + i]
            u16[energies + i] = ships.energy[begin + i]
        for i in range(added):
            u16[ids + old + i] = new.strategy_id[new_begin + i]
            u16[energies + old + i] = new.energy[new_begin + i]
        at += 4 * count
        for i in range(old):
            u8[at + i] = ships.x[begin + i]
            u8[at + count + i] = ships.y[begin + i]
            u8[at + 2 * count + i] = ships.shield[begin + i]
            u8[at + 3 * count + i] = ships.blasters[begin + i]
            u8[at + 4 * count + i] = ships.thrusters[begin + i]
            u8[at + 5 * count + i] = ships.harvesters[begin + i]
        for i in range(added):
            to, row = at + old + i, new_begin + i
            u8[to] = new.x[row]
            u8[to + count] = new.y[row]
            u8[to + 2 * count] = new.shield[row]
            u8[to + 3 * count] = new.blasters[row]
            u8[to + 4 * count] = new.thrusters[row]
            u8[to + 5 * count] = new.harvesters[row]


@kernel
def _write_nodes(
    nodes: Nodes,
    energy: NDArray[np.uint16],
    starts: NDArray[np.int64],
    new: Nodes,
    new_starts: NDArray[np.int64],
    first: int,
    last: int,
    sizes: _Sizes,
    offsets: NDArray[np.int64],
    words: Words,
) -> None:
    """Write the blobs of the systems first..last (exclusive): the nodes that have energy left and the new ones, by eid."""
    u64, u32, u16, u8 = words.u64, words.u32, words.u16, words.u8
    for system in range(first, last):
        begin, end = starts[system], starts[system + 1]
        new_row, new_end = new_starts[system], new_starts[system + 1]
        count, base, width = sizes.entities[system], sizes.base[system], sizes.width[system]
        at = offsets[system]
        _write_head(at, sizes.size[system], count, base, width, u64)
        at += HEAD_BYTES
        eids = at // width
        at += width * count
        energies, xs, ys = at // 2, at + 2 * count, at + 3 * count
        if count == end - begin and new_row == new_end and width == NARROW:
            for i in range(count):
                u32[eids + i] = U32(nodes.eid[begin + i] - base)
            for i in range(count):
                u16[energies + i] = energy[begin + i]
            for i in range(count):
                u8[xs + i] = nodes.x[begin + i]
                u8[ys + i] = nodes.y[begin + i]
            continue
        row = begin
        for i in range(count):
            while row < end and energy[row] == 0:
                row += 1
            if new_row < new_end and (row == end or new.eid[new_row] < nodes.eid[row]):
                eid = new.eid[new_row] - base
                u16[energies + i] = new.energy[new_row]
                u8[xs + i] = new.x[new_row]
                u8[ys + i] = new.y[new_row]
                new_row += 1
            else:
                eid = nodes.eid[row] - base
                u16[energies + i] = energy[row]
                u8[xs + i] = nodes.x[row]
                u8[ys + i] = nodes.y[row]
                row += 1
            if width == NARROW:
                u32[eids + i] = U32(eid)
            else:
                u64[eids + i] = U64(eid)
