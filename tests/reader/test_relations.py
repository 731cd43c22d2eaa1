"""What a query sees stays the same when a reader copies a turn that is asked often, and goes on with the next turn."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.query.builder import snapshot_tables
from wasmverse.query.readers import reader_config
from wasmverse.reader import relations as relations_module
from wasmverse.reader.relations import BUSY_QUERIES, COPY_QUERIES, Relations, connect
from wasmverse.reader.statement import Checker
from wasmverse.settings import Settings
from wasmverse.snapshots.modules import PAST
from wasmverse.snapshots.snapshot import SnapshotWriter

ENTITIES = "SELECT * FROM entity"


class Reader:
    """Relations over a folder of snapshots, as an engine has them."""

    def __init__(self, folder: Path, writer: SnapshotWriter | None = None) -> None:
        self.writer = writer or SnapshotWriter(folder / "snapshots", 8, 1 << 30)
        self.connection = connect(200_000_000, 1)
        config = reader_config(Settings(), self.writer.folder)
        self.relations = Relations(self.connection, self.writer.folder, config.views, config.dictionary)
        self.checker = Checker(self.connection, frozenset(config.views))

    def publish(self, tid: int, **size: int) -> None:
        self.writer.publish(tid, snapshot_tables(tid, **size))

    def ask(self, tid: int, times: int = 1, sql: str = ENTITIES) -> tuple[list[Any], list[Any]]:
        """Columns and rows, the last of so many times."""
        checked = self.checker.check(sql)
        for _ in range(times):
            self.relations.show(tid, checked.relations)
            result = self.connection.execute(checked.statement)
            columns, rows = [column[:2] for column in result.description or ()], result.fetchall()
            self.relations.copy_if_busy()
        return columns, rows

    def is_copied(self) -> bool:
        """Whether ``entity`` is read from a table of the engine."""
        ((plan,),) = (self.connection.execute(f"EXPLAIN (FORMAT json) {ENTITIES}").fetchall()[0][1:],)
        return "ARROW_SCAN" not in plan


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.connection.close()
    reader.writer.close()


def test_a_turn_that_is_asked_often_is_copied_and_looks_the_same(reader: Reader) -> None:
    reader.publish(1)
    before = reader.ask(1, COPY_QUERIES - 1)
    assert not reader.is_copied()
    assert reader.ask(1) == before
    assert reader.is_copied()
    assert reader.ask(1, 3) == before
    sight = "SELECT sight(sid, eid, x, y) FROM entity ORDER BY eid"
    assert len(reader.ask(1, sql=sight)[1]) == len(before[1])


def test_the_next_turn_is_never_answered_from_the_copy(reader: Reader) -> None:
    for tid in (1, 2, 3):
        reader.publish(tid, systems=tid + 2)
    first = reader.ask(1, COPY_QUERIES + 2)
    second = reader.ask(2)
    assert not reader.is_copied()
    assert len(second[1]) > len(first[1])
    assert reader.ask(2, COPY_QUERIES) == second
    assert reader.is_copied()
    assert len(reader.ask(3)[1]) > len(second[1])
    assert reader.ask(1) == first, "a query may go back to a turn that is kept"
    assert not reader.is_copied()


def test_a_turn_that_is_not_there_leaves_the_copy(reader: Reader) -> None:
    reader.publish(1)
    before = reader.ask(1, COPY_QUERIES)
    with pytest.raises(FileNotFoundError):
        reader.relations.show(9, {"entity"})
    assert reader.is_copied()
    assert reader.ask(1) == before


def test_a_large_turn_is_not_copied(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    for tid in (1, 2, 3):
        reader.publish(tid)
    rows = len(reader.ask(1)[1])
    monkeypatch.setattr(relations_module, "COPY_ROWS_MAX", rows - 1)
    reader.ask(2, 2 * COPY_QUERIES)
    assert not reader.is_copied()
    monkeypatch.setattr(relations_module, "COPY_ROWS_MAX", rows)
    reader.ask(3, 2 * COPY_QUERIES)
    assert reader.is_copied()


def test_without_room_for_a_copy_queries_go_on_without_it(reader: Reader) -> None:
    reader.publish(1, systems=2_000, ships=20, nodes=20)
    reader.ask(1, sql="SELECT 1")
    limited = duckdb.connect(config={"memory_limit": "1MB", "temp_directory": "", "threads": 1})
    limited.execute(f"CREATE SCHEMA {relations_module.SCHEMA}; {relations_module.DECODE_PLAN}")
    config = reader_config(Settings(), reader.writer.folder)
    narrow = Relations(limited, reader.writer.folder, config.views, config.dictionary)
    count = "SELECT count(*) FROM entity"
    for _ in range(COPY_QUERIES + 1):
        narrow.show(1, {"entity"})
        assert limited.execute(count).fetchall() == [(80_000,)]
        narrow.copy_if_busy()
    limited.close()


def test_a_copy_that_is_interrupted_is_the_query_s_end_and_not_the_reader_s(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tid in (1, 2):
        reader.publish(tid)
    before = reader.ask(1, COPY_QUERIES - 1)
    replace = reader.relations._replace

    def interrupted(_statement: str) -> None:
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    # The alarm of a query that was answered just in time comes while the turn is copied: nobody asked for that.
    monkeypatch.setattr(reader.relations, "_replace", interrupted)
    assert reader.ask(1) == before
    assert not reader.is_copied()
    monkeypatch.setattr(reader.relations, "_replace", replace)
    assert reader.ask(1, BUSY_QUERIES) == before
    assert reader.is_copied(), "the next query has it copied"
    # While a query waits for the copy, its time is up.
    monkeypatch.setattr(reader.relations, "_replace", interrupted)
    with pytest.raises(duckdb.InterruptException):
        reader.ask(2)
    monkeypatch.setattr(reader.relations, "_replace", replace)
    assert len(reader.ask(2)[1]) == len(before[1])


def test_after_a_busy_turn_the_next_one_is_copied_at_once(reader: Reader) -> None:
    for tid in (1, 2, 3):
        reader.publish(tid, systems=tid + 2)
    reader.ask(1, BUSY_QUERIES)
    second = reader.ask(2)
    assert reader.is_copied()
    assert second[1] == sorted(reader.ask(2, sql=f"{ENTITIES} ORDER BY ALL")[1], key=second[1].index)
    assert len(second[1]) == 4 * len(reader.ask(1)[1]) // 3
    reader.ask(3)
    assert not reader.is_copied(), "the one before was asked once"


def test_a_name_shows_the_turn_that_is_asked_for_whatever_was_asked_before(
    reader: Reader, tmp_path: Path
) -> None:
    """Only what a query reads is moved on to another turn: nothing may be left behind that another query reads."""
    for tid in (1, 2, 3):
        reader.publish(tid, systems=tid + 2, ships=tid, nodes=5 * tid)
    queries = (
        "SELECT max(tid) FROM turns",
        "SELECT max(tid) FROM strategy_turn",
        "SELECT max(tid) FROM event",
        "SELECT max(tid) FROM strategy_log",
        "SELECT count(*) FROM solar_system",
        "SELECT count(DISTINCT sid) FROM entity",
        "SELECT count(*) FROM (WITH turns AS (FROM entity) FROM turns)",
        "SELECT count(DISTINCT sid) FROM entity JOIN strategy ON name = strategy",
        "SELECT count(*) FROM entities_with_conflict",
        "SELECT sum(len(sight(1, 0, x * 10, y * 10))) FROM range(10) AS a (x), range(10) AS b (y)",
    )
    expected = {}
    for tid in (1, 2, 3):
        for sql in queries:
            fresh = Reader(tmp_path, reader.writer)
            expected[tid, sql] = fresh.ask(tid, sql=sql)[1]
            fresh.connection.close()
    told = {sql: {str(expected[tid, sql]) for tid in (1, 2, 3)} for sql in queries}
    assert sum(len(answers) == 3 for answers in told.values()) >= len(queries) - 1, told
    rng = random.Random(1)
    for _ in range(300):
        tid, sql = rng.choice(list(expected))
        assert reader.ask(tid, sql=sql)[1] == expected[tid, sql], (tid, sql)


def test_information_about_the_relations_does_not_tell_of_copies(reader: Reader) -> None:
    reader.publish(1)
    questions = (
        "SELECT * FROM information_schema.tables ORDER BY ALL",
        "SELECT * FROM information_schema.columns ORDER BY ALL",
        "DESCRIBE entity",
        "SHOW TABLES",
    )
    before = [reader.ask(1, sql=sql) for sql in questions]
    assert all(rows for _, rows in before)
    reader.ask(1, COPY_QUERIES)
    assert reader.is_copied()
    assert [reader.ask(1, sql=sql) for sql in questions] == before


def test_a_first_query_that_is_interrupted_leaves_the_next_one_all_names(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the names are made so slowly that the first query's time is up in the middle."""
    reader.publish(1)
    with monkeypatch.context() as patch:
        patch.setattr(relations_module, "SIGHT", "SELECT error('interrupted')")
        with pytest.raises(duckdb.Error, match="interrupted"):
            reader.ask(1)
    assert len(reader.ask(1)[1]) > 0
    assert reader.ask(1, sql="SELECT table_name FROM information_schema.tables")[1]
    assert reader.ask(1, sql="SELECT count(sight(sid, eid, x, y)) FROM entity")[1]


