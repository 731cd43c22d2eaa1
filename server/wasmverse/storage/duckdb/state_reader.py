"""The state that a transaction sees, read as it is stored and put in order beside whatever is done next.

A turn reads what it has written before it commits: so the rows are put in order, and written out for readers of the
snapshot, while the record of the turn is written and the commit waits for the disk. The state is used only once the commit
has succeeded. A turn's nodes are put in order even before they are written, because a place never changes: what is read of
them is their energies.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from wasmverse.errors import StateError
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Transaction
from wasmverse.storage.duckdb.packing import unpack_energies, unpack_ships
from wasmverse.storage.duckdb.stored_state import NodeLayout, StoredState, as_table, row_numbers
from wasmverse.universe.merge import merge_nodes, merge_ships
from wasmverse.universe.state import Nodes, PlacedNodes, Ships, State, check_invariants

TakeTable = Callable[[str, pa.Table], None]
"""Is given tables of ``schema.SNAPSHOT_TABLES`` by name, each as soon as it is ready; called on several threads."""


class _SettledNodes(NamedTuple):
    """Nodes in order, and of `StoredState` what is known of where they are stored."""

    nodes: PlacedNodes
    places: int
    places_sorted: int


@dataclass(frozen=True, slots=True)
class Placing:
    """Nodes that are being put in order, and the layout in which they are to be found."""

    layout: NodeLayout
    nodes: Future[_SettledNodes]

    def finish(self) -> None:
        """Wait until they are not handed out any more; they are not wanted."""
        self.nodes.exception()


class Reading:
    """A state whose rows have been read and are being put in order."""

    def __init__(
        self,
        position: tuple[int, int],
        ships: Future[Ships],
        nodes: Future[_SettledNodes],
    ) -> None:
        self._position = position
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
        nodes, places, places_sorted = self._nodes.result()
        state = State(self._ships.result(), Nodes._make(nodes[:-1]))
        return StoredState(*self._position, state, nodes.row, places, places_sorted)


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

    def place(self, layout: NodeLayout, take: TakeTable | None = None) -> Placing:
        """Begin to put a turn's nodes in order."""
        return Placing(layout, self._beside.submit(self._place_nodes, layout, take))

    def read(
        self,
        transaction: Transaction,
        position: tuple[int, int] | None = None,
        take: TakeTable | None = None,
        placing: Placing | None = None,
    ) -> Reading:
        """Read all rows; the transaction may be ended when this returns, before the state is in order.

        Parameters
        ----------
        position : tid and next_eid, if they are known.
        placing : the nodes, if they are being put in order; then only their energies are read, and compared.

        Raises
        ------
        StateError : a table is not what it has to be.
        """
        if position is None:
            (position,) = transaction.run_text("SELECT tid, next_eid FROM universe")
        if placing is None:
            places = transaction.read_arrow(schema.node_place)
            energies = transaction.read_arrow(schema.node_energy)
            _check_columns(places, schema.node_place)
            _check_energies(energies, len(places))
            nodes = self._beside.submit(self._settle_nodes, places, energies, take)
        else:
            _check_written(transaction.read_arrow(schema.node_energy), placing.layout)
            nodes = placing.nodes
        try:
            ship_rows = transaction.read_arrow(schema.ship_packed)
            _check_columns(ship_rows, schema.ship_packed)
        except BaseException:
            nodes.exception()  # nobody is handed a table of a state that cannot be read
            raise
        ships = self._beside.submit(self._settle_ships, ship_rows, take)
        return Reading(position, ships, nodes)

    def _settle_ships(self, rows: pa.Table, take: TakeTable | None) -> Ships:
        ships = merge_ships([unpack_ships(batch) for batch in rows.to_batches()], self.systems, self.threads)
        check_invariants(ships, Nodes.empty(0), self.systems)
        if take is not None:
            take("ship", as_table(ships))
        return ships

    def _settle_nodes(self, places: pa.Table, energies: pa.Table, take: TakeTable | None) -> _SettledNodes:
        nodes, run = merge_nodes(_node_pieces(places, energies), self.systems, self.threads)
        shown = Nodes._make(nodes[:-1])
        check_invariants(Ships.empty(0), shown, self.systems)
        if take is not None:
            take("node", as_table(shown))
        return _SettledNodes(nodes, len(places), run)

    def _place_nodes(self, layout: NodeLayout, take: TakeTable | None) -> _SettledNodes:
        before, new = layout.parts
        nodes, _ = merge_nodes([before, new], self.systems, self.threads, run=len(before.sid))
        if take is not None:
            take("node", as_table(Nodes._make(nodes[:-1])))
        return _SettledNodes(nodes, layout.places, layout.places_sorted)


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


def _check_energies(energies: pa.Table, places: int) -> None:
    """As many rows as there have to be for so many places."""
    _check_columns(energies, schema.node_energy)
    rows = -(-places // schema.NODES_A_ROW)
    if len(energies) != rows:
        raise StateError(
            f"node_place has {places:,} rows and node_energy {len(energies):,}; {rows:,} are needed, each for "
            f"{schema.NODES_A_ROW} nodes in the same order: correct node_energy, where 0 is the energy of a node that is gone"
        )


def _check_written(energies: pa.Table, layout: NodeLayout) -> None:
    """What is read is what was to be written."""
    _check_energies(energies, layout.places)
    read = unpack_energies(energies)[: layout.places]
    if not np.array_equal(read, layout.energies):
        row = int(np.argmax(read != layout.energies))
        raise StateError(
            f"the energy of the node in row {row} of node_place was written as {layout.energies[row]} and read as {read[row]}; "
            "the turn is not committed: check this machine's memory, and whether another program changes the file"
        )


def _node_pieces(places: pa.Table, energies: pa.Table) -> list[PlacedNodes]:
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
        end = at + len(batch)
        pieces.append(PlacedNodes._make((*columns, energy[at:end], row_numbers(at, end))))
        at = end
    return pieces
