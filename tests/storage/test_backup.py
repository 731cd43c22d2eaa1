"""Backups: of a universe at rest and while it is played, what they hold, and what is refused."""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from tests.simulation.builder import changed
from wasmverse.commands import SpawnEntity
from wasmverse.errors import DatabaseError, DatabaseForeign, DatabaseLocked, StateError
from wasmverse.storage.backup_request import RESERVE_BYTES_MIN
from wasmverse.storage.duckdb import backup
from wasmverse.storage.duckdb.backup import back_up, restore
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.description import describe
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.duckdb.whole import read_whole
from wasmverse.storage.stored_state import StoredState
from wasmverse.storage.tokens import open_tokens
from wasmverse.tokens import Role

SETTINGS = changed(systems=5, ships=3, nodes=4)


def silent(_: str) -> None:
    """Is told steps."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed universe at turn 12, with a command after it and a token; not to be changed."""
    path = tmp_path_factory.mktemp("played") / "old.duckdb"
    store = DuckdbStore(Database.open(path), SETTINGS)
    for _ in range(12):
        store.advance()
    store.carry_out(SpawnEntity(3, 2, 5, 6, None))
    store.close()
    open_tokens(path).create("ada", Role.pilot)
    return path


@pytest.fixture(scope="module")
def made(played: Path) -> Path:
    """A backup of it; not to be changed."""
    target = played.with_name("backup.duckdb")
    back_up(played, target, silent, 1.0)
    return target


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckdbStore]:
    """An open universe whose log is always long."""
    store = DuckdbStore(Database.open(tmp_path / "open.duckdb"), changed(systems=5, log_bytes_max=1024))
    yield store
    store.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_universe_restored_is_the_one_of_which_the_backup_was_made(
    played: Path, made: Path, tmp_path: Path
) -> None:
    new, said = tmp_path / "new.duckdb", list[str]()
    row = restore(made, new, said.append)
    before, after = read_whole(played), read_whole(new)
    assert said == [f"copying {made}", "checking the copy"]
    assert (row.tid, row.state_hash) == (12, before.state_hash())
    assert after.state_hash() == before.state_hash()
    assert (after.laws, after.made_at, after.next_eid) == (before.laws, before.made_at, before.next_eid)
    assert all(rows.equals(after.tables[name]) for name, rows in before.tables.items())
    assert open_tokens(new).entries() == open_tokens(played).entries() != []
    assert new.with_name("new.duckdb.tokens").stat().st_mode & 0o077 == 0
    assert made.stat().st_mode & 0o077 == 0, "it holds the hashes of tokens"


def test_what_is_backed_up_or_restored_is_left_as_it_is(played: Path, made: Path, tmp_path: Path) -> None:
    before = [hashlib.sha256(path.read_bytes()).digest() for path in (played, made)]
    back_up(played, tmp_path / "b.duckdb", silent, 1.0)
    restore(made, tmp_path / "u.duckdb", silent)
    assert [hashlib.sha256(path.read_bytes()).digest() for path in (played, made)] == before
    assert names(tmp_path) == {"b.duckdb", "u.duckdb", "u.duckdb.tokens"}


def test_a_universe_that_was_killed_is_backed_up_with_its_log(store: DuckdbStore, tmp_path: Path) -> None:
    store.database.limit_log(1 << 30)
    for _ in range(3):
        store.advance()
    killed = tmp_path / "killed.duckdb"
    shutil.copy(tmp_path / "open.duckdb", killed)
    shutil.copy(tmp_path / "open.duckdb.wal", tmp_path / "killed.duckdb.wal")
    row = back_up(killed, tmp_path / "b.duckdb", silent, 1.0)
    assert (row.tid, row.state_hash) == (3, store.state_hash())
    assert (tmp_path / "killed.duckdb.wal").exists(), "it was not opened"
    assert restore(tmp_path / "b.duckdb", tmp_path / "u.duckdb", silent).state_hash == store.state_hash()


