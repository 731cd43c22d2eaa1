"""A turn's two ends: what is read is in order and checked, what is written is what was to be written."""

from collections.abc import Iterator
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.builder import (
    LAWS,
    THREADS,
    by_hand,
    in_order,
    random_result,
    random_ships,
    read,
)
from wasmverse.errors import StateError
from wasmverse.storage import schema
from wasmverse.storage.duckdb import database as embedded
from wasmverse.storage.duckdb import stored_state, turn_store
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.state_reader import StateReader
from wasmverse.storage.duckdb.stored_state import NodeLayout, StoredState
from wasmverse.storage.duckdb.turn_store import write_ships, write_turn
from wasmverse.universe.result import TurnResult, nodes_after, ships_after
from wasmverse.universe.state import Ships, state_hash


def change(database: Database, *statements: str) -> None:
    with database.transaction() as transaction:
        for statement in statements:
            transaction.run(statement)


def test_rows_are_put_in_order_whatever_order_they_are_in(database: Database) -> None:
    with database.transaction() as transaction:
        before = read(transaction)
    change(database, *by_hand("CREATE OR REPLACE TEMP TABLE ships AS SELECT * FROM ship ORDER BY hash(eid)"))
    change(database, *by_hand("CREATE OR REPLACE TEMP TABLE nodes AS SELECT * FROM node ORDER BY hash(eid)"))
    with database.transaction() as transaction:
        after = read(transaction)
        assert state_hash(*after.state[:2], 0, 1) == state_hash(*before.state[:2], 0, 1)
        assert in_order(after.state.ships).equals(in_order(before.state.ships))
        order = np.lexsort((after.state.ships.eid, after.state.ships.sid))
        assert np.array_equal(order, np.arange(len(order)))
        # Every stored row still belongs to the node beside it.
        stored = [eid for (eid,) in transaction.driver.sql("SELECT eid FROM node_place").fetchall()]
        assert [stored[row] for row in after.node_rows.tolist()] == after.state.nodes.eid.tolist()


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
    if column not in getattr(schema, table).columns:
        table = "ship"
    eid = 3 if table == "ship" else 8
    change(database, *by_hand(f"UPDATE {table}s SET {column} = {value} WHERE eid = {eid}"))
    with pytest.raises(StateError) as refused, database.transaction() as transaction:
        read(transaction)
    assert (
        refused.value.message == f"{table} {eid} has {column} {value}; allowed is {allowed}: correct the row"
    )


@pytest.mark.parametrize(
    ("table", "column", "eid"),
    [("ship_packed", "traits", 3), ("ship_packed", "energy", 3), ("node_place", "x", 8)],
)
def test_a_null_is_refused_by_its_row(database: Database, table: str, column: str, eid: int) -> None:
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
    change(database, "ALTER TABLE node_place ALTER x TYPE INTEGER")
    wanted = r"node_place\.x has the type int32; it must be uint8: change it back"
    with pytest.raises(StateError, match=wanted), database.transaction() as transaction:
        read(transaction)


def write(transaction: Transaction, before: StoredState, result: TurnResult) -> None:
    write_ships(transaction, before, iter([*result.ships, result.new_ships]))
    write_turn(transaction, before, result, NodeLayout.after(before, result))


@pytest.fixture
def are_places_written_anew(seed: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """For every other seed few loose rows are enough, and the random turns make more."""
    if seed % 2:
        monkeypatch.setattr(stored_state, "LOOSE_ROWS_MIN", 4)
    return bool(seed % 2)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_read_after_a_turn_is_what_was_written(
    database: Database, seed: int, are_places_written_anew: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random changes, turn after turn."""
    if seed % 3 == 0:
        monkeypatch.setattr(embedded, "FEW_ROWS_TO_DELETE", 0)
    rng = np.random.default_rng(seed)
    written_anew = 0
    for tid in range(1, 16):
        with database.transaction() as transaction:
            before = read(transaction)
            result = random_result(rng, tid, before)
            expected = nodes_after(before.state.nodes, result)
            write(transaction, before, result)
        with database.transaction() as transaction:
            after = read(transaction)
        assert (after.tid, after.next_eid) == (tid, result.next_eid)
        assert in_order(after.state.ships).equals(in_order(ships_after(result)))
        assert in_order(after.state.nodes).equals(in_order(expected))
        assert (len(after.state.ships.sid), len(after.state.nodes.sid)) == (
            result.ship_count,
            result.node_count,
        )
        assert after.places >= before.places or are_places_written_anew
        written_anew += after.places < before.places + len(result.new_nodes.sid)
    assert (written_anew > 0) == are_places_written_anew


@pytest.mark.parametrize("seed", range(8))
def test_a_turn_knows_where_it_stores_what_a_new_process_would_find(
    database: Database, seed: int, are_places_written_anew: bool
) -> None:
    """Nodes are put in order from the turn's outcome, turn after turn; reading all of the file gives the same."""
    rng = np.random.default_rng(seed)
    reader = StateReader(LAWS.systems, THREADS)
    taken: list[str] = []
    with database.transaction() as transaction:
        before = reader.read(transaction).state()
    anew = 0
    for tid in range(1, 16):
        result = random_result(rng, tid, before)
        with database.transaction() as transaction:
            layout = NodeLayout.after(before, result)
            placing = reader.place(layout, lambda name, _table: taken.append(name))
            write_ships(transaction, before, iter([*result.ships, result.new_ships]))
            write_turn(transaction, before, result, layout)
            after = reader.read(transaction, (tid, result.next_eid), placing=placing).state()
            found = read(transaction)
        assert (after.tid, after.next_eid, after.places) == (found.tid, found.next_eid, found.places)
        assert after.places_sorted <= found.places_sorted, "new rows may happen to be in order"
        assert np.array_equal(after.node_rows, found.node_rows)
        for kept, stored in zip(after.state, found.state, strict=True):
            assert in_order(kept).equals(in_order(stored))
            assert not any(column.flags.writeable for column in kept)
        before = after
        anew += layout.is_anew
    assert (anew > 0) == are_places_written_anew
    assert taken == ["node"] * 15
    reader.close()


def test_energies_that_are_not_what_was_written_are_refused_before_the_commit(database: Database) -> None:
    reader = StateReader(LAWS.systems, THREADS)
    with database.transaction() as transaction:
        before = reader.read(transaction).state()
    result = random_result(np.random.default_rng(1), 1, before)
    layout = NodeLayout.after(before, result)
    placing = reader.place(layout)
    wanted = "the energy of the node in row 4 of node_place was written as .* and read as .*; the turn is not committed"
    with pytest.raises(StateError, match=wanted), database.transaction() as transaction:
        write_turn(transaction, before, result, layout)
        transaction.run_text(
            "UPDATE node_energy SET energies = xor(energies, 1) WHERE rowid = (SELECT min(rowid) + 1 FROM node_energy)"
        )
        reader.read(transaction, (1, result.next_eid), placing=placing)
    reader.close()
    with database.transaction() as transaction:
        assert in_order(read(transaction).state.nodes).equals(in_order(before.state.nodes))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 20), max_size=12), st.integers(1, 9))
