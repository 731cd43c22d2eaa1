"""A database of a server: connect to it, explain why that fails, and what can be done in a transaction.

All SQL of the store goes over one SQLAlchemy engine with one connection, the session whose commit decides. Rows travel as Arrow
up to here, and as binary COPY or as parameters from here on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.pool import StaticPool

from wasmverse.errors import DatabaseError, DatabaseLocked, DatabaseLost, WasmverseError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.arrow import arrow_schema
from wasmverse.storage.postgres.schema import metadata
from wasmverse.storage.postgres.sqlstates import is_lost
from wasmverse.text import printable

APPLICATION = "wasmverse"

CONNECT_SECONDS = 10
LOCK_SECONDS = 10
STATEMENT_SECONDS = 300
IDLE_SECONDS = 120
"""How long a session waits for the server, for a lock, works on one statement, and keeps a transaction of a process that says
nothing."""

KEPT_ALIVE: dict[str, int] = {
    "connect_timeout": CONNECT_SECONDS, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}  # fmt: skip
"""How soon a machine that is gone is noticed, by libpq's names; what a URL says itself goes before it."""

SERVER_VERSION_MIN = 15


class Database:
    """A session of a database."""

    def __init__(self, url: DatabaseUrl, name: str) -> None:
        """Connect; ``name`` is what the session is for, shown in ``pg_stat_activity``.

        Raises
        ------
        DatabaseError : it cannot be connected to: says why, and what to do.
        """
        self.url = url
        self.shown = str(url)
        raw = connect(url, name)
        self.engine = sa.create_engine(
            "postgresql+psycopg://", creator=lambda: raw, poolclass=StaticPool, pool_reset_on_return=None
        )
        try:
            with self.explained():
                self._connection = self.engine.connect()
        except BaseException:
            raw.close()
            raise
        self.raw: psycopg.Connection[Any] = raw

    @property
    def is_usable(self) -> bool:
        """Whether statements can be sent, as far as this side knows."""
        return not self.raw.closed and self.raw.info.transaction_status != pq.TransactionStatus.UNKNOWN

    def close(self) -> None:
        """End the session."""
        self.raw.close()
        self.engine.dispose()

    @contextmanager
    def transaction(self, *, is_snapshot: bool = False) -> Iterator[Transaction]:
        """All or nothing: committed when the block ends, rolled back when it raises.

        Parameters
        ----------
        is_snapshot : only read, everything as of one moment.

        Raises
        ------
        DatabaseLost, DatabaseError : the server failed within.
        """
        with self.explained(), self._connection.begin():
            if is_snapshot:
                self._connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if is_snapshot and self.url.is_citus:
                # One connection for each worker, so that all that is read of it is as of one moment.
                self._connection.exec_driver_sql("SET LOCAL citus.max_adaptive_executor_pool_size = 1")
            yield Transaction(self._connection, self.raw, is_citus=self.url.is_citus)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Errors of the driver as ours."""
        try:
            yield
        except (psycopg.Error, sa.exc.SQLAlchemyError) as error:
            raise explain(self.shown, error) from error


class Transaction:
    """What can be done inside one transaction: `storage.transaction.Transaction`."""

    def __init__(
        self, connection: sa.Connection, raw: psycopg.Connection[Any], *, is_citus: bool = False
    ) -> None:
        self.connection = connection
        self.raw = raw
        self.is_citus = is_citus

    def run(self, statement: str | sa.Executable, **parameters: object) -> None:
        """Execute a statement whose answer nobody needs."""
        executable = sa.text(statement) if isinstance(statement, str) else statement
        self.connection.execute(executable, parameters or None)

    def one(self, statement: sa.Executable) -> Any:
        """The first row of a query, or None."""
        return self.connection.execute(statement).first()

    def rows(self, statement: sa.Executable) -> list[Any]:
        """All rows of a query."""
        return list(self.connection.execute(statement).all())

    def execute(self, statement: str, values: Any = ()) -> psycopg.Cursor[Any]:
        """Execute SQL with values for its ``%s``, past SQLAlchemy: for what every turn repeats."""
        return self.raw.execute(statement, values, binary=True)

    def run_text(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query without values."""
        return self.raw.execute(statement, binary=True).fetchall()

    def read_arrow(self, table: sa.Table) -> pa.Table:
        """A whole table, its columns of the types of `arrow.arrow_schema`; in the order of its keys, if it has any here."""
        names = [column.name for column in table.columns]
        stored = metadata.tables.get(table.name)
        keys = [] if stored is None else [column.name for column in stored.primary_key]
        order = f" ORDER BY {', '.join(keys)}" if keys else ""
        rows = self.execute(f"SELECT {', '.join(names)} FROM {table.name}{order}").fetchall()
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return pa.table(dict(zip(names, columns, strict=True)), arrow_schema(table))

    def insert_arrow(self, table: sa.Table, rows: pa.Table) -> None:
        """Append rows, columns by name."""
        names = rows.schema.names
        with (
            self.raw.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy,
        ):
            for row in zip(*(rows[name].to_pylist() for name in names), strict=True):
                copy.write_row(row)


