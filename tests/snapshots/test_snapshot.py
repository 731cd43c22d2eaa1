import shutil
import time
from pathlib import Path

import pyarrow as pa
import pytest

from tests.query.builder import snapshot_tables
from wasmverse.errors import SettingsError, SnapshotError
from wasmverse.snapshots import snapshot
from wasmverse.snapshots.snapshot import (
    FolderLost,
    SnapshotWriter,
    attach,
    kept_turns,
    newest_turn,
    turn_folder,
)
from wasmverse.storage import schema


def writer(folder: Path, keep: int = 3, bytes_max: int = 1 << 30) -> SnapshotWriter:
    return SnapshotWriter(folder / "snapshots", keep, bytes_max)


def test_a_turn_comes_back_as_it_was_published(tmp_path: Path) -> None:
    snapshots = writer(tmp_path)
    tables = snapshot_tables(7)
    snapshots.publish(7, tables)
    assert newest_turn(snapshots.folder) == 7
    attached = attach(snapshots.folder, 7)
    assert set(attached) == {table.name for table in schema.SNAPSHOT_TABLES}
    for name, table in tables.items():
        assert attached[name].equals(table)
    snapshots.close()
    assert not snapshots.folder.exists()


def test_attaching_copies_nothing(tmp_path: Path) -> None:
    snapshots = writer(tmp_path)
    snapshots.publish(1, {"big": pa.table({"a": pa.array(range(2_000_000))})})
    before = pa.total_allocated_bytes()
    table = attach(snapshots.folder, 1)["big"]
    assert pa.total_allocated_bytes() - before < 1 << 16
    snapshots.close()
    assert table["a"][1_999_999].as_py() == 1_999_999, "a mapped turn outlives its files"


def test_a_table_that_did_not_change_is_linked(tmp_path: Path) -> None:
    snapshots = writer(tmp_path)
    first = snapshot_tables(1)
    second = snapshot_tables(2) | {"solar_system": first["solar_system"]}
    snapshots.publish(1, first)
    snapshots.publish(2, second)

    def inode(tid: int, name: str) -> int:
        return (turn_folder(snapshots.folder, tid) / f"{name}.arrow").stat().st_ino

    assert inode(1, "solar_system") == inode(2, "solar_system")
    assert inode(1, "ship") != inode(2, "ship")
    snapshots.close()


def test_old_turns_go_and_the_newest_stays(tmp_path: Path) -> None:
    snapshots = writer(tmp_path, keep=2)
    for tid in range(1, 6):
        snapshots.publish(tid, snapshot_tables(tid))
    snapshots.finish()
    assert kept_turns(snapshots.folder) == [4, 5]
    assert sorted(path.name for path in snapshots.folder.iterdir()) == [
        "newest",
        "turn-000000000004",
        "turn-000000000005",
    ]
    snapshots.bytes_max = 1
    snapshots.publish(6, snapshot_tables(6))
    snapshots.finish()
    assert kept_turns(snapshots.folder) == [6]
    snapshots.close()


def test_bytes_that_turns_share_count_once(tmp_path: Path) -> None:
    still = pa.table({"a": pa.array(range(100_000))})
    snapshots = writer(tmp_path, keep=10, bytes_max=1_500_000)
    for tid in range(1, 6):
        snapshots.publish(tid, {"still": still, "moves": pa.table({"a": [tid]})})
    snapshots.finish()
    assert kept_turns(snapshots.folder) == [1, 2, 3, 4, 5]
    snapshots.close()


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    snapshots = writer(tmp_path)
    snapshots.publish(1, snapshot_tables(1))
    (snapshots.folder / "writing-2").mkdir()
    (snapshots.folder / "writing-2" / "ship.arrow").write_bytes(b"half a ta")
    again = writer(tmp_path)
    assert not list(again.folder.iterdir())
    assert newest_turn(again.folder) is None
    again.publish(2, snapshot_tables(2))
    assert kept_turns(again.folder) == [2]
    again.close()


