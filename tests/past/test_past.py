"""Turns that were kept are played again to the byte, whatever happened between them; and what cannot be is not shown."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from tests.functions.builder import function_command
from tests.past.builder import SETTINGS, KeptRun
from tests.recording.builder import upload_of
from wasmverse.commands import (
    Author,
    DropFunction,
    EnableStrategy,
    RemoveStrategy,
    SpawnEntity,
    Transmit,
)
from wasmverse.errors import PastError
from wasmverse.past import keeper as keeping
from wasmverse.past.changes import changes
from wasmverse.past.keeper import Keeper
from wasmverse.past.player import Player
from wasmverse.past.volume import KEYFRAME, Volume, volume_path, volumes
from wasmverse.storage.arrow import snapshot_columns

ADA, ADMIN = Author.named("ada"), Author("operator", "operator", True)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[KeptRun]:
    run = KeptRun(tmp_path)
    yield run
    run.close()


def test_every_turn_is_played_again_to_the_byte(run: KeptRun) -> None:
    run.play(4)
    run.command(upload_of("mine", "(i64.const 0x41)"))
    run.command(SpawnEntity(3, 1, 5, 5, "mine"))
    run.command(SpawnEntity(3, 2, 5, 6, None))
    run.command(SpawnEntity(24, 1, 99, 99, "strategy_default"))
    run.play(3)
    run.command(upload_of("yours", "(unreachable)"))
    run.command(SpawnEntity(7, 1, 1, 1, "yours"))
    run.command(Transmit("hello", ADA))
    run.play(4)
    assert "grounded" in run.published.tables[11]["strategy"]["status"].to_pylist()
    run.command(function_command("half"))
    run.play(2)
    run.command(EnableStrategy("strategy_flee", False, ADMIN))
    run.command(RemoveStrategy("mine", ADA))
    run.play(3)
    run.restart()
    run.command(DropFunction("half", None, False, ADMIN))
    run.play(2)
    run.command(upload_of("mine", "(i64.const 0x53)"))
    run.play(4)
    last = run.store.tid
    player = run.player()
    run.check(player, *range(last + 1))
    run.check(player, *reversed(range(last + 1)))


def test_a_process_goes_on_with_what_the_one_before_has_kept(run: KeptRun) -> None:
    run.play(8)
    run.restart()
    run.restart()
    run.play(3)
    assert volumes(run.folder) == [0, 8]
    player = run.player()
    run.check(player, 3, 8, 11, 0)
    run.keeper.close()
    assert (
        Keeper(
            run.folder, run.store.laws, "another", 11, SETTINGS, SETTINGS, snapshot_columns()
        ).kept.oldest_tid
        is None
    )
    assert volumes(run.folder) == [], "of another universe"


def test_turns_after_the_one_that_was_put_back_are_forgotten(run: KeptRun) -> None:
    run.play(6)
    run.restart()
    run.play(2)
    run.keeper.close()
    Keeper(
        run.folder, run.store.laws, run.universe, 4, run.settings, run.settings, snapshot_columns()
    ).close()
    assert volumes(run.folder) == [0]


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    most = 150_000
    run = KeptRun(tmp_path, SETTINGS.model_copy(update={"past_bytes_max": most}))
    run.play(90)
    kept = run.keeper.kept
    on_disk = sum(path.stat().st_size for path in run.folder.rglob("*") if path.is_file())
    assert on_disk == kept.bytes <= most
    assert kept.oldest_tid is not None
    assert 0 < kept.oldest_tid < 85
    player = run.player()
    run.check(player, kept.oldest_tid, 90)
    with pytest.raises(PastError, match=f"turn {kept.oldest_tid - 1} is not kept any more"):
        player.moment(kept.oldest_tid - 1)
    run.close()


def test_compiled_code_is_kept_as_long_as_a_turn_needs_it(tmp_path: Path) -> None:
    run = KeptRun(tmp_path, SETTINGS.model_copy(update={"past_bytes_max": 150_000}))
    command = upload_of("mine", "(i64.const 0x41)")
    run.command(command)
    run.play(2)
    assert (run.folder / "modules" / command.inspection.sha256).exists()
    run.command(RemoveStrategy("mine", ADA))
    run.play(90)
    run.restart()
    assert run.keeper.kept.oldest_tid > 2  # type: ignore[operator]
    assert not (run.folder / "modules" / command.inspection.sha256).exists()
    run.close()


@pytest.mark.parametrize("cut", [1, 200, 2_000])
def test_what_a_crash_cut_off_is_left_out(run: KeptRun, cut: int) -> None:
    """Killed in the middle of writing: also in the middle of a keyframe, the last thing that is written here."""
    run.play(10)
    run.keeper.close()
    path = volume_path(run.folder, 0)
    os.truncate(path, path.stat().st_size - cut)
    with closing(Volume(run.folder, 0)) as volume:
        volume.look()
    assert sum(place.kind == KEYFRAME for place in volume.places) == 1, "that of turn 10 is gone"
    player = run.player()
    run.check(player, *range(volume.last + 1))
    run.store.close()
    run.open()
    run.play(2)
    run.check(player, 10, 12, 1)


def test_a_crash_leaves_no_volume_without_its_base(run: KeptRun) -> None:
    run.play(3)
    (run.folder / "000000000099.writing").write_bytes(b"half a base")
    run.restart()
    assert not list(run.folder.glob("*.writing"))


def test_damage_is_found_and_not_shown(run: KeptRun) -> None:
    run.play(9)
    run.keeper.close()
    with closing(Volume(run.folder, 0)) as volume:
        volume.look()
    place = next(place for place in volume.places if place.tid == 7)
    path = volume_path(run.folder, 0)
    data = bytearray(path.read_bytes())
    data[place.end - 1] ^= 1
    path.write_bytes(data)
    player = run.player()
    run.check(player, 6)
    with pytest.raises(PastError, match="what is kept of turn 7 is damaged"):
        player.moment(8)
    run.check(player, 5)
    data[place.offset] ^= 1
    path.write_bytes(data[:20])
    with pytest.raises(PastError, match="damaged"):
        run.player().moment(3)


def test_a_turn_that_comes_out_otherwise_is_not_shown(run: KeptRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.play(7)
    player = run.player()
    monkeypatch.setattr("wasmverse.past.player.hash_in_order", lambda *_: "another")
    with pytest.raises(PastError, match="turn 7 cannot be played again exactly, so it is not shown"):
        player.moment(7)
    monkeypatch.undo()
    run.check(player, 7)
    next((run.folder / "modules").iterdir()).write_bytes(b"no code")
    again = run.player()
    with pytest.raises(PastError, match="turn 7 cannot be played again exactly"):
        again.moment(7)


def test_only_what_played_a_turn_plays_it_again(run: KeptRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.play(2)
    monkeypatch.setattr("wasmverse.past.player.made_by", lambda: "wasmverse 99")
    with pytest.raises(PastError, match=r"were played by wasmverse .*, and this is wasmverse 99"):
        run.player().moment(1)
    monkeypatch.setattr(keeping, "made_by", lambda: "wasmverse 99")
    run.restart()
    assert volumes(run.folder) == [2]


def test_turns_of_other_tables_are_refused_and_then_removed(
    run: KeptRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The version that added a relation may have the number of the one before."""
    run.play(2)
    columns = snapshot_columns()
    newer = {**columns, "comet": ["eid int64"]}
    for other, told in (
        (newer, "there is no comet"),
        ({name: of for name, of in columns.items() if name != "hero"}, "there is hero"),
        ({**columns, "message": ["tid int64"]}, "message has the columns tid int64, author string"),
    ):
        sentence = f"turn 0 and those .* a version with other tables: {told}"
        with closing(Player(run.folder, other)) as player, pytest.raises(PastError, match=sentence):
            player.moment(1)
    monkeypatch.setattr("tests.past.builder.snapshot_columns", lambda: newer)
    run.restart()
    assert "past turns from 0 on are removed, they have other tables: there is no comet" in caplog.text
    assert volumes(run.folder) == [2]
    assert run.keeper.kept.oldest_tid == 2


