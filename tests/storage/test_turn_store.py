"""A turn's two ends: what is read is checked, what is written is what was to be written, and plain DuckDB shows the same."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tests.storage.builder import CREW, LAWS, fill, in_order, packed, random_result, read, write
from tests.storage.by_hand import change_by_hand
from wasmverse.errors import StateError
from wasmverse.storage import schema, views
from wasmverse.storage.duckdb import state_reader
from wasmverse.storage.duckdb.database import ROW_GROUP_ROWS, Database
from wasmverse.storage.duckdb.state_reader import StateReader
from wasmverse.storage.duckdb.turn_store import write_system
from wasmverse.storage.stored_state import StoredState
from wasmverse.universe.result import nodes_after, ships_after
from wasmverse.universe.state import state_hash


def change(database: Database, *statements: str) -> None:
    with database.transaction() as transaction:
        for statement in statements:
            transaction.run(statement)


def change_rows(database: Database, *statements: str) -> None:
    with database.transaction() as transaction:
        change_by_hand(transaction.driver, *statements)


def refused(database: Database) -> str:
    with pytest.raises(StateError) as error, database.transaction() as transaction:
        read(transaction)
    return error.value.message


def test_what_another_hand_has_packed_is_read_as_it_was(database: Database) -> None:
    with database.transaction() as transaction:
        before = read(transaction)
        stored = transaction.run_text("SELECT sid, ships, nodes FROM system_state ORDER BY sid")
    change_rows(database)
    with database.transaction() as transaction:
        after = read(transaction)
        assert transaction.run_text("SELECT sid, ships, nodes FROM system_state ORDER BY sid") == stored
    assert state_hash(*after.state, 0, 1) == state_hash(*before.state, 0, 1)


def test_rows_are_read_by_sid_whatever_order_they_are_in(database: Database) -> None:
    with database.transaction() as transaction:
        before = read(transaction)
    change(
        database,
        "CREATE OR REPLACE TEMP TABLE mixed AS SELECT * FROM system_state ORDER BY sid DESC",
        "DELETE FROM system_state",
        "INSERT INTO system_state SELECT * FROM mixed",
    )
    with database.transaction() as transaction:
        assert transaction.run_text("SELECT sid FROM system_state") == [(3,), (2,), (1,)]
        after = read(transaction)
    assert state_hash(*after.state, 0, 1) == state_hash(*before.state, 0, 1)


@pytest.mark.parametrize("table", ["ship", "node"])
@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [("x", 100, "0..99"), ("y", 255, "0..99"), ("shield", 101, "0..100"), ("energy", 0, "1..65535")],
)  # fmt: skip
def test_values_off_the_limits_are_refused_by_their_row(
    database: Database, table: str, column: str, value: int, allowed: str
) -> None:
    if column not in getattr(schema, table).columns:
        table = "ship"
    eid = 3 if table == "ship" else 8
    change_rows(database, f"UPDATE {table}s SET {column} = {value} WHERE eid = {eid}")
    assert refused(database) == (
        f"the {table}s of system 1 cannot be read: {table} {eid} has {column} {value}; allowed is {allowed}; "
        "restore a copy of the universe, or load what was exported of it"
    )


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM system_state WHERE sid = 2", "system_state has no row for system 2; there is one for each of 1..3"),
        ("UPDATE system_state SET sid = 4 WHERE sid = 3", "system_state has no row for system 3; there is one"),
        ("INSERT INTO system_state SELECT * FROM system_state WHERE sid = 2", "system_state has 2 rows for system 2; there is"),
        ("INSERT INTO system_state SELECT 0, ships, nodes FROM system_state LIMIT 1", "system_state has 1 rows for system 0;"),
        ("UPDATE system_state SET ships = 'x' WHERE sid = 2", "the ships of system 2 cannot be read: the length of its"),
        ("UPDATE system_state SET nodes = '' WHERE sid = 2", "the nodes of system 2 cannot be read: its blob has 0 bytes, "),
        ("UPDATE system_state SET ships = nodes WHERE sid = 3", "the ships of system 3 cannot be read: its blob of "),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_are_refused_by_their_system(
    database: Database, statement: str, message: str
) -> None:
    change(database, statement)
    assert refused(database).startswith(message)


def test_a_null_is_refused(database: Database) -> None:
    for view in views.VIEWS:
        change(database, f"DROP VIEW {view}")
    change(
        database,
        "ALTER TABLE system_state ALTER ships DROP NOT NULL",
        "UPDATE system_state SET ships = NULL WHERE sid = 1",
    )
    assert refused(database) == "1 rows of system_state have ships NULL; none may: restore a copy of the file"


def test_a_column_whose_type_was_changed_is_refused(database: Database) -> None:
    for view in views.VIEWS:
        change(database, f"DROP VIEW {view}")
    change(database, "ALTER TABLE system_state ALTER sid TYPE BIGINT")
    assert (
        refused(database)
        == "system_state.sid has the type int64; it must be uint32: restore a copy of the file"
    )


@pytest.mark.parametrize("seed", range(12))
def test_what_is_read_after_a_turn_is_what_was_written(database: Database, seed: int) -> None:
    """Random changes, turn after turn."""
    rng = np.random.default_rng(seed)
    reader = StateReader(LAWS.systems, CREW)
    for tid in range(1, 16):
        taken: dict[str, pa.Table] = {}
        with database.transaction() as transaction:
            before = read(transaction)
            result = random_result(rng, tid, before)
            expected = nodes_after(before.state.nodes, result)
            written = write(transaction, before, result)
            unpacked = reader.begin(written, taken.__setitem__)
            reader.check(transaction, written)
        after = StoredState(tid, result.next_eid, unpacked.result())
        assert taken == {"ship": after.ship_table(), "node": after.node_table()}
        assert (after.tid, after.next_eid) == (tid, result.next_eid)
        assert after.ship_table().equals(in_order(ships_after(result)))
        assert after.node_table().equals(in_order(expected))
        with database.transaction() as transaction:
            again = read(transaction)
        assert again.ship_table().equals(after.ship_table())
        assert again.node_table().equals(after.node_table())
    reader.close()


def test_plain_duckdb_shows_what_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "u.duckdb"
    database = Database.open(path)
    fill(database)
    rng = np.random.default_rng(4)
    for tid in range(1, 6):
        with database.transaction() as transaction:
            before = read(transaction)
            write(transaction, before, random_result(rng, tid, before))
    # One ship far from the others, so that its system's eids are wide.
    change_rows(database, f"UPDATE ships SET eid = {2**40} WHERE eid = (SELECT max(eid) FROM ships)")
    with database.transaction() as transaction:
        after = read(transaction)
    assert int(after.state.ships.eid.max()) == 2**40
    database.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        ships = connection.sql("SELECT * FROM ship ORDER BY sid, eid").to_arrow_table()
        nodes = connection.sql("SELECT * FROM node ORDER BY sid, eid").to_arrow_table()
        count = connection.sql("SELECT count(*), min(energy) FROM entity WHERE kind = 2").fetchall()
    assert ships.equals(after.ship_table())
    assert nodes.equals(after.node_table())
    assert count == [(len(after.state.nodes.sid), int(after.state.nodes.energy.min()))]


@pytest.fixture(params=["compared by the database", "compared here"])
def rows_a_batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A universe of few systems is compared by the database, one of many by kernels."""
    if request.param == "compared here":
        monkeypatch.setattr(state_reader, "ROWS_A_BATCH", LAWS.systems - 1)


