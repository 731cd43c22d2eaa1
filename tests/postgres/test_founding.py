"""A universe put into databases: the same one as in the embedded engine, and shown by the views as it is in a snapshot."""

from typing import Any

import pytest

from tests.simulation.builder import changed
from wasmverse.settings import DatabaseUrl
from wasmverse.simulation.beginning import bundled_founders, make_laws
from wasmverse.storage.duckdb.database import Database as File
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.postgres.database import Database, Transaction
from wasmverse.storage.postgres.founding import found, read_laws
from wasmverse.storage.postgres.pull import Pull
from wasmverse.storage.postgres.versions import migrate
from wasmverse.universe.crew import Crew
from wasmverse.universe.state import state_hash


def shown(transaction: Transaction, name: str, columns: list[str]) -> list[tuple[Any, ...]]:
    return transaction.execute(f"SELECT {', '.join(columns)} FROM {name} ORDER BY sid, eid").fetchall()


@pytest.mark.parametrize(
    ("ships", "nodes", "row_systems"), [(6, 10, 3), (40, 60, 2), (100, 150, 1), (0, 0, 3)], ids=str
)
def test_a_universe_is_founded_as_in_the_embedded_engine(
    url: str, ships: int, nodes: int, row_systems: int
) -> None:
    settings = changed(systems=20, ships=ships, nodes=nodes)
    place = DatabaseUrl.read(url)
    database, embedded = Database(place, "test"), DuckdbStore.opened(File.open(None), settings)
    laws = make_laws(settings)
    with database.transaction() as transaction:
        migrate(transaction.connection, "x", is_coordinator=True)
        found(transaction, [transaction.raw], laws, bundled_founders(), 0.0)
    pull = Pull([place])
    with pull.moment(with_rows=True) as moment:
        transaction = moment.transactions[0]
        assert read_laws(transaction) == (laws, row_systems)
        stored = pull.state(moment, laws, row_systems, Crew(1))
        assert state_hash(*stored.state, stored.tid, stored.next_eid) == embedded.state_hash()
        snapshot = embedded.snapshot()
        for name in ("ship", "node"):
            rows = shown(transaction, name, snapshot[name].column_names)
            assert [tuple(map(int, row)) for row in rows] == [
                tuple(row.values()) for row in snapshot[name].to_pylist()
            ]
    pull.close()
    database.close()
    embedded.close()
