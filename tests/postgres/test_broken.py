"""A universe that others have written to is refused as in the embedded engine: what is wrong is named, with the remedy."""

import pytest

from tests.simulation.builder import SMALL
from wasmverse.commands import SpawnEntity
from wasmverse.errors import StateError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres.database import Database
from wasmverse.storage.postgres.opening import open_postgres

BROKEN = [
    ("UPDATE universe SET next_eid = 5", "has an eid that was never given; the next is 5"),
    ("UPDATE universe SET seed = -1", r"universe has seed -1; allowed is 0\.\."),
    ("UPDATE strategy SET name = 'Bad Name' WHERE strategy_id = 1", "'Bad Name' has a name that none can have"),
    ("DELETE FROM strategy_module", "has 0 modules with sha256"),
    ("UPDATE strategy_module SET module = 'x'", "was changed, its sha256 is 2d711642b726b04401627ca9fbac32f5c8530fb1903"),
    ("UPDATE event_batch SET tid = 9", "event_batch has a row of turn 9; the last one is 0"),
    ("UPDATE event_batch SET events = 'x'", "turn 0 has 1 bytes of events, which are none of version"),
    ("DELETE FROM system_state WHERE first_sid = 4", "no row of the systems from 4 on"),
    ("UPDATE system_state SET ships = substr(ships, 1, 50) WHERE first_sid = 4", "blob is longer than"),
    ("DELETE FROM strategy WHERE strategy_id = 3", "has strategy_id 3, which no strategy has"),
]  # fmt: skip


def test_a_universe_that_others_have_broken_is_refused(url: str) -> None:
    place = DatabaseUrl.read(url)
    store = open_postgres([place], SMALL, play="outside")
    store.carry_out(SpawnEntity(1, 2, 5, 5, None))
    store.close()
    database = Database(place, "test")
    for change, says in BROKEN:
        tables = change.split(" WHERE ")[0].replace("DELETE FROM ", "UPDATE ").split()[1]
        with database.transaction() as transaction:
            transaction.execute(f"CREATE TABLE kept AS TABLE {tables}")
            transaction.execute(change)
        with pytest.raises(StateError, match=says):
            open_postgres([place], SMALL, play="outside")
        with database.transaction() as transaction:
            transaction.execute(f"DELETE FROM {tables}")
            overriding = "OVERRIDING SYSTEM VALUE" if tables == "event_batch" else ""
            transaction.execute(f"INSERT INTO {tables} {overriding} TABLE kept")
            transaction.execute("DROP TABLE kept")
    database.close()
    open_postgres([place], SMALL, play="outside").close()
