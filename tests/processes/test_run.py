"""How the universe process opens what others may have open, too."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from wasmverse.errors import DatabaseLocked, SettingsError
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


@pytest.mark.parametrize("name", ["systems", "ships", "nodes", "upkeep", "seed"])
def test_another_universe_than_the_one_that_is_there_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = {"systems": 1_000, "ships": 32, "nodes": 64, "upkeep": 5, "seed": 7}
    closed: list[bool] = []
    laws = SimpleNamespace(systems=1_000, ships_min=32, nodes_min=64, upkeep=5, seed=7)
    store = SimpleNamespace(laws=laws, close=lambda: closed.append(True))
    monkeypatch.setattr(run, "open_universe", lambda *_: store)
    settings = Settings(database_path=tmp_path / "u.duckdb").part(UniverseProcessSettings)
    monkeypatch.setattr(run, "SnapshotWriter", lambda *_: pytest.fail("nothing is published"))

    def start(asked: dict[str, int]) -> None:
        run._run(settings, tmp_path, None, lambda _: None, dict, asked)  # type: ignore[arg-type]

    asked = made | {name: made[name] + 1_000}
    with pytest.raises(SettingsError) as refusal:
        start(asked)
    path = tmp_path / "u.duckdb"
    remedy = "which cannot be changed"
    if name == "systems":
        remedy = f"which `wasmverse universe resize {path} --systems 2000` changes while it is stopped"
    assert str(refusal.value) == (
        f"--{name} is {asked[name]:,}, but the universe in {path} was made with {made[name]:,}, {remedy}: "
        f"leave --{name} out to go on with it, or make another one with --db"
    )
    assert closed == [True]
    for same in ({}, made, {name: made[name]}):
        with pytest.raises(pytest.fail.Exception):
            start(same)


def test_the_unit_of_systemd_fits_the_settings() -> None:
    """What `systemd-analyze verify` cannot know."""
    text = (Path(__file__).parents[2] / "docs" / "operating" / "wasmverse.service").read_text("utf-8")
    lines = [line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#")]
    variables = [value.strip("'").partition("=") for key, _, value in lines if key == "Environment"]
    given = {name.removeprefix("WASMVERSE_").lower(): value for name, _, value in variables}
    assert given.pop("numba_cache_dir").startswith("/var/lib/wasmverse/")
    given["proxies"] = json.loads(given["proxies"])
    settings = Settings(**given)
    assert settings.database_path == Path("/var/lib/wasmverse/universe.duckdb")
    values = {key: value for key, _, value in lines}
    assert int(values["TimeoutStopSec"]) > settings.stop_seconds_max
    assert int(values["LimitNOFILE"]) > settings.connections_max
    assert values["KillMode"] == "mixed", "SIGTERM is for the first process alone"
    assert values["ExecStart"].endswith("/bin/wasmverse serve")
