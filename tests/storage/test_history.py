"""What is remembered of past turns: bounded, the same in memory and in the file, and corrected once a turn has ended."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from tests.storage.builder import RECORD, random_result, read, record_turns
from wasmverse.commands import SpawnEntity
from wasmverse.errors import StateError
from wasmverse.simulation.spawning import spawn_event
from wasmverse.storage import rolling_rows, schema
from wasmverse.storage.audit import audit
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.history import History
from wasmverse.storage.event_batch import pack_events
from wasmverse.storage.records import EVENT_TYPE, RollingRows, TurnRows

KEPT = schema.event.to_metadata(sa.MetaData(), name="kept")
"""Rows as in ``event``, in a table of the tests' own."""


@pytest.fixture(autouse=True)
def _kept(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.run(str(sa.schema.CreateTable(KEPT).compile(dialect=database.engine.dialect)))


@pytest.fixture(params=[1, 3])
def prune_turns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    turns: int = request.param
    monkeypatch.setattr(rolling_rows, "PRUNE_TURNS", turns)
    return turns


def events(tid: int, count: int) -> pa.Table:
    row = {"tid": tid, "sid": 1, "kind": "spawn", "x": 1, "y": 2, "strategy": None, "by_strategy": None}
    row["blasters"] = 2
    return pa.Table.from_pylist([{**row, "eid": n} for n in range(count)], EVENT_TYPE)


class Stored:
    """Rolling rows, and a table from which they are deleted when they say so."""

    def __init__(self, turns_max: int, rows_max: int) -> None:
        self.rows = RollingRows(EVENT_TYPE, turns_max, rows_max)

    def append(self, transaction: Transaction, tid: int, rows: pa.Table) -> None:
        transaction.insert_arrow(KEPT, rows)
        if (last := self.rows.append(tid, rows)) is not None:
            transaction.run_text("DELETE FROM kept WHERE tid <= ?", (last,))

    def add(self, transaction: Transaction, tid: int, rows: pa.Table) -> None:
        transaction.insert_arrow(KEPT, rows)
        self.rows.add(tid, rows)

    def load(self, transaction: Transaction, tid: int) -> None:
        self.rows.load(transaction.read_arrow(KEPT), tid)

    def tids(self) -> list[int]:
        tids: list[int] = self.rows.rows["tid"].to_pylist()
        return tids


def stored(database: Database, table: str = "kept") -> list[int]:
    """The turns of the rows in the database."""
    with database.transaction() as transaction:
        return [row[0] for row in transaction.driver.sql(f"SELECT tid FROM {table} ORDER BY tid").fetchall()]


@pytest.mark.parametrize(
    ("turns_max", "rows_max", "counts", "kept"),
    [
        (3, 100, [1, 1, 1], {1: 1, 2: 1, 3: 1}),
        (3, 100, [1, 1, 1, 1, 1], {3: 1, 4: 1, 5: 1}),
        (1, 100, [2, 3, 4], {3: 4}),
        (9, 5, [2, 2, 2], {2: 2, 3: 2}),
        (9, 5, [2, 2, 9], {3: 9}),
        (9, 1, [4], {1: 4}),
        (2, 100, [3, 0, 0, 0], {}),
        (3, 100, [3, 0, 5, 0], {3: 5}),
        (100, 100, [1] * 80, {tid: 1 for tid in range(1, 81)}),
    ],
)
def test_the_oldest_turns_go_first_and_whole(
    database: Database,
    turns_max: int,
    rows_max: int,
    counts: list[int],
    kept: dict[int, int],
    prune_turns: int,
) -> None:
    expected = [tid for tid, count in kept.items() for _ in range(count)]
    for is_loaded_again in (False, True):
        with database.transaction() as transaction:
            transaction.run("DELETE FROM kept")
        table = Stored(turns_max, rows_max)
        for tid, count in enumerate(counts, 1):
            with database.transaction() as transaction:
                if is_loaded_again:
                    table = Stored(turns_max, rows_max)
                    table.load(transaction, tid - 1)
                table.append(transaction, tid, events(tid, count))
            seen, in_file = table.tids(), stored(database)
            assert seen == in_file[len(in_file) - len(seen) :]
            assert len(set(in_file) - set(seen)) < prune_turns, "what is forgotten goes a few turns later"
        assert seen == expected


def test_rows_added_between_turns_belong_to_the_last_one_and_go_with_it(
    database: Database, prune_turns: int
) -> None:
    table = Stored(2, 100)
    with database.transaction() as transaction:
        table.add(transaction, 0, events(0, 1))
        table.append(transaction, 1, events(1, 2))
        table.add(transaction, 1, events(1, 1))
        assert table.tids() == [0, 1, 1, 1]
        table.append(transaction, 2, events(2, 0))
        assert table.tids() == [1, 1, 1]
        table.add(transaction, 2, events(2, 1))
        table.append(transaction, 3, events(3, 1))
    assert table.tids() == [2, 3]
    assert stored(database) == ([2, 3] if prune_turns == 1 else [0, 1, 1, 1, 2, 3])


def test_rows_that_were_taken_back_are_not_counted() -> None:
    rows = RollingRows(EVENT_TYPE, 2, 100)
    rows.append(1, events(1, 2))
    with pytest.raises(ZeroDivisionError), rows.undone_on_error():
        rows.add(1, events(1, 1))
        raise ZeroDivisionError
    assert rows.rows["tid"].to_pylist() == [1, 1]
    rows.append(2, events(2, 2))
    rows.append(3, events(3, 1))
    assert rows.rows["tid"].to_pylist() == [2, 2, 3]


def test_a_smaller_bound_is_reached_at_once(database: Database) -> None:
    wide = Stored(50, 1000)
    with database.transaction() as transaction:
        for tid in range(1, 21):
            wide.append(transaction, tid, events(tid, 3))
        narrow = Stored(2, 1000)
        narrow.load(transaction, 20)
        assert set(narrow.tids()) == {19, 20}
        narrow.append(transaction, 21, events(21, 3))
    assert sorted(set(stored(database))) == [20, 21]


def test_the_end_of_a_turn_is_corrected_at_once_in_memory_and_with_the_next_turn_in_the_file(
    database: Database,
) -> None:
    history = History(100, 50, 10, 1000)
    record_turns(database, history, range(1, 5), lates=(2, 4))
    rows = history.turns.rows.to_pylist()
    assert [row["late"] for row in rows] == [False, True, False, True]
    began = datetime(1970, 1, 12, 13, 46, 40, 250_000)
    assert rows[3]["start_time"] == began
    assert [(row["end_time"] - began).total_seconds() for row in rows] == [1.25, 2.25, 3.25, 4.25]
    assert [(row["slot"], row["writes"], row["kills"], row["faults"]) for row in rows] == [
        (tid, 10 * tid, 1, 2) for tid in range(1, 5)
    ]
    with database.transaction() as transaction:
        loaded = History(100, 50, 10, 1000)
        loaded.load(transaction)
    # The last turn's correction is still to come.
    assert loaded.turns.rows.slice(0, 3).equals(history.turns.rows.slice(0, 3).combine_chunks())
    assert loaded.turns.rows["late"].to_pylist() == [False, True, False, False]


def test_a_history_is_taken_up_where_it_was_left(database: Database) -> None:
    whole = History(100, 50, 10, 1000)
    record_turns(database, whole, range(1, 9))
    with database.transaction() as transaction:
        again = History(100, 50, 10, 1000)
        again.load(transaction)
    assert again.strategy_turns.rows.equals(whole.strategy_turns.rows.combine_chunks())
    assert again.events.rows.sort_by([("tid", "ascending"), ("eid", "ascending")]).equals(
        whole.events.rows.combine_chunks()
    )
    record_turns(database, again, range(9, 11))
    assert stored(database, "turns") == list(range(1, 11))
    assert again.strategy_turns.rows["strategy"].to_pylist() == ["mine"] * 10
    assert stored(database, "event") == [tid for tid in range(1, 11) for _ in range(2)]


def test_what_strategies_did_is_forgotten_before_the_turn_itself(
    database: Database, prune_turns: int
) -> None:
    history = History(8, 3, 10, 1000)
    record_turns(database, history, range(1, 21), lates=(20,))
    assert history.turns.rows["tid"].to_pylist() == list(range(13, 21))
    assert history.strategy_turns.rows["tid"].to_pylist() == [18, 19, 20]
    for table, tids in (
        ("turns", history.turns.rows["tid"]),
        ("strategy_turn", history.strategy_turns.rows["tid"]),
    ):
        in_file, kept = stored(database, table), tids.to_pylist()
        assert in_file == list(range(in_file[0], 21))
        assert 0 <= kept[0] - in_file[0] < prune_turns
    with database.transaction() as transaction:
        history.write_correction(transaction)
        transaction.run_text("UPDATE universe SET tid = 20")
        loaded = History(8, 3, 10, 1000)
        loaded.load(transaction)
    assert loaded.turns.rows.equals(history.turns.rows.combine_chunks())
    assert loaded.strategy_turns.rows.equals(history.strategy_turns.rows.combine_chunks())
    assert loaded.turns.rows["late"].to_pylist() == [False] * 7 + [True]


def test_a_turn_without_strategies_is_a_turn(database: Database) -> None:
    history = History(8, 3, 10, 1000)
    with database.transaction() as transaction:
        result = replace(
            random_result(np.random.default_rng(0), 1, read(transaction), events=0), strategies=[]
        )
        history.append(transaction, result, RECORD, TurnRows.of(result))
    assert (stored(database, "turns"), stored(database, "strategy_turn")) == ([1], [])


def test_the_view_shows_the_events_that_are_kept_packed(database: Database) -> None:
    history = History(20, 20, 20, 1000)
    record_turns(database, history, range(1, 4))
    with database.transaction() as transaction:
        history.add_events(transaction, 3, spawn_event(SpawnEntity(2, 1, 99, 98, "mine"), 2**40))
        history.add_events(transaction, 3, spawn_event(SpawnEntity(3, 2, 0, 1, None), 77))
        shown = transaction.read_arrow(schema.event)
        loaded = History(20, 20, 20, 1000)
        loaded.load(transaction)
    assert shown.equals(history.events.rows.combine_chunks())
    assert loaded.events.rows.equals(history.events.rows.combine_chunks())
    ship, node = shown.to_pylist()[-2:]
    assert (ship["tid"], ship["kind"], ship["eid"], ship["x"], ship["y"]) == (3, "spawn", 2**40, 99, 98)
    assert (ship["strategy"], ship["by_strategy"], node["strategy"], node["sid"]) == ("mine", None, None, 3)


BATCH = pack_events(spawn_event(SpawnEntity(2, 1, 99, 98, "mine"), 5))[1]


@pytest.mark.parametrize(
    ("names", "batch", "fault"),
    [
        ("mine", b"", "turn 0 has 0 bytes of events, which are none of version 2"),
        ("mine", b"\x01" + BATCH[1:], "which are none of version 2"),
        ("mine", BATCH + b"\0", "which are none of version 2"),
        ("mine", BATCH[:4] + b"\2" + BATCH[5:], "which are none of version 2"),
        ("", BATCH, "turn 0 has an event with slot 0; allowed is -1..-1"),
        ("mine", BATCH[:-4] + b"\5" + BATCH[-3:], "turn 0 has an event with kind 5; allowed is 0..4"),
        ("mine", BATCH[:-2] + b"\x64" + BATCH[-1:], "turn 0 has an event with y 100; allowed is 0..99"),
    ],
)
def test_events_that_cannot_be_are_refused(database: Database, names: str, batch: bytes, fault: str) -> None:
    with database.transaction() as transaction:
        transaction.run_text("INSERT INTO event_batch VALUES (0, ?, ?)", (names, batch))
        with pytest.raises(StateError, match=fault):
            History(20, 20, 20, 1000).load(transaction)
        with pytest.raises(StateError, match=fault):
            audit(transaction)
