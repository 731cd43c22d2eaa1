"""Commands find the server that runs, on whichever port."""

import json
import os
from pathlib import Path

import psutil
import pytest

from wasmverse import running
from wasmverse.errors import SettingsError

OTHER = "http://127.0.0.1:8123"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "wasmverse" / "servers"


def entry(folder: Path, name: str, **other: object) -> None:
    process = psutil.Process()
    known = {"url": OTHER, "pid": process.pid, "began": process.create_time()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({**known, **other}), "utf-8")


def test_nothing_runs() -> None:
    assert running.server_url() == running.DEFAULT_URL


def test_the_server_that_runs_is_found_until_it_ends(folder: Path) -> None:
    path = running.announce(OTHER)
    assert path is not None and path.parent == folder and folder.stat().st_mode & 0o077 == 0
    assert running.server_url() == OTHER
    path.unlink()
    assert running.server_url() == running.DEFAULT_URL


def test_the_usual_address_is_preferred_and_else_the_choice_is_the_users(folder: Path) -> None:
    running.announce(OTHER)
    entry(folder, "second.json", url="http://127.0.0.1:8124")
    with pytest.raises(SettingsError, match=r"8124 .*; name one with --url") as refused:
        running.server_url()
    first, second = refused.value.message.split(", http")
    assert first.endswith(f" in {Path.cwd()})") and f"{OTHER} (started 20" in first
    assert (
        ":8124 (started 20" in second and " in /" not in second
    )  # of an older version, which wrote no folder
    entry(folder, "third.json", url=running.DEFAULT_URL)
    assert running.server_url() == running.DEFAULT_URL


def test_what_a_killed_server_or_somebody_else_left_is_passed_over(folder: Path) -> None:
    entry(folder, "ended.json", pid=2**22 + 1)
    entry(folder, "other_process.json", began=1.0)
    folder.joinpath("cut.json").write_text('{"url": "http', "utf-8")
    folder.joinpath("list.json").write_text("[]", "utf-8")
    assert running.server_url() == running.DEFAULT_URL


def test_a_folder_that_cannot_be_written_harms_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", os.fspath(blocked))
    assert running.announce(OTHER) is None
    assert running.server_url() == running.DEFAULT_URL