def connect(url: DatabaseUrl, name: str) -> psycopg.Connection[Any]:
    """A session whose every wait is bounded.

    Raises
    ------
    DatabaseError : says why there is none, and what to do.
    """
    bounds = {
        "lock_timeout": LOCK_SECONDS,
        "statement_timeout": STATEMENT_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_SECONDS,
    }
    said = _said(url)
    options = " ".join(
        [
            said.get("options") or os.environ.get("PGOPTIONS", ""),
            *(f"-c {name}={seconds}s" for name, seconds in bounds.items()),
            "-c jit=off -c timezone=UTC",
        ]
    )
    try:
        raw = psycopg.connect(
            url.conninfo,
            application_name=f"{APPLICATION} {name}",
            options=options,
            client_encoding="UTF8",
            **(KEPT_ALIVE | {name: value for name, value in said.items() if name in KEPT_ALIVE}),
        )
    except psycopg.Error as error:
        raise _refused(str(url), error) from error
    if raw.info.server_version < SERVER_VERSION_MIN * 10_000:
        raw.close()
        raise DatabaseError(
            f"{url} is a server of PostgreSQL {raw.info.server_version // 10_000}; a universe needs {SERVER_VERSION_MIN} or "
            "newer: upgrade it, or name another with --db"
        )
    encoding = raw.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raw.close()
        raise DatabaseError(
            f"{url} has the encoding {encoding}, in which not all text of a universe can be written; it must be UTF8: "
            "createdb --encoding UTF8 --template template0, and name that with --db"
        )
    return raw


def _said(url: DatabaseUrl) -> dict[str, Any]:
    """What the URL says, by libpq's names. Raises DatabaseError if libpq does not understand it."""
    try:
        return conninfo_to_dict(url.conninfo)
    except psycopg.Error as error:
        # What follows the colon is a part of the URL, which may be the password.
        why = str(error).partition(":")[0].strip()
        raise DatabaseError(
            f"{url} cannot be used ({why}): correct its options, and write %25 for a % in a password"
        ) from None


def _refused(shown: str, error: psycopg.Error) -> DatabaseError:
    """Why there is no session, from what the server or libpq says."""
    message = printable(" ".join(str(error).split()), 300)
    for words, remedy in (
        ("password authentication failed", "correct the user or the password in the URL"),
        ("no password supplied", "give the password in the URL, in PGPASSWORD, or in ~/.pgpass"),
        ("no pg_hba.conf entry", "allow this machine in the server's pg_hba.conf"),
        ("does not exist", "make it first (createdb, createuser), or correct the URL"),
        ("permission denied for database", "GRANT CONNECT, CREATE ON DATABASE to this user"),
        ("too many", "raise max_connections of the server, or end other sessions"),
        ("remaining connection slots", "raise max_connections of the server, or end other sessions"),
        ("starting up", "wait until the server has started"),
    ):
        if words in message:
            return DatabaseError(f"{shown} cannot be used ({message}): {remedy}")
    return DatabaseError(
        f"{shown} cannot be reached ({message}): start the server, or correct host and port in the URL"
    )


def explain(shown: str, error: Exception) -> WasmverseError:
    """An error within a session as ours."""
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None)
    message = printable(" ".join(str(cause).split()), 300)
    if is_lost(cause):
        return DatabaseLost(f"{shown} does not answer any more ({message}): it is tried again")
    if state == "55P03":
        return DatabaseLocked(
            f"{shown} has rows that another session holds for {LOCK_SECONDS} s: wait for its turn, or end it (pg_stat_activity, "
            "pg_prepared_xacts)"
        )
    remedy = {
        "57014": "see what holds the server up (pg_stat_activity)",
        "53100": "make room on the server's disk; the last committed turn is intact",
        "42501": "GRANT this user the right, or connect as the owner of the tables",
        "42P01": "restore a copy of the universe",
    }.get(state or "", "see the server's log")
    return DatabaseError(f"{shown} could not do what was asked ({message}): {remedy}")
