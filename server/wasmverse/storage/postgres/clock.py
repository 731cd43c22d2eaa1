"""Who plays the turns of a universe that several processes have open: the one whose session has a lock of the database.

The lock is an advisory one of the session that commits the turns, so the server frees it when that session ends, however it does.
A process that stands still keeps its session; another one may end it (`Clock.end_holder`), which rolls back what it was about to
commit. As a second fence, each time that the clock changes hands has a number, the epoch, which a turn must find unchanged.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import closing, nullcontext
from typing import Any

import psycopg
from psycopg import pq

from wasmverse.errors import ClockLost, DatabaseError, UniverseBusy
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres import notices
from wasmverse.storage.postgres.database import connect
from wasmverse.storage.postgres.sessions import STATEMENT_SECONDS, TURN_SESSION, explained
from wasmverse.storage.postgres.sessions import connect as connect_turn

log = logging.getLogger("wasmverse.universe")

LOCK = int.from_bytes(b"wasmvers", "big", signed=True)
"""The key of the advisory lock; a database has one universe."""

COMMANDS = int.from_bytes(b"commands", "big", signed=True)
"""The key of the lock of who keeps commands for itself; every command of others would need a share of it."""

END_SECONDS = 2
"""How long to wait until a session that was told to end has ended."""

BEAT_SECONDS_MIN = 0.5

Connection = psycopg.Connection[Any]


class Clock:
    """The right to play turns, as one process has it or not. For one thread.

    Its methods raise the driver's errors, as statements do.

    Parameters
    ----------
    url : of the database with the row of ``universe``.
    holder : this process, for a person.
    period_seconds : while something takes longer than this, the others are told that it is being worked on.
    others : the databases of all other places, where sessions play too.
    """

    def __init__(
        self, url: DatabaseUrl, holder: str, period_seconds: float, others: Sequence[DatabaseUrl] = ()
    ) -> None:
        self.holder = holder
        self._others = list(others)
        self.is_ours = False
        self._period_seconds = period_seconds
        self._epoch = 0
        self._beat = _Beat(url, max(period_seconds, BEAT_SECONDS_MIN))

    def claim(self, connection: Connection) -> bool:
        """Take it if nobody has it; whether it is ours.

        Parameters
        ----------
        connection : the session that will commit the turns, in no transaction.
        """
        if self.is_ours:
            return True
        with connection.transaction():
            ((is_free,),) = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchall()
        if not is_free:
            return False
        with connection.transaction():
            # A turn that is being committed has this row.
            connection.execute("SELECT tid FROM universe FOR UPDATE")
            ((self._epoch,),) = connection.execute(
                "UPDATE clock SET epoch = epoch + 1, holder = %s, backend = pg_backend_pid(), period_seconds = %s, since = now() "
                "RETURNING epoch",
                (self.holder, self._period_seconds),
            ).fetchall()
        self.is_ours = True
        self._beat.start()
        return True

    def check(self, connection: Connection) -> None:
        """In a turn's transaction, which has locked the row of ``universe``: make sure that the clock is still ours.

        Raises
        ------
        ClockLost : another process took it.
        """
        row = connection.execute("SELECT epoch, holder FROM clock").fetchone()
        if not self.is_ours or row is None or row[0] != self._epoch:
            self.close()
            raise ClockLost(
                f"{row[1] if row else 'another process'} plays the turns now: this process follows it"
            )

    def keep_commands(self, connection: Connection) -> None:
        """Have no other process carry out commands, until the session of the connection ends."""
        with _transaction(connection):
            connection.execute("SELECT pg_advisory_lock(%s)", (COMMANDS,))

    def share_commands(self, connection: Connection) -> None:
        """In a command's transaction: make sure that nobody keeps commands for itself.

        Raises
        ------
        UniverseBusy : somebody does.
        """
        if connection.execute("SELECT pg_try_advisory_xact_lock_shared(%s)", (COMMANDS,)).fetchone() != (
            True,
        ):
            row = connection.execute("SELECT holder FROM clock").fetchone()
            raise UniverseBusy(
                f"The universe is recorded by {row[0] if row else 'another server'}, which must know of all commands: give "
                "them there"
            )

    def turned(self) -> None:
        """A turn was committed: for a period nobody need be told that there is work."""
        self._beat.turned()

    def close(self) -> None:
        """Its session is gone, or somebody else has it."""
        self.is_ours = False
        self._beat.stop()

    def held_by(self, connection: Connection) -> str | None:
        """Who has it, for a person; None if nobody has."""
        with _transaction(connection):
            row = connection.execute(
                "SELECT pid, (SELECT holder FROM clock WHERE backend = pid), usename, host(client_addr) "
                f"FROM ({_HOLDER}) AS holder LEFT JOIN pg_stat_activity USING (pid)",
                _KEY,
            ).fetchone()
        if row is None:
            return None
        if row[0] is None:
            return "a prepared transaction (pg_prepared_xacts)"
        return row[1] or f"session {row[0]} of role {row[2]}{f' from {row[3]}' if row[3] else ''}"

    def is_of_holder(self, connection: Connection, pids: Collection[int]) -> bool:
        """Whether one of these sessions is of the role whose session has the clock: every role may send notices."""
        with _transaction(connection):
            row = connection.execute(
                f"SELECT EXISTS (SELECT FROM ({_HOLDER}) AS holder JOIN clock ON backend = holder.pid "
                "JOIN pg_stat_activity AS its ON its.pid = holder.pid JOIN pg_stat_activity AS said USING (usesysid) "
                "WHERE said.pid = ANY(%s))",
                (*_KEY, list(pids)),
            ).fetchone()
        return row is not None and bool(row[0])

    def end_holder(self, connection: Connection) -> None:
        """End the session that has it, and wait a moment until it is gone; and those that play its turn with it, in all places.

        A place that cannot be reached is left out: no turn can be played there anyway.

        Raises
        ------
        DatabaseError : the role may not end that session.
        """
        try:
            with _transaction(connection):
                ended = connection.execute(
                    f"SELECT pid, pg_terminate_backend(pid, {1000 * END_SECONDS}) FROM ({_HOLDER}) AS holder "
                    "WHERE pid <> pg_backend_pid()",
                    _KEY,
                ).fetchall()
                if ended:
                    _end_turns(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise DatabaseError(
                "the session that has the clock does nothing any more, and this role may not end it: end it "
                "(pg_terminate_backend), or let all processes connect as one role"
            ) from error
        for pid, _ in ended:
            log.warning("session %d had the clock and did nothing any more: it was ended", pid)
        for place in self._others if ended else ():
            try:
                with closing(connect_turn(place.conninfo, "ending")) as elsewhere, explained():
                    _end_turns(elsewhere)
            except DatabaseError as error:
                log.warning("%s: what played there with it could not be ended: %s", place, error.message)


def _end_turns(connection: Connection) -> None:
    """End the sessions that play in the connection's database: what they hold of their blocks they would hold for minutes."""
    connection.execute(
        f"SELECT pg_terminate_backend(pid, {1000 * END_SECONDS}) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid()",
        (TURN_SESSION,),
    )


