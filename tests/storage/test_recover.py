"""`wasmverse universe recover`, as a person runs it."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from wasmverse.errors import DatabaseDamaged
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.log import read_log
from wasmverse.storage.duckdb.store import DuckdbStore


@pytest.fixture
def torn(tmp_path: Path) -> tuple[Path, str]:
    """A universe that was killed with three turns in its log, of which the last is zeros; the state of the second."""
    path, copy = tmp_path / "live.duckdb", tmp_path / "u.duckdb"
    simulation = DuckdbStore(Database.open(path), Settings(systems=3, ships=2, nodes=4))
    simulation.database.checkpoint()
    simulation.advance()
    simulation.advance()
    state = simulation.state_hash()
    simulation.advance()
    data = path.with_name("live.duckdb.wal").read_bytes()
    copy.write_bytes(path.read_bytes())
    sound = read_log(data).commits[-2]
    copy.with_name("u.duckdb.wal").write_bytes(data[: sound + 100] + bytes(len(data) - sound - 100))
    simulation.close()
    path.unlink()
    return copy, state


def run(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wasmverse.cli.main", "universe", "recover", "--db", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def test_a_torn_log_is_refused_and_recovered_and_the_old_files_are_kept(torn: tuple[Path, str]) -> None:
    path, state = torn
    log = path.with_name("u.duckdb.wal")
    before = {file.name: file.read_bytes() for file in (path, log)}
    with pytest.raises(DatabaseDamaged) as error:
        Database.open(path)
    assert error.value.message.startswith(f"{path}.wal, its log, is damaged (Failure while replaying WAL")
    assert f"run `wasmverse universe recover --db {path}`" in error.value.message
    assert {file.name: file.read_bytes() for file in (path, log)} == before

    done = run(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{path} goes on from turn 2, made of ")
    assert "\n" not in done.stdout.rstrip("\n")
    kept = {file.name: file.read_bytes() for file in path.parent.iterdir() if file != path}
    assert kept == {
        "u.damaged-1.duckdb": before["u.duckdb"],
        "u.damaged-1.duckdb.wal": before["u.duckdb.wal"],
    }
    simulation = DuckdbStore(Database.open(path), Settings())
    assert (simulation.tid, simulation.state_hash()) == (2, state)
    simulation.close()

    again = run(path)
    assert again.returncode == 0
    assert again.stdout == f"{path} opens at turn 2: there is nothing to recover, and nothing was changed\n"


def test_what_cannot_be_recovered_is_said_and_left_alone(torn: tuple[Path, str]) -> None:
    path, _state = torn
    file = bytearray(path.read_bytes())
    file[4096 + 40] ^= 1
    path.write_bytes(file)
    files = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    done = run(path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"wasmverse: {path} cannot be recovered: Corrupt database file: ")
    assert done.stderr.endswith("Nothing was changed: restore a copy of the file\n")
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == files


def test_a_universe_in_use_and_one_that_is_not_there_are_refused(torn: tuple[Path, str]) -> None:
    path, _state = torn
    path.with_name("u.duckdb.wal").unlink()
    with duckdb.connect(str(path)):
        assert "is in use by another process" in run(path).stderr
    path.unlink()
    done = run(path)
    assert (done.returncode, done.stderr) == (
        1, f"wasmverse: {path} is no file: name the universe to recover with --db\n"
    )  # fmt: skip
