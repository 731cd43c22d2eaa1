"""The sessions that a turn is played in: each plays a shard of the universe, in the server or beside it, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

import psycopg
from psycopg import RawCursor, pq
from psycopg.conninfo import conninfo_to_dict

from wasmverse.errors import DatabaseError, DatabaseLocked, DatabaseLost, StateError, WasmverseError
from wasmverse.storage.postgres.backend.guests import SessionGuests
from wasmverse.storage.postgres.backend.messages import (
    Task,
    decode_accounts,
    decode_summaries,
    encode_decisions,
)
from wasmverse.storage.postgres.backend.shard import BlockKey, Shard
from wasmverse.storage.postgres.backend.statements import Statement
from wasmverse.storage.postgres.sqlstates import is_lost
from wasmverse.universe.deal import Decision, Summary
from wasmverse.universe.finish import BlockAccount
from wasmverse.universe.turn import TurnPlayer

RELATION = "system_state"

LOCK_SECONDS = 10
STATEMENT_SECONDS = 300
IDLE_SECONDS = 120
"""How long a session waits for a lock, works on one statement, and keeps a transaction of a driver that says nothing. Fuel bounds
what is played; these bound everything else."""

BOUNDS = {
    "lock_timeout": LOCK_SECONDS,
    "statement_timeout": STATEMENT_SECONDS,
    "idle_in_transaction_session_timeout": IDLE_SECONDS,
}
DEFAULTS = {
    "connect_timeout": LOCK_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Parameters of libpq where the URL says nothing: a server that is cut off is noticed within half a minute."""

_OWN = "WV001"
"""The SQLSTATE of errors that Wasmverse raises within a backend (`backend.play`)."""

Summaries = dict[int, Summary]
"""By what the rows of a block have as their block."""

Connection = psycopg.Connection[Any]


TURN_SESSION = "wasmverse turn"
"""What sessions that play are called in ``pg_stat_activity``: only the process with the clock has any."""


def connect(conninfo: str, name: str = "turn") -> Connection:
    """A session of its own, in autocommit mode and with every wait bounded.

    Raises
    ------
    DatabaseError : the server does not take it.
    """
    options: dict[str, Any] = (
        DEFAULTS | conninfo_to_dict(conninfo) | {"application_name": f"wasmverse {name}"}
    )
    with explained():
        connection: Connection = psycopg.connect(**options, autocommit=True)
        for setting, seconds in BOUNDS.items():
            connection.execute(f"SET {setting} = '{seconds}s'")
    return connection


@contextmanager
def explained() -> Iterator[None]:
    """Errors of the driver as ours.

    Raises
    ------
    StateError : a backend says what is wrong with the universe.
    DatabaseLost : the session is gone.
    DatabaseError : anything else.
    """
    try:
        yield
    except psycopg.Error as error:
        raise explain(error) from error


def explain(error: psycopg.Error) -> WasmverseError:
    """An error of the driver as ours."""
    message = " ".join((error.diag.message_primary or str(error)).split())
    if error.sqlstate == _OWN:
        return StateError(message.removeprefix("plpy.Error: "))
    if error.sqlstate == "55P03":
        return DatabaseLocked(
            f"rows of the universe were locked for {LOCK_SECONDS} s: end the session that holds them (pg_stat_activity, "
            "pg_prepared_xacts), the turn is then played again"
        )
    if is_lost(error):
        return DatabaseLost(f"a session that plays turns is gone: {message}: the turn is played again")
    return DatabaseError(f"the database could not carry out a turn: {message}: see the server's log")


class OverProtocol:
    """A `backend.statements.Connection` over a connection of psycopg."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: Statement, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """As there."""
        cursor = RawCursor(self._connection)
        return cursor.execute(statement.text, values, binary=True).fetchall()


class Session(Protocol):
    """One shard of a universe, in the transaction that a connection has open.

    connection : may be replaced by another one to the same database between two turns.
    threads : how many share out its blocks.
    """

    connection: Connection
    threads: int

    def play(self, task: Task, encoded: bytes) -> Summaries:
        """Fence the shard and play its blocks."""

    def settle(self, tid: int, decisions: Mapping[int, Decision]) -> dict[int, BlockAccount]:
        """End the turn of its blocks, and write them."""

    def close(self) -> None:
        """End what it has beside the connection."""


class InsideSession:
    """A shard that is played by the server's backend."""

    def __init__(self, connection: Connection, blocks: Sequence[int], threads: int) -> None:
        self.connection = connection
        self.blocks = list(blocks)
        self.threads = threads

    def play(self, task: Task, encoded: bytes) -> Summaries:
        """As in `Session`."""
        fence(self.connection, task.tid, self.blocks)
        cursor = RawCursor(self.connection)
        text = "SELECT wasmverse_play($1::text, $2::int[], $3::int, $4::bytea)"
        row = cursor.execute(text, [RELATION, self.blocks, self.threads, encoded], binary=True).fetchone()
        assert row is not None
        return dict(zip(self.blocks, decode_summaries(row[0]), strict=True))

    def settle(self, tid: int, decisions: Mapping[int, Decision]) -> dict[int, BlockAccount]:
        """As in `Session`."""
        encoded = encode_decisions(tid, {block: decisions[block] for block in self.blocks})
        text = "SELECT wasmverse_settle($1::text, $2::int[], $3::bytea)"
        row = (
            RawCursor(self.connection).execute(text, [RELATION, self.blocks, encoded], binary=True).fetchone()
        )
        assert row is not None
        return dict(zip(self.blocks, decode_accounts(row[0]), strict=True))

    def close(self) -> None:
        """As in `Session`."""


