"""The state that a transaction sees, read as it is stored and put in order beside whatever is done next.

A turn reads what it has written before it commits: so the rows are put in order, and written out for readers of the
snapshot, while the record of the turn is written and the commit waits for the disk. The state is used only once the commit
has succeeded.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from numpy.typing import NDArray

from wasmverse.database import schema
from wasmverse.database.embedded import Transaction
from wasmverse.database.packing import unpack_energies, unpack_ships
from wasmverse.errors import StateError
from wasmverse.universe.merge import merge_nodes, merge_ships
from wasmverse.universe.state import Columns, Nodes, Ships, State

TakeTable = Callable[[str, pa.Table], None]
"""Is given tables of ``schema.SNAPSHOT_TABLES`` by name, each as soon as it is ready; called on several threads."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state, and where it is stored.

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
        return _table(self.state.ships)

    def node_table(self) -> pa.Table:
        """The nodes as Arrow, without copying."""
        return _table(self.state.nodes)


class Reading:
    """A state whose rows have been read and are being put in order."""

    def __init__(
        self,
        position: tuple[int, int],
        places: int,
        ships: Future[Ships],
        nodes: Future[tuple[Nodes, NDArray[np.int32], int]],
    ) -> None:
        self._position = position
        self._places = places
        self._ships = ships
        self._nodes = nodes

    def finish(self) -> None:
        """Wait until no more tables are handed out; the state is not wanted."""
        self._ships.exception()
        self._nodes.exception()

    def state(self) -> StoredState:
        """Wait for the state.

        Raises
        ------
        StateError : a value breaks an invariant.
        """
        nodes, node_rows, places_sorted = self._nodes.result()
        state = State(self._ships.result(), nodes)
        return StoredState(*self._position, state, node_rows, self._places, places_sorted)


class StateReader:
    """Reads the states of a universe of so many systems. For one thread.

    Parameters
    ----------
    threads : what merging shares out its columns to.
    """

    def __init__(self, systems: int, threads: ThreadPoolExecutor) -> None:
        self.systems = systems
        self.threads = threads
        # Threads of their own, because they wait for those that merge.
        self._beside = ThreadPoolExecutor(2, "reading")

    def close(self) -> None:
        """End the threads."""
        self._beside.shutdown()

    def read(
        self, transaction: Transaction, position: tuple[int, int] | None = None, take: TakeTable | None = None
    ) -> Reading:
        """Read all rows; the transaction may be ended when this returns, before the state is in order.

        Parameters
        ----------
        position : tid and next_eid, if they are known.

        Raises
        ------
        StateError : a table is not what it has to be.
        """
        if position is None:
            (position,) = transaction.run_text("SELECT tid, next_eid FROM universe")
        places = transaction.read_arrow(schema.node_place)
        energies = transaction.read_arrow(schema.node_energy)
        _check_columns(places, schema.node_place)
        _check_columns(energies, schema.node_energy)
        rows = -(-len(places) // schema.NODES_A_ROW)
        if len(energies) != rows:
            raise StateError(
                f"node_place has {len(places):,} rows and node_energy {len(energies):,}; {rows:,} are needed, each for "
                f"{schema.NODES_A_ROW} nodes in the same order: correct node_energy, where 0 is the energy of a node that is gone"
            )
        nodes = self._beside.submit(self._settle_nodes, places, energies, take)
        try:
            ship_rows = transaction.read_arrow(schema.ship_packed)
            _check_columns(ship_rows, schema.ship_packed)
        except BaseException:
            nodes.exception()  # nobody is handed a table of a state that cannot be read
            raise
        ships = self._beside.submit(self._settle_ships, ship_rows, take)
        return Reading(position, len(places), ships, nodes)

    def _settle_ships(self, rows: pa.Table, take: TakeTable | None) -> Ships:
        ships = merge_ships([unpack_ships(batch) for batch in rows.to_batches()], self.systems, self.threads)
        if take is not None:
            take("ship", _table(ships))
        return ships

    def _settle_nodes(
        self, places: pa.Table, energies: pa.Table, take: TakeTable | None
    ) -> tuple[Nodes, NDArray[np.int32], int]:
        nodes, node_rows, places_sorted = merge_nodes(
            _node_pieces(places, energies), self.systems, self.threads
        )
        if take is not None:
            take("node", _table(nodes))
        return nodes, node_rows, places_sorted


def _table(columns: Columns) -> pa.Table:
    return pa.table(columns._asdict())


def _check_columns(rows: pa.Table, table: sa.Table) -> None:
    """Every column has its type and no NULL: others may have written to the file before it was opened."""
    for column in table.columns:
        values, dtype = rows[column.name], schema.DTYPES[type(column.type)]
        if values.type.to_pandas_dtype() is not dtype:
            raise StateError(
                f"{table.name}.{column.name} has the type {values.type}; it must be {np.dtype(dtype)}: change it back"
            )
        if values.null_count:
            row = pc.index(values.is_null(), True).as_py()
            which = (
                f"{table.name} {rows['eid'][row]}"
                if "eid" in rows.column_names
                else f"row {row} of {table.name}"
            )
            raise StateError(f"{which} has {column.name} NULL; a number must stand there: correct the row")


def _node_pieces(places: pa.Table, energies: pa.Table) -> list[Nodes]:
    energy = unpack_energies(energies)
    for node in range(len(places), len(energy)):
        if energy[node]:
            raise StateError(
                f"row {node // schema.NODES_A_ROW} of node_energy holds energy {energy[node]} for node {node + 1} of "
                f"{len(places)}: set it to 0, or add the row of node_place"
            )
    pieces = []
    at = 0
    for batch in places.to_batches():
        columns = [column.to_numpy() for column in batch.columns]
        pieces.append(Nodes._make((*columns, energy[at : at + len(batch)])))
        at += len(batch)
    return pieces
