"""All of a universe from databases, and into empty ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa

from wasmverse.errors import DatabaseError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres import schema as stored
from wasmverse.storage.postgres.database import Database, Transaction
from wasmverse.storage.postgres.founding import homes_of, read_laws, write_universe
from wasmverse.storage.postgres.history import History
from wasmverse.storage.postgres.modules import ModuleTables
from wasmverse.storage.postgres.pull import Pull
from wasmverse.storage.postgres.versions import migrate
from wasmverse.storage.whole import KEPT, UNBOUNDED, Whole, in_order
from wasmverse.universe.crew import Crew


def read_whole(url: DatabaseUrl, others: Sequence[DatabaseUrl] = ()) -> Whole:
    """Read a universe as it is at the end of a turn; it may be played meanwhile.

    Raises
    ------
    DatabaseError : a database cannot be used, or there is no universe.
    StateError : it holds something that cannot be.
    """
    first = Database(url, "copying")
    try:
        with first.transaction() as transaction:
            found = transaction.execute("SELECT to_regclass('universe')").fetchone()
            is_there = found is not None and found[0] is not None and read_laws(transaction) is not None
    finally:
        first.close()
    if not is_there:
        raise DatabaseError(f"{url} holds no universe: name the database of one")
    pull, crew = Pull([url, *others]), Crew(1)
    try:
        with pull.moment(with_rows=True) as moment:
            transaction = moment.transactions[0]
            laws, row_systems = read_laws(transaction) or (None, 0)
            assert laws is not None
            state = pull.state(moment, laws, row_systems, crew)
            history = History(UNBOUNDED, UNBOUNDED, UNBOUNDED, UNBOUNDED)
            history.load(transaction, state.tid)
            tables = {table.name: transaction.read_arrow(table) for table in KEPT}
            records = {
                "turns": history.turns,
                "strategy_turn": history.strategy_turns,
                "event": history.events,
                "story": history.kept_chronicle.stories,
            }
            tables |= {name: kept.rows for name, kept in records.items()}
            tables["chronicle"] = history.kept_chronicle.row()
            columns = stored.universe.c
            made_at, made_by = transaction.one(sa.select(columns.created_at, columns.created_by))
    finally:
        pull.close()
        crew.close()
    return Whole(laws, state.tid, state.next_eid, made_at, made_by, state.state, in_order(tables))


def write_whole(url: DatabaseUrl, others: Sequence[DatabaseUrl], whole: Whole) -> None:
    """Make a universe of it in databases that have none; the first commit, of the coordinator, makes it one.

    Raises
    ------
    DatabaseError : one of them has a universe, or cannot be used.
    StateError : there are more places than blocks.
    """
    with ExitStack() as stack:
        databases = []
        for number, place in enumerate((url, *others)):
            database = Database(place, "copying")
            stack.callback(database.close)
            with database.transaction() as transaction:
                migrate(transaction.connection, database.shown, is_coordinator=number == 0)
            databases.append(database)
        with databases[0].transaction() as coordinator:
            coordinator.execute("LOCK TABLE universe IN EXCLUSIVE MODE")
            _require_empty(databases[0], coordinator, "universe")
            with _transactions(databases[1:]) as places:
                for database, other in zip(databases[1:], places, strict=True):
                    _require_empty(database, other, "place")
                _write(coordinator, [coordinator.raw, *(other.raw for other in places)], whole)
            ModuleTables(list(others)).spread(coordinator)


@contextmanager
def _transactions(databases: Sequence[Database]) -> Iterator[list[Transaction]]:
    """One in each, all of which are committed at the end."""
    with ExitStack() as stack:
        yield [stack.enter_context(database.transaction()) for database in databases]


def _require_empty(database: Database, transaction: Transaction, table: str) -> None:
    if transaction.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None:
        raise DatabaseError(
            f"{database.shown} holds a universe, or a part of one: name an empty database (createdb)"
        )


def _write(coordinator: Transaction, places: Sequence[psycopg.Connection[Any]], whole: Whole) -> None:
    homes_of(coordinator, whole.laws)
    for table in KEPT:
        coordinator.insert_arrow(table, whole.tables[table.name])
    turns = whole.tables["turns"]
    columns = [*turns.column_names, "strategies", "story"]
    text = f"COPY turn_record ({', '.join(columns)}) FROM STDIN"
    with coordinator.raw.cursor() as cursor, cursor.copy(text) as copy:
        for turn, strategies, story in zip(
            turns.to_pylist(), whole.strategies_of_turns().to_pylist(), whole.stories_of_turns(), strict=True
        ):
            copy.write_row((*turn.values(), None if strategies is None else json.dumps(strategies), story))
    with coordinator.raw.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO event_batch (tid, names, events) VALUES (%s, %s, %s)", list(whole.event_batches())
        )
    write_universe(
        coordinator,
        places,
        whole.laws,
        whole.state,
        whole.tid,
        whole.next_eid,
        whole.made_at,
        whole.made_by,
    )
