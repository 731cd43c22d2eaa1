"""A universe as Parquet files and back: whole, changed by hand, or refused with the row."""

from pathlib import Path

import duckdb
import pytest

from tests.simulation.builder import changed
from wasmverse.commands import SpawnEntity
from wasmverse.errors import DatabaseError, StateError, WasmverseError
from wasmverse.storage.duckdb import database as embedded
from wasmverse.storage.duckdb import exchange
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.exchange import TABLES, export, load
from wasmverse.storage.duckdb.store import DuckdbStore

SETTINGS = changed(systems=5, ships=3, nodes=4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "it's a universe.duckdb"
    simulation = DuckdbStore(Database.open(path), SETTINGS)
    for _ in range(5):
        simulation.advance()
    simulation.carry_out(SpawnEntity(3, 1, 5, 6, "strategy_flee"))
    simulation.close()
    return path


@pytest.fixture
def folder(path: Path, tmp_path: Path) -> Path:
    export(path, tmp_path / "exported")
    return tmp_path / "exported"


def tell(path: Path, turns: int = 0) -> tuple[int, str]:
    simulation = DuckdbStore(Database.open(path), SETTINGS)
    try:
        for _ in range(turns):
            simulation.advance()
        return simulation.tid, simulation.state_hash()
    finally:
        simulation.close()


def everything(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            table.name: connection.sql(f"SELECT * FROM {table.name} ORDER BY ALL").fetchall()
            for table in TABLES
        }


def change(folder: Path, table: str, columns: str, rest: str = "") -> None:
    """Rewrite one file with other columns."""
    file = folder / f"{table}.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE old AS SELECT * FROM read_parquet('{file}')")
        connection.execute(f"COPY (SELECT {columns} FROM old {rest}) TO '{file}' (FORMAT parquet)")


def test_a_universe_comes_back_whole_and_goes_on_as_it_would_have(
    path: Path, folder: Path, tmp_path: Path
) -> None:
    assert {file.name for file in folder.iterdir()} == {f"{table.name}.parquet" for table in TABLES}
    loaded = tmp_path / "loaded.duckdb"
    said = load(folder, loaded)
    ships, nodes = (len(everything(path)[kind]) for kind in ("ship", "node"))
    assert said == f"{loaded} goes on from turn 5 with {ships} ships and {nodes} nodes"
    assert everything(loaded) == everything(path)
    assert tell(loaded, 4) == tell(path, 4)
    assert {file.name for file in tmp_path.iterdir()} == {path.name, loaded.name, folder.name}


def test_what_was_changed_by_hand_is_there(folder: Path, tmp_path: Path) -> None:
    change(folder, "ship", "* REPLACE (CASE WHEN eid = 1 THEN 77 ELSE x END AS x)", "ORDER BY hash(eid)")
    change(folder, "node", "*", "WHERE sid <> 2")
    loaded = tmp_path / "loaded.duckdb"
    load(folder, loaded)
    with duckdb.connect(str(loaded), read_only=True) as connection:
        assert connection.sql("SELECT x FROM ship WHERE eid = 1").fetchall() == [(77,)]
        assert connection.sql("SELECT count(*) FROM node WHERE sid = 2").fetchall() == [(0,)]
    assert tell(loaded, 1)[0] == 6