def test_distances_on_the_map_may_be_negative(reader: Reader) -> None:
    """Unsigned columns would make the engine refuse ``x - 250`` left of the middle."""
    reader.publish(1)
    _, rows = reader.ask(1, sql="SELECT x, y, abs(x - 250) + abs(y - 250) FROM solar_system")
    assert rows and any(x < 250 for x, _, _ in rows)
    assert all(distance == abs(x - 250) + abs(y - 250) for x, y, distance in rows)


HISTORY = "SELECT tid, x, y, energy FROM entity_turn WHERE sid = 1 AND eid = 1 ORDER BY tid"


def test_the_history_of_a_ship_is_one_statement(reader: Reader) -> None:
    for tid in (1, 2, 3):
        reader.publish(tid)
    of_turn = {
        tid: reader.ask(tid, sql="SELECT x, y, energy FROM entity WHERE sid = 1 AND eid = 1")[1][0]
        for tid in (1, 2, 3)
    }
    assert reader.ask(3, sql=HISTORY)[1] == [(tid, *values) for tid, values in of_turn.items()]
    assert [row[0] for row in reader.ask(2, sql=HISTORY)[1]] == [1, 2], (
        "nothing is later than the turn that is read"
    )
    columns = [name for name, _ in reader.ask(3)[0]]
    assert [name for name, _ in reader.ask(3, sql="SELECT * FROM entity_turn")[0]] == ["tid", *columns]


