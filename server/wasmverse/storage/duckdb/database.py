"""The embedded DuckDB file: open it, read what is committed, commit a turn.

One connection, one writer. A turn is one transaction that begins with reading the committed state and ends with the commit of
the next; what clients ask for between two turns is a transaction of its own. All SQL goes over one SQLAlchemy engine;
rows travel as Arrow.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from wasmverse.errors import DatabaseError, DatabaseForeign, DatabaseLocked, DatabaseTooNew
from wasmverse.storage import schema, views
from wasmverse.storage.duckdb import migrations
from wasmverse.storage.duckdb.failure import damaged, tells_of_damage
from wasmverse.storage.duckdb.log import read_log
from wasmverse.text import printable

APPLICATION = "wasmverse"

FEW_ROWS_TO_READ = 500_000
"""A universe with fewer ships and nodes is faster with one DuckDB thread than with handing work to several."""

_NEVER_BYTES = 1 << 50
"""A log that never becomes as long."""

LOG_SLACK_BYTES = 64 << 20
"""How much longer than it should be the log may become when nobody calls `Database.checkpoint`."""

ROW_GROUP_ROWS = 2_048
"""Rows that DuckDB stores together, and writes to the file while it inserts the next ones on another core; the fewest that there
may be. With its own 122,880 the rows of all systems are written at the commit, by one core: docs/architecture.md."""

BACKUP_TABLE = "backup"
"""A file with this table is a backup of a universe, and says so there."""

STATEMENTS_KEPT = 32
"""Statements that are kept parsed: those of a turn are few, and to parse one takes 0.1 to 0.4 ms."""

_ATTACHED = "universe_file"

LOCK_WAIT_SECONDS = 5.0
"""A server that was just killed may hold its lock for a moment longer; no need to fail for that."""


class Database:
    """An open universe file (or a private one in memory, for path None)."""

    def __init__(self, engine: sa.Engine, path: Path | None, options: str = "") -> None:
        self.engine = engine
        self.path = path
        self._log_bytes_max = 0
        self._replaced_bytes = 0
        self._is_held = False
        self._connection = engine.connect()
        self._parse = lru_cache(STATEMENTS_KEPT)(
            self._connection.connection.driver_connection.extract_statements  # type: ignore[union-attr]
        )
        # Attached, not connected to, because only so the size of its row groups can be said.
        name = str(path or ":memory:").replace("'", "''")
        with self._connection.begin():
            driver = Transaction(self._connection, self._parse).driver
            driver.execute(
                f"ATTACH '{name}' AS {_ATTACHED} (ROW_GROUP_SIZE {ROW_GROUP_ROWS}{options})"
            ).fetchall()
            driver.execute(f"USE {_ATTACHED}").fetchall()

    @classmethod
    def open(cls, path: Path | None, *, is_backup: bool = False, is_read_only: bool = False) -> Self:
        """Open a file, made with an empty schema if there is none.

        Parameters
        ----------
        is_backup : whether it may be a backup, which nobody is to play.
        is_read_only : whether the file and its log stay as they are. One of an older format is refused then.

        Raises
        ------
        DatabaseForeign, DatabaseLocked, DatabaseTooNew, DatabaseDamaged, DatabaseError : the file cannot be used; it is left
            untouched.
        """
        if path is not None:
            _check_path(path, is_read_only)
            _check_log(path)
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            engine = sa.create_engine(
                "duckdb:///:memory:",
                poolclass=StaticPool,
                connect_args={
                    "config": {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
                },
            )
            try:
                database = cls(engine, path, ", READ_ONLY" if is_read_only else "")
                break
            except (sa.exc.SQLAlchemyError, duckdb.Error) as error:
                engine.dispose()
                cause = getattr(error, "orig", None) or error
                if _is_lock(str(cause)) and time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                raise _explain(path, str(cause)) from error
        try:
            with database.transaction() as transaction:
                # All is rewritten every turn: looking for a compression costs more than the bytes it saves.
                transaction.run("PRAGMA force_compression='uncompressed'")
                # On by default where Python has no script to run, and then in the middle of what a program prints.
                transaction.run("SET enable_progress_bar = false")
            database._check_schema(is_backup, is_read_only)
        except BaseException as error:
            with suppress(sa.exc.SQLAlchemyError, duckdb.Error):  # a damaged file may not even be closed
                database.close()
            if path is not None and isinstance(error, sa.exc.SQLAlchemyError | duckdb.Error):
                raise damaged(path, str(getattr(error, "orig", None) or error)) from error
            raise
        return database

    def close(self) -> None:
        """Write everything into the one file and release it."""
        self._connection.close()
        self.engine.dispose()

    @property
    def is_new(self) -> bool:
        """Whether no universe has been put into it yet."""
        with self._connection.begin():
            return (
                self._connection.execute(sa.select(sa.func.count()).select_from(schema.universe)).scalar()
                == 0
            )

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing: committed when the block ends, rolled back when it raises."""
        with self._connection.begin():
            yield Transaction(self._connection, self._parse)

    def fit_threads(self, rows: int) -> None:
        """Use one DuckDB thread for a universe of few rows, one a core for others."""
        with self.transaction() as transaction:
            transaction.run("SET threads = 1" if rows < FEW_ROWS_TO_READ else "RESET threads")

    def plan_as_written(self) -> None:
        """Have statements planned as they are written from now on. Those of a turn are simple, and looking for
        better plans took 8 percent of a turn of the default size."""
        with self.transaction() as transaction:
            transaction.run("PRAGMA disable_optimizer")

    def limit_log(self, bytes_max: int) -> None:
        """Call the log long when it is larger. A commit that finds it much larger makes a checkpoint by itself."""
        self._log_bytes_max = bytes_max
        self._limit_commits(bytes_max + LOG_SLACK_BYTES)

    def _limit_commits(self, bytes_max: int) -> None:
        """A commit that finds the log larger makes a checkpoint."""
        with self.transaction() as transaction:
            transaction.run(f"SET checkpoint_threshold = '{bytes_max}B'")

    def hold(self) -> tuple[int, int]:
        """Do no checkpoint until `release`, nor when the log is long; the bytes of the file and of its log now.

        Until then no byte is changed of those that the last checkpoint and the log so far need: what is committed goes to free
        places of the file, and to the log's end. So a copy of these many bytes of both, made meanwhile, is the universe as it is
        committed now.
        """
        assert self.path is not None
        self._is_held = True
        self._limit_commits(_NEVER_BYTES)
        return _size_bytes(self.path), _size_bytes(self._log_path)

    def release(self) -> None:
        """Do checkpoints again."""
        self._is_held = False
        self.limit_log(self._log_bytes_max)

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether it is time for `checkpoint`; always, when there is a log and no limit was set.

        Rows that fill row groups are written to the file at once, and to the log only where they are: what they replace is free
        again after the next checkpoint.
        """
        if self.path is None or self._is_held:
            return False
        return max(_size_bytes(self._log_path), self._replaced_bytes) > self._log_bytes_max

    def checkpoint_if_due(self) -> None:
        """Do a checkpoint if it is due."""
        if self.is_checkpoint_due:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Write what is in the log into the file and empty the log: a checkpoint. Not while a transaction has changed rows."""
        with self.transaction() as transaction:
            transaction.run_text("CHECKPOINT")
        self._replaced_bytes = 0

    def note_replaced(self, size: int) -> None:
        """So many bytes of the file are no longer needed."""
        self._replaced_bytes += size

    def size_bytes(self) -> int:
        """Bytes on disk, with what is still in the log."""
        return 0 if self.path is None else _size_bytes(self.path) + _size_bytes(self._log_path)

    @property
    def _log_path(self) -> Path:
        assert self.path is not None
        return self.path.with_name(f"{self.path.name}.wal")

    def _make_schema(self) -> None:
        with self.transaction() as transaction:
            for statement in views.ddl(self.engine.dialect):
                transaction.run(statement)

    def _check_schema(self, is_backup: bool, is_read_only: bool) -> None:
        """Make the schema in an empty file, migrate an older one; refuse what is no universe, a backup, or of a newer format."""
        with self.transaction() as transaction:
            columns = transaction.columns()
        if not columns:
            if is_read_only:
                raise DatabaseError(
                    f"{self.path} holds no universe: make one with `wasmverse serve`, or name another file"
                )
            self._make_schema()
            return
        with self.transaction() as transaction:
            if not {"application", "format_version"} <= columns.get("universe", set()):
                raise DatabaseForeign(
                    f"{self.path} is a DuckDB file with other tables ({', '.join(sorted(columns)[:4])}); "
                    "a universe needs a file of its own: name another with --db"
                )
            if BACKUP_TABLE in columns and not is_backup:
                raise DatabaseForeign(
                    f"{self.path} is a backup, which stays as it is: make a universe of it with "
                    f"`wasmverse universe restore {self.path} FILE`, and name that file"
                )
            row = transaction.one(sa.select(schema.universe.c.application, schema.universe.c.format_version))
        if row is not None and row.application != APPLICATION:
            raise DatabaseForeign(
                f"{self.path} belongs to {row.application!r}, not to Wasmverse: name another file with --db"
            )
        if row is not None and row.format_version > schema.FORMAT_VERSION:
            raise DatabaseTooNew(
                f"{self.path} has format {row.format_version}; this Wasmverse knows up to {schema.FORMAT_VERSION}: "
                "install the newer Wasmverse that made it"
            )
        if row is not None and row.format_version < schema.FORMAT_VERSION:
            if is_read_only:
                raise DatabaseError(
                    f"{self.path} has format {row.format_version}; this Wasmverse migrates it to {schema.FORMAT_VERSION} when it "
                    "is served; `wasmverse universe backup` migrates only the backup"
                )
            with self.transaction() as transaction:
                for step in migrations.migrate(row.format_version, self.engine.dialect):
                    if isinstance(step, str):
                        transaction.run(step)
                    else:
                        step(transaction)
                columns = transaction.columns()
        for table in schema.metadata.sorted_tables:
            missing = {column.name for column in table.columns} - columns.get(table.name, set())
            if missing:
                raise DatabaseError(
                    f"{self.path} is damaged: {table.name} has no {', '.join(sorted(missing))}; "
                    "restore a copy of the file, or name another with --db"
                )