def test_a_slow_disk_costs_past_turns_and_no_present_one(
    run: KeptRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.play(2)
    write, is_slow = Keeper._write, True

    def slow(self: Keeper, played: keeping.Played) -> None:
        while is_slow:
            time.sleep(0.005)
        write(self, played)

    monkeypatch.setattr(Keeper, "_write", slow)
    monkeypatch.setattr(run, "wait", lambda: None)
    run.play(12)
    is_slow = False
    monkeypatch.undo()
    run.wait_written()
    run.play(1)
    assert volumes(run.folder) == [0, 15]
    player = run.player()
    run.check(player, 2, 5, 15)
    with pytest.raises(PastError, match="turn 11 was not kept"):
        player.moment(11)


def test_a_full_disk_is_told_and_kept_from_for_a_while(
    run: KeptRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run.play(2)

    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        run.play(3)
    trouble = run.keeper.kept.trouble
    assert trouble is not None
    assert "No space left on device" in trouble
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    run.keeper._paused_until = 0.0
    run.play(1)
    assert run.keeper.kept.trouble is None
    player = run.player()
    run.check(player, 2, 6)


def test_a_full_disk_gets_room_back_from_the_oldest_turns(
    run: KeptRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    room = 0
    pwrite = os.pwrite

    def limited(file: int, data: bytes, offset: int) -> int:
        """A disk of so many bytes; the last write that it takes is cut short."""
        used = sum(path.stat().st_size for path in run.folder.glob("0*"))
        if room - used <= 0:
            raise OSError(28, os.strerror(28))
        return pwrite(file, data[: room - used], offset)

    for _ in range(3):
        run.play(4)
        run.restart()
    assert volumes(run.folder) == [0, 4, 8, 12]
    monkeypatch.setattr(os, "pwrite", limited)
    room = sum(path.stat().st_size for path in run.folder.glob("0*")) + 100
    run.play(1)
    left = volumes(run.folder)
    assert 0 not in left, "the oldest go first"
    assert left[-1] == 12
    assert run.keeper.kept.oldest_tid == left[0]
    assert "the oldest past turns are removed from the full disk" in caplog.text
    run.play(1)
    run.wait_written()
    assert run.keeper.kept.trouble is None, "there is room again"
    assert volumes(run.folder) == [*left, 14]
    run.check(run.player(), left[0], 12, 14)
    room = 0  # somebody else takes all that is given back
    for _ in range(8):
        run.keeper._paused_until = 0.0
        run.play(1)
        run.wait_written()
    assert volumes(run.folder) == []
    assert run.keeper.kept.oldest_tid is None
    assert run.keeper.kept.trouble is not None
    assert not list(run.folder.glob("*.writing"))
    room = 1 << 30
    run.keeper._paused_until = 0.0
    for _ in range(2):
        run.play(1)
        run.wait_written()
    assert run.keeper.kept.trouble is None
    run.check(run.player(), 23, 24)


def test_code_that_is_sent_again_and_again_does_not_outgrow_the_bound(tmp_path: Path) -> None:
    most = 150_000
    run = KeptRun(tmp_path, SETTINGS.model_copy(update={"past_bytes_max": most, "keyframe_turns": 1_000}))
    sizes = []
    for turn in range(24):
        run.command(upload_of("mine", f"(i64.const {turn})"))
        run.play(1)
        sizes.append(sum(path.stat().st_size for path in run.folder.rglob("*") if path.is_file()))
    code = max(path.stat().st_size for path in (run.folder / "modules").iterdir())
    assert 24 * code > most, "else this shows nothing"
    assert max(sizes) <= most + code
    run.check(run.player(), run.store.tid)
    run.close()


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_nothing_is_kept_where_others_could_put_code(
    run: KeptRun, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    run.play(1)
    run.folder.chmod(mode)
    run.restart()
    run.play(1)
    trouble = run.keeper.kept.trouble
    assert trouble is not None
    assert trouble.endswith(
        "the folder can be written to by others: move it away, or have it belong to us alone (mode 700)"
    )
    assert run.keeper.kept.oldest_tid is None
    run.folder.chmod(0o700)
    run.restart()
    assert (run.keeper.kept.oldest_tid, run.keeper.kept.trouble) == (0, None)


def test_a_folder_that_is_a_link_is_not_followed(run: KeptRun, tmp_path: Path) -> None:
    run.keeper.close()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    run.folder.rename(tmp_path / "away")
    run.folder.symlink_to(tmp_path / "elsewhere")
    keeper = Keeper(
        run.folder, run.store.laws, run.universe, 0, run.settings, run.settings, snapshot_columns()
    )
    assert "is a link or a file" in str(keeper.kept.trouble)
    keeper.close()


def test_turn_kept_says_which_turns_can_be_asked_for(run: KeptRun) -> None:
    run.play(12)
    (row,) = run.published.tables[12]["turn_kept"].to_pylist()
    most = SETTINGS.past_bytes_max
    assert (row["oldest_tid"], row["newest_tid"], row["memory_tid"]) == (0, 12, 12)
    assert (row["keyframe_turns"], row["bytes_max"]) == (5, most)
    assert 0 < row["bytes"] < most


def test_a_table_that_is_no_record_of_turns_is_kept_whole() -> None:
    old = pa.table({"tid": [3, 3, 4], "n": [1, 2, 3]})
    grown = pa.table({"tid": [4, 5], "n": [3, 4]})
    said, batches = changes(
        {"event": old, "ship": old, "hero": old}, {"event": grown, "ship": grown, "hero": old}
    )
    assert said == {"event": [2, 1]}
    assert set(batches) == {"event"}
    corrected = pa.table({"tid": [3, 4, 4, 5], "n": [1, 2, 9, 4]})
    before = pa.table({"tid": [2, 3, 4, 4], "n": [7, 1, 2, 3]})
    assert changes({"event": before}, {"event": corrected})[0] == {"event": [1, 2]}
    other = pa.table({"tid": [4, 5], "n": [9, 4]})
    assert changes({"event": old}, {"event": other})[0] == {"event": [3, 0]}
    assert changes({"event": old}, {"event": old.slice(0, 0)})[0] == {"event": [3, 0]}
    assert changes({"event": old}, {"event": pa.table({"tid": [3, 3, 4], "n": [1, 2, 3]})})[0] == {}
