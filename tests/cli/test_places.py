"""Commands that take a universe's place: what they say to a URL that they cannot use, and that no password is shown."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.simulation.builder import changed
from wasmverse.cli.main import app
from wasmverse.storage.opening import open_universe

URL = "postgresql://ada:s3cret@db.example/sky"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        (["universe", "recover"], "its server recovers it by itself"),
        (["universe", "export", "folder"], "copy it into a file with `wasmverse copy`, and export that"),
        (["universe", "load", "folder"], "load it into a file, and copy that there with `wasmverse copy`"),
    ],
)
def test_what_is_for_files_says_what_to_do_instead(
    arguments: list[str], instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for given in (run(*arguments, "--db", URL), None):
        monkeypatch.setenv("WASMVERSE_DATABASE_PATH", URL)
        asked = given or run(*arguments)
        assert asked.exit_code == 2
        assert asked.output == f"wasmverse: postgresql://ada@db.example/sky is no file: {instead}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--db", "mysql://ada:s3cret@db.example/sky"],
        ["serve", "--db", URL, "--place", "postgresql://ada:s3cret@db.example/sky"],
        ["serve", "--db", "file.duckdb", "--place", URL],
        ["serve", "--db", URL, "--play", "beside"],
        ["token", "list", "--db", "mysql://ada:s3cret@db.example/sky"],
        ["copy", "file.duckdb", "mysql://ada:s3cret@db.example/sky"],
        ["replay", "run.jsonl", "--db", "mysql://ada:s3cret@db.example/sky"],
        ["bench", "turn", "--db", "mysql://ada:s3cret@db.example/sky"],
    ],
)
def test_a_wrong_place_is_one_line_without_a_password(arguments: list[str]) -> None:
    asked = run(*arguments)
    assert asked.exit_code == 2, asked.output
    assert asked.output.count("\n") == 1
    assert asked.output.startswith("wasmverse: ")
    assert "s3cret" not in asked.output


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    nowhere = f"postgresql://ada:s3cret@127.0.0.1:1/sky?connect_timeout=2&sslpassword=s3cret{tmp_path.name}"
    for arguments in (["token", "list", "--db", nowhere], ["copy", nowhere, str(tmp_path / "new.duckdb")]):
        asked = run(*arguments)
        assert asked.exit_code == 1
        assert "cannot be reached" in asked.output
        assert "s3cret" not in asked.output


def test_a_file_is_copied_on_the_command_line(tmp_path: Path) -> None:
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    store = open_universe(old, changed(systems=3))
    expected = store.state_hash()
    store.close()
    made = run("token", "create", "ada", "--db", str(old))
    assert made.exit_code == 0
    asked = run("copy", str(old), str(new))
    assert asked.exit_code == 0, asked.output
    assert asked.output.splitlines()[-1] == f"{new} goes on from turn 0: state_hash {expected}"
    tokens = json.loads(Path(f"{new}.tokens").read_text())
    assert [token["name"] for token in tokens] == ["ada"]
    assert run("copy", str(old), str(new)).exit_code == 1
