"""The state as the bytes that a database keeps: a row a system, with one blob of ships and one of nodes (`row_format`).

A turn is packed straight from what its blocks hand on: who is gone is left out, who is new goes behind the others of its system,
because no eid is higher. So rows are always by (sid, eid) and nothing is ever sorted. `unpacked` reads the bytes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.errors import StateError
from wasmverse.universe.crew import Crew
from wasmverse.universe.kernels import kernel
from wasmverse.universe.row_format import HEAD_BYTES, NARROW, NODE_BYTES, SHIP_BYTES, VERSION, WIDE
from wasmverse.universe.state import Columns, Nodes, Ships, end_of_run, with_columns

U32, U64, I64 = np.uint32, np.uint64, np.int64

EID_END = 2**62
"""Every eid is lower."""

FEW_ENTITIES = 250_000
"""Fewer are packed by the caller alone: to wake a thread takes longer."""


class Blobs(NamedTuple):
    """One blob for each system of a run of them: that of system s is ``data[offsets[s]:offsets[s + 1]]``.

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


def pack_state(ships: Ships, nodes: Nodes, systems: int, crew: Crew, first_sid: int = 1) -> PackedState:
    """Pack columns that are sorted by (sid, eid), of so many systems from ``first_sid`` on.

    Raises
    ------
    StateError : they are not sorted, or a sid does not exist.
    """
    bounds = np.array([0, systems])
    return pack_turn([ships], Ships.empty(0), nodes, nodes.energy, Nodes.empty(0), bounds, crew, first_sid)


def pack_turn(
    ships: Sequence[Ships],
    new_ships: Ships,
    nodes: Nodes,
    node_energy: NDArray[np.uint16],
    new_nodes: Nodes,
    bounds: NDArray[np.int64],
    crew: Crew,
    first_sid: int = 1,
) -> PackedState:
    """Pack the end of a turn. Nothing that is given is modified.

    Parameters
    ----------
    ships : the ships that live on, a part for each block, each sorted by (sid, eid); part k has the systems
        ``bounds[k]:bounds[k + 1]``, counted from 0 at ``first_sid``.
    new_ships : sorted by sid; their eids are the highest.
    nodes, node_energy : the nodes of the turn before, sorted by (sid, eid), and what each has left; 0: it is gone.
    new_nodes : in any order.
    crew : what the blocks are shared out to.

    Raises
    ------
    StateError : rows are not sorted, or a sid does not exist.
    """
    systems = int(bounds[-1])
    if len(nodes.sid) + sum(len(part.sid) for part in ships) < FEW_ENTITIES:
        crew = Crew(1)
    order = np.argsort(new_nodes.sid, kind="stable")
    if len(order) and not _ascending(new_nodes.sid[order], new_nodes.eid[order]):
        order = np.lexsort((new_nodes.eid, new_nodes.sid))
    new_nodes = _read_only(Nodes._make(column[order] for column in new_nodes))
    new_ships, nodes = _read_only(new_ships), _read_only(nodes)
    parts = [_read_only(part) for part in ships]
    energy = node_energy.view()
    energy.setflags(write=False)

    ranges = list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
    new_ship_starts = _starts_of("new ships", new_ships.sid, first_sid, systems)
    new_node_starts = _starts_of("new nodes", new_nodes.sid, first_sid, systems)
    node_starts = _starts_of("nodes", nodes.sid, first_sid, systems)
    ship_sizes, node_sizes = _Sizes.empty(systems), _Sizes.empty(systems)

    def measure(part: Ships, range_: tuple[int, int]) -> NDArray[np.int64]:
        first, last = range_
        starts = _starts_of("ships", part.sid, first_sid + first, last - first)
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


def _starts_of(what: str, sid: NDArray[np.uint32], first_sid: int, systems: int) -> NDArray[np.int64]:
    starts = _starts(sid, first_sid, systems)
    if starts[-1] != len(sid):
        row = int(starts[-1])
        raise StateError(
            f"{what} cannot be packed: row {row} has sid {sid[row]}; rows must be sorted and within "
            f"{first_sid}..{first_sid + systems - 1}: sort them by sid and eid"
        )
    return starts


def _read_only(columns: Columns) -> Columns:
    """Views that may not be written to: kernels are compiled for such columns only."""
    views = [column.view() for column in columns]
    for view in views:
        view.setflags(write=False)
    return with_columns(columns, views)


@kernel
def _starts(sid: NDArray[np.uint32], first_sid: int, systems: int) -> NDArray[np.int64]:
    """Shape (systems + 1,): rows of system s, sid ``first_sid + s``, are ``starts[s]:starts[s + 1]``.

    The last one is less than the number of rows when these are not sorted or not of these systems.
    """
    starts = np.empty(systems + 1, np.int64)
    row = 0
    for system in range(systems):
        starts[system] = row
        row = end_of_run(sid, row, first_sid + system)
    starts[systems] = row
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
        energies = energy[begin:end]
        left = 0
        for node in range(len(energies)):
            left += energies[node] != 0
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


