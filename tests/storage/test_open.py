"""Opening a file: made, opened again, or refused with a line that says why and what to do; never harmed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.storage.builder import LAWS, fill, in_order, read, record_turns
from tests.storage.by_hand import change_by_hand
from tests.wasm.builder import module_of_exports
from wasmverse.commands import Author
from wasmverse.errors import (
    DatabaseDamaged,
    DatabaseError,
    DatabaseForeign,
    DatabaseLocked,
    DatabaseTooNew,
    StateError,
)
from wasmverse.storage import schema, strategy_store, views
from wasmverse.storage.duckdb import database as embedded
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.history import History
from wasmverse.storage.duckdb.turn_store import read_laws

NOBODY = 65_534

MODULE = module_of_exports("decide", "of-wasmverse", "of-ada", "of_nobody")


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOCK_WAIT_SECONDS", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "universe.duckdb"


def refused(path: Path, kind: type[DatabaseError]) -> str:
    with pytest.raises(DatabaseError) as error:
        Database.open(path)
    assert type(error.value) is kind
    assert "\n" not in error.value.message
    return error.value.message


def with_duckdb(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)


def make(path: Path) -> None:
    database = Database.open(path)
    fill(database)
    database.close()


def test_a_file_is_made_with_its_folders_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "a" / "new folder" / "universe.duckdb"
    database = Database.open(path)
    assert database.is_new
    with pytest.raises(StateError, match="no universe yet"), database.transaction() as transaction:
        read_laws(transaction)
    fill(database)
    assert not database.is_new
    assert database.size_bytes() > 0
    database.close()
    assert not path.with_name("universe.duckdb.wal").exists()

    again = Database.open(path)
    assert not again.is_new
    with again.transaction() as transaction:
        assert read_laws(transaction) == LAWS
        assert len(read(transaction).state.ships.sid) == LAWS.systems * LAWS.ships_min
    again.close()


def test_an_empty_file_is_refused(path: Path) -> None:
    """DuckDB makes no database of one."""
    path.touch()
    assert refused(path, DatabaseForeign) == f"{path} is an empty file: remove it, or name another with --db"
    assert path.read_bytes() == b""


def test_in_memory_there_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    database = Database.open(None)
    fill(database)
    assert database.size_bytes() == 0
    database.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"my diary", b"D", b"\0" * 5000, b"SQLite format 3\0" + b"\0" * 100])
def test_another_file_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "is not a DuckDB file; a universe needs a file of its own: name another with --db" in refused(
        path, DatabaseForeign
    )
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_damaged_duckdb_file_is_refused(path: Path) -> None:
    make(path)
    content = bytearray(path.read_bytes())
    content[16:4096] = b"\xa5" * 4080
    path.write_bytes(content)
    message = refused(path, DatabaseDamaged)
    assert message.startswith(f"{path} is damaged (Corrupt database file: computed checksum ")
    assert message.endswith("which keeps the old files, or restore a copy")
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("statements", "shown"),
    [
        (["CREATE TABLE invoices (id INT)"], "(invoices)"),
        (["CREATE TABLE universe (name TEXT)", "INSERT INTO universe VALUES ('milky way')"], "(universe)"),
        (["CREATE VIEW answer AS SELECT 42 AS n"], "(answer)"),
        (["CREATE SCHEMA theirs", "CREATE TABLE theirs.t (id INT)"], "(t)"),
        ([f"CREATE TABLE t{n} (id INT)" for n in range(9)], "(t0, t1, t2, t3)"),
    ],
)
def test_somebody_else_s_duckdb_file_is_refused(path: Path, statements: list[str], shown: str) -> None:
    with_duckdb(path, *statements)
    assert f"is a DuckDB file with other tables {shown}" in refused(path, DatabaseForeign)
    with duckdb.connect(str(path), read_only=True) as connection:
        assert not connection.execute("SELECT * FROM duckdb_tables() WHERE table_name = 'ship'").fetchall()


def test_a_universe_of_another_application_is_refused(path: Path) -> None:
    make(path)
    with_duckdb(path, "UPDATE universe SET application = 'starfleet'")
    assert "belongs to 'starfleet', not to Wasmverse" in refused(path, DatabaseForeign)


def test_a_newer_format_is_refused_even_when_its_tables_differ(path: Path) -> None:
    make(path)
    with_duckdb(
        path,
        f"UPDATE universe SET format_version = {schema.FORMAT_VERSION + 1}",
        "DROP VIEW entity",
        "DROP VIEW entities_with_conflict",
        "DROP TABLE system_state",
    )
    message = refused(path, DatabaseTooNew)
    newer = f"has format {schema.FORMAT_VERSION + 1}; this Wasmverse knows up to {schema.FORMAT_VERSION}"
    assert f"{newer}: install the newer Wasmverse that made it" in message


ROWS_IN_TABLES = [
    "CREATE TABLE ships AS SELECT * FROM ship",
    "CREATE TABLE nodes AS SELECT * FROM node ORDER BY hash(eid)",
    "DROP VIEW ship",
    "DROP VIEW node",
    "DROP TABLE system_state",
]
"""What every format before 6 began with: ships and nodes had rows of their own."""

OLD_FORMATS = {
    # The table of nodes had the energies, and any order of rows.
    1: ["ALTER TABLE ships RENAME TO ship", "ALTER TABLE nodes RENAME TO node"],
    # Energies were one to a row, and ships had a column for every trait.
    2: [
        "ALTER TABLE ships RENAME TO ship",
        "CREATE TABLE node AS SELECT sid, eid, x, y FROM nodes",
        "CREATE TABLE node_energy AS SELECT energy FROM nodes",
        "DROP TABLE nodes",
    ],
}
PACKED_COLUMNS = [
    "CREATE TABLE ship_packed AS SELECT sid, eid, strategy_id::UBIGINT | (x::UBIGINT << 16) | (y::UBIGINT << 24) | "
    "(shield::UBIGINT << 32) | (blasters::UBIGINT << 40) | (thrusters::UBIGINT << 48) | (harvesters::UBIGINT << 56) AS traits, "
    "energy, last_plan FROM ships",
    "CREATE TABLE node_place AS SELECT sid, eid, x, y FROM nodes",
    "CREATE TABLE node_energy AS SELECT sum(energy::UBIGINT << (16 * (row % 4)))::UBIGINT AS energies FROM "
    "(SELECT energy, row_number() OVER () - 1 AS row FROM nodes) GROUP BY row // 4 ORDER BY row // 4",
    "DROP TABLE ships",
    "DROP TABLE nodes",
    "CREATE VIEW ship AS SELECT * FROM ship_packed",
    "CREATE VIEW node AS SELECT * FROM node_place",
]
"""The formats 3 to 5: several values of a ship to a column, and four energies to a row. 4 had turns as now, 5 also owners."""

TWO_RECORDS = [
    "CREATE TABLE turns_3 AS SELECT * FROM turns",
    "CREATE TABLE strategy_turn_3 AS SELECT * FROM strategy_turn",
    "DROP VIEW turns",
    "DROP VIEW strategy_turn",
    "DROP TABLE turn_record",
    "ALTER TABLE turns_3 RENAME TO turns",
    "ALTER TABLE strategy_turn_3 RENAME TO strategy_turn",
]

POSITION_OF_UNIVERSE = [
    "DROP VIEW event",
    "INSERT INTO event_batch SELECT tid, names, events FROM turn_record WHERE events IS NOT NULL",
    *(f"ALTER TABLE turn_record DROP COLUMN {column}" for column in ("next_eid", "names", "events")),
]
"""What every format before 10 had: turns packed their events into rows of a table for them, and updated ``universe``."""

WITHOUT_BLASTERS = [
    f"UPDATE {table} SET events = from_hex('01') || array_slice(events, 2, octet_length(events) - 2) "
    "WHERE events IS NOT NULL"
    for table in ("turn_record", "event_batch")
]
"""Version 1 of events had no blasters, the last column; each turn has two events."""

NO_STORIES = [f"ALTER TABLE turn_record DROP COLUMN {column}" for column in ("story", "digest")]

ROW_AN_EVENT = ["DROP TABLE event_batch", "ALTER TABLE event_6 RENAME TO event"]

LOGS = [
    "ALTER TABLE strategy DROP COLUMN budget_fuel",
    "DROP VIEW transmission",
    "DROP TABLE strategy_log",
    "DROP TABLE message",
]


@pytest.mark.parametrize("version", range(1, schema.FORMAT_VERSION))
def test_a_file_of_an_older_format_is_migrated(path: Path, version: int) -> None:
    database = Database.open(path)
    fill(database)
    history = History(20, 20, 20, 20)
    record_turns(database, history, range(1, 5), lates=(2,))
    with database.transaction() as transaction:
        history.write_correction(transaction)
        before = read(transaction)
        for name in ("wasmverse", "ada"):
            exports = {f"of_{name}": "of-" + name, f"also_{name}": "decide"}
            strategy_store.store_strategies(
                transaction, MODULE, exports, sha256="c0de", language="C", author=Author.named(name), now=1.0
            )
        strategy_store.remove_strategies(transaction, ["also_ada"], Author.named("ada"))
    database.close()
    with_duckdb(
        path,
        "ALTER TABLE universe DROP COLUMN upkeep",
        *(["DROP TABLE strategy_version", "DROP TABLE strategy_version_module"] if version < 14 else []),
        *(["DROP TABLE strategy_fault"] if version < 13 else []),
        *(["DROP VIEW story", "DROP VIEW hero", "DROP TABLE chronicle", *NO_STORIES] if version < 12 else []),
        *(["DROP VIEW hit", "DROP VIEW visible"] if version < 11 else []),
        "DROP VIEW entity",
        *(["DROP TABLE wasm_function", "DROP TABLE wasm_function_module"] if version < 7 else []),
        *([*ROWS_IN_TABLES, *OLD_FORMATS.get(version, PACKED_COLUMNS)] if version < 6 else []),
        *(["ALTER TABLE strategy DROP COLUMN owner"] if version < 5 else []),
        *(["ALTER TABLE strategy DROP COLUMN export"] if version < 6 else []),
        "CREATE TABLE event_6 AS SELECT * EXCLUDE (blasters) FROM event ORDER BY tid, eid",
        *(WITHOUT_BLASTERS if 7 < version < 11 else []),
        *(POSITION_OF_UNIVERSE if version < 10 else ["DROP VIEW event"]),
        *(
            ROW_AN_EVENT
            if version < 8
            else ["DROP TABLE event_6", "CREATE VIEW event AS SELECT * FROM event_batch"]
        ),
        *(TWO_RECORDS if version < 4 else []),
        *(LOGS if version < 9 else []),
        "CREATE VIEW entity AS SELECT * FROM node",
        f"UPDATE universe SET format_version = {version}",
    )
    database = Database.open(path)
    with database.transaction() as transaction:
        after = read(transaction)
        loaded = History(20, 20, 20, 20)
        loaded.load(transaction)
        shown = transaction.run_text("SELECT count(*) FROM entity WHERE kind = 2 AND energy = 100")
        migrated = transaction.run_text("SELECT format_version, upkeep FROM universe")
        strategies = transaction.run_text(
            "SELECT name, author, owner, export FROM strategy WHERE sha256 = 'c0de' ORDER BY strategy_id"
        )
    database.close()
    assert in_order(after.state.ships).equals(in_order(before.state.ships))
    assert in_order(after.state.nodes).equals(in_order(before.state.nodes))
    assert shown == [(len(before.state.nodes.sid),)]
    assert migrated == [(schema.FORMAT_VERSION, 0)]
    assert strategies == [
        ("of_wasmverse", "wasmverse", "wasmverse", "of-wasmverse"),
        ("also_wasmverse", "wasmverse", "wasmverse", "decide"),
        ("of_ada", "ada", "name:ada", "of-ada"),
        ("also_ada", "ada", "name:ada", "decide"),
    ]
    for name in ("turns", "strategy_turns", "events"):
        assert getattr(loaded, name).rows.equals(getattr(history, name).rows.combine_chunks()), name


def test_a_universe_with_a_table_or_column_missing_is_refused(path: Path) -> None:
    make(path)
    with_duckdb(path, "ALTER TABLE turn_record DROP COLUMN strategies")
    assert "is damaged: turn_record has no strategies; restore a copy" in refused(path, DatabaseError)
    with_duckdb(path, "DROP TABLE turn_record")
    assert "is damaged: turn_record has no digest, end_time, " in refused(path, DatabaseError)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert f"{tmp_path} is a folder; --db names a file: add a file name" in refused(tmp_path, DatabaseError)


def test_what_is_no_ordinary_file_is_refused_at_once(path: Path) -> None:
    os.mkfifo(path)
    assert "is no ordinary file" in refused(path, DatabaseError)
    assert "is no ordinary file" in refused(Path("/dev/null"), DatabaseError)


def test_a_folder_that_cannot_be_made_is_refused(path: Path) -> None:
    path.write_text("in the way")
    assert "cannot be made (File exists): name another file" in refused(
        path / "universe.duckdb", DatabaseError
    )


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[Path]:
    """A folder of somebody without rights to it; as root, the test goes on as nobody."""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        if parent.owner() != "root" or os.geteuid() == 0:
            parent.chmod(parent.stat().st_mode | 0o055)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    yield tmp_path
    if was_root:
        os.seteuid(0)


def test_a_read_only_folder_is_refused(tmp_path: Path, unprivileged: Path) -> None:
    if os.geteuid() != NOBODY:
        tmp_path.chmod(0o555)
    message = refused(tmp_path / "universe.duckdb", DatabaseError)
    assert "Permission denied" in message and "use --db" in message


def test_a_folder_that_cannot_be_entered_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)
    code = f"""