def test_nobody_sees_half_a_turn(tmp_path: Path) -> None:
    """A publish that dies in the middle leaves the turn before as the newest, whole."""
    snapshots = writer(tmp_path)
    snapshots.publish(1, snapshot_tables(1))
    broken = snapshot_tables(2) | {"turns": None}
    with pytest.raises(AttributeError):
        snapshots.publish(2, broken)  # type: ignore[arg-type]
    assert newest_turn(snapshots.folder) == 1
    assert kept_turns(snapshots.folder) == [1]
    with pytest.raises(FileNotFoundError):
        attach(snapshots.folder, 2)
    snapshots.close()


def test_a_turn_that_is_published_twice_is_whole_before_the_first_one_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that had stood still publishes the turn again with which it follows another one."""
    snapshots = writer(tmp_path)
    again = snapshot_tables(2)
    remove, removed = shutil.rmtree, list[str]()

    def seen(path: Path, **options: bool) -> None:
        removed.append(path.name)
        there = attach(snapshots.folder, 1)
        assert {name: table.num_rows for name, table in there.items()} == {
            name: table.num_rows for name, table in again.items()
        }
        assert there["turns"].equals(again["turns"])
        remove(path, **options)

    snapshots.publish(1, snapshot_tables(1))
    monkeypatch.setattr(snapshot.shutil, "rmtree", seen)
    snapshots.publish(1, again)
    assert removed == ["removing-1"]
    assert kept_turns(snapshots.folder) == [1]
    monkeypatch.undo()
    snapshots.close()


def test_a_table_may_be_written_before_it_may_be_seen(tmp_path: Path) -> None:
    snapshots = writer(tmp_path)
    snapshots.publish(1, snapshot_tables(1))
    tables = snapshot_tables(2)
    for name in ("ship", "node", "event"):
        snapshots.prepare(name, tables[name])
    assert newest_turn(snapshots.folder) == 1
    assert kept_turns(snapshots.folder) == [1]
    snapshots.publish(2, tables)
    attached = attach(snapshots.folder, 2)
    assert all(attached[name].equals(table) for name, table in tables.items())
    third = {**snapshot_tables(3), "ship": tables["ship"]}
    snapshots.publish(3, third)
    assert attach(snapshots.folder, 3)["node"].equals(third["node"]), "what was prepared is used once"
    inodes = {(turn_folder(snapshots.folder, tid) / "ship.arrow").stat().st_ino for tid in (2, 3)}
    assert len(inodes) == 1, "a table that was prepared is linked as any other"
    snapshots.close()


def test_a_table_that_cannot_be_written_before_fails_the_publish(tmp_path: Path) -> None:
    snapshots = writer(tmp_path)
    tables = snapshot_tables(1)
    snapshots.publish(1, tables)
    snapshots.prepare("ship", None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        snapshots.publish(2, tables)
    assert newest_turn(snapshots.folder) == 1
    assert not (snapshots.folder / "writing").exists(), (
        "it held links to turn 1, which the next turn would write over"
    )
    snapshots.publish(2, snapshot_tables(2))
    assert attach(snapshots.folder, 1)["node"].equals(tables["node"])
    snapshots.close()


def test_a_publish_that_fails_leaves_nobody_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is still being written must not be found in the next turn."""
    snapshots = writer(tmp_path)
    write, written = snapshot._write, []

    def slow_or_never(path: Path, table: pa.Table) -> None:
        if path.stem == "turns":
            raise OSError(28, "No space left on device")
        if path.stem == "ship":
            time.sleep(0.5)
        write(path, table)
        written.append(path.stem)

    tables = snapshot_tables(1)
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "_write", slow_or_never)
        snapshots.prepare("ship", tables["ship"])
        with pytest.raises(SnapshotError, match=r"turn 1 cannot be published .*No space left"):
            snapshots.publish(1, tables)
    assert "ship" in written
    assert newest_turn(snapshots.folder) is None
    assert not (snapshots.folder / snapshot.WRITING).exists()
    snapshots.publish(1, tables)
    assert attach(snapshots.folder, 1)["ship"].equals(tables["ship"])
    snapshots.close()


