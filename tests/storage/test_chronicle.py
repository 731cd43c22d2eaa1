"""Stories and heroes as they are kept: after a kill, after a restart, in another run of the same, and as SQL in the file."""

import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from wasmverse.chronicle.chronicle import Chronicle
from wasmverse.errors import StateError
from wasmverse.settings import Settings
from wasmverse.storage import kept_chronicle
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.universe import notable

SETTINGS = Settings(systems=5, ships=40, nodes=60, seed=3, threads=1, turns_kept=25, strategy_turns_kept=5)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heroes from the first turn on, and a checkpoint every eighth."""
    monkeypatch.setattr(notable, "BLASTERS_MIN", 2)
    monkeypatch.setattr(kept_chronicle, "CHECKPOINT_TURNS", 8)


def opened(path: Path | None) -> DuckdbStore:
    return DuckdbStore(Database.open(path), SETTINGS)


def told(store: DuckdbStore) -> dict[str, list[dict[str, object]]]:
    """All that is known of the past, the rows of a snapshot among it."""
    tables = {name: rows.to_pylist() for name, rows in store.snapshot().items() if name in ("story", "hero")}
    return {**tables, "chronicle": [{"packed": store.history.kept_chronicle.chronicle.packed()}]}


def killed(path: Path) -> Path:
    """A copy of a file that is open, with its log: as if the process had been killed."""
    copy = path.with_name("killed.duckdb")
    shutil.copy(path, copy)
    shutil.copy(f"{path}.wal", f"{copy}.wal")
    return copy


@pytest.mark.parametrize("turns", [5, 16, 29])
def test_a_universe_that_was_killed_tells_the_same(tmp_path: Path, turns: int) -> None:
    path = tmp_path / "universe.duckdb"
    store = opened(path)
    for _ in range(turns):
        store.advance()
    again = opened(killed(path))
    assert told(again) == told(store)
    for _ in range(9):
        store.advance()
        again.advance()
    assert told(again) == told(store)
    assert told(store)["hero"]
    assert {row["tid"] for row in told(store)["story"]} <= set(range(turns + 9 - 24, turns + 10)), (
        "25 turns are kept"
    )
    again.close()
    store.close()
    reopened = opened(path)
    assert told(reopened) == told(store)
    reopened.close()


def test_a_turn_that_failed_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "universe.duckdb"
    store = opened(path)
    for _ in range(5):
        store.advance()
    before = told(store)

    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(store, "_note", fail)  # after the turn was recorded, before it is committed
    with pytest.raises(RuntimeError):
        store.advance()
    store.close()
    again = opened(path)
    assert told(again) == before
    again.close()


def test_who_keeps_few_turns_remembers_as_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer turns kept than lie between two checkpoints, digests would be gone before the next one."""
    monkeypatch.setattr(kept_chronicle, "CHECKPOINT_TURNS", 64)
    path = tmp_path / "universe.duckdb"
    few = SETTINGS.model_copy(update={"turns_kept": 3, "strategy_turns_kept": 3})
    store = DuckdbStore(Database.open(path), few)
    for _ in range(28):
        store.advance()
    again = DuckdbStore(Database.open(killed(path)), few)
    assert told(store)["hero"]
    assert told(again) == told(store)
    again.close()
    store.close()


def test_sql_in_the_file_shows_what_a_snapshot_does(tmp_path: Path) -> None:
    path = tmp_path / "universe.duckdb"
    store = opened(path)
    for _ in range(80):
        store.advance()
    ships = {row["eid"]: row for row in store.snapshot()["ship"].to_pylist()}
    expected = told(store)
    store.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        stories = connection.sql("FROM story").to_arrow_table().to_pylist()
        heroes = connection.sql("FROM hero").to_arrow_table().to_pylist()
        digests = connection.sql(
            "SELECT count(digest), min(tid) FILTER (digest IS NOT NULL) FROM turn_record"
        ).fetchall()
    assert sorted(map(repr, (row for row in stories if row["tid"] > 55))) == sorted(
        map(repr, expected["story"])
    )
    assert digests == [(8, 73)], "of the turns since the checkpoint before the last one"
    by_eid = {row["eid"]: row for row in heroes}
    assert len(by_eid) == len(expected["hero"]) == len(heroes)
    assert any(row["is_alive"] for row in heroes)
    assert not all(row["is_alive"] for row in heroes)
    for row in expected["hero"]:
        shown, ship = by_eid[row["eid"]], ships.get(row["eid"])
        assert {name: shown[name] for name in row} == row
        assert shown["age"] == (row["died_tid"] or 80) - row["born_tid"]
        assert shown["energy"] == (ship["energy"] if ship else None)
        assert shown["is_alive"] == (ship is not None) == (row["died_tid"] is None)


def test_two_runs_of_the_same_tell_the_same() -> None:
    runs = opened(None), opened(None)
    for _ in range(20):
        for run in runs:
            run.advance()
    assert told(runs[0]) == told(runs[1])
    for run in runs:
        run.close()


def test_a_turn_in_which_nothing_changes_writes_nothing_of_heroes() -> None:
    store = opened(None)
    store.advance()
    kept = store.history.kept_chronicle
    assert kept.heroes() is kept.heroes()
    store.close()


def test_heroes_are_what_a_table_made_from_nothing_says_and_stories_change_only_where_something_is_told() -> (
    None
):
    store = opened(None)
    kept = store.history.kept_chronicle
    silent = 0
    for _ in range(60):
        before, published = kept.stories.rows, []
        store.advance(publish=lambda name, _: published.append(name))  # noqa: B023 - called within the turn
        again = kept_chronicle.KeptChronicle(25)
        again.chronicle = Chronicle.unpacked(kept.chronicle.packed())
        assert kept.heroes().to_pylist() == again.heroes().to_pylist()
        assert ("story" in published) == (kept.stories.rows is not before)
        silent += "story" not in published
        if "story" not in published:
            assert store.tid not in kept.stories.rows["tid"].to_pylist()
    assert 0 < silent < 60
    store.close()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE chronicle SET state = '{}'", "chronicle has a state that cannot be read"),
        (
            "UPDATE turn_record SET story = 'x' WHERE tid = 2",
            "turn_record has stories of turn 2 that cannot be read",
        ),
        (
            "DELETE FROM chronicle; UPDATE turn_record SET digest = '{}'",
            "turn_record has a digest of turn 1 that cannot be read",
        ),
    ],
)
def test_what_others_have_broken_is_refused(tmp_path: Path, statement: str, message: str) -> None:
    path = tmp_path / "universe.duckdb"
    store = opened(path)
    for _ in range(3):
        store.advance()
    store.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute(statement)
    with pytest.raises(StateError, match=message):
        opened(path)


def test_rows_that_somebody_removed_let_it_begin_again(tmp_path: Path) -> None:
    path = tmp_path / "universe.duckdb"
    store = opened(path)
    for _ in range(12):
        store.advance()
    store.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM chronicle; DELETE FROM turn_record WHERE tid = 10")
    again = opened(path)
    assert again.history.kept_chronicle.chronicle.tid == 12
    assert pa.Table.from_pylist(told(again)["hero"]).num_rows == 0
    again.advance()
    again.close()