def test_a_check_leaves_the_cores_to_turns(
    played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, seen = backup._checked_state, list[object]()

    def noting(transaction: Transaction) -> StoredState:
        seen.extend(transaction.run_text("SELECT current_setting('threads')"))
        return read(transaction)

    monkeypatch.setattr(backup, "_checked_state", noting)
    back_up(played, tmp_path / "b.duckdb", silent, 1.0)
    assert seen == [(1,), (1,)]


def test_nothing_that_is_there_is_replaced(played: Path, made: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.duckdb"
    for path in (target, tmp_path / "mine.duckdb.wal"):
        path.write_text("mine")
        with pytest.raises(DatabaseError, match="is there already"):
            back_up(played, target, silent, 1.0)
        with pytest.raises(DatabaseError, match="is there already"):
            restore(made, target, silent)
        assert path.read_text() == "mine"
        path.unlink()
    target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(DatabaseError, match="is there already"):
        back_up(played, target, silent, 1.0)
    assert names(tmp_path) == {"mine.duckdb"}


def test_who_came_first_has_the_name(played: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.duckdb"

    def tell(text: str) -> None:
        if text.startswith("checking"):
            target.write_text("somebody else's")
        else:
            with pytest.raises(DatabaseLocked, match="is being made by another process"):
                back_up(played, target, silent, 1.0)

    with pytest.raises(DatabaseError, match="was made by somebody else meanwhile"):
        back_up(played, target, tell, 1.0)
    assert target.read_text() == "somebody else's"
    assert names(tmp_path) == {"b.duckdb"}


def test_tokens_of_a_universe_that_gets_no_name_are_taken_back(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new.duckdb"

    def refused(*_: Path) -> None:
        assert open_tokens(new).entries()
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(backup, "_name", refused)
    with pytest.raises(DatabaseError, match="was not made"):
        restore(made, new, silent)
    assert names(tmp_path) == set()


def test_tokens_that_are_there_are_kept(made: Path, tmp_path: Path) -> None:
    new, said = tmp_path / "new.duckdb", list[str]()
    token = open_tokens(new).create("eve", Role.reader)
    restore(made, new, said.append)
    assert f"{new} has tokens of its own, which are kept" in said
    assert open_tokens(new).find(token) is not None


def test_without_room_nothing_is_begun(
    played: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = played.stat().st_size + backup.ROOM_BYTES
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: SimpleNamespace(free=needed - 1))
    with pytest.raises(DatabaseError, match=f"{needed - 1:,} bytes left; the copy needs {needed:,}"):
        back_up(played, tmp_path / "b.duckdb", silent, 1.0)
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    with pytest.raises(DatabaseError, match="1 bytes left"):
        restore(made, tmp_path / "u.duckdb", silent)
    assert names(tmp_path) == set()


class Served:
    """In place of a `Copier`: a server that holds a file at each of the moments given, and then no more."""

    def __init__(self, *moments: object) -> None:
        self.moments = list(moments)

    def __call__(self, *_: object) -> "Served":
        return self

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self, *_: object) -> object:
        return self.moments.pop(0)


def test_turns_that_go_on_have_room_beside_a_copy_on_their_disk(
    played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = SimpleNamespace(facts=SimpleNamespace(tid=12), file_bytes=1000, log_bytes=10)
    monkeypatch.setattr(backup, "holder", lambda _: 1)
    monkeypatch.setattr(backup, "Copier", Served(held))
    needed = 1020 + backup.ROOM_BYTES + RESERVE_BYTES_MIN
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: SimpleNamespace(free=needed - 1))
    with pytest.raises(DatabaseError, match=f"{needed - 1:,} bytes left; the copy needs {needed:,}"):
        back_up(played, tmp_path / "b.duckdb", silent, 1.0)
    assert names(tmp_path) == set()


def test_a_server_that_ends_meanwhile_has_time_to_come_back(
    played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = SimpleNamespace(facts=SimpleNamespace(tid=12), file_bytes=1 << 60, log_bytes=0)
    holders = iter([1, None, None, 2])
    monkeypatch.setattr(backup, "holder", lambda _: next(holders))
    monkeypatch.setattr(backup, "Copier", Served(None, held))
    said = list[str]()
    with pytest.raises(DatabaseError, match="make room"):
        back_up(played, tmp_path / "b.duckdb", said.append, 1.0)
    assert not any(text.startswith(f"copying {played}") for text in said)
    assert said[-1] == "copying turn 12 while turns go on"


def test_a_server_that_does_not_come_back_is_not_waited_for_long(
    played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holders = iter([1])
    monkeypatch.setattr(backup, "holder", lambda _: next(holders, None))
    monkeypatch.setattr(backup, "Copier", Served(None))
    monkeypatch.setattr(backup, "COME_BACK_SECONDS", 0.1)
    assert back_up(played, tmp_path / "b.duckdb", silent, 1.0).tid == 12


def test_a_disk_that_becomes_full_leaves_no_file(
    played: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(backup.os, "sendfile", full)
    for work in (
        lambda: back_up(played, tmp_path / "b", silent, 1.0),
        lambda: restore(made, tmp_path / "u", silent),
    ):
        with pytest.raises(DatabaseError, match=r"was not made: .*No space left"):
            work()
    assert names(tmp_path) == set()


@pytest.mark.parametrize("target", ["missing/b.duckdb", "folder"])
def test_a_target_that_cannot_be_made_is_refused(played: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DatabaseError, match=r"is there already|cannot be made"):
        back_up(played, tmp_path / target, silent, 1.0)


def test_a_backup_is_not_played_copied_or_backed_up(played: Path, made: Path, tmp_path: Path) -> None:
    with pytest.raises(DatabaseForeign, match=r"is a backup, which stays as it is: .* universe restore"):
        Database.open(made)
    with pytest.raises(DatabaseForeign, match="is a backup already"):
        back_up(made, tmp_path / "b.duckdb", silent, 1.0)
    with pytest.raises(DatabaseForeign, match="is a universe and no backup"):
        restore(played, tmp_path / "u.duckdb", silent)
    with pytest.raises(DatabaseError, match="is no file"):
        restore(tmp_path / "none", tmp_path / "u.duckdb", silent)
    assert names(tmp_path) == set()
    facts = describe(made, 1.0).backup
    assert facts is not None
    assert (facts.tid, describe(played, 1.0).backup) == (12, None)


@pytest.mark.parametrize(
    "change",
    ["UPDATE universe SET next_eid = next_eid + 1", "DELETE FROM backup", "UPDATE backup SET facts = '[]'"],
)
def test_a_backup_that_was_changed_is_refused(made: Path, tmp_path: Path, change: str) -> None:
    changed_one = tmp_path / "b.duckdb"
    shutil.copy(made, changed_one)
    with duckdb.connect(str(changed_one)) as connection:
        connection.execute("DELETE FROM turn_record")
        connection.execute(change)
    with pytest.raises(StateError, match=r"do not use it|does not say what it is a backup of"):
        restore(changed_one, tmp_path / "u.duckdb", silent)
    assert names(tmp_path) == {"b.duckdb"}


def test_a_backup_with_damaged_bytes_is_refused(made: Path, tmp_path: Path) -> None:
    data, damaged = made.read_bytes(), tmp_path / "b.duckdb"
    place = data.index(b"CREATE VIEW") if b"CREATE VIEW" in data else len(data) // 2
    for broken in (data[: len(data) // 2], data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]):
        damaged.write_bytes(broken)
        with pytest.raises((DatabaseError, StateError)) as error:
            restore(damaged, tmp_path / "u.duckdb", silent)
        assert str(damaged) in error.value.message
        assert "making" not in error.value.message
        assert names(tmp_path) == {"b.duckdb"}
