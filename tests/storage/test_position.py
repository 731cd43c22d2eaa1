"""Where a universe is after its process was killed, changed by hand, or closed: the newest that the file says."""

import shutil
from pathlib import Path

import duckdb

from wasmverse.commands import SpawnEntity
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

SETTINGS = Settings(systems=3, ships=4, nodes=6, threads=1)


def opened(path: Path) -> DuckdbStore:
    return DuckdbStore(Database.open(path), SETTINGS)


def as_killed(path: Path, copy: Path) -> DuckdbStore:
    """What is found of a file that is open now, had its process been killed."""
    for suffix in ("", ".wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    return opened(copy)


def test_a_killed_process_leaves_its_last_turn_and_what_was_done_after_it(tmp_path: Path) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = opened(path)
    found = []
    for step in range(4):
        if step % 2:
            simulation.carry_out(SpawnEntity(2, 2, 5, 5, None))
        else:
            simulation.advance()
        again = as_killed(path, tmp_path / f"killed-{step}.duckdb")
        found.append((again.tid, again.next_eid, again.state_hash()))
        assert found[-1] == (simulation.tid, simulation.next_eid, simulation.state_hash())
        assert again.history.events.rows.equals(simulation.history.events.rows.combine_chunks())
        again.advance()
        assert again.tid == simulation.tid + 1
        again.close()
    simulation.close()
    assert [tid for tid, _, _ in found] == [1, 1, 2, 2]
    assert len(set(found)) == 4


def test_a_closed_file_says_it_in_one_place_where_it_may_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = opened(path)
    simulation.advance()
    simulation.advance()
    next_eid = simulation.next_eid
    simulation.close()
    with duckdb.connect(str(path)) as connection:
        assert connection.sql("SELECT tid, next_eid FROM universe").fetchall() == [(2, next_eid)]
        connection.execute("UPDATE universe SET next_eid = 1000")
    simulation = opened(path)
    assert (simulation.tid, simulation.next_eid) == (2, 1000)
    simulation.carry_out(SpawnEntity(1, 2, 0, 0, None))
    assert simulation.next_eid == 1001
    simulation.close()
