"""The real processes, attacked from inside while they run: the start is theirs, only what they do then is ours."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.confinement.attacks import unrefused
from wasmverse.confinement.layers import (
    CALLS,
    FILES,
    GROUPS,
    LIMITS,
    NAMESPACES,
    PRIVILEGES,
    PROCESSES,
    SIGNALS,
    TCP,
    USER,
)
from wasmverse.confinement.processes import inside
from wasmverse.confinement.users import hand_over
from wasmverse.messages import Confined
from wasmverse.query import wire
from wasmverse.query.query import Query
from wasmverse.query.readers import reader_config
from wasmverse.settings import CheckSettings, Settings

ROOT = Path(__file__).parents[2]
ALL = {CALLS, FILES, LIMITS, NAMESPACES, PRIVILEGES, SIGNALS, TCP}
UNGROUPED = "who started it made none"
"""These are started by tests: tests/confinement/test_groups.py has those that servers start."""

READER = """
import json, sys
from tests.confinement import attacks
from wasmverse.reader import process as reader
facts = json.loads(sys.argv.pop())
reader._answer = lambda *_: ({"found": attacks.attempt_all(facts)}, b"")
reader.main()
"""
CHECKER = """
import json, sys
from tests.confinement import attacks
from wasmverse.strategies import inspection
from wasmverse.strategies import checker
facts = json.loads(sys.argv.pop())
def attack(*_):
    print(json.dumps(attacks.attempt_all(facts)), flush=True)
    raise SystemExit
inspection.inspect_module = attack
checker.main()
"""
UNIVERSE = """
import json, os, sys
from multiprocessing.connection import Connection
from pathlib import Path
from tests.confinement import attacks
from wasmverse.settings import Settings
from wasmverse.processes.universe_start import start_universe
facts = json.loads(sys.argv.pop())
database, snapshots = map(Path, facts["universe"])

def attack(loop):
    from wasmverse.universe.cache import base_folder
    from wasmverse.messages import Progress
    loop.store.advance(0, loop.end.snapshots.prepare)  # threads, files and memory that turns have
    loop.end._publish()
    found = attacks.attempt_all(facts)
    for name, attempt in {
        "change the kernels": lambda: (base_folder() / "new").touch(),
        "let others look": lambda: database.chmod(0o666),
        "give the file away": lambda: os.chown(database, 1, 1),
    }.items():
        try:
            attempt()
            found[name] = ""
        except OSError as error:
            found[name] = str(error)
    (database.parent / "universe.duckdb.wal.other").touch()  # its own folder it may change
    loop.end.pipe.send(Progress(json.dumps(found)))

if __name__ == "__main__":
    def swap():
        from wasmverse.processes import loop
        loop.TurnLoop.run = attack
    closing = sys.modules["wasmverse.processes.universe_start"]
    close = closing.close_universe
    closing.close_universe = lambda paths: (swap(), close(paths))[1]
    start_universe(Settings(database_path=database, systems=1, ships=1, nodes=1), snapshots, Connection(int(sys.argv.pop())))
"""


@pytest.fixture
def aims(facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The targets, and beside them a process of the same user, as the universe would be."""
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as victim:
        Path(facts["folder"], "old").write_text("text")
        yield {**facts, "victim": victim.pid}
        assert victim.poll() is None
        victim.kill()


def test_a_reader(aims: dict[str, Any], tmp_path: Path) -> None:
    config = replace(reader_config(Settings(), tmp_path), nice=0)
    hand_over(tmp_path, config.user)
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", READER, str(theirs.fileno()), json.dumps(aims)],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
            )
        ours.sendall(wire.pack(config))
        ready = wire.receive(ours)
        assert ready is not None
        assert ready["confinement"] == {**dict.fromkeys(ALL, ""), USER: "", PROCESSES: "", GROUPS: UNGROUPED}
        ours.sendall(wire.pack_query(Query(""), 1))
        answer = wire.receive(ours)
        assert answer is not None
        assert unrefused(answer["found"]) == []
    assert process.wait(20) == 0


def test_a_checker(aims: dict[str, Any]) -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", CHECKER, "mine", "[]", CheckSettings().model_dump_json(), json.dumps(aims)],
        capture_output=True,
        cwd=ROOT,
        check=True,
    )
    found = orjson.loads(outcome.stdout)
    assert unrefused(found) == []


def test_the_universe(aims: dict[str, Any], tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    aims["universe"] = [str(own / "universe.duckdb"), str(tmp_path / "snapshots")]
    ours, theirs = Pipe()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", UNIVERSE, str(theirs.fileno()), json.dumps(aims)],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
        )
    told = []
    with contextlib.suppress(EOFError):
        while True:
            told.append(ours.recv())
    ours.close()
    assert process.wait(60) == 0
    [layers] = [message.layers for message in told if isinstance(message, Confined)]
    assert layers == dict.fromkeys(ALL, "")
    found = json.loads(told[-1].text)
    assert unrefused(found) == []
    assert not (tmp_path / "snapshots").exists()


@pytest.mark.parametrize("kind", ["strategies", "functions"])
def test_a_checker_says_which_layers_hold(kind: str) -> None:
    command = [*inside(f"wasmverse.{kind}.checker"), "--layers", CheckSettings().model_dump_json()]
    outcome = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(outcome.stdout) == {
        **dict.fromkeys(ALL, ""),
        USER: "",
        PROCESSES: "",
        GROUPS: UNGROUPED,
    }


def test_secrets_of_the_environment_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmverse.confinement.processes import bare_environment

    monkeypatch.setenv("WASMVERSE_SECRET", "x")
    assert set(bare_environment()) <= os.environ.keys() - {"WASMVERSE_SECRET", "HOME"}
