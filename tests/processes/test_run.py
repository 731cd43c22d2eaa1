"""How the universe process opens what others may have open, too."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from wasmverse.errors import DatabaseLocked
from wasmverse.processes import run
from wasmverse.settings import Settings, UniverseProcessSettings
from wasmverse.storage.postgres import database, sessions


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The first two meet somebody at work."""
    made: list[Any] = []

    def open_universe(place: Any, *_: Any) -> str:
        made.append(place)
        if len(made) < 3:
            raise DatabaseLocked("somebody is at work")
        return "the store"

    monkeypatch.setattr(run, "open_universe", open_universe)
    return made


def test_a_database_in_which_somebody_is_at_work_is_waited_for(tries: list[Any]) -> None:
    settings = Settings(database_path="postgresql://h/sky").part(UniverseProcessSettings)
    told: list[str] = []
    assert run._opened(settings, lambda _: None, told.append) == "the store"  # type: ignore[comparison-overlap]
    assert told == ["waiting: somebody is at work"] * 2
    assert len(tries) == 3


def test_a_file_that_somebody_has_open_is_not(tries: list[Any]) -> None:
    settings = Settings(database_path=Path("universe.duckdb")).part(UniverseProcessSettings)
    with pytest.raises(DatabaseLocked):
        run._opened(settings, lambda _: None, lambda _: None)
    assert len(tries) == 1


def test_to_be_told_to_stop_ends_the_waiting(tries: list[Any]) -> None:
    settings = Settings(database_path="postgresql://h/sky").part(UniverseProcessSettings)

    def stop(_: str) -> None:
        raise run._Stopped

    with pytest.raises(run._Stopped):
        run._opened(settings, lambda _: None, stop)
    assert len(tries) == 1


def test_a_lock_that_was_not_had_in_time_is_somebody_at_work() -> None:
    error = psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")
    assert isinstance(database.explain("postgresql://h/sky", error), DatabaseLocked)
    assert isinstance(sessions.explain(error), DatabaseLocked)
