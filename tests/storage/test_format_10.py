"""A file of format 10, whose events said nothing of blasters, and in which nothing was told of turns: migrated, it goes on."""

import lzma
from pathlib import Path

import duckdb
import pytest

from tests.storage.test_format_6_events import digest
from wasmverse.settings import Settings
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

FORMAT_10_AT_63 = "eb5fb4c169ec5e7e81d0c7535a6294c5a75e13aff45b105f1831f927185f4787"
FORMAT_10_AT_68 = "137c1472bbf3a644139a81ffdf92b046c947e414a9afddcdb82535f2b7480846"
EVENTS_AT_63 = "3429618713a7ccac7322227c94cae56142373f59a302b2b27d9ccd471b79ce61"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """60 turns of 4 systems, two spawns, three turns more, and a spawn after the last one."""
    path = tmp_path / "universe.duckdb"
    path.write_bytes(lzma.decompress(Path(__file__).with_name("format_10.duckdb.xz").read_bytes()))
    return path


def test_a_file_that_format_10_wrote_goes_on_as_it_would_have(path: Path) -> None:
    """The hashes are that version's."""
    simulation = DuckdbStore(Database.open(path), Settings(threads=1))
    history = simulation.history
    try:
        assert (simulation.tid, simulation.state_hash()) == (63, FORMAT_10_AT_63)
        assert digest(history.events.rows) == EVENTS_AT_63
        assert set(history.events.rows["blasters"].to_pylist()) == {0}
        assert history.kept_chronicle.chronicle.tid == 63
        for _ in range(5):
            simulation.advance()
        assert simulation.state_hash() == FORMAT_10_AT_68
        told = history.kept_chronicle.stories.rows.to_pylist()
        assert {row["kind"] for row in told} <= {"fight", "duel", "titan_falls", "spree"}, (
            "none of these strategies is new"
        )
        events = history.events.rows.to_pylist()
        assert all(row["blasters"] > 0 for row in events if row["tid"] > 63 and row["strategy"])
    finally:
        simulation.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.sql("SELECT format_version, tid FROM universe").fetchall() == [
            (schema.FORMAT_VERSION, 68)
        ]
        assert digest(connection.sql("FROM event").to_arrow_table()) == digest(history.events.rows)
        assert connection.sql("FROM story ORDER BY tid").to_arrow_table().to_pylist() == told
