"""Rows that are stored as one long sorted run and a short tail, put in order without sorting the run.

A database that only appends keeps ships and nodes so. The run comes in the pieces in which it was read. One pass over its
keys finds the stretches that stay together; then every column is copied stretch by stretch, the rows of the sorted tail
between them, several columns at a time. A node without energy is gone, although its row is still stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.kernels import kernel
from wasmverse.universe.state import Columns, Nodes, PlacedNodes, Ships, sorted_prefix, with_columns

Column = NDArray[Any]


class Stretches(NamedTuple):
    """Stretches of one piece, in order, shape (K,) each: how many rows of the tail come before, and which rows it has."""

    tail_before: NDArray[np.int32]
    start: NDArray[np.int32]
    length: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Merge:
    """How pieces and a tail become one.

    pieces : the sorted run, in its pieces; stretches : of each piece; tail : sorted; rows : of the result
    """

    pieces: list[Any]
    stretches: list[Stretches]
    tail: Ships | Nodes | PlacedNodes
    rows: int

    @classmethod
    def plan(
        cls, parts: list[Columns], none: Columns, systems: int, *, drop_gone: bool, run: int | None = None
    ) -> Merge:
        """Find the run, order the tail, and go through the keys once.

        Parameters
        ----------
        none : no rows; drop_gone : whether rows without energy are left out.
        run : how many rows from the first one on are in order, when that is known.
        """
        if run is None:
            run = sorted_run([part.sid for part in parts], [part.eid for part in parts])
        pieces, rest = _split(parts, run)
        tail = with_columns(none, map(np.concatenate, zip(*rest, strict=True))) if rest else none
        order = tail_order(tail.sid, tail.eid, systems)
        if drop_gone:
            order = order[tail.energy[order] != 0]
        tail = with_columns(none, (column[order] for column in tail))
        stretches = []
        rows, used = len(order), 0
        for piece in pieces:
            gone = piece.energy == 0 if drop_gone else np.zeros(0, np.bool_)
            found, used = _stretches(
                piece.sid, piece.eid, gone, int(np.count_nonzero(gone)), tail.sid, tail.eid, used
            )
            stretches.append(found)
            rows += int(found.length.sum())
        return cls(pieces, stretches, tail, rows)

    def column(self, number: int) -> Column:
        """One column of the result."""
        tail = self.tail[number]
        out = np.empty(self.rows, tail.dtype)
        to = used = 0
        for piece, stretches in zip(self.pieces, self.stretches, strict=True):
            to, used = _copy(piece[number], tail, stretches, out, to, used)
        out[to:] = tail[used:]
        return out


def merge_ships(parts: list[Ships], systems: int, threads: ThreadPoolExecutor) -> Ships:
    """The ships of all parts, one behind the other as they are stored, sorted by (sid, eid)."""
    merge = Merge.plan(parts, Ships.empty(0), systems, drop_gone=False)
    return Ships._make(_read_only(threads.map(merge.column, range(len(Ships._fields)))))


def merge_nodes(
    parts: list[PlacedNodes], systems: int, threads: ThreadPoolExecutor, run: int | None = None
) -> tuple[PlacedNodes, int]:
    """The nodes with energy of all parts, sorted by (sid, eid); and how many rows of the parts, from the first on, were in order.

    Parameters
    ----------
    run : that number, when it is known.
    """
    merge = Merge.plan(parts, PlacedNodes.empty(0), systems, drop_gone=True, run=run)
    nodes = PlacedNodes._make(_read_only(threads.map(merge.column, range(len(PlacedNodes._fields)))))
    return nodes, sum(len(piece.sid) for piece in merge.pieces)


def _read_only(columns: Iterable[Column]) -> Iterator[Column]:
    for column in columns:
        column.setflags(write=False)
        yield column


def sorted_run(sids: Sequence[NDArray[np.uint32]], eids: Sequence[NDArray[np.int64]]) -> int:
    """How many rows from the first on are sorted by (sid, eid), over all pieces together."""
    length = 0
    last: tuple[int, int] = (-1, -1)
    for sid, eid in zip(sids, eids, strict=True):
        if not len(sid):
            continue
        if (int(sid[0]), int(eid[0])) <= last:
            break
        prefix = sorted_prefix(sid, eid, 0)
        length += prefix
        if prefix != len(sid):
            break
        last = (int(sid[-1]), int(eid[-1]))
    return length


def _split(parts: list[Columns], run: int) -> tuple[list[Columns], list[Columns]]:
    """The first ``run`` rows and the others, both in their pieces."""
    head: list[Columns] = []
    rest: list[Columns] = []
    for part in parts:
        length = len(part.sid)
        if run > 0:
            head.append(with_columns(part, (column[:run] for column in part)))
        if run < length:
            rest.append(with_columns(part, (column[max(run, 0) :] for column in part)))
        run -= length
    return head, rest


@kernel
def tail_order(sid: NDArray[np.uint32], eid: NDArray[np.int64], systems: int) -> NDArray[np.int64]:
    """The order of rows by (sid, eid): counted by system, then few enough rows a system to be inserted one by one."""
    starts = np.zeros(systems + 3, np.int64)
    for row in range(len(sid)):
        starts[np.int64(min(sid[row], systems + 1)) + 1] += 1
    for system in range(1, len(starts)):
        starts[system] += starts[system - 1]
    order = np.empty(len(sid), np.int64)
    ends = starts.copy()
    for row in range(len(sid)):
        of = np.int64(min(sid[row], systems + 1))
        place = ends[of]
        while place > starts[of] and eid[order[place - 1]] > eid[row]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = row
        ends[of] += 1
    return order


@kernel
def _stretches(
    sid: NDArray[np.uint32],
    eid: NDArray[np.int64],
    gone: NDArray[np.bool_],
    gone_count: int,
    tail_sid: NDArray[np.uint32],
    tail_eid: NDArray[np.int64],
    used: int,
) -> tuple[Stretches, int]:
    """The stretches of one piece, and how many rows of the tail are used up after it. gone : of length 0 for none."""
    most = len(tail_sid) - used + gone_count + 1
    tail_before = np.empty(most, np.int32)
    start = np.empty(most, np.int32)
    length = np.empty(most, np.int32)
    count = 0
    begin, before = 0, 0
    for row in range(len(sid)):
        is_gone = len(gone) > 0 and gone[row]
        first_used = used
        if used < len(tail_sid):
            while used < len(tail_sid) and (
                tail_sid[used] < sid[row] or (tail_sid[used] == sid[row] and tail_eid[used] < eid[row])
            ):
                used += 1
        if used != first_used or is_gone:
            if row > begin:
                tail_before[count], start[count], length[count] = before, begin, row - begin
                count += 1
                before = 0
            before += used - first_used
            begin = row + is_gone
    tail_before[count], start[count], length[count] = before, begin, len(sid) - begin
    count += 1
    return Stretches(tail_before[:count], start[:count], length[:count]), used


@kernel
def _copy(
    piece: Column, tail: Column, stretches: Stretches, out: Column, to: int, used: int
) -> tuple[int, int]:
    """Copy one column of a piece and of the tail's rows in between; how far ``out`` and the tail are used then."""
    tail_before, start, length = stretches.tail_before, stretches.start, stretches.length
    for stretch in range(len(start)):
        for _ in range(tail_before[stretch]):
            out[to] = tail[used]
            to += 1
            used += 1
        begin = start[stretch]
        for row in range(length[stretch]):
            out[to + row] = piece[begin + row]
        to += length[stretch]
    return to, used


@kernel
def scatter_energy(energy: NDArray[np.uint16], rows: NDArray[np.int32], stored: NDArray[np.uint16]) -> None:
    """Write each node's energy to its stored row; ``stored`` is mutated."""
    for node in range(len(rows)):
        stored[rows[node]] = energy[node]
