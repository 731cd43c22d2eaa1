"""What `wasmverse universe info` says of a universe that nobody serves."""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from tests.simulation.builder import changed
from wasmverse.cli.main import app
from wasmverse.storage import schema
from wasmverse.storage.duckdb import description
from wasmverse.storage.duckdb.backup import back_up
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.tokens import open_tokens
from wasmverse.tokens import Role


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A universe at turn 3 whose server was killed, with its log and a token."""
    folder = tmp_path_factory.mktemp("killed")
    store = DuckdbStore(Database.open(folder / "open.duckdb"), changed(systems=5, ships=3, nodes=4))
    for _ in range(3):
        store.advance()
    for end in ("", ".wal"):
        shutil.copy(folder / f"open.duckdb{end}", folder / f"u.duckdb{end}")
    (folder / "hash").write_text(store.state_hash())
    store.close()
    open_tokens(folder / "u.duckdb").create("ada", Role.pilot)
    return folder / "u.duckdb"


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["universe", "info", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def bytes_of(path: Path) -> list[bytes]:
    files = sorted(path.parent.glob(f"{path.name}*"))
    return [hashlib.sha256(file.read_bytes()).digest() for file in files]


def test_a_file_that_cannot_be_read_is_told_in_a_line(killed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(description, "holder", refused)
    code, out, said = run(killed)
    assert (code, out) == (1, "")
    assert f"{killed} cannot be read (Permission denied): run this as" in said


def test_a_universe_says_what_it_is_and_is_left_as_it_is(killed: Path) -> None:
    before = bytes_of(killed)
    code, out, _ = run(killed, "--json")
    assert code == 0
    assert bytes_of(killed) == before
    shown = json.loads(out)
    assert {
        name: shown[name]
        for name in ("universe", "engine", "format", "tid", "ships", "nodes", "tokens", "server")
    } == {
        "universe": str(killed),
        "engine": "duckdb",
        "format": schema.FORMAT_VERSION,
        "tid": 3,
        "ships": 15,
        "nodes": 20,
        "tokens": 1,
        "server": None,
    }
    assert shown["state_hash"] == killed.with_name("hash").read_text()
    assert {name: shown["laws"][name] for name in ("systems", "ships_min", "nodes_min", "seed")} == {
        "systems": 5,
        "ships_min": 3,
        "nodes_min": 4,
        "seed": 7,
    }
    assert shown["log_bytes"] == killed.with_name("u.duckdb.wal").stat().st_size > 0
    assert sum(strategy["ships"] for strategy in shown["strategies"]) == 15
    assert [s["name"] for s in shown["strategies"] if not s["is_enabled"]] == ["strategy_blank"]


def test_a_person_sees_a_line_for_each_fact(killed: Path) -> None:
    code, out, _ = run(killed)
    lines = [line.rstrip() for line in out.splitlines()]
    assert code == 0
    assert f"engine      duckdb, format {schema.FORMAT_VERSION}" in lines
    assert "turn        3" in lines
    assert f"state_hash  {killed.with_name('hash').read_text()}" in lines
    assert "served by   nobody" in lines
    assert "strategy    strategy_blank 1: 0 ships, not dealt new ships" in lines


def test_a_backup_says_that_it_is_one(killed: Path, tmp_path: Path) -> None:
    made = back_up(killed, tmp_path / "b.duckdb", lambda _: None, 1.0)
    shown = json.loads(run(tmp_path / "b.duckdb", "--json")[1])
    assert shown["backup"] == {"made_at": made.made_at, "tokens": 1}
    assert shown["state_hash"] == killed.with_name("hash").read_text()
    assert f"backup      made {made.made_at}, with 1 tokens" in run(tmp_path / "b.duckdb")[1]


def test_what_is_no_universe_of_this_format_is_refused(killed: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "none")[::2] == (
        1,
        f"wasmverse: {tmp_path / 'none'} is no file: name a universe's file, or the URL of its database\n",
    )
    old = tmp_path / "old.duckdb"
    with duckdb.connect(str(old)) as connection:
        connection.execute("CREATE TABLE universe AS SELECT 'wasmverse' AS application, 9 AS format_version")
    before = bytes_of(old)
    assert "has format 9; this Wasmverse migrates it to" in run(old)[2]
    assert bytes_of(old) == before


def test_a_file_without_a_universe_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    empty = tmp_path / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    before = bytes_of(empty)
    assert run(empty)[::2] == (
        1,
        f"wasmverse: {empty} holds no universe: make one with `wasmverse serve`, or name another file\n",
    )
    assert bytes_of(empty) == before


def test_a_full_disk_does_not_keep_anybody_from_looking(
    killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: (1, 1, 0))
    assert run(killed)[0] == 0
