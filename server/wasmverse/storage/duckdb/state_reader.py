"""The state that a transaction sees, read as it is stored and unpacked beside whatever is done next.

A turn reads what it has written before it commits, and compares it byte for byte. While the record of the turn is written and
the commit waits for the disk, the rows are unpacked and written out for readers of the snapshot. The state is used only once
the commit has succeeded.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from wasmverse.errors import StateError
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Transaction
from wasmverse.storage.duckdb.stored_state import StoredState, as_table, blobs_of, check_rows
from wasmverse.storage.universe_store import Publish
from wasmverse.universe.packed import PackedState
from wasmverse.universe.state import Nodes, Ships, State
from wasmverse.universe.unpacked import Unpacking


class Reading:
    """A state whose rows have been read and are being unpacked."""

    def __init__(
        self,
        position: tuple[int, int],
        compared: Future[None] | None,
        ships: Future[Ships],
        nodes: Future[Nodes],
    ) -> None:
        self._position = position
        self._compared = compared
        self._ships = ships
        self._nodes = nodes

    def check(self) -> None:
        """Wait until what was read has been compared with what was written.

        Raises
        ------
        StateError : they differ.
        """
        if self._compared is not None:
            self._compared.result()

    def finish(self) -> None:
        """Wait until no more tables are handed out; the state is not wanted."""
        self._ships.exception()
        self._nodes.exception()

    def state(self) -> StoredState:
        """Wait for the state.

        Raises
        ------
        StateError : a value cannot be.
        """
        return StoredState(*self._position, State(self._ships.result(), self._nodes.result()))


class StateReader:
    """Reads the states of a universe of so many systems. For one thread.

    Parameters
    ----------
    threads : what unpacking is shared out to.
    """

    def __init__(self, systems: int, threads: ThreadPoolExecutor) -> None:
        self.systems = systems
        self.threads = threads
        # Threads of their own, because they wait for those that unpack.
        self._beside = ThreadPoolExecutor(3, "reading")

    def close(self) -> None:
        """End the threads."""
        self._beside.shutdown()

    def count(self, transaction: Transaction) -> tuple[int, int]:
        """How many ships and nodes there are, without unpacking them. Raises StateError as `read` does."""
        rows = check_rows(transaction.read_arrow(schema.system_state), self.systems)
        ships, nodes = (Unpacking(kind, blobs_of(rows, f"{kind}s")) for kind in ("ship", "node"))
        return int(ships.offsets[-1]), int(nodes.offsets[-1])

    def read(
        self,
        transaction: Transaction,
        position: tuple[int, int] | None = None,
        take: Publish | None = None,
        written: PackedState | None = None,
    ) -> Reading:
        """Read all rows; the transaction may be ended when this returns, before they are unpacked.

        Parameters
        ----------
        position : tid and next_eid, if they are known.
        written : what is to be found; `Reading.check` says whether it is.

        Raises
        ------
        StateError : the table is not what it has to be.
        """
        if position is None:
            (position,) = transaction.run_text("SELECT tid, next_eid FROM universe")
        rows = check_rows(transaction.read_arrow(schema.system_state), self.systems)
        ships, nodes = (Unpacking(kind, blobs_of(rows, f"{kind}s")) for kind in ("ship", "node"))
        compared = None if written is None else self._beside.submit(self._compare, ships, nodes, written)
        return Reading(
            position,
            compared,
            self._beside.submit(self._unpack_ships, ships, take),
            self._beside.submit(self._unpack_nodes, nodes, take),
        )

    def _compare(self, ships: Unpacking, nodes: Unpacking, written: PackedState) -> None:
        for read, was in ((ships, written.ships), (nodes, written.nodes)):
            system = read.differs_from(was, self.threads)
            if system >= 0:
                raise StateError(
                    f"the {read.kind}s of system {system + 1} are not read as they were written; the turn is not committed: "
                    "check this machine's memory, and whether another program changes the file"
                )

    def _unpack_ships(self, packed: Unpacking, take: Publish | None) -> Ships:
        ships = packed.ships(self.threads)
        if take is not None:
            take("ship", as_table(ships))
        return ships

    def _unpack_nodes(self, packed: Unpacking, take: Publish | None) -> Nodes:
        nodes = packed.nodes(self.threads)
        if take is not None:
            take("node", as_table(nodes))
        return nodes
