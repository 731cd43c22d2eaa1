"""Backups of a universe that is served while turns run: their hash, and kill -9 of either side."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.processes.universe import PATIENCE_SECONDS, Universe
from tests.waiting import wait_until
from wasmverse.cli.main import app
from wasmverse.storage.duckdb.whole import read_whole
from wasmverse.storage.tokens import open_tokens
from wasmverse.tokens import Role

SLOW_COPY = """
import sys, time
from pathlib import Path
from wasmverse.storage.duckdb import backup
done = backup.os.fdatasync
def crawl(descriptor):
    done(descriptor)
    print("copied", flush=True)
    time.sleep(600)
backup.CHUNK_BYTES = 4096
backup.os.fdatasync = crawl
backup.back_up(Path(sys.argv[1]), Path(sys.argv[2]), print, 60.0)
"""
"""Stands still once the first bytes were copied."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    """A server that checkpoints after every turn, and records the hash of each."""
    folder = tmp_path_factory.mktemp("served")
    universe = Universe(folder, period=0.1)
    universe.environment |= {"WASMVERSE_LOG_BYTES_MAX": "1024", "WASMVERSE_RECORD_HASH_TURNS": "1"}
    universe.options += ["--record", str(folder / "run.record")]
    open_tokens(universe.path).create("ada", Role.admin)
    universe.start()
    yield universe
    universe.end()


def run(*arguments: object) -> Result:
    """A command of `wasmverse universe`, in this process, which stays as urgent as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "nice", lambda _: 0)
        return CliRunner().invoke(app, ["universe", *map(str, arguments)])


def recorded_hashes(universe: Universe) -> dict[int, str]:
    """By turn, as the recording of the server has them."""
    lines = (universe.path.parent / "run.record").read_bytes().splitlines()
    facts = [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]
    return {fact["tid"]: fact["state"] for fact in facts if fact.get("fact") == "turn" and fact.get("state")}


def newest_recorded(universe: Universe) -> int:
    return max(recorded_hashes(universe), default=0)


def turns_go_on(universe: Universe) -> None:
    """Wait for five turns more, and for nobody to hold the file."""
    last = newest_recorded(universe)
    wait_until(lambda: newest_recorded(universe) >= last + 5, PATIENCE_SECONDS)
    assert not list(universe.path.parent.glob("*.copying*"))


def test_a_backup_of_a_served_universe_is_of_a_turn_that_was_played(served: Universe, tmp_path: Path) -> None:
    turns_go_on(served)
    made, new = tmp_path / "backup.duckdb", tmp_path / "new.duckdb"
    backup = run("backup", served.path, made)
    assert backup.exit_code == 0, backup.stderr
    assert "while turns go on" in backup.stderr
    restored = run("restore", made, new)
    assert restored.exit_code == 0, restored.stderr
    whole = read_whole(new)
    turns_go_on(served)
    hashes = recorded_hashes(served)
    assert whole.tid < max(hashes)
    assert whole.state_hash() == hashes[whole.tid]
    assert restored.stdout == f"{new} goes on from turn {whole.tid:,}: state_hash {whole.state_hash()}\n"
    assert backup.stdout.startswith(f"{made} has turn {whole.tid:,}: ")
    assert open_tokens(new).entries() == open_tokens(served.path).entries() != []
    again = run("backup", served.path, made)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr.startswith(f"wasmverse: {made} is there already: ")


def test_a_served_universe_says_what_it_is_and_who_serves_it(served: Universe) -> None:
    result = run("info", served.path, "--json")
    assert result.exit_code == 0, result.stderr
    shown = json.loads(result.stdout)
    turns_go_on(served)
    assert shown["state_hash"] == recorded_hashes(served)[shown["tid"]]
    assert (shown["laws"]["systems"], shown["tokens"]) == (12, 1)
    assert served.process is not None
    # The process that an operator stops, and not the one within it that has the file.
    assert shown["server"]["pid"] == served.process.pid
    assert shown["server"]["url"] in served.url


def test_a_backup_killed_in_its_midst_leaves_no_file_and_the_turns_go_on(
    served: Universe, tmp_path: Path
) -> None:
    target = tmp_path / "backup.duckdb"
    command = [sys.executable, "-c", SLOW_COPY, str(served.path), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as copier:
        assert copier.stdout is not None
        assert any(line == "copied\n" for line in copier.stdout)
        assert list(served.path.parent.glob("*.copying.turn"))
        os.kill(copier.pid, signal.SIGKILL)
    assert not target.exists()
    turns_go_on(served)
    done = run("backup", served.path, target)
    assert done.exit_code == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["backup.duckdb"]


def test_a_universe_killed_and_stopped_is_backed_up_as_it_was(served: Universe, tmp_path: Path) -> None:
    """Last: it ends the server."""
    served.kill_group()
    killed = run("backup", served.path, tmp_path / "killed.duckdb")
    assert killed.exit_code == 0, killed.stderr
    # The turn that was committed last may not be in the recording.
    whole = read_whole(served.path)
    assert whole.tid == served.committed_turn()
    assert killed.stdout.startswith(f"{tmp_path / 'killed.duckdb'} has turn {whole.tid:,}: ")
    assert killed.stdout.endswith(f"state_hash {whole.state_hash()}\n")