def test_the_folder_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir(mode=0o755)
    snapshots = writer(tmp_path)
    assert snapshots.folder.stat().st_mode & 0o777 == 0o700
    snapshots.close()


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """In /dev/shm anybody may put one there: what it leads to must not be cleared."""
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "turn-1").write_text("mine")
    (tmp_path / "snapshots").symlink_to(treasure)
    with pytest.raises(SettingsError, match="is a link or a file"):
        writer(tmp_path)
    assert (treasure / "turn-1").read_text() == "mine"


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "snapshots").mkdir()
    monkeypatch.setattr("os.geteuid", lambda: 1_234_567)
    with pytest.raises(SettingsError, match="belongs to user"):
        writer(tmp_path)


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "thesis.txt").write_text("mine")
    with pytest.raises(SettingsError, match=r"holds 'thesis\.txt'"):
        writer(tmp_path)
    assert (tmp_path / "snapshots" / "thesis.txt").read_text() == "mine"


def test_a_folder_that_was_removed_is_made_again_with_all_that_a_turn_needs(tmp_path: Path) -> None:
    snapshots = writer(tmp_path)
    first = snapshot_tables(1)
    snapshots.publish(1, first, {"ab" * 32: lambda: b"machine code"})
    snapshots.finish()
    shutil.rmtree(snapshots.folder)
    assert newest_turn(snapshots.folder) is None
    snapshots.prepare("ship", first["ship"])
    second = snapshot_tables(2) | {"solar_system": first["solar_system"]}
    snapshots.publish(2, second, {"ab" * 32: lambda: b"machine code"})
    assert newest_turn(snapshots.folder) == 2
    assert attach(snapshots.folder, 2)["solar_system"].equals(first["solar_system"])
    assert (snapshots.folder / "modules" / ("ab" * 32)).read_bytes() == b"machine code"
    assert snapshots.folder.stat().st_mode & 0o777 == 0o700
    snapshots.publish(3, snapshot_tables(3), {"ab" * 32: lambda: b"machine code"})
    assert kept_turns(snapshots.folder) == [2, 3]
    snapshots.close()


@pytest.mark.parametrize("thing", ["file", "link"])
def test_a_thing_in_place_of_the_folder_is_left_alone_until_it_is_gone(tmp_path: Path, thing: str) -> None:
    snapshots = writer(tmp_path)
    snapshots.publish(1, snapshot_tables(1))
    snapshots.finish()
    shutil.rmtree(snapshots.folder)
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    if thing == "file":
        snapshots.folder.write_text("mine")
    else:
        snapshots.folder.symlink_to(treasure)
    for tid in (2, 3):
        snapshots.prepare("ship", snapshot_tables(tid)["ship"])
        with pytest.raises(SnapshotError, match=rf"turn {tid} cannot be published .* is a link or a file"):
            snapshots.publish(tid, snapshot_tables(tid))
    assert not list(treasure.iterdir())
    with pytest.raises(FileNotFoundError):
        attach(snapshots.folder, 1)
    snapshots.folder.unlink()
    snapshots.publish(4, snapshot_tables(4))
    assert kept_turns(snapshots.folder) == [4]
    snapshots.close()


def test_without_room_old_turns_are_given_up_for_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots = writer(tmp_path, keep=3)
    for tid in (1, 2, 3):
        snapshots.publish(tid, snapshot_tables(tid))
    snapshots.finish()
    write = snapshot._write

    def full(path: Path, table: pa.Table) -> None:
        if len(kept_turns(snapshots.folder)) > 1:
            raise OSError(28, "No space left on device")
        write(path, table)

    monkeypatch.setattr(snapshot, "_write", full)
    fourth = snapshot_tables(4)
    snapshots.prepare("ship", fourth["ship"])
    snapshots.publish(4, fourth)
    assert newest_turn(snapshots.folder) == 4
    assert all(attach(snapshots.folder, 4)[name].equals(table) for name, table in fourth.items())
    snapshots.close()


def test_a_folder_that_may_not_be_read_is_told_from_a_turn_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    snapshots = writer(tmp_path)
    snapshots.publish(1, snapshot_tables(1))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", denied)
        with pytest.raises(FolderLost):
            attach(snapshots.folder, 1)
    snapshots.close()
