"""The state as a transaction sees it: read and unpacked, or read and compared with what was written.

A turn unpacks what it has packed, beside the writing of it; then it reads the rows back before it commits, and compares them byte
for byte with what was packed. Where they are so few that one thread would read them, the database compares them in one statement
without copying them out: 0.9 ms in place of 1.3 at the default size. So what the next turn plays on, and what readers of the
snapshot see, is what the rows hold; it is used only once the commit has succeeded.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from wasmverse.errors import StateError
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Transaction
from wasmverse.storage.duckdb.position import read_position
from wasmverse.storage.duckdb.state_rows import ROWS_A_BATCH, as_rows, blobs_of, check_rows
from wasmverse.storage.stored_state import StoredState, as_table
from wasmverse.storage.universe_store import Publish
from wasmverse.universe.crew import Crew
from wasmverse.universe.packed import PackedState
from wasmverse.universe.state import State
from wasmverse.universe.unpacked import Unpacking

_FIRST_DIFFERENCE = """
    SELECT coalesce(given.sid, stored.sid), CASE WHEN stored.ships IS DISTINCT FROM given.ships THEN 'ship' ELSE 'node' END
    FROM system_state AS stored POSITIONAL JOIN given
    WHERE stored.sid IS DISTINCT FROM given.sid OR stored.ships IS DISTINCT FROM given.ships
    OR stored.nodes IS DISTINCT FROM given.nodes LIMIT 1"""
"""Where rows are too many or missing, NULL stands beside those that are there."""


def read_state(transaction: Transaction, systems: int) -> StoredState:
    """Read the state of so many systems once, with one thread; raises StateError as `StateReader.read` does."""
    reader = StateReader(systems, Crew(1))
    try:
        return reader.read(transaction)
    finally:
        reader.close()


class StateReader:
    """Reads the states of a universe of so many systems. For one thread.

    Parameters
    ----------
    crew : what comparing is shared out to, and unpacking when nothing else is to be done meanwhile.
    """

    def __init__(self, systems: int, crew: Crew) -> None:
        self.systems = systems
        self.crew = crew
        # One processor is left to the database.
        self._crew_beside = Crew(max(1, crew.threads - 1))
        self._beside = ThreadPoolExecutor(1, "unpack")

    def close(self) -> None:
        """End the threads."""
        self._beside.shutdown()
        self._crew_beside.close()

    def count(self, transaction: Transaction) -> tuple[int, int]:
        """How many ships and nodes there are, without unpacking them. Raises StateError as `read` does."""
        ships, nodes = self._rows(transaction)
        return int(ships.offsets[-1]), int(nodes.offsets[-1])

    def read(self, transaction: Transaction) -> StoredState:
        """Read and unpack all rows.

        Raises
        ------
        StateError : the table is not what it has to be, or a value cannot be.
        """
        tid, next_eid = read_position(transaction)
        ships, nodes = self._rows(transaction)
        return StoredState(tid, next_eid, State(ships.ships(self.crew), nodes.nodes(self.crew)))

    def begin(self, packed: PackedState, take: Publish | None = None) -> Future[State]:
        """Begin to unpack what is going to be written, on another thread, and hand out its tables as soon as they are there.

        The state's result raises StateError if a value cannot be.
        """
        return self._beside.submit(self._unpack, packed, take)

    def check(self, transaction: Transaction, written: PackedState, rows: pa.Table | None = None) -> None:
        """Read all rows and compare them with what was written, which ``rows`` are too if they were made already.

        Raises
        ------
        StateError : they differ, or the table is not what it has to be.
        """
        if self.systems <= ROWS_A_BATCH:
            given = as_rows(written) if rows is None else rows
            for sid, kind in transaction.run_arrow(_FIRST_DIFFERENCE, given):
                raise _differs(kind, sid)
            return
        for read, was in zip(self._rows(transaction), written, strict=True):
            system = read.differs_from(was, self.crew)
            if system >= 0:
                raise _differs(read.kind, system + 1)

    def _rows(self, transaction: Transaction) -> tuple[Unpacking, Unpacking]:
        rows = check_rows(transaction.read_arrow(schema.system_state), self.systems)
        return Unpacking("ship", blobs_of(rows, "ships")), Unpacking("node", blobs_of(rows, "nodes"))

    def _unpack(self, packed: PackedState, take: Publish | None) -> State:
        ships = Unpacking("ship", [packed.ships.read_only()]).ships(self._crew_beside)
        if take is not None:
            take("ship", as_table(ships))
        nodes = Unpacking("node", [packed.nodes.read_only()]).nodes(self._crew_beside)
        if take is not None:
            take("node", as_table(nodes))
        return State(ships, nodes)


def _differs(kind: str, sid: int) -> StateError:
    return StateError(
        f"the {kind}s of system {sid} are not read as they were written; the turn is not committed: "
        "check this machine's memory, and whether another program changes the file"
    )
