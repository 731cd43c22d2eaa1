"""A universe as a folder of Parquet files, one a table, for whoever wants to change it by hand, and back as a file.

Ships and nodes are exported as rows (``ship``, ``node``), all other tables as they are. What comes back is audited before there
is a file of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from wasmverse.errors import DatabaseError, StateError
from wasmverse.storage import schema
from wasmverse.storage.audit import audit, audit_state
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.position import read_position, settle_position
from wasmverse.storage.duckdb.state_reader import read_state
from wasmverse.storage.duckdb.state_rows import as_rows
from wasmverse.storage.duckdb.turn_store import read_laws
from wasmverse.storage.duckdb.whole import new_file
from wasmverse.storage.stored_state import StoredState
from wasmverse.storage.strategy_store import read_strategies
from wasmverse.storage.unpack_sql import SQL_TYPES
from wasmverse.text import printable
from wasmverse.universe.crew import Crew
from wasmverse.universe.packed import pack_state
from wasmverse.universe.rules import ENERGY_MAX
from wasmverse.universe.state import NODE_DTYPES, SHIP_DTYPES, Nodes, Ships, State, check_invariants

_PLAIN = sorted(
    (table for table in schema.metadata.sorted_tables if table is not schema.system_state),
    key=lambda table: table is not schema.universe,
)
"""The tables that are exported as they are; first the one that says of which format they are."""

TABLES = (*_PLAIN, schema.ship, schema.node)
"""What a folder holds, each as ``<name>.parquet``."""


def export(path: Path, folder: Path) -> str:
    """Write a universe that nobody has open into a new folder; returns what was done, for a person.

    Raises
    ------
    DatabaseError : the folder is there and not empty, or cannot be written; or the file cannot be read.
    StateError : the file holds no universe, or ships or nodes that cannot be.

    What was written of it until then is removed, and the folder if it was made.
    """
    if not path.is_file():
        raise DatabaseError(f"{path} is no file: name the universe to export with --db")
    was_there = folder.is_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = next(folder.iterdir(), None)
    except OSError as error:
        raise DatabaseError(
            f"{folder} cannot be used ({error.strerror}): name a new or empty folder"
        ) from error
    if taken is not None:
        raise DatabaseError(f"{folder} holds {taken.name!r}: name a new or empty folder")
    try:
        stored = _export(path, folder)
    except BaseException as error:
        _remove_exported(folder, was_there)
        if isinstance(error, duckdb.Error):
            raise DatabaseError(
                f"{folder} cannot be written: {printable(str(error).splitlines()[0])}; name another folder"
            ) from error
        raise
    ships, nodes = (len(columns.sid) for columns in stored.state)
    return f"{path} at turn {stored.tid:,}, {ships:,} ships and {nodes:,} nodes, is in {folder}"


def _export(path: Path, folder: Path) -> StoredState:
    database = Database.open(path)
    try:
        with database.transaction() as transaction:
            settle_position(transaction)
            stored = read_state(transaction, read_laws(transaction).systems)
            for table in _PLAIN:
                columns = ", ".join(column.name for column in table.columns)
                _copy(transaction, f"SELECT {columns} FROM {table.name}", folder / f"{table.name}.parquet")
            for name, rows in (("ship", stored.ship_table()), ("node", stored.node_table())):
                transaction.driver.register("exported", rows)
                _copy(transaction, "SELECT * FROM exported", folder / f"{name}.parquet")
                transaction.driver.unregister("exported")
    finally:
        database.close()
    return stored


def _remove_exported(folder: Path, was_there: bool) -> None:
    """Leave a folder as it was before an export that failed: empty, or not there."""
    with suppress(OSError):
        for table in TABLES:
            for name in (f"{table.name}.parquet", f"tmp_{table.name}.parquet"):  # DuckDB's, while it writes
                (folder / name).unlink(missing_ok=True)
        if not was_there:
            folder.rmdir()


def load(folder: Path, path: Path) -> str:
    """Make a universe of a folder that `export` wrote, changed or not; returns what was done, for a person.

    Raises
    ------
    DatabaseError : there is a file already, or one of the folder's is missing or cannot be read. Nothing is made.
    StateError : a row breaks a rule. Nothing is made.
    """
    if path.exists():
        raise DatabaseError(f"{path} is there already: name a new file with --db, or move that one away")
    for table in TABLES:
        if not (folder / f"{table.name}.parquet").is_file():
            raise DatabaseError(f"{folder} has no {table.name}.parquet: load a folder that was exported")
    with new_file(path) as database, database.transaction() as transaction:
        done = _load(transaction, folder)
    return f"{path} goes on from {done}"


def _load(transaction: Transaction, folder: Path) -> str:
    _check_format(transaction, folder)
    for table in _PLAIN:
        _insert(transaction, table, folder / f"{table.name}.parquet")
    audit(transaction)
    laws = read_laws(transaction)
    ships = Ships._make(_columns(transaction, schema.ship, folder / "ship.parquet", SHIP_DTYPES))
    nodes = Nodes._make(_columns(transaction, schema.node, folder / "node.parquet", NODE_DTYPES))
    check_invariants(ships, nodes, laws.systems)
    for kind, columns in (("ship", ships), ("node", nodes)):
        for row in np.flatnonzero(columns.energy == 0)[:1]:
            raise StateError(
                f"{kind} {columns.eid[row]} has energy 0; allowed is 1..{ENERGY_MAX}: correct the row, or remove it"
            )
    tid, next_eid = read_position(transaction)
    audit_state(State(ships, nodes), next_eid, [row.strategy_id for row in read_strategies(transaction)])
    packed = pack_state(ships, nodes, laws.systems, Crew(1))
    transaction.insert_arrow(schema.system_state, as_rows(packed))
    return f"turn {tid:,} with {len(ships.sid):,} ships and {len(nodes.sid):,} nodes"


def _check_format(transaction: Transaction, folder: Path) -> None:
    """Before any table is read: those of another format may have other columns."""
    file = folder / f"{schema.universe.name}.parquet"
    with _explained(file):
        found = transaction.run_text(f"SELECT format_version FROM read_parquet({_quoted(file)})")
    for (version,) in found[:1]:
        if version != schema.FORMAT_VERSION:
            raise DatabaseError(
                f"{folder} was exported in format {version}; this Wasmverse loads {schema.FORMAT_VERSION}: "
                "export it with this one"
            )


def _copy(transaction: Transaction, query: str, file: Path) -> None:
    transaction.run_text(f"COPY ({query}) TO {_quoted(file)} (FORMAT parquet)")


def _insert(transaction: Transaction, table: sa.Table, file: Path) -> None:
    """Put what a file holds into a table, columns by name."""
    names = ", ".join(column.name for column in table.columns)
    with _explained(file):
        transaction.run_text(
            f"INSERT INTO {table.name} ({names}) SELECT {names} FROM read_parquet({_quoted(file)})"
        )


def _columns(
    transaction: Transaction, table: sa.Table, file: Path, dtypes: Mapping[str, type[np.generic]]
) -> Iterator[NDArray[Any]]:
    """The columns of ``ship`` or ``node`` in a file, sorted by (sid, eid)."""
    typed = ", ".join(f"{c.name}::{SQL_TYPES[type(c.type)]} AS {c.name}" for c in table.columns)
    with _explained(file):
        query = f"SELECT {typed} FROM read_parquet({_quoted(file)}) ORDER BY sid, eid"
        rows = transaction.driver.sql(query).to_arrow_table()
    for name, dtype in dtypes.items():
        if rows[name].null_count:
            raise StateError(
                f"{file} has {rows[name].null_count} rows with {name} NULL; a number must stand there: correct the rows"
            )
        yield rows[name].to_numpy().astype(dtype)


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise StateError(
            f"{file} cannot be loaded: {printable(str(error).splitlines()[0])}; correct the file"
        ) from error


def _quoted(file: Path) -> str:
    name = str(file).replace("'", "''")
    return f"'{name}'"
