"""Tokens as identities: an id that outlives the secret and is never given twice; names that nobody may have."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wasmverse.cli.token import app
from wasmverse.errors import SettingsError
from wasmverse.tokens import Identity, Role, TokenFile


def found(file: TokenFile, token: str) -> Identity:
    identity = file.find(token)
    assert identity is not None
    return identity


@pytest.mark.parametrize(
    "name", ["wasmverse", "Wasmverse", "WASMVERSE", "ｗasmverse", "operator", "anonymous", " ada", "ada "]
)
def test_reserved_names_and_names_in_spaces_are_refused(tmp_path: Path, name: str) -> None:
    file = TokenFile(tmp_path / "tokens")
    with pytest.raises(SettingsError, match="reserved"):
        file.create(name, Role.pilot)
    assert not file.path.exists()


def test_a_renewed_token_is_the_same_identity_and_a_new_one_of_the_same_name_is_not(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens")
    first = file.create("ada", Role.pilot)
    identity = found(file, first)
    assert identity.author.owner == identity.owner
    second = file.renew("ada")
    assert file.find(first) is None
    assert found(file, second) == identity
    file.revoke("ada")
    assert found(file, file.create("ada", Role.pilot)).owner != identity.owner
    with pytest.raises(SettingsError, match="no token named 'eve'"):
        file.renew("eve")


def test_a_token_from_before_there_were_ids_keeps_its_identity_when_it_is_renewed(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens")
    token = file.create("ada", Role.admin)
    entries = json.loads(file.path.read_text())
    for entry in entries:
        del entry["id"]
    file.path.write_text(json.dumps(entries))
    file = TokenFile(file.path)
    identity = found(file, token)
    assert identity.author.is_admin
    assert found(file, file.renew("ada")) == identity


def test_the_command_line_renews(tmp_path: Path) -> None:
    database = ["--db", str(tmp_path / "universe.duckdb")]
    first = CliRunner().invoke(app, ["create", "ada", *database]).stdout.strip()
    second = CliRunner().invoke(app, ["renew", "ada", *database])
    assert second.exit_code == 0
    assert second.stdout.startswith("wv_") and second.stdout.strip() != first
    assert CliRunner().invoke(app, ["renew", "eve", *database]).exit_code == 1
    refused = CliRunner().invoke(app, ["create", "wasmverse", *database])
    assert refused.exit_code == 1 and "reserved" in refused.stderr