# Values are copied from slice to slice: only of an index that counts from 0 the compiler knows that it is not negative, which it
# must before it makes vector instructions of a loop.


@kernel
def _write_eids(
    eid: NDArray[np.int64], base: Any, width: Any, at: Any, u64: NDArray[np.uint64], u32: NDArray[np.uint32]
) -> None:
    """Write eids of a blob from byte ``at``."""
    if width == NARROW:
        narrow = u32[at // 4 : at // 4 + len(eid)]
        for i in range(len(eid)):
            narrow[i] = U32(eid[i] - base)
    else:
        wide = u64[at // 8 : at // 8 + len(eid)]
        for i in range(len(eid)):
            wide[i] = U64(eid[i] - base)


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
        begin, end = starts[system - first], starts[system - first + 1]
        count, base, width = sizes.entities[system], sizes.base[system], sizes.width[system]
        at = offsets[system]
        _write_head(at, sizes.size[system], count, base, width, u64)
        at += HEAD_BYTES
        old = end - begin
        plans, plan = u64[at // 8 : at // 8 + old], ships.last_plan[begin:end]
        for i in range(old):
            plans[i] = plan[i]
        at += 8 * count
        _write_eids(ships.eid[begin:end], base, width, at, u64, u32)
        at += width * count
        ids, id_ = u16[at // 2 : at // 2 + old], ships.strategy_id[begin:end]
        for i in range(old):
            ids[i] = id_[i]
        at += 2 * count
        energies, energy = u16[at // 2 : at // 2 + old], ships.energy[begin:end]
        for i in range(old):
            energies[i] = energy[i]
        at += 2 * count
        # Side by side, and not in a loop over them or in a function: that alone would take five times as long.
        bytes_, value = u8[at : at + old], ships.x[begin:end]
        for i in range(old):
            bytes_[i] = value[i]
        at += count
        bytes_, value = u8[at : at + old], ships.y[begin:end]
        for i in range(old):
            bytes_[i] = value[i]
        at += count
        bytes_, value = u8[at : at + old], ships.shield[begin:end]
        for i in range(old):
            bytes_[i] = value[i]
        at += count
        bytes_, value = u8[at : at + old], ships.blasters[begin:end]
        for i in range(old):
            bytes_[i] = value[i]
        at += count
        bytes_, value = u8[at : at + old], ships.thrusters[begin:end]
        for i in range(old):
            bytes_[i] = value[i]
        at += count
        bytes_, value = u8[at : at + old], ships.harvesters[begin:end]
        for i in range(old):
            bytes_[i] = value[i]
        if old < count:
            rows = (new_starts[system], new_starts[system + 1])
            _append_ships(new, rows, offsets[system] + HEAD_BYTES, count, old, base, width, words)


@kernel
def _append_ships(
    new: Ships, rows: tuple[int, int], at: int, count: int, old: int, base: int, width: int, words: Words
) -> None:
    """Write new ships after the ``old`` ones of a blob of ``count``, whose first column begins at byte ``at``."""
    u64, u32, u16, u8 = words.u64, words.u32, words.u16, words.u8
    begin, end = rows
    u64[at // 8 + old : at // 8 + count] = new.last_plan[begin:end]
    at += 8 * count
    _write_eids(new.eid[begin:end], base, width, at + width * old, u64, u32)
    at += width * count
    u16[at // 2 + old : at // 2 + count] = new.strategy_id[begin:end]
    at += 2 * count
    u16[at // 2 + old : at // 2 + count] = new.energy[begin:end]
    at += 2 * count
    for values in (new.x, new.y, new.shield, new.blasters, new.thrusters, new.harvesters):
        u8[at + old : at + count] = values[begin:end]
        at += count


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
        columns = at
        at += width * count
        energies, xs, ys = at // 2, at + 2 * count, at + 3 * count
        if count == end - begin and new_row == new_end:
            _write_eids(nodes.eid[begin:end], base, width, columns, u64, u32)
            values, left = u16[energies : energies + count], energy[begin:end]
            for i in range(count):
                values[i] = left[i]
            bytes_, place = u8[xs : xs + count], nodes.x[begin:end]
            for i in range(count):
                bytes_[i] = place[i]
            bytes_, place = u8[ys : ys + count], nodes.y[begin:end]
            for i in range(count):
                bytes_[i] = place[i]
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
                u32[columns // 4 + i] = U32(eid)
            else:
                u64[columns // 8 + i] = U64(eid)
