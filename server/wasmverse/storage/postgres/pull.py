"""The committed state, and what goes with it, as of one moment of all places.

Each place has a session that only reads, everything as of one moment of that place. These moments are not the same ones. So every
block says which turn it is of and how many commands have changed it, and what was read is used only if all are of the turn, and
have had the commands, that the coordinator knows of. While a commit of several places is under way they are not: then it is read
again. Every row brings that along from its block, in the same statement: on Citus a worker may answer the next statement as of a
later moment.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.errors import DatabaseError, StateError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres.database import Database, Transaction
from wasmverse.storage.postgres.position import Position
from wasmverse.storage.postgres.recovery import left_behind
from wasmverse.storage.stored_state import StoredState
from wasmverse.universe.crew import Crew
from wasmverse.universe.state import State
from wasmverse.universe.turn import Laws
from wasmverse.universe.unpacked import Unpacking, split_blobs

APART_SECONDS_MAX = 5.0
"""How long places may be found apart: a commit takes some milliseconds. What was left behind has to be recovered then."""

PAUSE_SECONDS = 0.002


class PlacesApart(DatabaseError):
    """The places are of different turns, and stay so: what was left behind by whoever played is to be recovered."""


Row = tuple[int, bytes, bytes]
"""The first system of a row of ``system_state``, its ships and its nodes."""


class Moment(NamedTuple):
    """Transactions on all places, the coordinator's first, that see the universe as it was at one position.

    rows : of all places, sorted, if they were asked for.
    """

    position: Position
    transactions: list[Transaction]
    rows: list[Row] | None = None


class Block(NamedTuple):
    """What the row of a block in ``place`` says: its turn, how many commands have changed it, and the number of the last one."""

    block: int
    tid: int
    spawned: int
    last_spawn: int


class Pull:
    """Reads a universe from all its places. For one thread.

    Parameters
    ----------
    urls : of the places, the coordinator's first.
    """

    def __init__(self, urls: Sequence[DatabaseUrl]) -> None:
        self._databases: list[Database] = []
        try:
            for url in urls:
                self._databases.append(Database(url, "reading"))
        except BaseException:
            self.close()
            raise
        self._pool = ThreadPoolExecutor(len(urls), "pull")
        self.pulled_again = 0

    def close(self) -> None:
        """End the sessions."""
        for database in self._databases:
            database.close()
        if hasattr(self, "_pool"):
            self._pool.shutdown()

    @contextmanager
    def moment(self, *, with_rows: bool = False) -> Iterator[Moment]:
        """See one turn in all places.

        Parameters
        ----------
        with_rows : whether the state is wanted, too.

        Raises
        ------
        PlacesApart : they are not at one turn for longer than a commit takes.
        DatabaseLost, DatabaseError : a place does not answer.
        """
        deadline = time.monotonic() + APART_SECONDS_MAX
        while True:
            with ExitStack() as stack:
                transactions = [
                    stack.enter_context(database.transaction(is_snapshot=True))
                    for database in self._databases
                ]
                position = Position.read(transactions[0])
                blocks = {block for transaction in transactions for block in _blocks(transaction)}
                rows = None
                if with_rows and _are_at(position, blocks):
                    # Looked at first, as it costs little beside this.
                    rows, blocks = self._rows(transactions)
                if _are_at(position, blocks):
                    yield Moment(position, transactions, rows)
                    return
            self.pulled_again += 1
            if time.monotonic() > deadline:
                raise PlacesApart(
                    f"the places of the universe are at the turns {sorted({block.tid for block in blocks})}, but {position.tid} "
                    "is the last one that was "
                    "committed: give the URLs of all its places (--place), or restore all of them to one moment"
                )
            time.sleep(PAUSE_SECONDS)

    def has_prepared(self) -> bool:
        """Whether a place has a prepared transaction of ours: of a commit that is under way, or left behind."""
        for database in self._databases:
            with database.transaction(is_snapshot=True) as transaction:
                if left_behind(transaction.raw):
                    return True
        return False

    def state(self, moment: Moment, laws: Laws, row_systems: int, crew: Crew) -> StoredState:
        """Unpack the rows that the moment was asked for.

        Raises
        ------
        StateError : they are not what they have to be, or a value cannot be.
        """
        rows = moment.rows
        assert rows is not None
        check_rows([row[0] for row in rows], laws, row_systems)
        ships = Unpacking("ship", [split_blobs("ship", joined(row[1] for row in rows), laws.systems)])
        nodes = Unpacking("node", [split_blobs("node", joined(row[2] for row in rows), laws.systems)])
        state = State(ships.ships(crew), nodes.nodes(crew))
        return StoredState(moment.position.tid, moment.position.next_eid, state)

    def _rows(self, transactions: Sequence[Transaction]) -> tuple[list[Row], set[Block]]:
        """All rows, sorted, and the blocks as they were when these were read."""
        found = [row for part in self._pool.map(_rows_of, transactions) for row in part]
        found.sort(key=itemgetter(0))
        return [row[:3] for row in found], {Block._make(row[3:]) for row in found}


def first_sids(laws: Laws, row_systems: int) -> list[int]:
    """The first system of every row of ``system_state``, in order."""
    return [int(sid) for block in laws.blocks() for sid in block[::row_systems]]


def check_rows(found: list[int], laws: Laws, row_systems: int) -> None:
    """Refuse rows that are missing or too many; ``found`` are their first systems, sorted."""
    expected = first_sids(laws, row_systems)
    if found == expected:
        return
    missing = sorted(set(expected) - set(found))
    if missing:
        raise StateError(
            f"system_state has no row of the systems from {missing[0]} on, in any place: give the URLs of all places (--place), "
            "or restore a copy of the universe"
        )
    twice = next((sid for sid, after in pairwise(found) if sid == after), None)
    wrong = twice if twice is not None else min(set(found) - set(expected))
    raise StateError(
        f"system_state has a row too many, of the systems from {wrong} on: give the URL of each place once, or restore a "
        "copy of the universe"
    )


def _are_at(position: Position, blocks: set[Block]) -> bool:
    """Whether all blocks are of the turn of a position, and have had all commands until then, and none after.

    As many commands as the position has, none of which is after it, are all that it has.
    """
    return (
        {block.tid for block in blocks} == {position.tid}
        and sum(block.spawned for block in blocks) == position.spawned
        and max(block.last_spawn for block in blocks) <= position.spawned
    )


def _blocks(transaction: Transaction) -> Iterator[Block]:
    return map(Block._make, transaction.execute(f"SELECT {', '.join(Block._fields)} FROM place"))


def _rows_of(transaction: Transaction) -> list[Any]:
    text = f"SELECT first_sid, ships, nodes, {', '.join(Block._fields)} FROM system_state JOIN place USING (block)"
    return transaction.execute(text).fetchall()


def joined(parts: Iterable[bytes]) -> NDArray[np.uint8]:
    """Bytes one after the other, as an array."""
    return np.frombuffer(b"".join(parts), np.uint8)
