"""A turn's two ends: read the state that is committed, write the state that is to be.

Ships change every turn and are written anew, block by block while later blocks are still played. A node's place never
changes, only its energy: so places are one table that is only appended to, and the energies a table of one column, row
for row beside it, that is written anew. A node that is gone has energy 0 until the places are written anew, in order,
because too many are gone or out of order (``LOOSE_SHARE``). docs/benchmarks/turns.md has what other layouts cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from numpy.typing import NDArray

from wasmverse.database import schema
from wasmverse.database.embedded import APPLICATION, Transaction
from wasmverse.errors import StateError
from wasmverse.universe.genesis import galaxy
from wasmverse.universe.merge import merge_nodes, merge_ships, scatter_energy
from wasmverse.universe.result import TurnResult
from wasmverse.universe.state import NODE_DTYPES, SHIP_DTYPES, Columns, Nodes, Ships, State
from wasmverse.universe.turn import Laws

LOOSE_SHARE = 8
"""The places of nodes are written anew when more than one row in this many is gone or behind the sorted run."""
LOOSE_ROWS_MIN = 4096

ROW_GROUP_ROWS = 122_880
"""Rows that DuckDB stores together."""

_SHIP_TYPE = pa.schema([(name, pa.from_numpy_dtype(np.dtype(dtype))) for name, dtype in SHIP_DTYPES.items()])


@dataclass(frozen=True, slots=True)
class StoredState:
    """A committed state, and where it is stored.

    node_rows : shape (M,), the stored row of each node; places : how many rows are stored, the gone ones included
    places_sorted : how many of them, from the first on, are in order
    """

    tid: int
    next_eid: int
    state: State
    node_rows: NDArray[np.int32]
    places: int
    places_sorted: int

    def ship_table(self) -> pa.Table:
        """The ships as Arrow, without copying."""
        return pa.table(self.state.ships._asdict())

    def node_table(self) -> pa.Table:
        """The nodes as Arrow, without copying."""
        return pa.table(self.state.nodes._asdict())


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
    _insert_nodes(transaction, nodes)
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


def read_state(transaction: Transaction, laws: Laws, threads: ThreadPoolExecutor) -> StoredState:
    """The committed state, checked and in order.

    Raises
    ------
    StateError : a row breaks an invariant.
    """
    ((tid, next_eid),) = transaction.run_text("SELECT tid, next_eid FROM universe")
    places = transaction.read_arrow(schema.node)
    energies = transaction.read_arrow(schema.node_energy)
    _check_columns(places, "node", NODE_DTYPES)
    if len(energies) != len(places):
        raise StateError(
            f"node has {len(places):,} rows and node_energy {len(energies):,}; each node needs one of each, in the same "
            "order: add the missing rows, and set the energy of a node that is to go to 0"
        )
    _check_columns(energies, "node", NODE_DTYPES)
    with ThreadPoolExecutor(1) as beside:
        # The ships are read while the nodes are merged; a thread of its own, because merging waits for those of the pool.
        merging = beside.submit(merge_nodes, _node_pieces(places, energies), laws.systems, threads)
        ship_rows = transaction.read_arrow(schema.ship)
        _check_columns(ship_rows, "ship", SHIP_DTYPES)
        ships = merge_ships(_pieces(ship_rows, Ships), laws.systems, threads)
        nodes, node_rows, places_sorted = merging.result()
    return StoredState(tid, next_eid, State(ships, nodes), node_rows, len(places), places_sorted)


def _check_columns(rows: pa.Table, kind: str, dtypes: dict[str, type[np.generic]]) -> None:
    """Every column has its type and no NULL: others may have written to the file since the last turn."""
    for name in rows.column_names:
        column, dtype = rows[name], dtypes[name]
        if column.type.to_pandas_dtype() is not dtype:
            raise StateError(
                f"{kind}.{name} has the type {column.type}; it must be {np.dtype(dtype)}: change it back"
            )
        if column.null_count:
            row = pc.index(column.is_null(), True).as_py()
            which = (
                f"{kind} {rows['eid'][row]}" if "eid" in rows.column_names else f"row {row} of {kind}_{name}"
            )
            raise StateError(f"{which} has {name} NULL; a number must stand there: correct the row")


def _pieces(rows: pa.Table, kind: type[Columns]) -> list[Columns]:
    """The columns of each piece in which a table was read, without copying."""
    batches = rows.to_batches()
    return [kind._make(column.to_numpy() for column in batch.columns) for batch in batches]


def _node_pieces(places: pa.Table, energies: pa.Table) -> list[Nodes]:
    energy = np.empty(len(energies), np.uint16)
    at = 0
    for batch in energies.to_batches():
        energy[at : at + len(batch)] = batch.column(0).to_numpy()
        at += len(batch)
    pieces = []
    at = 0
    for batch in places.to_batches():
        columns = [column.to_numpy() for column in batch.columns]
        pieces.append(Nodes._make((*columns, energy[at : at + len(batch)])))
        at += len(batch)
    return pieces


def write_ships(transaction: Transaction, before: StoredState, blocks: Iterator[Ships]) -> None:
    """Write the ships that live on, in place of those of the turn before, as their blocks come."""
    transaction.empty(schema.ship, len(before.state.ships.sid))
    batches = (pa.RecordBatch.from_pydict(ships._asdict()) for ships in _row_groups(blocks))
    transaction.insert_arrow(schema.ship, pa.RecordBatchReader.from_batches(_SHIP_TYPE, batches))


def _row_groups(blocks: Iterator[Ships]) -> Iterator[Ships]:
    """The same ships, so many at a time as the database stores together.

    Of any other number, it copies once more at the commit: 100 ms for a million ships.
    """
    waiting: list[Ships] = []
    rows = 0
    for block in blocks:
        start = 0
        while rows + len(block.sid) - start >= ROW_GROUP_ROWS:
            end = start + ROW_GROUP_ROWS - rows
            yield _join([*waiting, Ships._make(column[start:end] for column in block)])
            waiting, rows, start = [], 0, end
        waiting.append(Ships._make(column[start:] for column in block))
        rows += len(block.sid) - start
    if rows:
        yield _join(waiting)


def _join(parts: list[Ships]) -> Ships:
    return parts[0] if len(parts) == 1 else Ships._make(map(np.concatenate, zip(*parts, strict=True)))


def write_turn(transaction: Transaction, before: StoredState, result: TurnResult) -> None:
    """Write what is left of the state at the end of a turn; ``before`` must have been read in this same transaction.

    ``write_ships`` has written the ships that live on.
    """
    transaction.insert_arrow(schema.ship, pa.table(result.new_ships._asdict()))
    _write_nodes(transaction, before, result)
    transaction.run_text("UPDATE universe SET tid = ?, next_eid = ?", (result.tid, result.next_eid))


def _write_nodes(transaction: Transaction, before: StoredState, result: TurnResult) -> None:
    nodes, energy = before.state.nodes, result.node_energy
    transaction.empty(schema.node_energy, before.places)
    gone = before.places - np.count_nonzero(energy)
    loose = gone + before.places - before.places_sorted
    if loose > max(LOOSE_ROWS_MIN, before.places // LOOSE_SHARE):
        left = energy != 0
        transaction.empty(schema.node, before.places)
        _insert_nodes(transaction, Nodes._make(column[left] for column in (*nodes[:-1], energy)))
        _insert_nodes(transaction, result.new_nodes)
        return
    new = result.new_nodes
    stored = np.zeros(before.places + len(new.sid), np.uint16)
    scatter_energy(energy, before.node_rows, stored)
    stored[before.places :] = new.energy
    _insert_places(transaction, new)
    transaction.insert_arrow(schema.node_energy, pa.table({"energy": stored}))


def _insert_nodes(transaction: Transaction, nodes: Nodes) -> None:
    _insert_places(transaction, nodes)
    transaction.insert_arrow(schema.node_energy, pa.table({"energy": nodes.energy}))


def _insert_places(transaction: Transaction, nodes: Nodes) -> None:
    places = nodes._asdict()
    del places["energy"]
    transaction.insert_arrow(schema.node, pa.table(places))
