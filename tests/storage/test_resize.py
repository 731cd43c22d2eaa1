"""A universe that gets more systems, or fewer: what becomes of the others, and of what is removed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.simulation.builder import changed
from wasmverse.cli.main import app
from wasmverse.errors import RecordingError, SettingsError
from wasmverse.recording.recorder import record
from wasmverse.simulation import memory
from wasmverse.sizes import SYSTEMS_MAX
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.resize import Resizing, resize
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.duckdb.whole import read_whole
from wasmverse.storage.whole import Whole
from wasmverse.universe.genesis import galaxy

SETTINGS = changed(systems=5, ships=3, nodes=4)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed, recorded universe at turn 9; not to be changed."""
    path = tmp_path_factory.mktemp("played") / "u.duckdb"
    store = DuckdbStore(Database.open(path), SETTINGS)
    record(store, path.with_name("run.record"), 1)
    for _ in range(9):
        store.advance()
    store.close()
    return path


@pytest.fixture
def path(played: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(played, tmp_path))


def agreed(_: Resizing) -> bool:
    return True


def in_systems(whole: Whole, last: int) -> list[list[int]]:
    """All columns of the ships and nodes in the first systems."""
    return [column[columns.sid <= last].tolist() for columns in whole.state for column in columns]


def test_new_systems_hold_what_they_would_at_the_beginning_and_the_others_stay(path: Path) -> None:
    before = read_whole(path)
    told = resize(path, 8, agreed)
    after = read_whole(path)
    assert told is not None
    assert (told.before, told.after, told.tid, told.ships, told.nodes) == (5, 8, 9, 9, 12)
    assert sum(told.strategies.values()) == 9
    assert set(told.strategies) == {"strategy_default", "strategy_flee", "strategy_battle"}
    assert after.state_hash() == told.state_hash
    assert (after.laws.systems, after.tid, after.next_eid) == (8, 9, before.next_eid + 21)
    assert in_systems(after, 5) == in_systems(before, 5)
    new = [columns.eid[columns.sid > 5] for columns in after.state]
    assert sorted(np.concatenate(new)) == list(range(before.next_eid, before.next_eid + 21))
    assert np.bincount(after.state.ships.sid)[6:].tolist() == [3, 3, 3]
    assert np.bincount(after.state.nodes.sid)[6:].tolist() == [4, 4, 4]
    places = [tuple(row.values()) for row in after.tables["solar_system"].to_pylist()]
    assert places[:5] == [tuple(row.values()) for row in before.tables["solar_system"].to_pylist()]
    assert len({place[1:] for place in places}) == 8
    x, y = galaxy(after.laws.seed, 8)
    assert {place[1:] for place in places} == set(zip(x.tolist(), y.tolist(), strict=True))


def test_what_is_in_removed_systems_goes_and_the_others_stay(path: Path) -> None:
    before = read_whole(path)
    told = resize(path, 2, agreed)
    after = read_whole(path)
    assert told is not None
    assert told.ships == len(before.state.ships.sid) - len(after.state.ships.sid) > 0
    assert told.nodes == len(before.state.nodes.sid) - len(after.state.nodes.sid) > 0
    assert sum(told.strategies.values()) == told.ships
    assert (after.laws.systems, after.next_eid) == (2, before.next_eid)
    assert in_systems(after, 2) == in_systems(before, 2)
    assert max(after.state.ships.sid) <= 2
    assert after.tables["solar_system"]["sid"].to_pylist() == [1, 2]


def test_a_resized_universe_goes_on_and_can_be_resized_again(path: Path) -> None:
    resize(path, 1, agreed)
    store = DuckdbStore(Database.open(path), SETTINGS)
    for _ in range(5):
        store.advance()
    store.snapshot()
    expected = store.state_hash()
    store.close()
    assert read_whole(path).state_hash() == expected
    resize(path, 5, agreed)
    store = DuckdbStore(Database.open(path), SETTINGS)
    store.advance()
    assert (store.tid, store.laws.systems) == (15, 5)
    store.close()


def test_a_recording_ends_where_the_size_changes(played: Path, path: Path) -> None:
    recording = Path(shutil.copy(played.with_name("run.record"), path.parent))
    resize(path, 6, agreed)
    store = DuckdbStore(Database.open(path), SETTINGS)
    with pytest.raises(RecordingError, match=r"is of another universe \(systems 5, the database has 6\)"):
        record(store, recording, 1)
    with pytest.raises(RecordingError, match="a run is recorded from its beginning"):
        record(store, path.with_name("new.record"), 1)
    store.close()


def test_nothing_is_changed_without_agreement_or_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_whole(path).state_hash()
    assert resize(path, 2, lambda _: False) is None
    monkeypatch.setattr(memory, "memory_bytes", lambda: 1 << 20)
    with pytest.raises(SettingsError, match="choose fewer systems"):
        resize(path, 6, agreed)
    whole = read_whole(path)
    assert (whole.state_hash(), whole.laws.systems) == (before, 5)


def test_an_error_in_its_midst_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = read_whole(path).state_hash()
    monkeypatch.setattr("wasmverse.storage.duckdb.resize.write_state", fail)
    code, _, said = run(path, "--systems", 3, "--yes")
    assert (code, said.splitlines()[-1]) == (
        1,
        f"wasmverse: {path} cannot be written (No space left on device): the last committed turn is intact; "
        "make room, then start again",
    )
    whole = read_whole(path)
    assert (whole.state_hash(), whole.laws.systems) == (before, 5)


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["universe", "resize", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_what_goes_is_said_before_it_goes(path: Path) -> None:
    before = read_whole(path)
    code, out, said = run(path, "--systems", 4)
    ships, nodes = (int((columns.sid == 5).sum()) for columns in before.state)
    assert (code, out) == (1, "")
    assert said.startswith(f"system 5 of 5 go, and with them for good {ships} ships (strategy_")
    assert f" and {nodes} energy nodes\nwasmverse: nothing was changed: repeat it with --yes" in said
    assert read_whole(path).state_hash() == before.state_hash()
    code, out, _ = run(path, "--systems", 4, "--yes")
    after = read_whole(path)
    assert (code, out) == (0, f"{path} goes on from turn 9 with 4 systems: state_hash {after.state_hash()}\n")
    noted = path.with_name("u.duckdb.audit").read_text()
    assert '"procedure":"resize_universe","systems":4,"systems_before":5,"tid":9,"outcome":"done"' in noted
    assert noted.count("\n") == 1


@pytest.mark.parametrize(
    ("systems", "message"),
    [
        (5, "has 5 systems: name another number"),
        (0, "--systems is 0; allowed is 1.."),
        (SYSTEMS_MAX + 1, "allowed is 1.."),
    ],
)
def test_sizes_that_cannot_be_are_refused(path: Path, systems: int, message: str) -> None:
    code, _, said = run(path, "--systems", systems)
    assert code == 1
    assert message in said


def test_only_a_universe_in_a_file_is_resized(tmp_path: Path) -> None:
    assert "is no file: copy it into one" in run("postgresql://ada@nowhere/u", "--systems", 2)[2]
    assert "is no file: name a universe" in run(tmp_path / "none", "--systems", 2)[2]
