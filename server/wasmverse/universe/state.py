"""The state of a universe as columns: ships and energy nodes, sorted by (sid, eid)."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

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


SHIP_DTYPES: dict[str, type[np.generic]] = {
    "sid": np.uint32, "eid": np.int64, "strategy_id": np.uint16, "x": np.uint8, "y": np.uint8, "shield": np.uint8,
    "blasters": np.uint8, "thrusters": np.uint8, "harvesters": np.uint8, "energy": np.uint16, "last_plan": np.uint64,
}  # fmt: skip
NODE_DTYPES: dict[str, type[np.generic]] = {
    "sid": np.uint32, "eid": np.int64, "x": np.uint8, "y": np.uint8, "energy": np.uint16,
}  # fmt: skip


class State(NamedTuple):
    """A committed state.

    ships are sorted by (sid, eid). nodes are two sorted runs one behind the other: the first ``nodes_sorted`` rows,
    and the rest; a database that only appends new nodes keeps that for nothing. No array is written to.
    """

    ships: Ships
    nodes: Nodes
    nodes_sorted: int


@kernel
def sorted_prefix(sid: NDArray[np.uint32], eid: NDArray[np.int64], start: int) -> int:
    """The first row from ``start`` on at which the order by (sid, eid) breaks; the length when it never does."""
    for row in range(start + 1, len(sid)):
        if sid[row - 1] > sid[row] or (sid[row - 1] == sid[row] and eid[row - 1] >= eid[row]):
            return row
    return len(sid)


@kernel
def offsets_by_system(sid: NDArray[np.uint32], start: int, stop: int, systems: int) -> NDArray[np.int64]:
    """Shape (systems + 1,): rows of system s (from 0, sid s + 1) are ``offsets[s]:offsets[s + 1]``.

    The rows from start to stop must be sorted by sid, and every sid lie in 1..systems.
    """
    offsets = np.empty(systems + 1, np.int64)
    row = start
    for system in range(systems):
        offsets[system] = row
        while row < stop and sid[row] == system + 1:
            row += 1
    offsets[systems] = row
    return offsets


def make_state(ships: Ships, nodes: Nodes, systems: int) -> tuple[State, NDArray[np.int64] | None]:
    """Put columns as they come from a database into a State, sorting what is not sorted yet.

    Returns
    -------
    (state, order) : order is None, or the permutation that was applied to the nodes (state row -> given row).

    Raises
    ------
    StateError : a value breaks an invariant; the message names the first row concerned.
    """
    if sorted_prefix(ships.sid, ships.eid, 0) != len(ships.sid):
        order = np.lexsort((ships.eid, ships.sid))
        ships = Ships._make(column[order] for column in ships)
    nodes_sorted = sorted_prefix(nodes.sid, nodes.eid, 0)
    node_order = None
    if sorted_prefix(nodes.sid, nodes.eid, nodes_sorted) != len(nodes.sid):
        # A tail of many runs (every turn appends one): sort the tail alone, unless it is most of the table.
        tail = np.lexsort((nodes.eid[nodes_sorted:], nodes.sid[nodes_sorted:])) + nodes_sorted
        node_order = np.concatenate((np.arange(nodes_sorted), tail))
        nodes = Nodes._make(np.concatenate((column[:nodes_sorted], column[tail])) for column in nodes)
    for columns in (ships, nodes):
        for column in columns:
            column.setflags(write=False)
    check_invariants(ships, nodes, systems)
    return State(ships, nodes, nodes_sorted), node_order


def check_invariants(ships: Ships, nodes: Nodes, systems: int) -> None:
    """Every sid exists, every position is on the grid, every shield within its limit.

    Raises
    ------
    StateError : naming the first entity that breaks one.
    """
    checks: list[tuple[Ships | Nodes, str, str, NDArray[np.bool_], str]] = [
        (ships, "ship", "sid", (ships.sid < 1) | (ships.sid > systems), f"1..{systems}"),
        (ships, "ship", "x", ships.x >= GRID_SIDE, f"0..{GRID_SIDE - 1}"),
        (ships, "ship", "y", ships.y >= GRID_SIDE, f"0..{GRID_SIDE - 1}"),
        (ships, "ship", "shield", ships.shield > SHIELD_MAX, f"0..{SHIELD_MAX}"),
        (nodes, "node", "sid", (nodes.sid < 1) | (nodes.sid > systems), f"1..{systems}"),
        (nodes, "node", "x", nodes.x >= GRID_SIDE, f"0..{GRID_SIDE - 1}"),
        (nodes, "node", "y", nodes.y >= GRID_SIDE, f"0..{GRID_SIDE - 1}"),
    ]
    for columns, kind, name, broken, allowed in checks:
        if broken.any():
            row = int(np.argmax(broken))
            raise StateError(
                f"{kind} {columns.eid[row]} has {name} {getattr(columns, name)[row]}; allowed is {allowed}: correct the row"
            )


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
