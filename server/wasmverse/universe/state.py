"""The state of a universe as columns: ships and energy nodes, sorted by (sid, eid)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from wasmverse.errors import StateError
from wasmverse.universe.kernels import kernel
from wasmverse.universe.rules import GRID_SIDE, SHIELD_MAX


class Ships(NamedTuple):
    """Columns of N ships, each of shape (N,)."""

    sid: NDArray[np.uint32]
    eid: NDArray[np.int64]
    strategy_id: NDArray[np.uint16]
    x: NDArray[np.uint8]
    y: NDArray[np.uint8]
    shield: NDArray[np.uint8]
    blasters: NDArray[np.uint8]
    thrusters: NDArray[np.uint8]
    harvesters: NDArray[np.uint8]
    energy: NDArray[np.uint16]
    last_plan: NDArray[np.uint64]

    @classmethod
    def empty(cls, length: int) -> Ships:
        """Columns with room for this many ships, their content undefined."""
        return cls._make(np.empty(length, dtype) for dtype in SHIP_DTYPES.values())


class Nodes(NamedTuple):
    """Columns of M energy nodes, each of shape (M,)."""

    sid: NDArray[np.uint32]
    eid: NDArray[np.int64]
    x: NDArray[np.uint8]
    y: NDArray[np.uint8]
    energy: NDArray[np.uint16]

    @classmethod
    def empty(cls, length: int) -> Nodes:
        """Columns with room for this many nodes, their content undefined."""
        return cls._make(np.empty(length, dtype) for dtype in NODE_DTYPES.values())


Columns = TypeVar("Columns", Ships, Nodes)

SHIP_DTYPES: dict[str, type[np.generic]] = {
    "sid": np.uint32, "eid": np.int64, "strategy_id": np.uint16, "x": np.uint8, "y": np.uint8, "shield": np.uint8,
    "blasters": np.uint8, "thrusters": np.uint8, "harvesters": np.uint8, "energy": np.uint16, "last_plan": np.uint64,
}  # fmt: skip
NODE_DTYPES: dict[str, type[np.generic]] = {
    "sid": np.uint32, "eid": np.int64, "x": np.uint8, "y": np.uint8, "energy": np.uint16,
}  # fmt: skip


RUN_ROWS = 16


class State(NamedTuple):
    """A committed state, of a universe or of some of its systems: ships and nodes, each sorted by (sid, eid). No array is
    written to."""

    ships: Ships
    nodes: Nodes


@kernel
def end_of_run(values: NDArray[np.uint32], row: int, wanted: Any) -> int:
    """The first row from ``row`` on that has another value; looked for by ``RUN_ROWS`` rows at a time."""
    while row + RUN_ROWS <= len(values):
        some = values[row : row + RUN_ROWS]
        difference = np.uint32(0)
        for i in range(RUN_ROWS):
            difference |= some[i] ^ np.uint32(wanted)
        if difference != np.uint32(0):
            break
        row += RUN_ROWS
    while row < len(values) and values[row] == wanted:
        row += 1
    return row


@kernel
def offsets_by_system(sid: NDArray[np.uint32], sids: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Shape (len(sids) + 1,): rows of the system ``sids[s]`` are ``offsets[s]:offsets[s + 1]``.

    Both arrays must be sorted. The last offset is less than ``len(sid)`` if a row has a sid that is not in ``sids``: it is the
    first such row.
    """
    offsets = np.empty(len(sids) + 1, np.int64)
    row = 0
    for system in range(len(sids)):
        offsets[system] = row
        row = end_of_run(sid, row, sids[system])
    offsets[len(sids)] = row
    return offsets


def of_system(state: State, sid: int) -> State:
    """The ships and nodes of one system; views."""

    def rows(columns: Columns) -> Columns:
        begin, end = np.searchsorted(columns.sid, [sid, sid + 1])
        return with_columns(columns, (column[begin:end] for column in columns))

    return State(rows(state.ships), rows(state.nodes))


def with_system(columns: Columns, system: Columns, sid: int) -> Columns:
    """Columns sorted by sid, with the rows of ``system`` in place of those that system ``sid`` has in them; copies."""
    begin, end = np.searchsorted(columns.sid, [sid, sid + 1])
    parts: Any = zip(columns, system, strict=True)
    return with_columns(columns, (np.concatenate((old[:begin], new, old[end:])) for old, new in parts))


def make_state(ships: Ships, nodes: Nodes, systems: int) -> State:
    """Columns in any order as a State.

    Raises
    ------
    StateError : a value breaks an invariant; the message names the first row concerned.
    """
    state = State(_in_order(ships), _in_order(nodes))
    for columns in state:
        for column in columns:
            column.setflags(write=False)
    check_invariants(*state, systems)
    return state


def _in_order(columns: Columns) -> Columns:
    order = np.lexsort((columns.eid, columns.sid))
    return with_columns(columns, (column[order] for column in columns))


def with_columns(like: Columns, columns: Iterable[Any]) -> Columns:
    """Columns of the same kind as ``like``."""
    return type(like)(*columns)


def check_invariants(ships: Ships, nodes: Nodes, systems: int) -> None:
    """Every sid exists, every position is on the grid, every shield within its limit.

    Raises
    ------
    StateError : naming the first entity that breaks one.
    """
    ranges: list[tuple[Ships | Nodes, str, str, int, int]] = [
        (ships, "ship", "sid", 1, systems),
        (ships, "ship", "x", 0, GRID_SIDE - 1),
        (ships, "ship", "y", 0, GRID_SIDE - 1),
        (ships, "ship", "shield", 0, SHIELD_MAX),
        (nodes, "node", "sid", 1, systems),
        (nodes, "node", "x", 0, GRID_SIDE - 1),
        (nodes, "node", "y", 0, GRID_SIDE - 1),
    ]
    for columns, kind, name, least, most in ranges:
        column = getattr(columns, name)
        if len(column) and (column.min() < least or column.max() > most):
            row = int(np.argmax((column < least) | (column > most)))
            raise StateError(
                f"{kind} {columns.eid[row]} has {name} {column[row]}; allowed is {least}..{most}: correct the row"
            )


def strategies_flown(ships: Ships) -> list[int]:
    """The ids of the strategies that have ships, in order."""
    return [int(found) for found in np.flatnonzero(np.bincount(ships.strategy_id))]


def state_hash(ships: Ships, nodes: Nodes, tid: int, next_eid: int) -> str:
    """SHA-256 of a state in canonical form: little-endian columns, rows sorted by (sid, eid), then tid and next_eid."""
    digest = hashlib.sha256()
    for columns in (ships, nodes):
        order = np.lexsort((columns.eid, columns.sid))
        for column in columns:
            digest.update(
                np.ascontiguousarray(column[order]).astype(column.dtype.newbyteorder("<")).tobytes()
            )
    digest.update(np.array([tid, next_eid], "<i8").tobytes())
    return digest.hexdigest()