def test_row_groups_hold_the_same_ships(lengths: list[int], group: int) -> None:
    ships = random_ships(np.random.default_rng(1), sum(lengths), 1)
    ends = np.cumsum(lengths)
    blocks = [
        Ships._make(column[end - n : end] for column in ships) for n, end in zip(lengths, ends, strict=True)
    ]
    with mock.patch.object(turn_store, "ROW_GROUP_ROWS", group):
        groups = list(turn_store._row_groups(iter(blocks)))
    assert all(len(part.sid) == group for part in groups[:-1])
    assert all(0 < len(part.sid) <= group for part in groups[-1:])
    for number, column in enumerate(ships):
        joined = np.concatenate([column[:0], *(part[number] for part in groups)])
        assert np.array_equal(joined, column)


def test_the_view_shows_the_nodes_that_are_there(database: Database) -> None:
    """``entity`` joins places and energies by their position, also when some nodes are gone."""
    rng = np.random.default_rng(4)
    for tid in range(1, 6):
        with database.transaction() as transaction:
            before = read(transaction)
            write(transaction, before, random_result(rng, tid, before))
    with database.transaction() as transaction:
        after = read(transaction)
        text = "SELECT sid, eid, x, y, energy FROM entity WHERE kind = 2 ORDER BY sid, eid"
        shown = transaction.driver.sql(text).to_arrow_table()
    assert after.places > len(after.state.nodes.sid)
    assert shown.equals(in_order(after.state.nodes))


def test_places_without_energy_are_refused(database: Database) -> None:
    change(database, "DELETE FROM node_energy WHERE rowid = 2")
    wanted = "node_place has 18 rows and node_energy 4; 5 are needed, each for 4 nodes in the same order: correct node_energy"
    with pytest.raises(StateError, match=wanted), database.transaction() as transaction:
        read(transaction)


def test_energies_without_places_are_refused(database: Database) -> None:
    change(database, "UPDATE node_energy SET energies = energies | (7::UBIGINT << 32) WHERE rowid = 4")
    wanted = (
        "row 4 of node_energy holds energy 7 for node 19 of 18: set it to 0, or add the row of node_place"
    )
    with pytest.raises(StateError, match=wanted), database.transaction() as transaction:
        read(transaction)


def test_ships_that_cannot_be_played_to_the_end_are_not_written(database: Database) -> None:
    def blocks(ships: list[Ships]) -> Iterator[Ships]:
        yield from ships
        raise ZeroDivisionError("a block failed")

    with database.transaction() as transaction:
        before = read(transaction)
    with pytest.raises(Exception, match="a block failed"), database.transaction() as transaction:
        write_ships(transaction, before, blocks(random_result(np.random.default_rng(1), 1, before).ships))
    with database.transaction() as transaction:
        assert in_order(read(transaction).state.ships).equals(in_order(before.state.ships))


def test_a_turn_that_is_not_committed_leaves_nothing(database: Database) -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ZeroDivisionError), database.transaction() as transaction:
        before = read(transaction)
        write(transaction, before, random_result(rng, 1, before))
        _ = 1 / 0
    with database.transaction() as transaction:
        after = read(transaction)
    assert (after.tid, after.next_eid) == (0, before.next_eid)
    assert in_order(after.state.ships).equals(in_order(before.state.ships))
    assert in_order(after.state.nodes).equals(in_order(before.state.nodes))


def test_a_universe_may_be_empty(database: Database) -> None:
    change(database, "DELETE FROM ship_packed", "DELETE FROM node_place", "DELETE FROM node_energy")
    with database.transaction() as transaction:
        empty = read(transaction)
    assert len(empty.state.ships.sid) == len(empty.state.nodes.sid) == empty.places == 0
    assert LAWS.systems == 3