def test_turns_that_others_had_played_again_are_not_in_the_history(reader: Reader) -> None:
    again = SnapshotWriter(reader.writer.folder / PAST, 8, 1 << 30)
    for tid in (1, 3, 4):
        again.publish(tid, snapshot_tables(tid))
    for tid in (5, 6):
        reader.publish(tid)
    assert [row[0] for row in reader.ask(6, sql=HISTORY)[1]] == [5, 6]
    assert [row[0] for row in reader.ask(4, sql=HISTORY)[1]] == [3, 4], (
        "those just before a past turn, without a gap"
    )
    assert [row[0] for row in reader.ask(1, sql=HISTORY)[1]] == [1]
    again.close()


def test_turns_that_are_kept_no_more_leave_the_history(tmp_path: Path) -> None:
    reader = Reader(tmp_path, SnapshotWriter(tmp_path / "snapshots", 3, 1 << 30))
    for tid in range(1, 7):
        reader.publish(tid)
        reader.ask(tid, sql=HISTORY)
    assert [row[0] for row in reader.ask(6, sql=HISTORY)[1]] == [4, 5, 6]
    registered = reader.relations._kept._registered
    assert registered == {4, 5, 6}, "nothing holds the memory of a turn that was removed"
    reader.connection.close()
    reader.writer.close()
