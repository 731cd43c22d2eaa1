"""Open the universe that is in databases of servers, or put one there; say whether the servers can play it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg

from wasmverse import __version__
from wasmverse.errors import DatabaseError, DatabaseForeign, DatabaseLocked, DatabaseLost
from wasmverse.settings import DatabaseUrl, SimulationSettings
from wasmverse.simulation.beginning import Founder, bundled_founders, make_laws
from wasmverse.simulation.memory import check_new_universe
from wasmverse.storage.postgres import functions
from wasmverse.storage.postgres.database import Database, Transaction
from wasmverse.storage.postgres.founding import found, read_laws
from wasmverse.storage.postgres.modules import ModuleTables
from wasmverse.storage.postgres.sessions import get_ready
from wasmverse.storage.postgres.store import PostgresStore
from wasmverse.storage.postgres.versions import LOCK, migrate
from wasmverse.universe.turn import Laws

log = logging.getLogger("wasmverse.universe")


def open_postgres(
    places: Sequence[DatabaseUrl],
    settings: SimulationSettings,
    first: Callable[[bool], None] = lambda _is_new: None,
    *,
    play: str = "auto",
    now: Callable[[], float] = time.time,
) -> PostgresStore:
    """A universe in databases, made by the settings with the bundled strategies if they have none.

    Parameters
    ----------
    places : the coordinator first; a universe is opened with all that it was made with.
    first : called once the databases can be used, before anything is made, read or compiled; told whether it is new.
    play : "inside" the servers, "outside" of them, or "auto": inside if they can.
    now : the time, in seconds since 1970.

    Raises
    ------
    WasmverseError : a database cannot be used, holds what cannot be, or the universe does not fit this machine.
    """
    with _opened(places) as databases:
        is_new = _prepare(databases)
        first(is_new)
        if is_new:
            check_new_universe(settings)
            _found(databases, make_laws(settings), bundled_founders(), now())
        is_inside = play != "outside" and _prepare_inside(databases, is_wanted=play == "inside")
    return PostgresStore(places, settings, is_inside=is_inside, now=now)


def found_postgres(
    places: Sequence[DatabaseUrl],
    laws: Laws,
    founders: Sequence[Founder],
    settings: SimulationSettings,
    *,
    play: str = "auto",
) -> PostgresStore:
    """A new universe, its clock ours, with these first strategies, as if uploaded in 1970; ``play`` as of `open_postgres`.

    Raises
    ------
    DatabaseError : there is a universe already, or none can be made.
    """
    with _opened(places) as databases:
        if not _prepare(databases):
            raise DatabaseError(f"{places[0]} holds a universe already: name an empty database (createdb)")
        _found(databases, laws, founders, 0.0)
        is_inside = play != "outside" and _prepare_inside(databases, is_wanted=play == "inside")
    store = PostgresStore(places, settings, is_inside=is_inside)
    if not store.claim():
        store.close()
        raise DatabaseError(f"{places[0]} is played by another process: name an empty database (createdb)")
    return store


@contextmanager
def _opened(places: Sequence[DatabaseUrl]) -> Iterator[list[Database]]:
    """A session in each, which ends with the block."""
    with ExitStack() as stack:
        databases = []
        for place in places:
            databases.append(Database(place, "opening"))
            stack.callback(databases[-1].close)
        yield databases


def _prepare(databases: Sequence[Database]) -> bool:
    """Have all tables in all places; whether there is no universe yet."""
    is_new = True
    for number, database in enumerate(databases):
        with database.transaction() as transaction:
            migrate(transaction.connection, database.shown, is_coordinator=number == 0)
            if number == 0:
                is_new = read_laws(transaction) is None
    return is_new


def _found(databases: Sequence[Database], laws: Laws, founders: Sequence[Founder], now: float) -> None:
    """Put a universe into all places: the coordinator's commit, the last one, makes it one."""
    with databases[0].transaction() as coordinator:
        # Of two processes that find no universe here, one finds it made.
        coordinator.execute("SET LOCAL lock_timeout = 0")
        coordinator.execute("LOCK TABLE universe IN EXCLUSIVE MODE")
        if read_laws(coordinator) is not None:
            return
        with ExitStack() as stack:
            others: list[psycopg.Connection[Any]] = []
            for database in databases[1:]:
                transaction: Transaction = stack.enter_context(database.transaction())
                _clear(transaction, database.shown)
                others.append(transaction.raw)
            found(coordinator, [coordinator.raw, *others], laws, founders, now)
        ModuleTables([database.url for database in databases[1:]]).spread(coordinator)


