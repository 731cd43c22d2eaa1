"""A file that the last version of format 5 made: migrated, it goes on as it would have."""

import lzma
from pathlib import Path

import duckdb
import pytest

from tests.storage.test_open import with_duckdb
from wasmverse.errors import StateError
from wasmverse.settings import Settings
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

FORMAT_5_AT_93 = "25f26da1291635c8a712fe620618a4e53943d406a60ec8e857e1bbdf813167df"
FORMAT_5_AT_98 = "99c7525de8189f81633d185b009682e4b3261abc29e8c8ea9508c680f00f0b24"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """90 turns of 4 systems, two spawns, three turns more: places of nodes that are gone, and of new ones out of order."""
    path = tmp_path / "universe.duckdb"
    path.write_bytes(lzma.decompress(Path(__file__).with_name("format_5.duckdb.xz").read_bytes()))
    return path


def test_a_file_that_format_5_wrote_goes_on_as_it_would_have(path: Path) -> None:
    """The hashes are that version's."""
    simulation = DuckdbStore(Database.open(path), Settings())
    try:
        assert (simulation.tid, simulation.state_hash()) == (93, FORMAT_5_AT_93)
        for _ in range(5):
            simulation.advance()
        assert simulation.state_hash() == FORMAT_5_AT_98
    finally:
        simulation.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.sql("SELECT format_version, tid FROM universe").fetchall() == [
            (schema.FORMAT_VERSION, 98)
        ]
        tables = {name for (name,) in connection.sql("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert tables == {table.name for table in schema.metadata.sorted_tables}


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM node_energy WHERE rowid = (SELECT min(rowid) FROM node_energy)", "rows and node_energy"),
        ("UPDATE ship_packed SET traits = traits | (255 << 16)", "has x 255; allowed is 0..99"),
        ("UPDATE ship_packed SET sid = 9 WHERE eid = (SELECT max(eid) FROM ship_packed)", "has sid 9; rows must be"),
    ],
)  # fmt: skip
def test_a_file_of_format_5_that_others_have_broken_is_refused_and_left_as_it_is(
    path: Path, statement: str, message: str
) -> None:
    with_duckdb(path, statement)
    before = path.read_bytes()
    with pytest.raises(StateError) as error:
        Database.open(path)
    assert message in error.value.message
    assert path.read_bytes() == before
