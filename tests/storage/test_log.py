"""The database's log: when a checkpoint is done."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from wasmverse.settings import Settings
from wasmverse.simulation.simulation import Simulation
from wasmverse.storage.duckdb import database as embedded
from wasmverse.storage.duckdb.database import Database

SETTINGS = Settings(systems=20, ships=8, nodes=8, log_bytes_max=1 << 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "u.duckdb"


@pytest.fixture
def simulation(path: Path) -> Iterator[Simulation]:
    simulation = Simulation(Database.open(path), SETTINGS)
    yield simulation
    simulation.close()


def log_bytes(path: Path) -> int:
    log = path.with_name("u.duckdb.wal")
    return log.stat().st_size if log.exists() else 0


def test_a_commit_leaves_a_long_log_to_who_folds_it(simulation: Simulation, path: Path) -> None:
    simulation.database.fold_log()
    assert not simulation.database.is_log_long
    simulation.play_turn()
    assert simulation.database.is_log_long
    assert log_bytes(path) > SETTINGS.log_bytes_max
    state = simulation.state_hash()
    simulation.database.fold_log()
    assert log_bytes(path) == 0
    assert not simulation.database.is_log_long
    simulation._read()
    assert simulation.state_hash() == state
    simulation.play_turn()
    assert simulation.tid == 2


def test_a_log_that_nobody_folds_is_folded_by_a_commit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOG_SLACK_BYTES", 0)
    with contextlib.closing(Simulation(Database.open(path), SETTINGS)) as simulation:
        simulation.play_turn()
        assert log_bytes(path) == 0


def test_a_universe_in_memory_has_no_log() -> None:
    with contextlib.closing(Simulation(Database.open(None), SETTINGS)) as simulation:
        simulation.play_turn()
        assert not simulation.database.is_log_long
        simulation.database.fold_long_log()