def _clear(transaction: Transaction, shown: str) -> None:
    """Remove from a place what a founding that was not ended has left there.

    Raises
    ------
    DatabaseForeign : there is more than that.
    """
    if transaction.execute("SELECT 1 FROM place WHERE tid > 0 LIMIT 1").fetchone() is not None:
        raise DatabaseForeign(
            f"{shown} has a part of another universe: name its coordinator with --db, or give an empty database with --place"
        )
    transaction.execute("TRUNCATE system_state, place, strategy_module, compiled_module")


def _prepare_inside(databases: Sequence[Database], *, is_wanted: bool) -> bool:
    """Have the functions by which backends play in all places; whether they are there, and can be used.

    Raises
    ------
    DatabaseError : they are wanted, and cannot be there: says why.
    """
    for database in databases:
        try:
            _require_functions(database)
        except (DatabaseLost, DatabaseLocked):
            raise  # this passes, and says nothing of the server
        except DatabaseError as error:
            lacking = (
                f"{database.shown} cannot play turns itself ({error.message}): it needs the extension plpython3u, which a "
                "superuser makes, and Wasmverse's Python packages where its server finds them"
            )
            if is_wanted:
                raise DatabaseError(f"{lacking}; --play outside needs none of them") from error
            log.warning(
                "%s; turns are played in this process, at about twice the cost (--play outside does so without this line)",
                lacking,
            )
            return False
    return True


def _require_functions(database: Database) -> None:
    """Make the functions, unless they are there, and have the machine code made that their sessions load."""
    with database.transaction() as transaction:
        schema = functions.schema_of(transaction)
        made = functions.hash_of(schema)
        if functions.made_by(transaction, schema) != made:
            # Of two processes that find none, one finds them made.
            transaction.execute("SET LOCAL lock_timeout = 0")
            transaction.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        if (
            functions.made_by(transaction, schema) != made
        ):  # a role that may only use them must not need to make them
            transaction.execute("CREATE EXTENSION IF NOT EXISTS plpython3u")
            for statement in functions.create(schema):
                transaction.execute(statement)
            transaction.execute(f"COMMENT ON FUNCTION wasmverse_ready() IS '{made}'")
            functions.made_by(transaction, schema)  # that a call finds them, and no other's
        there = _installed(transaction)
    if there["version"] != __version__:
        raise DatabaseError(f"its server has Wasmverse {there['version']}, this is {__version__}")
    if not there["are_kernels_compiled"]:
        log.info(
            "%s: compiling the kernels in the server (a minute the first time, cached afterwards)",
            database.shown,
        )
        get_ready(database.raw)
        with database.transaction() as transaction:
            if not _installed(transaction)["are_kernels_compiled"]:
                log.warning(
                    "%s: the server keeps no compiled kernels, so each of its sessions compiles them for a minute: "
                    "set NUMBA_CACHE_DIR in its environment to a folder that its user may write to",
                    database.shown,
                )


def _installed(transaction: Transaction) -> dict[str, Any]:
    """What the server's backends have."""
    row = transaction.execute("SELECT wasmverse_ready()").fetchone()
    assert row is not None
    found: dict[str, Any] = json.loads(row[0])
    return found
