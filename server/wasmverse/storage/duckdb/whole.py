"""All of a universe from a file, and into a new one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from wasmverse.errors import DatabaseError
from wasmverse.storage import schema
from wasmverse.storage.audit import audit
from wasmverse.storage.duckdb.database import APPLICATION, Database
from wasmverse.storage.duckdb.history import History
from wasmverse.storage.duckdb.position import settle_position
from wasmverse.storage.duckdb.state_reader import read_state
from wasmverse.storage.duckdb.state_rows import as_rows
from wasmverse.storage.duckdb.turn_store import read_laws
from wasmverse.storage.whole import KEPT, UNBOUNDED, Whole, in_order
from wasmverse.universe.crew import Crew
from wasmverse.universe.packed import pack_state


def read_whole(path: Path) -> Whole:
    """Read a universe that nobody has open.

    Raises
    ------
    DatabaseError : there is no file, or it cannot be used.
    StateError : it holds no universe, or something that cannot be.
    """
    if not path.is_file():
        raise DatabaseError(f"{path} is no file: name a universe's file, or the URL of its database")
    database = Database.open(path)
    try:
        with database.transaction() as transaction:
            laws = read_laws(transaction)
            settle_position(transaction)
            audit(transaction)
            stored = read_state(transaction, laws.systems)
            history = History(UNBOUNDED, UNBOUNDED, UNBOUNDED, UNBOUNDED)
            history.load(transaction)
            tables = {table.name: transaction.read_arrow(table) for table in KEPT}
            records = {
                "turns": history.turns,
                "strategy_turn": history.strategy_turns,
                "event": history.events,
                "story": history.kept_chronicle.stories,
            }
            tables |= {name: kept.rows for name, kept in records.items()}
            tables["chronicle"] = history.kept_chronicle.row()
            columns = schema.universe.c
            made_at, made_by = transaction.one(sa.select(columns.created_at, columns.created_by))
    finally:
        database.close()
    return Whole(laws, stored.tid, stored.next_eid, made_at, made_by, stored.state, in_order(tables))


def write_whole(path: Path, whole: Whole) -> None:
    """Make a file of it.

    Raises
    ------
    DatabaseError : there is a file already, or none can be made. Nothing is made then.
    """
    with new_file(path) as database, database.transaction() as transaction:
        laws = whole.laws
        transaction.run(
            schema.universe.insert(),
            application=APPLICATION,
            format_version=schema.FORMAT_VERSION,
            created_by=whole.made_by,
            created_at=whole.made_at,
            seed=laws.seed,
            systems=laws.systems,
            ships_min=laws.ships_min,
            nodes_min=laws.nodes_min,
            block_systems=laws.block_systems,
            tid=whole.tid,
            next_eid=whole.next_eid,
            upkeep=laws.upkeep,
        )
        for table in KEPT:
            transaction.insert_arrow(table, whole.tables[table.name])
        records = whole.tables["turns"].append_column("strategies", whole.strategies_of_turns())
        records = records.append_column("story", pa.array(whole.stories_of_turns(), pa.string()))
        transaction.insert_arrow(schema.turn_record, records)
        batches = list(whole.event_batches())
        columns = [list(column) for column in zip(*batches, strict=True)] or [[], [], []]
        types = (pa.int64(), pa.string(), pa.binary())
        arrays = [pa.array(column, type_) for column, type_ in zip(columns, types, strict=True)]
        transaction.insert_arrow(schema.event_batch, pa.table(arrays, ["tid", "names", "events"]))
        packed = pack_state(whole.state.ships, whole.state.nodes, laws.systems, Crew(1))
        transaction.insert_arrow(schema.system_state, as_rows(packed))
        audit(transaction)


@contextmanager
def new_file(path: Path) -> Iterator[Database]:
    """The database of a file that is there, and under its name, only if the block ends well.

    Raises
    ------
    DatabaseError : there is a file already.
    """
    if path.exists():
        raise DatabaseError(f"{path} is there already: name a new file with --db, or move that one away")
    making = path.with_name(f".{path.name}.loading")
    log = making.with_name(f"{making.name}.wal")
    try:
        making.unlink(missing_ok=True)  # of somebody who was killed
        database = Database.open(making)
        try:
            yield database
        finally:
            database.close()
        making.rename(path)
    finally:
        making.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