class Transaction:
    """What can be done inside one transaction."""

    def __init__(self, connection: sa.Connection, parse: Callable[[str], list[Any]]) -> None:
        self.connection = connection
        self._parse = parse
        self.driver: duckdb.DuckDBPyConnection = connection.connection.driver_connection  # type: ignore[assignment]

    def run(self, statement: str | sa.Executable, **parameters: object) -> None:
        """Execute a statement whose answer nobody needs."""
        # DuckDB wants every result read to its end before the connection is used again.
        result = self.connection.execute(
            sa.text(statement) if isinstance(statement, str) else statement, parameters or None
        )
        if result.returns_rows:
            result.all()
        else:
            self.driver.fetchall()

    def one(self, statement: sa.Executable) -> Any:
        """The first row of a query, or None."""
        return next(iter(self.rows(statement)), None)

    def rows(self, statement: sa.Executable) -> list[Any]:
        """All rows of a query."""
        return list(self.connection.execute(statement).all())

    def columns(self) -> dict[str, set[str]]:
        """Every table and view in the file, by name without its schema, and the columns of each."""
        found: dict[str, set[str]] = {}
        text = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
        for relation, column in self.connection.execute(sa.text(text)).all():
            found.setdefault(relation, set()).add(column)
        return found

    def read_arrow(self, table: sa.Table) -> pa.Table:
        """A whole table in the order in which it is stored."""
        columns = ", ".join(column.name for column in table.columns)
        rows: pa.Table = self.driver.sql(f"SELECT {columns} FROM {table.name}").to_arrow_table(ROW_GROUP_ROWS)
        return rows

    def insert_arrow(self, table: sa.Table, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Append rows, columns by name; a reader is read as its batches come."""
        names = ", ".join(rows.schema.names)
        if isinstance(rows, pa.RecordBatchReader) or rows.num_rows:
            self.run_arrow(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM given", rows)

    def run_text(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Execute DuckDB's SQL with values for its ``?``, past SQLAlchemy: for what every turn repeats."""
        [parsed] = self._parse(statement)
        rows: list[tuple[Any, ...]] = self.driver.execute(parsed, list(values)).fetchall()
        return rows

    def run_arrow(self, statement: str, given: pa.Table | pa.RecordBatchReader) -> list[tuple[Any, ...]]:
        """Execute a statement over the relation ``given``; its rows.

        DuckDB finds it as the variable that it is: half a millisecond less than to register it first.
        """
        [parsed] = self._parse(statement)
        rows: list[tuple[Any, ...]] = self.driver.execute(parsed).fetchall()
        return rows


def _check_path(path: Path, is_read_only: bool) -> None:
    try:
        if path.is_dir():
            raise DatabaseError(
                f"{path} is a folder; --db names a file: add a file name, e.g. {path / 'universe.duckdb'}"
            )
        if path.exists() and not path.is_file():
            raise DatabaseError(f"{path} is no ordinary file; --db names one, or one to be made")
        if path.exists() and not path.stat().st_size:
            raise DatabaseForeign(f"{path} is an empty file: remove it, or name another with --db")
        if path.exists() and _first_bytes(path)[8:12] != b"DUCK":
            raise DatabaseForeign(
                f"{path} is not a DuckDB file; a universe needs a file of its own: name another with --db"
            )
    except OSError as error:
        raise DatabaseError(
            f"{path} cannot be read ({error.strerror}): check its rights, or use --db"
        ) from error
    if is_read_only:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"the folder {path.parent} cannot be made ({error.strerror}): name another file with --db"
        ) from error
    free = shutil.disk_usage(path.parent).free
    if free < 16 << 20:
        raise DatabaseError(
            f"{path.parent} has {free:,} bytes left; a universe needs at least 16 MB: make room, or use --db"
        )