@pytest.mark.parametrize(
    ("table", "columns", "rest", "message"),
    [
        ("ship", "* REPLACE (CASE eid WHEN 1 THEN 100 ELSE x END AS x)", "", "ship 1 has x 100; allowed is 0..99: correct the"),
        ("ship", "* REPLACE (CASE eid WHEN 1 THEN 9 ELSE sid END AS sid)", "", "ship 1 has sid 9; allowed is 1..5: correct "),
        ("ship", "* REPLACE (CASE eid WHEN 1 THEN 0 ELSE energy END AS energy)", "", "ship 1 has energy 0; allowed is 1..65535"),
        ("ship", "* REPLACE (CASE eid WHEN 1 THEN 9 ELSE strategy_id END AS strategy_id)", "", "ship 1 has strategy_id 9, which"),
        ("ship", "* REPLACE (2 AS eid)", "LIMIT 2", "eid 2 is there 2 times (ship in system 1, ship in system 1)"),
        ("node", "* REPLACE (1 AS eid)", "LIMIT 1", "eid 1 is there 2 times (ship in system 1, node in system 1)"),
        ("node", "* REPLACE (100000 AS eid)", "LIMIT 1", "node 100000 has an eid that was never given; the next is "),
        ("node", "* REPLACE (NULL AS x)", "LIMIT 2", "{file} has 2 rows with x NULL; a number must stand there"),
        ("node", "* REPLACE (300 AS x)", "LIMIT 2", "{file} cannot be loaded: Conversion Error"),
        ("node", "* EXCLUDE (x)", "", "{file} cannot be loaded: Binder Error"),
        ("strategy", "* REPLACE (NULL AS owner)", "", "{file} cannot be loaded: Constraint Error"),
        ("strategy", "* REPLACE ('lost' AS status)", "", "strategy 'strategy_battle' has status 'lost'; allowed is flying"),
        ("solar_system", "*", "LIMIT 4", "solar_system has 4 rows, but the universe has 5 systems"),
        ("universe", "*", "LIMIT 0", "universe has 0 rows; it has one"),
        ("universe", "* EXCLUDE (upkeep) REPLACE (5 AS format_version)", "", "{folder} was exported in format 5; this"),
    ],
)  # fmt: skip
def test_a_row_that_breaks_a_rule_is_refused_and_nothing_is_made(
    folder: Path, tmp_path: Path, table: str, columns: str, rest: str, message: str
) -> None:
    change(folder, table, columns, rest)
    loaded = tmp_path / "loaded.duckdb"
    before = set(tmp_path.iterdir())
    with pytest.raises(WasmverseError) as error:
        load(folder, loaded)
    assert error.value.message.startswith(message.format(file=folder / f"{table}.parquet", folder=folder))
    assert "\n" not in error.value.message
    assert set(tmp_path.iterdir()) == before


def test_a_file_that_is_missing_or_none_of_ours_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "node.parquet").write_bytes(b"not at all")
    with pytest.raises(StateError, match=r"node\.parquet cannot be loaded: .*; correct the file"):
        load(folder, tmp_path / "loaded.duckdb")
    (folder / "node.parquet").unlink()
    with pytest.raises(DatabaseError, match=r"has no node\.parquet: load a folder that was exported"):
        load(folder, tmp_path / "loaded.duckdb")


def test_nothing_is_written_over(path: Path, folder: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="is there already: name a new file with --db"):
        load(folder, path)
    with pytest.raises(DatabaseError, match=r"holds '.*\.parquet': name a new or empty folder"):
        export(path, folder)
    assert path.read_bytes() == before


def test_what_cannot_be_exported_is_named(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LOCK_WAIT_SECONDS", 0.0)
    with pytest.raises(
        DatabaseError, match=r"none\.duckdb is no file: name the universe to export with --db"
    ):
        export(tmp_path / "none.duckdb", tmp_path / "e")
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(
        DatabaseError, match=r"file cannot be used \(File exists\): name a new or empty folder"
    ):
        export(path, in_the_way)


@pytest.mark.parametrize("was_there", [False, True])
def test_an_export_that_fails_leaves_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    target = tmp_path / "target"
    if was_there:
        target.mkdir()
    copy, copied = exchange._copy, []

    def fail_at_the_ships(transaction: Transaction, query: str, file: Path) -> None:
        if file.name == "ship.parquet":
            file.with_name(f"tmp_{file.name}").write_bytes(b"half")
            raise duckdb.IOException("IO Error: No space left on device")
        copy(transaction, query, file)
        copied.append(file)

    monkeypatch.setattr(exchange, "_copy", fail_at_the_ships)
    with pytest.raises(DatabaseError, match="No space left"):
        export(path, target)
    assert copied
    assert target.exists() == was_there
    assert not was_there or not list(target.iterdir())
    monkeypatch.undo()
    export(path, target)
    assert (target / "ship.parquet").exists()


def test_a_file_that_cannot_be_exported_makes_no_folder(path: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE system_state SET ships = 'nonsense'::BLOB WHERE sid = 2")
    with pytest.raises(StateError, match="the ships of system 2 cannot be read"):
        export(path, tmp_path / "target")
    assert not (tmp_path / "target").exists()
