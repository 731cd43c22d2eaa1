"""`wasmverse serve --dry-run`, as a person runs it: what it says, its exit status, and that nothing is started."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.simulation.builder import changed
from wasmverse.cli import serve_estimate
from wasmverse.cli.main import app
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore


@pytest.fixture(autouse=True)
def large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """32 GB of memory, all of them free."""
    monkeypatch.setattr(serve_estimate, "memory_bytes", lambda: 32_000_000_000)
    monkeypatch.setattr(serve_estimate.psutil, "virtual_memory", lambda: _Memory)


class _Memory:
    available = total = 32_000_000_000


def run(*options: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["serve", "--dry-run", *map(str, options)])
    return result.exit_code, result.stdout, result.stderr


def rows(out: str) -> dict[str, list[str]]:
    lines = (line.replace("│", "┃").split("┃") for line in out.splitlines())
    return {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in lines if len(cells) == 6}


def test_what_fits_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    code, out, _ = run("--db", tmp_path / "u.duckdb", "--systems", 10, "--period", 1)
    assert code == 0
    assert "10 systems, 320 ships, 640 energy nodes" in out
    shown = rows(out)
    assert shown["a turn, s"] == ["0.015", "1.000", "fits"]
    assert shown["memory of all processes, MB"][1:] == ["32,000", "fits"]
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_named_and_ends_with_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, said = run("--db", tmp_path / "u.duckdb", "--systems", 200_000, "--period", 0.5)
    assert code == 1
    assert rows(out)["a turn, s"][2] == "does not fit"
    assert "wasmverse: this machine has too little for it: " in said
    assert "a turn, s" in said
    monkeypatch.setattr(serve_estimate, "memory_bytes", lambda: 200_000_000)
    code, _, said = run("--db", tmp_path / "u.duckdb", "--systems", 10)
    assert code == 1
    assert "memory of all processes, MB, memory that a start asks for, MB" in said


def test_a_universe_that_is_there_is_measured_by_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "u.duckdb"
    store = DuckdbStore(Database.open(path), changed(systems=5, ships=3, nodes=4))
    store.advance()
    store.close()
    before = path.read_bytes()
    code, out, _ = run("--db", path)
    assert code == 0
    assert "5 systems, 15 ships, 20 energy nodes" in out
    code, _, said = run("--db", path, "--systems", 6)
    assert (code, "--systems is 6, but the universe in" in said, "wasmverse universe resize" in said) == (
        1,
        True,
        True,
    )
    backup = tmp_path / "backup"
    assert CliRunner().invoke(app, ["universe", "backup", str(path), str(backup)]).exit_code == 0
    code, _, said = run("--db", backup)
    assert (code, "is a backup: make a universe of it with `wasmverse universe restore`" in said) == (1, True)
    assert path.read_bytes() == before


def test_of_a_database_it_says_where_to_look() -> None:
    code, _, said = run("--db", "postgresql://ada@nowhere/u")
    assert (code, "docs/scale.md" in said) == (2, True)