def _check_log(path: Path) -> None:
    """Refuse a log of which DuckDB would silently leave out, and then overwrite, transactions that are whole.

    A log that ends within an entry is none of these: that entry was never committed.
    """
    log = path.with_name(f"{path.name}.wal")
    if not log.exists():
        return
    try:
        data = log.read_bytes()
    except OSError as error:
        raise DatabaseError(
            f"{log} cannot be read ({error.strerror}): check its rights, or use --db"
        ) from error
    found = read_log(data, check=False)
    if found.hides_commits:
        raise damaged(
            path, f"WAL unreadable at byte {found.end:,} of {len(data):,}, with committed turns after it"
        )


def _size_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _is_lock(message: str) -> bool:
    return ("lock" in message and "Conflicting" in message) or "Could not set lock" in message


def _explain(path: Path | None, message: str) -> DatabaseError:
    if _is_lock(message):
        return DatabaseLocked(
            f"{path} is in use by another process; one server may have a universe open: stop the other, or use --db; "
            "a backup of a universe that nobody serves reads it, too: wait until it has ended"
        )
    if "version number" in message or "newer version of DuckDB" in message:
        return DatabaseTooNew(
            f"{path} was made by a newer DuckDB: install the newer Wasmverse that made it ({message})"
        )
    if "not a valid DuckDB" in message or "not a DuckDB" in message:
        return DatabaseForeign(f"{path} is not a DuckDB file: name another with --db")
    if path is not None and tells_of_damage(message):
        return damaged(path, message)
    return DatabaseError(
        f"{path} cannot be opened: {printable(message.splitlines()[0])}; check its rights, or use --db"
    )
