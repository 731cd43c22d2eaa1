"""A file of format 9, in which each turn had a row of its own for its events, and updated ``universe``: migrated, it goes on."""

import hashlib
import lzma
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.storage.test_format_6_events import digest
from wasmverse.settings import Settings
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

FORMAT_9_AT_63 = "0a3a36fefaee32e6caa16be01b9e2d0961b6febf5dd3b011ad692516a5fb38b3"
FORMAT_9_AT_68 = "1da281fd186a1c71c51082271fb9e93b74521b617bdb1e2f89381498e136f109"
EVENTS_AT_63 = "49ff7d2d8c8fd8d8134d1c5f8d2da6a5be09e459cb55f5c180a6255294f1d699"
TURNS_AT_63 = "38b3eecd050fc0ec5288fc4aeff0fe914324968dbd718f89874e52c6f0727907"
STRATEGY_TURNS_AT_63 = "1dbc831551442b8c59db197083c609425b1587c49976780ea9edccefa6397cb9"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """60 turns of 4 systems, two spawns, three turns more, and a spawn after the last one."""
    path = tmp_path / "universe.duckdb"
    path.write_bytes(lzma.decompress(Path(__file__).with_name("format_9.duckdb.xz").read_bytes()))
    return path


def rows_digest(rows: pa.Table) -> str:
    return hashlib.sha256(repr(rows.to_pylist()).encode()).hexdigest()


def test_a_file_that_format_9_wrote_goes_on_as_it_would_have(path: Path) -> None:
    """The hashes are that version's."""
    simulation = DuckdbStore(Database.open(path), Settings(threads=1))
    try:
        history = simulation.history
        assert (simulation.tid, simulation.next_eid, simulation.state_hash()) == (63, 74, FORMAT_9_AT_63)
        assert digest(history.events.rows) == EVENTS_AT_63
        assert rows_digest(history.turns.rows) == TURNS_AT_63
        assert rows_digest(history.strategy_turns.rows) == STRATEGY_TURNS_AT_63
        for _ in range(5):
            simulation.advance()
        assert simulation.state_hash() == FORMAT_9_AT_68
        told = {"turns": history.turns.rows, "event": history.events.rows}
    finally:
        simulation.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        position = connection.sql("SELECT format_version, tid, next_eid FROM universe").fetchall()
        shown = {name: connection.sql(f"FROM {name} ORDER BY tid").to_arrow_table() for name in told}
    assert position == [(schema.FORMAT_VERSION, 68, simulation.next_eid)]
    assert shown["turns"].equals(told["turns"].combine_chunks())
    assert digest(shown["event"]) == digest(told["event"])


def test_the_record_of_turns_is_that_of_a_new_file(path: Path, tmp_path: Path) -> None:
    Database.open(path).close()
    new = tmp_path / "new.duckdb"
    DuckdbStore(Database.open(new), Settings(systems=1, ships=1, nodes=1, threads=1)).close()
    shown = (
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE table_name = 'turn_record'"
    )
    columns = []
    for file in (path, new):
        with duckdb.connect(str(file), read_only=True) as connection:
            columns.append(connection.sql(f"{shown} ORDER BY column_index").fetchall())
    assert columns[0] == columns[1]
    assert len(columns[0]) == len(schema.turn_record.columns)