class OutsideSession:
    """A shard that is played in this process: its rows come and go over the protocol."""

    def __init__(self, connection: Connection, blocks: Sequence[int], threads: int) -> None:
        self.connection = connection
        self.blocks = list(blocks)
        self.threads = threads
        self._player = TurnPlayer(threads)
        self._shard = Shard(self._player, SessionGuests())

    def play(self, task: Task, encoded: bytes) -> Summaries:
        """As in `Session`."""
        fence(self.connection, task.tid, self.blocks)
        played = self._shard.play(task, self._keys(), OverProtocol(self.connection))
        return dict(zip(self.blocks, played, strict=True))

    def settle(self, tid: int, decisions: Mapping[int, Decision]) -> dict[int, BlockAccount]:
        """As in `Session`."""
        decided = [decisions[block] for block in self.blocks]
        accounts = self._shard.settle(tid, self._keys(), decided, OverProtocol(self.connection))
        return dict(zip(self.blocks, accounts, strict=True))

    def close(self) -> None:
        """End the threads."""
        self._player.close()

    def _keys(self) -> list[BlockKey]:
        return [BlockKey(RELATION, block) for block in self.blocks]


class CitusSession:
    """All shards of a Citus cluster, played where they lie: the coordinator sends each statement to all, and commits for all."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.threads = 1
        ((self._blocks,),) = connection.execute("SELECT count(*) FROM place").fetchall()
        # Within a shard a backend may only read what has the name of a shard; of a reference table each node has the same one.
        shards = connection.execute(
            "SELECT logicalrelid::text, logicalrelid::text || '_' || shardid FROM pg_dist_shard "
            "WHERE logicalrelid IN ('strategy_module'::regclass, 'compiled_module'::regclass)"
        )
        self._shards: dict[str, str] = dict(shards.fetchall())

    def play(self, task: Task, encoded: bytes) -> Summaries:
        """As in `Session`."""
        # This modifies every shard, so that the connection which does it is the one that plays and settles there.
        fence(self.connection, task.tid, None, self._blocks)
        text = "SELECT block, wasmverse_play(relation, ARRAY[block], 1, $1::bytea) FROM place"
        here = replace(task, modules=self._shards[task.modules], codes=self._shards[task.codes])
        rows = RawCursor(self.connection).execute(text, [here.encoded()], binary=True).fetchall()
        return {block: decode_summaries(data)[0] for block, data in rows}

    def settle(self, tid: int, decisions: Mapping[int, Decision]) -> dict[int, BlockAccount]:
        """As in `Session`."""
        text = "SELECT block, wasmverse_settle(relation, ARRAY[block], $1::bytea) FROM place"
        encoded = encode_decisions(tid, decisions)
        rows = RawCursor(self.connection).execute(text, [encoded], binary=True).fetchall()
        return {block: decode_accounts(data)[0] for block, data in rows}

    def close(self) -> None:
        """As in `Session`."""


def fence(connection: Connection, tid: int, blocks: list[int] | None, count: int = 0) -> None:
    """Move blocks, or None for all ``count`` of them, on to turn ``tid``: nobody else can play or change them in this turn.

    Raises
    ------
    StateError : some are not at the turn before.
    """
    cursor = RawCursor(connection)
    if blocks is None:
        cursor.execute("UPDATE place SET tid = $1::bigint WHERE tid = $2::bigint", [tid, tid - 1])
    else:
        cursor.execute(
            "UPDATE place SET tid = $1::bigint WHERE tid = $2::bigint AND block = ANY($3::int[])",
            [tid, tid - 1, blocks],
        )
        count = len(blocks)
    if cursor.rowcount != count:
        raise StateError(
            f"turn {tid} cannot be played: {count - cursor.rowcount:,} of {count:,} blocks of a place are not at turn {tid - 1}: "
            "another process has played it, or a place was restored from a copy of another turn"
        )


def get_ready(connection: Connection) -> None:
    """Have the backend of a session, which has no transaction open, load or compile all that it plays with: turns would wait.

    However long it takes: a compiler is not interrupted.
    """
    with explained(), connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SELECT wasmverse_get_ready()")


def is_usable(connection: Connection) -> bool:
    """Whether statements can be sent over it, as far as this side knows."""
    return not connection.closed and connection.info.transaction_status != pq.TransactionStatus.UNKNOWN
