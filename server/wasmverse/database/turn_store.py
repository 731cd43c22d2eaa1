"""A turn's two ends: read the state that is committed, write the state that is to be.

Ships change every turn and are written anew; of the nodes only those that gave, vanished or appeared are
touched, by row id. New nodes are appended, so the node table is one long sorted run and a tail; when the tail
has grown to a share of the table, the table is written anew in order (``TAIL_SHARE``).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from numpy.typing import NDArray

from wasmverse.database import schema
from wasmverse.database.embedded import APPLICATION, Transaction
from wasmverse.errors import StateError
from wasmverse.universe.genesis import galaxy
from wasmverse.universe.state import NODE_DTYPES, SHIP_DTYPES, Nodes, Ships, State, make_state
from wasmverse.universe.turn import Laws, NodeChanges, TurnResult

TAIL_SHARE = 8
"""The node table is put in order when more than one node in this many is in the tail."""
TAIL_ROWS_MIN = 4096

PARALLEL_ROWS_MIN = 500_000
PARALLEL_COPIES = 4


@dataclass(frozen=True, slots=True)
class StoredState:
    """A committed state: arrays for the rules, the same rows as Arrow for readers, and where each node is stored."""

    tid: int
    next_eid: int
    state: State
    ship_rows: pa.Table
    node_rows: pa.Table
    node_rowids: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """What ``turns`` says of a turn besides its result; times are seconds since 1970."""

    slot: int
    started_at: float
    ended_at: float
    late: bool


def create_universe(
    transaction: Transaction, laws: Laws, ships: Ships, nodes: Nodes, next_eid: int, created_by: str
) -> None:
    """Put a new universe, at turn 0, into an empty database."""
    x, y = galaxy(laws.seed, laws.systems)
    systems = pa.table({"sid": np.arange(1, laws.systems + 1, dtype=np.uint32), "x": x, "y": y})
    transaction.insert_arrow(schema.solar_system, systems)
    transaction.insert_arrow(schema.ship, pa.table(ships._asdict()))
    transaction.insert_arrow(schema.node, pa.table(nodes._asdict()))
    transaction.run(
        schema.universe.insert(),
        application=APPLICATION,
        format_version=schema.FORMAT_VERSION,
        created_by=created_by,
        created_at=datetime.now(UTC).replace(tzinfo=None),
        seed=laws.seed,
        systems=laws.systems,
        ships_min=laws.ships_min,
        nodes_min=laws.nodes_min,
        block_systems=laws.block_systems,
        tid=0,
        next_eid=next_eid,
    )


def read_laws(transaction: Transaction) -> Laws:
    """What the universe was made with."""
    row = transaction.one(sa.select(schema.universe))
    if row is None:
        raise StateError("the database holds no universe yet: make one with `wasmverse serve`")
    return Laws(row.seed, row.systems, row.ships_min, row.nodes_min, row.block_systems)


def read_state(transaction: Transaction, laws: Laws) -> StoredState:
    """The committed state, checked and in order.

    Raises
    ------
    StateError : a row breaks an invariant.
    """
    ((tid, next_eid),) = transaction.run_text("SELECT tid, next_eid FROM universe")
    ship_rows = transaction.read_arrow(schema.ship)
    node_rows = transaction.read_arrow(schema.node, "rowid")
    _check_columns(ship_rows, "ship", SHIP_DTYPES)
    _check_columns(node_rows, "node", NODE_DTYPES)
    columns = [*ship_rows.itercolumns(), *node_rows.itercolumns()]
    if len(node_rows) + len(ship_rows) < PARALLEL_ROWS_MIN:
        arrays = [_to_numpy(column) for column in columns]
    else:
        # Filling fresh pages is what takes the time, and one core cannot do it any faster.
        with ThreadPoolExecutor(PARALLEL_COPIES) as pool:
            arrays = list(pool.map(_to_numpy, columns))
    ships = Ships._make(arrays[: len(Ships._fields)])
    nodes = Nodes._make(arrays[len(Ships._fields) : -1])
    rowids = arrays[-1]
    state, order = make_state(ships, nodes, laws.systems)
    if order is not None:
        rowids = rowids[order]
    return StoredState(tid, next_eid, state, ship_rows, node_rows.drop_columns("rowid"), rowids)


def _check_columns(rows: pa.Table, kind: str, dtypes: dict[str, type[np.generic]]) -> None:
    """Every column has its type and no NULL: others may have written to the file since the last turn."""
    for name, dtype in dtypes.items():
        column = rows[name]
        if column.type.to_pandas_dtype() is not dtype:
            raise StateError(
                f"{kind}.{name} has the type {column.type}; it must be {np.dtype(dtype)}: change it back"
            )
        if column.null_count:
            row = pc.index(column.is_null(), True).as_py()
            raise StateError(
                f"{kind} {rows['eid'][row]} has {name} NULL; a number must stand there: correct the row"
            )


def _to_numpy(column: Any) -> NDArray[Any]:
    """One contiguous array of a column without nulls."""
    out = np.empty(len(column), column.type.to_pandas_dtype())
    at = 0
    for chunk in column.chunks:
        out[at : at + len(chunk)] = chunk.to_numpy()
        at += len(chunk)
    return out


def write_turn(transaction: Transaction, before: StoredState, result: TurnResult) -> None:
    """Write the state at the end of a turn; ``before`` must have been read in this same transaction."""
    transaction.run_text("DELETE FROM ship")
    transaction.insert_arrow(schema.ship, pa.table(result.ships._asdict()))
    _write_nodes(transaction, before, result)
    transaction.run_text("UPDATE universe SET tid = ?, next_eid = ?", (result.tid, result.next_eid))


def _write_nodes(transaction: Transaction, before: StoredState, result: TurnResult) -> None:
    changes = result.node_changes
    nodes = before.state.nodes
    tail = len(nodes.sid) - before.state.nodes_sorted
    if tail > max(TAIL_ROWS_MIN, len(nodes.sid) // TAIL_SHARE):
        after = nodes_after(nodes, changes)
        order = np.lexsort((after.eid, after.sid))
        transaction.run("DELETE FROM node")
        in_order = Nodes._make(column[order] for column in after)
        transaction.insert_arrow(schema.node, pa.table(in_order._asdict()))
        return
    if len(changes.changed):
        given = pa.table({"row": before.node_rowids[changes.changed], "left_over": changes.changed_energy})
        transaction.run_arrow(
            "UPDATE node SET energy = given.left_over FROM given WHERE node.rowid = given.row", given
        )
    if len(changes.removed):
        given = pa.table({"row": before.node_rowids[changes.removed]})
        transaction.run_arrow("DELETE FROM node USING given WHERE node.rowid = given.row", given)
    transaction.insert_arrow(schema.node, pa.table(changes.added._asdict()))


def nodes_after(nodes: Nodes, changes: NodeChanges) -> Nodes:
    """The nodes at the end of a turn: those that are left in their order, then the new ones."""
    energy = nodes.energy.copy()
    energy[changes.changed] = changes.changed_energy
    keep = np.ones(len(nodes.sid), bool)
    keep[changes.removed] = False
    columns: list[NDArray[Any]] = [*nodes[:-1], energy]
    added: list[NDArray[Any]] = list(changes.added)
    return Nodes._make(np.concatenate((old[keep], new)) for old, new in zip(columns, added, strict=True))
