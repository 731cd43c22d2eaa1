"""A file in which each event is a row, as format 7 still had them: migrated, it goes on with the events it had."""

import hashlib
import lzma
from pathlib import Path

import pyarrow as pa
import pytest

from tests.storage.test_open import with_duckdb
from wasmverse.errors import StateError
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

FORMAT_6_AT_63 = "634b6e759e37465d900b9cf5b67430200ddcb35da1da21e64f49d56dd31fd403"
FORMAT_6_AT_68 = "b4190593e2a05f581bccf301d43c8037b3334996c10bee27c34e32eada420fb7"
EVENTS_AT_63 = "6d64a873d6d0827f951ef0199169c9d1f175ac801ac85f492dc1758e68442efc"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """60 turns of 4 systems, two spawns, three turns more, and a spawn after the last one."""
    path = tmp_path / "universe.duckdb"
    path.write_bytes(lzma.decompress(Path(__file__).with_name("format_6_events.duckdb.xz").read_bytes()))
    return path


def digest(events: pa.Table) -> str:
    """Of the rows, in an order of their own: that version's stood as they had been inserted. No ship's blasters were in them."""
    events = events.drop_columns("blasters")
    rows = events.sort_by([("tid", "ascending"), ("eid", "ascending"), ("kind", "ascending")]).to_pylist()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def test_a_file_that_format_6_wrote_goes_on_as_it_would_have(path: Path) -> None:
    """The hashes are that version's."""
    simulation = DuckdbStore(Database.open(path), Settings())
    try:
        assert (simulation.tid, simulation.state_hash()) == (63, FORMAT_6_AT_63)
        assert digest(simulation.history.events.rows) == EVENTS_AT_63
        for _ in range(5):
            simulation.advance()
        assert simulation.state_hash() == FORMAT_6_AT_68
    finally:
        simulation.close()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE event SET kind = 'party' WHERE tid = 63", "event has kind 'party'; there are spawn, battle"),
        ("ALTER TABLE event ALTER x DROP NOT NULL; UPDATE event SET x = NULL", "event has x NULL in 37 rows"),
    ],
)
def test_events_of_format_6_that_others_have_broken_are_refused(
    path: Path, statement: str, message: str
) -> None:
    with_duckdb(path, statement)
    before = path.read_bytes()
    with pytest.raises(StateError) as error:
        Database.open(path)
    assert message in error.value.message
    assert path.read_bytes() == before
