"""A turn's two ends: what is read is in order and checked, what is written is what was to be written."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.database.builder import (
    LAWS,
    fill,
    in_order,
    nodes_after,
    random_changes,
    random_ships,
    read,
    result_of,
)
from wasmverse.database import schema, turn_store
from wasmverse.database.embedded import Database
from wasmverse.database.turn_store import write_turn
from wasmverse.errors import StateError
from wasmverse.universe.state import state_hash


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database.open(None)
    fill(database)
    yield database
    database.close()


def change(database: Database, *statements: str) -> None:
    with database.transaction() as transaction:
        for statement in statements:
            transaction.run(statement)


def test_rows_are_put_in_order_whatever_order_they_are_in(database: Database) -> None:
    with database.transaction() as transaction:
        before = read(transaction)
    for table in ("ship", "node"):
        change(
            database,
            f"CREATE TEMP TABLE shuffled AS SELECT * FROM {table} ORDER BY hash(eid)",
            f"DELETE FROM {table}",
            f"INSERT INTO {table} SELECT * FROM shuffled",
            "DROP TABLE shuffled",
        )
    with database.transaction() as transaction:
        after = read(transaction)
        assert state_hash(*after.state[:2], 0, 1) == state_hash(*before.state[:2], 0, 1)
        assert in_order(after.state.ships).equals(in_order(before.state.ships))
        order = np.lexsort((after.state.ships.eid, after.state.ships.sid))
        assert np.array_equal(order, np.arange(len(order)))
        # Every row id still belongs to the node beside it.
        stored = dict(transaction.driver.sql("SELECT rowid, eid FROM node").fetchall())
        assert [stored[row] for row in after.node_rowids.tolist()] == after.state.nodes.eid.tolist()


@pytest.mark.parametrize("table", ["ship", "node"])
@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [
        ("x", 100, "0..99"),
        ("y", 255, "0..99"),
        ("sid", 0, "1..3"),
        ("sid", 4, "1..3"),
        ("shield", 101, "0..100"),
    ],
)
def test_values_off_the_limits_are_refused_by_their_row(
    database: Database, table: str, column: str, value: int, allowed: str
) -> None:
    if column not in schema.metadata.tables[table].columns:
        table = "ship"
    eid = 3 if table == "ship" else 8
    change(database, f"UPDATE {table} SET {column} = {value} WHERE eid = {eid}")
    with pytest.raises(StateError) as refused, database.transaction() as transaction:
        read(transaction)
    assert (
        refused.value.message == f"{table} {eid} has {column} {value}; allowed is {allowed}: correct the row"
    )


@pytest.mark.parametrize(("table", "eid"), [("ship", 3), ("node", 8)])
@pytest.mark.parametrize("column", ["x", "energy"])
def test_a_null_is_refused_by_its_row(database: Database, table: str, eid: int, column: str) -> None:
    for view in schema.VIEWS:
        change(database, f"DROP VIEW {view}")
    change(
        database,
        f"ALTER TABLE {table} ALTER {column} DROP NOT NULL",
        f"UPDATE {table} SET {column} = NULL WHERE eid = {eid}",
    )
    with pytest.raises(StateError) as refused, database.transaction() as transaction:
        read(transaction)
    assert (
        refused.value.message
        == f"{table} {eid} has {column} NULL; a number must stand there: correct the row"
    )


def test_a_column_whose_type_was_changed_is_refused(database: Database) -> None:
    for view in schema.VIEWS:
        change(database, f"DROP VIEW {view}")
    change(database, "ALTER TABLE ship ALTER x TYPE INTEGER")
    wanted = r"ship\.x has the type int32; it must be uint8: change it back"
    with pytest.raises(StateError, match=wanted), database.transaction() as transaction:
        read(transaction)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_read_after_a_turn_is_what_was_written(
    database: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random changes, turn after turn; in half of the cases the tail grows until the table is put in order."""
    if seed % 2:
        monkeypatch.setattr(turn_store, "TAIL_ROWS_MIN", 4)
    rng = np.random.default_rng(seed)
    next_eid = 100
    was_tail_written_anew = False
    for tid in range(1, 16):
        with database.transaction() as transaction:
            before = read(transaction)
            changes = random_changes(rng, before, next_eid)
            next_eid += len(changes.added.eid)
            ships = random_ships(rng, int(rng.integers(0, 30)))
            nodes = len(before.state.nodes.sid) - len(changes.removed) + len(changes.added.sid)
            result = result_of(tid, ships, changes, nodes=nodes, next_eid=next_eid)
            expected = nodes_after(before.state.nodes, changes)
            write_turn(transaction, before, result)
        with database.transaction() as transaction:
            after = read(transaction)
        assert (after.tid, after.next_eid) == (tid, next_eid)
        assert in_order(after.state.ships).equals(in_order(ships))
        assert in_order(after.state.nodes).equals(in_order(expected))
        assert len(after.state.nodes.sid) == nodes
        tail = len(before.state.nodes.sid) - before.state.nodes_sorted
        was_tail_written_anew |= tail > 4 and after.state.nodes_sorted == nodes
    assert was_tail_written_anew or seed % 2 == 0


def test_a_turn_that_is_not_committed_leaves_nothing(database: Database) -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ZeroDivisionError), database.transaction() as transaction:
        before = read(transaction)
        changes = random_changes(rng, before, 500)
        write_turn(transaction, before, result_of(1, random_ships(rng, 9), changes, nodes=1))
        _ = 1 / 0
    with database.transaction() as transaction:
        after = read(transaction)
    assert (after.tid, after.next_eid) == (0, before.next_eid)
    assert in_order(after.state.ships).equals(in_order(before.state.ships))
    assert in_order(after.state.nodes).equals(in_order(before.state.nodes))


def test_a_universe_may_be_empty(database: Database) -> None:
    change(database, "DELETE FROM ship", "DELETE FROM node")
    with database.transaction() as transaction:
        empty = read(transaction)
    assert len(empty.state.ships.sid) == len(empty.state.nodes.sid) == empty.state.nodes_sorted == 0
    assert LAWS.systems == 3
