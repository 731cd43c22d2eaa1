"""A universe copied from a file into databases, from there into others, and back into a file."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.functions.builder import function_command
from tests.postgres.server import Server
from tests.simulation.builder import changed, upload_of
from wasmverse.cli.main import app
from wasmverse.commands import Author, SpawnEntity, Transmit
from wasmverse.errors import DatabaseError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.copying import Places, copy_universe
from wasmverse.storage.opening import open_universe
from wasmverse.storage.tokens import open_tokens
from wasmverse.tokens import Role

SETTINGS = changed(systems=700, ships=2, nodes=3, upkeep=30, strategy_turns_kept=4, event_turns_kept=3)
"""Two blocks: one for each of two servers."""


def made(path: Path) -> str:
    store = open_universe(path, SETTINGS)
    store.carry_out(upload_of("mine", "(i64.const 0)"))
    store.carry_out(function_command("gain"))
    for _ in range(22):
        store.advance()
    store.carry_out(SpawnEntity(3, 2, 5, 6, "mine"))
    store.carry_out(Transmit("all is well: ☃ \\. \\N", Author.named("ada")))
    found = store.state_hash()
    store.close()
    return found


def test_from_a_file_over_one_and_two_servers_into_a_file(
    tmp_path: Path, url: str, second_url: str, server: Server
) -> None:
    path, back = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    expected = made(path)
    token = open_tokens(path).create("ada", Role.pilot)
    name = server.create_database()
    one, first, second = map(DatabaseUrl.read, (server.url(name), url, second_url))
    try:
        whole = copy_universe(Places(path), Places(one), lambda _: None)
        copy_universe(Places(one), Places(first, [second]), lambda _: None)
        with server.connect(name) as connection:
            assert connection.execute("SELECT count(*) FROM place").fetchone() == (2,)
        copied = CliRunner().invoke(app, ["copy", url, str(back), "--from-place", second_url])
    finally:
        server.drop_database(name)
    assert copied.exit_code == 0, copied.output
    assert f"{back} goes on from turn 22: state_hash {expected}\n" in copied.output
    assert whole.state_hash() == expected
    assert open_tokens(back).find(token) == open_tokens(path).find(token)
    again = Places(back).read()
    assert {name: rows.equals(again.tables[name]) for name, rows in whole.tables.items()} == dict.fromkeys(
        whole.tables, True
    )
    assert (again.made_at, again.made_by, again.laws) == (whole.made_at, whole.made_by, whole.laws)


def test_a_backup_of_a_database_is_restored_into_another_and_says_what_it_is(
    tmp_path: Path, url: str, second_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.nice", lambda _: 0)
    path, backup = tmp_path / "old.duckdb", tmp_path / "b.duckdb"
    store = open_universe(path, changed(systems=3))
    store.advance()
    expected = store.state_hash()
    store.close()
    token = open_tokens(path).create("ada", Role.pilot)
    copy_universe(Places(path), Places(DatabaseUrl.read(url)), lambda _: None)
    for arguments in (["backup", url, str(backup)], ["restore", str(backup), second_url]):
        done = CliRunner().invoke(app, ["universe", *arguments])
        assert (done.exit_code, f"state_hash {expected}\n" in done.output) == (0, True), done.output
    found = CliRunner().invoke(app, ["universe", "info", second_url, "--json"])
    assert found.exit_code == 0, found.output
    shown = json.loads(found.stdout)
    assert {name: shown[name] for name in ("engine", "tid", "state_hash", "tokens")} == {
        "engine": "postgresql",
        "tid": 1,
        "state_hash": expected,
        "tokens": 1,
    }
    assert open_tokens(DatabaseUrl.read(second_url)).find(token) is not None
    again = CliRunner().invoke(app, ["universe", "restore", str(backup), second_url])
    assert (again.exit_code, "name an empty database" in again.output) == (1, True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.duckdb", "old.duckdb", "old.duckdb.tokens"]


def test_no_universe_is_replaced_and_none_is_made_up(tmp_path: Path, url: str, second_url: str) -> None:
    path = tmp_path / "old.duckdb"
    open_universe(path, changed(systems=3)).close()
    place = DatabaseUrl.read(url)
    with pytest.raises(DatabaseError, match="holds no universe: name the database of one"):
        copy_universe(Places(place), Places(tmp_path / "new.duckdb"), lambda _: None)
    copy_universe(Places(path), Places(place), lambda _: None)
    with pytest.raises(DatabaseError, match=r"holds a universe, or a part of one: name an empty database"):
        copy_universe(Places(path), Places(place), lambda _: None)
    with pytest.raises(DatabaseError, match=r"holds a universe, or a part of one: name an empty database"):
        copy_universe(Places(path), Places(DatabaseUrl.read(second_url), [place]), lambda _: None)
    asked = CliRunner().invoke(app, ["copy", str(path), url.replace("wasmverse:", "wasmverse:wrong")])
    assert asked.exit_code == 1
    assert "password" in asked.output
    assert "wrong" not in asked.output
