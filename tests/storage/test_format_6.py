"""A file that the last version of format 6 made: migrated, it goes on as it would have, and takes functions."""

import lzma
from pathlib import Path

import duckdb
import pytest

from tests.functions.builder import function_command
from wasmverse.settings import Settings
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

FORMAT_6_AT_43 = "4c460aaabcf61dffd058b439a886ef0cc214027a1ca30d657cdc82ee4cbbabd9"
FORMAT_6_AT_48 = "c9219f1d09aeb92149b8697d9ca6e60f4ab1ee80423b9faba33d6c6f2a845864"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """40 turns of 4 systems, two spawns, three turns more."""
    path = tmp_path / "universe.duckdb"
    path.write_bytes(lzma.decompress(Path(__file__).with_name("format_6.duckdb.xz").read_bytes()))
    return path


def test_a_file_that_format_6_wrote_goes_on_as_it_would_have(path: Path) -> None:
    """The hashes are that version's."""
    simulation = DuckdbStore(Database.open(path), Settings(threads=1))
    try:
        assert (simulation.tid, simulation.state_hash()) == (43, FORMAT_6_AT_43)
        for _ in range(5):
            simulation.advance()
        assert simulation.state_hash() == FORMAT_6_AT_48
        assert simulation.carry_out(function_command("gain"))["version"] == 1
    finally:
        simulation.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.sql("SELECT format_version FROM universe").fetchall() == [(schema.FORMAT_VERSION,)]
        tables = {name for (name,) in connection.sql("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert tables == {table.name for table in schema.metadata.sorted_tables}


def test_the_new_tables_are_those_of_a_new_file(path: Path, tmp_path: Path) -> None:
    Database.open(path).close()
    new = tmp_path / "new.duckdb"
    DuckdbStore(Database.open(new), Settings(systems=1, ships=1, nodes=1, threads=1)).close()
    shown = "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() WHERE table_name LIKE 'wasm_function%'"
    columns = []
    for file in (path, new):
        with duckdb.connect(str(file), read_only=True) as connection:
            columns.append(connection.sql(f"{shown} ORDER BY table_name, column_index").fetchall())
    assert columns[0] == columns[1]
    assert len(columns[0]) == len(schema.wasm_function.columns) + 2
