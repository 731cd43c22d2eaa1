"""The database's log: when a checkpoint is done."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from wasmverse.settings import Settings
from wasmverse.storage.duckdb import database as embedded
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

SETTINGS = Settings(systems=20, ships=8, nodes=8, log_bytes_max=1 << 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "u.duckdb"


@pytest.fixture
def simulation(path: Path) -> Iterator[DuckdbStore]:
    simulation = DuckdbStore(Database.open(path), SETTINGS)
    yield simulation
    simulation.close()


def log_bytes(path: Path) -> int:
    log = path.with_name("u.duckdb.wal")
    return log.stat().st_size if log.exists() else 0


def test_a_commit_leaves_a_long_log_to_who_folds_it(simulation: DuckdbStore, path: Path) -> None:
    simulation.database.checkpoint()
    assert not simulation.database.is_checkpoint_due
    simulation.advance()
    assert simulation.database.is_checkpoint_due
    assert log_bytes(path) > SETTINGS.log_bytes_max
    state = simulation.state_hash()
    simulation.database.checkpoint()
    assert log_bytes(path) == 0
    assert not simulation.database.is_checkpoint_due
    simulation._read()
    assert simulation.state_hash() == state
    simulation.advance()
    assert simulation.tid == 2


def test_a_log_that_nobody_folds_is_folded_by_a_commit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOG_SLACK_BYTES", 0)
    with contextlib.closing(DuckdbStore(Database.open(path), SETTINGS)) as simulation:
        simulation.advance()
        assert log_bytes(path) == 0


def test_a_universe_in_memory_has_no_log() -> None:
    with contextlib.closing(DuckdbStore(Database.open(None), SETTINGS)) as simulation:
        simulation.advance()
        assert not simulation.database.is_checkpoint_due
        simulation.database.checkpoint_if_due()
