"""One system read and written by a command, in whatever place it lies.

On another place than the coordinator it is written in a transaction of its own, which is prepared. The coordinator's commit, in
which the name of that transaction is noted, is the decision, as for a turn; whoever finds a prepared transaction left behind
looks there, while it holds the row of ``universe``, and so no command is being carried out.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from wasmverse.errors import StateError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres.database import Database, Transaction, connect, explain
from wasmverse.storage.postgres.position import Position
from wasmverse.storage.postgres.pull import joined
from wasmverse.storage.postgres.recovery import PREFIX, finish_prepared, left_behind
from wasmverse.universe.crew import Crew
from wasmverse.universe.packed import pack_state
from wasmverse.universe.state import State, with_system
from wasmverse.universe.turn import Laws
from wasmverse.universe.unpacked import Unpacking, split_blobs

_NAME = f"{PREFIX}command-"


class SystemWriter:
    """Reads and writes single systems. For one thread, and one command after the other.

    Parameters
    ----------
    places : the coordinator first.
    """

    def __init__(self, places: Sequence[DatabaseUrl]) -> None:
        self._places = list(places)
        self._others: dict[int, psycopg.Connection[Any]] = {}
        self._row: tuple[psycopg.Connection[Any] | None, int, int, int, State]
        self._begun: psycopg.Connection[Any] | None = None
        self._prepared: psycopg.Connection[Any] | None = None
        self._gid: str | None = None

    def close(self) -> None:
        """End the sessions."""
        for connection in self._others.values():
            connection.close()
        self._others = {}

    @property
    def is_unsettled(self) -> bool:
        """Whether a transaction is prepared of which it is not known here what becomes of it."""
        return self._gid is not None

    def read(self, transaction: Transaction, laws: Laws, row_systems: int, sid: int) -> State:
        """The systems of the row that has this one, to be written next; nobody else can change them until the command ends.

        Raises
        ------
        StateError : there is no such row, or it is not what it has to be.
        """
        within = (sid - 1) % laws.block_systems
        first_sid = sid - within % row_systems
        systems = min(
            row_systems, laws.block_systems - (within - within % row_systems), laws.systems - first_sid + 1
        )
        text = "SELECT block, ships, nodes FROM system_state WHERE first_sid = %s"
        for number in range(len(self._places)):
            other = self._session(number) if number else None
            source = transaction.raw if other is None else other
            found = source.execute(
                "SELECT block FROM system_state WHERE first_sid = %s", (first_sid,)
            ).fetchone()
            if found is None:
                continue
            if other is not None:
                other.execute("BEGIN")
                self._begun = other
            # A turn or command that the coordinator has committed may not be committed here yet: it still holds the block.
            source.execute("SELECT tid FROM place WHERE block = %s FOR UPDATE", found)
            row = source.execute(text, (first_sid,), binary=True).fetchone()
            if row is None:
                break
            crew = Crew(1)
            ships, nodes = (
                Unpacking(kind, [split_blobs(kind, joined([data]), systems, first_sid)], first_sid)
                for kind, data in zip(("ship", "node"), row[1:], strict=True)
            )
            state = State(ships.ships(crew), nodes.nodes(crew))
            self._row = (other, row[0], first_sid, systems, state)
            return state
        raise StateError(
            f"system_state has no row of the systems from {first_sid} on, in any place: give the URLs of all places (--place), "
            "or restore a copy of the universe"
        )

    def write(self, transaction: Transaction, sid: int, system: State, position: Position) -> None:
        """Write a system of the row that was read, and count that in its place.

        Raises
        ------
        StateError : its block is not at the turn of the position.
        """
        other, block, first_sid, systems, state = self._row
        if other is not None:
            self._gid = _NAME + secrets.token_hex(8)
            transaction.execute("INSERT INTO command_decision VALUES (%s)", (self._gid,))
        target = transaction.raw if other is None else other
        fence = "UPDATE place SET spawned = spawned + 1, last_spawn = %s WHERE block = %s AND tid = %s"
        if target.execute(fence, (position.spawned + 1, block, position.tid)).rowcount != 1:
            raise StateError(
                f"block {block} is not at turn {position.tid}: another process has played on, or its place was restored from a "
                "copy of another turn"
            )
        ships, nodes = (
            with_system(state.ships, system.ships, sid),
            with_system(state.nodes, system.nodes, sid),
        )
        packed = pack_state(ships, nodes, systems, Crew(1), first_sid)
        target.execute(
            "UPDATE system_state SET ships = %s, nodes = %s WHERE block = %s AND first_sid = %s",
            (packed.ships.data.tobytes(), packed.nodes.data.tobytes(), block, first_sid),
        )

    def prepare(self) -> None:
        """Make sure that what was written elsewhere can be committed: the last step before the coordinator's commit."""
        if self._begun is not None and self._gid is not None:
            begun, self._begun, self._prepared = self._begun, None, self._begun
            begun.execute(sql.SQL("PREPARE TRANSACTION {}").format(sql.Literal(self._gid)))

    def finish(self, coordinator: Database) -> None:
        """The coordinator has committed: so does the other place. If it cannot be reached now, that is done by `recover`."""
        if self._gid is None or self._prepared is None:
            return
        # Only what is our own: another process may be in the middle of a command, prepared and not decided.
        try:
            finish_prepared(self._prepared, self._gid, commits=True)
        except psycopg.Error as error:
            raise explain("the place of a system", error) from error
        with coordinator.transaction() as transaction:
            transaction.execute("DELETE FROM command_decision WHERE gid = %s", (self._gid,))
        self._gid = None

    def rollback(self) -> None:
        """After an error. What is prepared already is left to `recover`: it may be that the coordinator has committed."""
        begun, self._begun, self._prepared = self._begun, None, None
        if begun is not None:
            self._gid = None
            # Its transaction ends with its session.
            begun.close()

    def recover(self, transaction: Transaction) -> list[str]:
        """Settle what commands have left behind; what was done, for a person.

        Parameters
        ----------
        transaction : of the coordinator; it holds the row of ``universe``.
        """
        decided = {gid for (gid,) in transaction.execute("SELECT gid FROM command_decision").fetchall()}
        done = []
        for number in range(1, len(self._places)):
            session = self._session(number)
            try:
                for gid in left_behind(session, _NAME):
                    finish_prepared(session, gid, commits=gid in decided)
                    if gid != self._gid:
                        done.append(
                            f"a prepared command was {'committed' if gid in decided else 'rolled back'}"
                        )
            except psycopg.Error as error:
                raise explain(str(self._places[number]), error) from error
        if decided:
            transaction.execute("DELETE FROM command_decision WHERE gid = ANY(%s)", (list(decided),))
        self._gid = None
        return done

    def _session(self, number: int) -> psycopg.Connection[Any]:
        found = self._others.get(number)
        if found is None or found.closed:
            found = self._others[number] = connect(self._places[number], "command")
            found.autocommit = True
        return found