import os
from pathlib import Path
from wasmverse.storage.duckdb.database import Database
from wasmverse.errors import DatabaseError
for folder in {[str(p) for p in (tmp_path, *tmp_path.parents[:2])]!r}:
    os.chmod(folder, 0o755)
if os.geteuid() == 0:
    os.seteuid({NOBODY})
try:
    Database.open(Path({str(closed / "universe.duckdb")!r}))
except DatabaseError as error:
    print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "universe.duckdb cannot be read (Permission denied): check its rights" in done.stdout


def test_a_file_that_another_process_has_open_is_refused(path: Path) -> None:
    make(path)
    code = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        message = refused(path, DatabaseLocked)
        assert "is in use by another process; one server may have a universe open: stop the other" in message
        other.communicate("\n")
    Database.open(path).close()


def test_a_lock_that_is_about_to_go_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOCK_WAIT_SECONDS", 60.0)
    make(path)
    code = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "open\n"
        waited: list[float] = []

        def let_go(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 1:
                other.communicate("\n")

        monkeypatch.setattr(embedded.time, "sleep", let_go)
        Database.open(path).close()
    assert len(waited) == 1


def test_an_open_universe_is_not_harmed_by_a_second_one_that_is_refused(path: Path) -> None:
    make(path)
    database = Database.open(path)
    done = subprocess.run(
        [sys.executable, "-c", f"import duckdb; duckdb.connect({str(path)!r})"],
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    with database.transaction() as transaction:
        assert read(transaction).tid == 0
    database.close()


# The schema


def test_the_tables_are_those_of_the_metadata(path: Path) -> None:
    make(path)
    with duckdb.connect(str(path), read_only=True) as connection:
        for table in schema.metadata.sorted_tables:
            described = connection.execute(f"DESCRIBE {table.name}").fetchall()
            assert [row[0] for row in described] == [column.name for column in table.columns]
            assert [row[2] for row in described] == ["YES" if c.nullable else "NO" for c in table.columns]


def test_every_view_answers_in_plain_duckdb(path: Path) -> None:
    make(path)
    with duckdb.connect(str(path), read_only=True) as connection:
        columns = {
            name: [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
            for name in views.CLIENT_NAMES
            if name not in views.UNSTORED
        }
        assert columns["entity"] == [
            "sid", "eid", "kind", "strategy", "x", "y", "energy", "shield", "blasters", "thrusters", "harvesters", "last_plan",
        ]  # fmt: skip
        assert columns["entity_strategy"] == ["udf", "is_enabled"]
        assert columns["entities_with_conflict"] == ["eid", "sid"]
        assert columns["turns"] == [
            "slot", "tid", "start_time", "end_time", "writes", "ships", "energy_nodes", "kills", "faults", "late",
        ]  # fmt: skip
        ships, nodes = (LAWS.systems * each for each in (LAWS.ships_min, LAWS.nodes_min))
        kinds = connection.execute(
            "SELECT kind, count(*), count(last_plan) FROM entity GROUP BY 1 ORDER BY 1"
        )
        assert kinds.fetchall() == [(1, ships, ships), (2, nodes, nodes)]
    with duckdb.connect(str(path)) as connection:
        change_by_hand(connection, "UPDATE ships SET x = 9, y = 9 WHERE eid IN (1, 2, 11)")
    with duckdb.connect(str(path), read_only=True) as connection:
        conflict = "SELECT eid, sid FROM entities_with_conflict WHERE eid IN (1, 2, 11) ORDER BY eid"
        assert connection.execute(conflict).fetchall() == [(1, 1), (2, 1)]