_HOLDER = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid = %s AND objid = %s "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_KEY = (LOCK >> 32 & 0xFFFFFFFF, LOCK & 0xFFFFFFFF)


def _transaction(connection: Connection) -> Any:
    """The transaction that is open, or one of its own."""
    is_idle = connection.info.transaction_status == pq.TransactionStatus.IDLE
    return connection.transaction() if is_idle else nullcontext()


class _Beat:
    """Tells the others once a period that we are at work, while no turn was committed for longer than that.

    A stopped process says nothing, and neither does one whose machine is gone, or whose thread that plays hangs: a turn begins a
    period after the last one, and no statement of it takes longer than `STATEMENT_SECONDS`.
    """

    def __init__(self, url: DatabaseUrl, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        self._turned_at = 0.0
        self._ended: threading.Event | None = None

    def start(self) -> None:
        self.turned()
        self._ended = threading.Event()
        threading.Thread(target=self._run, args=(self._ended,), name="beat", daemon=True).start()

    def turned(self) -> None:
        self._turned_at = time.monotonic()

    def stop(self) -> None:
        if self._ended is not None:
            self._ended.set()

    def _run(self, ended: threading.Event) -> None:
        connection: Connection | None = None
        while not ended.wait(self._seconds):
            since_turn = time.monotonic() - self._turned_at
            if not 1.2 * self._seconds <= since_turn < self._seconds + STATEMENT_SECONDS:
                continue
            try:
                if connection is None:
                    connection = connect(self._url, "beat")
                    connection.autocommit = True
                notices.send(connection, notices.BEAT)
            except (DatabaseError, psycopg.Error):  # the turn has the same trouble, and says so
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()
