"""A file that is copied while turns go on: what is held for whom, and for how long."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.simulation.builder import changed
from wasmverse.errors import DatabaseError, DatabaseLocked
from wasmverse.processes import copying_desk
from wasmverse.processes.copying_desk import CopyingDesk
from wasmverse.storage import backup_request
from wasmverse.storage.backup_request import RESERVE_BYTES_MIN, Copier, answer_path, request_path
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.duckdb.whole import read_whole


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckdbStore]:
    """An open universe whose log is always long."""
    store = DuckdbStore(Database.open(tmp_path / "open.duckdb"), changed(systems=5, log_bytes_max=1024))
    yield store
    store.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_copy_is_of_the_turn_that_was_named_however_many_are_played_meanwhile(
    store: DuckdbStore, tmp_path: Path
) -> None:
    """With checkpoints between them, which free and reuse places of the file, the copy would be of no turn."""
    path = tmp_path / "open.duckdb"
    desk = CopyingDesk(store, path, 1 << 30)
    copy = tmp_path / "copy.duckdb"
    for _ in range(4):
        play(store, desk, 5)
    with Copier(path) as copier:
        play(store, desk, 1)
        expected = (store.tid, store.state_hash())
        held = copier.wait(lambda: True, 10.0)
        assert held is not None
        assert (held.facts.tid, held.facts.state_hash) == expected
        play(store, desk, 20)
        for source, target, size in (
            (path, copy, held.file_bytes),
            (path.with_name("open.duckdb.wal"), copy.with_name("copy.duckdb.wal"), held.log_bytes),
        ):
            target.write_bytes(source.read_bytes()[:size])
        assert copier.held() == held
    whole = read_whole(copy)
    assert (whole.tid, whole.state_hash()) == expected
    assert store.tid == expected[0] + 20
    log = path.with_name("open.duckdb.wal")
    long = log.stat().st_size
    play(store, desk, 2)
    assert not log.exists() or log.stat().st_size < long, "checkpoints are done again"
    assert names(tmp_path) & {request_path(path).name, answer_path(path).name} == set()


def play(store: DuckdbStore, desk: CopyingDesk, turns: int) -> None:
    """As the loop of turns does."""
    for _ in range(turns):
        store.advance()
        desk.turn_ended()
        if store.is_maintenance_due:
            store.maintain()


def test_only_one_copies_at_a_time(store: DuckdbStore, tmp_path: Path) -> None:
    path = tmp_path / "open.duckdb"
    with Copier(path):
        with pytest.raises(DatabaseLocked, match="is being copied by another process"), Copier(path):
            pass
        assert request_path(path).exists(), "the other one's"
    with Copier(path):
        pass


def test_who_copies_next_waits_for_the_end_of_the_first(store: DuckdbStore, tmp_path: Path) -> None:
    path = tmp_path / "open.duckdb"
    first = Copier(path).__enter__()
    with pytest.raises(DatabaseLocked, match="is being copied by another process"), Copier(path, 0.1):
        pass
    ending = threading.Timer(0.2, first.__exit__, (None, None, None))
    ending.start()
    with Copier(path, 60.0) as second:
        assert request_path(path).read_text() == second.number
    ending.join()


@pytest.mark.parametrize("call", ["ftruncate", "pwrite"])
def test_a_request_for_which_there_is_no_room_is_refused(
    store: DuckdbStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "open.duckdb"
    with monkeypatch.context() as patch:
        patch.setattr(backup_request.os, call, refused)
        with pytest.raises(DatabaseError, match=r"copying cannot be written .*: make room"), Copier(path):
            pass
    assert not request_path(path).exists()


def test_what_a_killed_copier_left_holds_nothing(store: DuckdbStore, tmp_path: Path) -> None:
    path = tmp_path / "open.duckdb"
    desk = CopyingDesk(store, path, 1 << 30)
    request_path(path).write_text("of a process that was killed before it was answered")
    play(store, desk, 1)
    assert not request_path(path).exists()
    copier = Copier(path).__enter__()
    play(store, desk, 1)
    assert copier.wait(lambda: True, 10.0) is not None
    assert not store.is_maintenance_due
    os.close(copier._descriptor)  # as the end of its process does
    play(store, desk, 1)
    assert names(tmp_path) & {request_path(path).name, answer_path(path).name} == set()
    store.advance()
    assert store.is_maintenance_due


def test_a_copy_that_takes_too_long_is_given_up(
    store: DuckdbStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "open.duckdb"
    desk = CopyingDesk(store, path, 1)
    with Copier(path) as copier:
        play(store, desk, 1)
        held = copier.wait(lambda: True, 10.0)
        assert held is not None
        play(store, desk, 3)
        assert copier.held() is None
        play(store, desk, 3)
        assert copier.held() is None, "not held a second time"
    assert sum("given up" in message for message in caplog.messages) == 1


def test_a_copy_that_leaves_turns_no_room_is_given_up(
    store: DuckdbStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, free = tmp_path / "open.duckdb", [1 << 40]
    monkeypatch.setattr(copying_desk.shutil, "disk_usage", lambda _: SimpleNamespace(free=free[0]))
    desk = CopyingDesk(store, path, 1 << 30)
    with Copier(path) as copier:
        play(store, desk, 1)
        held = copier.wait(lambda: True, 10.0)
        free[0] = RESERVE_BYTES_MIN
        play(store, desk, 2)
        assert copier.held() == held is not None
        free[0] -= 1
        play(store, desk, 3)
        assert copier.held() is None
    assert sum("the disk has only 67,108,863 bytes left" in message for message in caplog.messages) == 1


def test_a_small_disk_can_be_copied_from(
    store: DuckdbStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "open.duckdb"
    monkeypatch.setattr(copying_desk.shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 25))
    with Copier(path) as copier:
        play(store, CopyingDesk(store, path, 1 << 30), 2)
        assert copier.wait(lambda: True, 10.0) is not None


def refused(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_nothing_is_held_where_the_disk_says_nothing(
    store: DuckdbStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "open.duckdb"
    desk = CopyingDesk(store, path, 1 << 30)
    monkeypatch.setattr(copying_desk.shutil, "disk_usage", refused)
    with Copier(path):
        play(store, desk, 1)
        store.advance()
        assert store.is_maintenance_due


def test_an_answer_that_cannot_be_removed_holds_nothing(
    store: DuckdbStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "open.duckdb"
    desk = CopyingDesk(store, path, 1 << 30)
    with Copier(path) as copier:
        play(store, desk, 1)
        assert copier.wait(lambda: True, 10.0) is not None
    with monkeypatch.context() as patch:
        patch.setattr(copying_desk, "answer_path", lambda _: SimpleNamespace(unlink=refused))
        play(store, desk, 1)
    store.advance()
    assert store.is_maintenance_due


def test_a_copy_grows_too_long_though_its_request_cannot_be_read(
    store: DuckdbStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "open.duckdb"
    desk = CopyingDesk(store, path, 1)
    with Copier(path) as copier:
        play(store, desk, 1)
        assert copier.wait(lambda: True, 10.0) is not None
        monkeypatch.setattr(copying_desk, "requested", refused)
        play(store, desk, 2)
        assert copier.held() is None


def test_nobody_relies_on_a_file_that_is_being_closed(store: DuckdbStore, tmp_path: Path) -> None:
    path = tmp_path / "open.duckdb"
    desk = CopyingDesk(store, path, 1 << 30)
    with Copier(path) as copier:
        play(store, desk, 1)
        assert copier.wait(lambda: True, 10.0) is not None
        desk.close()
        assert copier.held() is None


def test_a_database_that_failed_is_closed_without_another_error(
    store: DuckdbStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = CopyingDesk(store, tmp_path / "open.duckdb", 1 << 30)
    with Copier(tmp_path / "open.duckdb") as copier:
        play(store, desk, 1)
        assert copier.wait(lambda: True, 10.0) is not None
        monkeypatch.setattr(store, "release", refused)
        desk.close()
        assert copier.held() is None
    assert "Input/output error" in caplog.text


def test_an_answer_of_a_server_that_was_killed_is_removed_by_the_next(
    store: DuckdbStore, tmp_path: Path
) -> None:
    path = tmp_path / "open.duckdb"
    with Copier(path) as copier:
        play(store, CopyingDesk(store, path, 1 << 30), 1)
        assert copier.wait(lambda: True, 10.0) is not None
        CopyingDesk(store, path, 1 << 30)
        assert copier.held() is None


def test_a_request_that_is_no_file_of_ours_harms_no_turn(store: DuckdbStore, tmp_path: Path) -> None:
    path = tmp_path / "open.duckdb"
    desk = CopyingDesk(store, path, 1 << 30)
    secret = tmp_path / "secret"
    secret.write_text("kept")
    request_path(path).symlink_to(secret)
    play(store, desk, 2)
    assert (store.tid, secret.read_text()) == (2, "kept")
    with pytest.raises(DatabaseError, match="cannot be made"), Copier(path):
        pass
    request_path(path).unlink()
    request_path(path).mkdir()
    play(store, desk, 2)
    assert store.tid == 4


def test_who_is_not_answered_says_so(store: DuckdbStore, tmp_path: Path) -> None:
    path = tmp_path / "open.duckdb"
    with Copier(path) as copier:
        with pytest.raises(DatabaseError, match=r"did not end a turn in 0\.05 s"):
            copier.wait(lambda: True, 0.05)
        assert copier.wait(lambda: False, 60.0) is None, "nobody plays any more"