SHIPS_OF_3 = "(SELECT ships FROM system_state WHERE sid = 3)"


@pytest.mark.usefixtures("rows_a_batch")
@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("UPDATE nodes SET energy = energy % 65535 + 1 WHERE sid = 2", "the nodes of system 2 are not read as they were"),
        ("UPDATE ships SET energy = energy % 65535 + 1 WHERE sid = 3", "the ships of system 3 are not read as they were"),
        ("DELETE FROM system_state WHERE sid = 3", "system 3"),
        (f"INSERT INTO system_state VALUES (4, {SHIPS_OF_3}, '')", "system 4"),
        ("UPDATE system_state SET sid = sid + 1", "system [12]"),
        (f"UPDATE system_state SET nodes = {SHIPS_OF_3} WHERE sid = 1", "system 1"),
    ],
)  # fmt: skip
def test_rows_that_are_not_what_was_written_are_refused_before_the_commit(
    database: Database, statement: str, wanted: str
) -> None:
    reader = StateReader(LAWS.systems, CREW)
    with database.transaction() as transaction:
        before = reader.read(transaction)
    result = random_result(np.random.default_rng(1), 1, before)
    with pytest.raises(StateError, match=wanted), database.transaction() as transaction:
        written = write(transaction, before, result)
        if "system_state" in statement:
            transaction.run_text(statement)
        else:
            change_by_hand(transaction.driver, statement)
        reader.check(transaction, written)
    reader.close()
    with database.transaction() as transaction:
        assert read(transaction).node_table().equals(before.node_table())


def test_a_system_can_be_written_alone(database: Database) -> None:
    with database.transaction() as transaction:
        before = read(transaction).state
        here = [type(columns)._make(column[columns.sid == 2] for column in columns) for columns in before]
        here[0].energy[:] = 77
        write_system(transaction, 2, *here)
    with database.transaction() as transaction:
        after = read(transaction).state
    assert after.ships.energy.tolist() == np.where(before.ships.sid == 2, 77, before.ships.energy).tolist()
    assert after.ships.sid.tolist() == before.ships.sid.tolist()
    assert in_order(after.nodes).equals(in_order(before.nodes))


def test_row_groups_are_small_enough_to_be_written_while_others_are_inserted(tmp_path: Path) -> None:
    """In new files, and in those that were made with the size that DuckDB has by itself."""
    path = tmp_path / "u.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in views.ddl(Database.open(None).engine.dialect):
            connection.execute(statement)
    database = Database.open(path)
    change(
        database,
        "CREATE OR REPLACE TABLE system_state AS SELECT range::UINTEGER AS sid, ''::BLOB AS ships, ''::BLOB AS nodes "
        "FROM range(10000)",
    )
    with database.transaction() as transaction:
        groups = transaction.run_text("SELECT max(row_group_id) + 1 FROM pragma_storage_info('system_state')")
    database.close()
    assert groups == [(-(-10_000 // ROW_GROUP_ROWS),)]


def test_a_turn_that_is_not_committed_leaves_nothing(database: Database) -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ZeroDivisionError), database.transaction() as transaction:
        before = read(transaction)
        write(transaction, before, random_result(rng, 1, before))
        _ = 1 / 0
    with database.transaction() as transaction:
        after = read(transaction)
    assert (after.tid, after.next_eid) == (0, before.next_eid)
    assert after.ship_table().equals(before.ship_table())
    assert after.node_table().equals(before.node_table())


def test_a_universe_may_be_empty(database: Database) -> None:
    change_rows(database, "DELETE FROM ships", "DELETE FROM nodes")
    with database.transaction() as transaction:
        empty = read(transaction)
        assert transaction.run_text("SELECT count(*) FROM entity") == [(0,)]
    assert len(empty.state.ships.sid) == len(empty.state.nodes.sid) == 0
    result = random_result(np.random.default_rng(1), 1, empty)
    assert packed(empty, result).size_bytes > 0
