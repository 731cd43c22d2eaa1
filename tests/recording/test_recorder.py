"""What the recorder refuses to go on with, and what it makes of files that a crash left."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from tests.recording.builder import SETTINGS, Run, facts_of, upload_of
from tests.storage.by_hand import change_by_hand
from wasmverse.commands import Author, EnableStrategy, RemoveStrategy, SpawnEntity
from wasmverse.errors import CommandError, RecordingError
from wasmverse.recording.format import Dropped, Given, Start, Stop
from wasmverse.recording.recorder import record
from wasmverse.recording.replay import replay
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.store import DuckdbStore

TINY = SETTINGS.model_copy(update={"systems": 3, "threads": 1})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Five turns, open."""
    folder = tmp_path / "run"
    folder.mkdir()
    run = Run(folder, TINY)
    run.play(5)
    return run


def refused(run: Run) -> str:
    """Why a run cannot be recorded; what was in its file stays, and no empty one is left behind."""
    before = run.recording.read_bytes() if run.recording.exists() else None
    with pytest.raises(RecordingError) as error:
        run.open()
    assert "\n" not in error.value.message
    assert (run.recording.read_bytes() if run.recording.exists() else None) == before
    return error.value.message


def same(run: Run) -> None:
    """Close it, and replay it."""
    expected = run.simulation.state_hash()
    run.close()
    found = replay(run.recording, None, Settings(threads=1))
    assert (found.first_difference, found.state_hash) == (None, expected)


def test_a_universe_that_is_under_way_has_no_beginning_to_record(run: Run) -> None:
    run.close()
    run.recording.unlink()
    assert "the universe is at turn 5 or was changed since it was made" in refused(run)


def test_a_recording_goes_on_after_a_strategy_was_removed(run: Run) -> None:
    """Its row stays for as long as its ships fly; its module does not."""
    run.simulation.carry_out(upload_of("mine", "(i64.const 0x41)"))
    run.simulation.carry_out(SpawnEntity(3, 1, 5, 5, "mine"))
    run.simulation.carry_out(RemoveStrategy("mine", Author.named("ada")))
    run.play(1)
    run.close()
    run.open()
    run.play(2)
    same(run)


def test_a_universe_of_which_a_strategy_was_removed_has_no_beginning_to_record(run: Run) -> None:
    run.close()
    for path in run.folder.iterdir():
        path.unlink()
    store = DuckdbStore(Database.open(run.folder / "universe.duckdb"), TINY)
    store.carry_out(upload_of("mine", "(i64.const 0x41)"))
    store.carry_out(SpawnEntity(3, 1, 5, 5, "mine"))
    store.carry_out(RemoveStrategy("mine", Author.named("ada")))
    store.close()
    assert "was changed since it was made" in refused(run)


def test_turns_that_were_not_recorded_cannot_be_gone_on_from(run: Run) -> None:
    run.close()
    simulation = DuckdbStore(Database.open(run.folder / "universe.duckdb"), TINY)
    simulation.advance()
    simulation.close()
    assert "ends with turn 5, the database has turn 6" in refused(run)


def test_an_older_copy_of_the_database_is_noticed(run: Run) -> None:
    copy = (run.folder / "universe.duckdb").with_name("copy")
    run.close()
    copy.write_bytes((run.folder / "universe.duckdb").read_bytes())
    run.open()
    run.play(2)
    run.close()
    copy.rename(run.folder / "universe.duckdb")
    assert "ends with turn 7, the database has turn 5" in refused(run)


def test_another_universe_is_noticed(run: Run, tmp_path: Path) -> None:
    run.close()
    (run.folder / "universe.duckdb").unlink()
    run.settings = TINY.model_copy(update={"seed": 12})
    assert "is of another universe (" in refused(run)


def test_a_state_that_somebody_changed_is_noticed(run: Run) -> None:
    run.close()
    with duckdb.connect(str(run.folder / "universe.duckdb")) as connection:
        change_by_hand(connection, "UPDATE ships SET energy = energy + 1 WHERE eid = 1")
    assert "ends with another state of turn 5" in refused(run)


def test_a_recording_that_is_damaged_is_not_continued(run: Run) -> None:
    run.close()
    content = bytearray(run.recording.read_bytes())
    content[len(content) // 2] ^= 1
    run.recording.write_bytes(content)
    assert "is damaged or out of place" in refused(run)


def test_two_cannot_write_one_recording(run: Run, tmp_path: Path) -> None:
    other = DuckdbStore(Database.open(None), TINY)
    with pytest.raises(RecordingError, match="being written by another process"):
        record(other, run.recording, 4)
    other.close()
    same(run)


@pytest.mark.parametrize("place", [".", "missing/run.jsonl"])
def test_a_place_that_cannot_be_written_is_told(run: Run, place: str) -> None:
    run.close()
    simulation = DuckdbStore(Database.open(None), TINY)
    with pytest.raises(RecordingError, match="cannot be written"):
        record(simulation, run.folder / place, 4)
    simulation.close()


def test_a_refused_command_leaves_no_line(run: Run) -> None:
    lines = len(facts_of(run.recording))
    with pytest.raises(CommandError):
        run.simulation.carry_out(SpawnEntity(99, 2, 1, 1, None))
    assert len(facts_of(run.recording)) == lines
    same(run)


# A command is written before it is committed: a crash in between leaves it to be found out.


@pytest.mark.parametrize(
    "command", [SpawnEntity(1, 2, 7, 7, None), upload_of("mine", "(i64.const 0)")], ids=["spawn", "upload"]
)
@pytest.mark.parametrize("is_committed", [False, True])
def test_a_crash_around_a_command_s_commit(run: Run, command: SpawnEntity, is_committed: bool) -> None:
    recorder = run.simulation.recorder
    assert recorder is not None
    if is_committed:
        run.simulation.carry_out(command)
    else:
        with recorder.command(command) as note:
            note()
    run.crash()
    facts = facts_of(run.recording)
    kinds = [type(fact) for fact in facts[-(2 if is_committed else 3) :]]
    assert kinds == ([Given, Start] if is_committed else [Given, Dropped, Start])
    run.play(3)
    same(run)


def test_a_command_whose_commit_fails_is_dropped(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = run.simulation
    before = simulation.state_hash(), simulation.history.events.rows.num_rows
    transaction = simulation.database.transaction

    @contextmanager
    def fail_once() -> Iterator[Transaction]:
        monkeypatch.undo()
        with transaction() as opened:
            yield opened
            raise ZeroDivisionError

    monkeypatch.setattr(simulation.database, "transaction", fail_once)
    with pytest.raises(ZeroDivisionError):
        simulation.carry_out(SpawnEntity(1, 2, 7, 7, None))
    assert (simulation.state_hash(), simulation.history.events.rows.num_rows) == before
    assert [type(fact) for fact in facts_of(run.recording)[-2:]] == [Given, Dropped]
    run.play(2)
    same(run)


def test_a_full_disk_ends_the_recording_at_a_whole_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = run.simulation
    before, length = simulation.state_hash(), run.recording.stat().st_size

    def half(file: int, line: bytes, offset: int) -> int:
        if len(line) < 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, line[:10], offset)

    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(RecordingError, match=r"cannot be written .No space left on device.: make room"):
        simulation.carry_out(SpawnEntity(1, 2, 7, 7, None))
    monkeypatch.undo()
    assert (simulation.state_hash(), run.recording.stat().st_size) == (before, length)
    # Turns that cannot be written down are not played on.
    with pytest.raises(RecordingError, match="an earlier line could not be written"):
        simulation.advance()
    run.close()
    assert not isinstance(facts_of(run.recording)[-1], Stop)
    run.open()
    run.play(2)
    same(run)


def test_enabling_what_is_enabled_already_is_no_riddle(run: Run) -> None:
    run.simulation.carry_out(upload_of("mine", "(i64.const 0)"))
    run.simulation.carry_out(EnableStrategy("mine", True, Author.named("ada")))
    run.crash()
    run.play(2)
    same(run)
