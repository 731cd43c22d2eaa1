"""Open and recover damaged copies of one universe, each in a process of its own: ``python -m tests.attack.damage FOLDER``.

Reads one case a line of JSON, answers one line. What opens a universe is imported once and forked, so that a case takes a
fraction of a second.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wasmverse.errors import DatabaseError, WasmverseError
from wasmverse.processes.kernels import keep_kernels
from wasmverse.settings import Settings
from wasmverse.simulation.warmup import compile_kernels
from wasmverse.storage.duckdb import recover
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.failure import damage
from wasmverse.storage.duckdb.store import DuckdbStore

SECONDS_MAX = 60


def damaged(data: bytes, case: dict[str, Any]) -> bytes:
    """The bytes of a file after the case's damage, if it is to this file."""
    place, length = case["place"], case["length"]
    match case["kind"]:
        case "cut":
            return data[:place]
        case "zeros":
            return data[:place] + bytes(len(data[place : place + length])) + data[place + length :]
        case "flip":
            flipped = bytearray(data)
            flipped[place] ^= 1 << case["bit"]
            return bytes(flipped)
        case "garbage":
            garbage = bytes.fromhex(case["bytes"])[: len(data) - place]
            return data[:place] + garbage + data[place + len(garbage) :]
    raise AssertionError(case)


def apart(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What some work returns, done in a fork; how the fork ended, if it returned nothing."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(SECONDS_MAX)
        try:
            answer = work()
        except BaseException as error:
            answer = {"unexpected": f"{type(error).__name__}: {error}"}
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _pid, status = os.waitpid(pid, 0)
    answer = json.loads(said) if said else {"unexpected": f"ended with {os.waitstatus_to_exitcode(status)}"}
    assert isinstance(answer, dict)
    return answer


def open_and_play(path: Path) -> dict[str, Any]:
    """What opens it tells: its turn and state, and those after one more turn; no close, as if killed."""
    settings = Settings(database_path=path)
    try:
        simulation = DuckdbStore(Database.open(path), settings)
        opened = [simulation.tid, simulation.state_hash()]
        simulation.advance()
    except Exception as error:
        known = error if isinstance(error, WasmverseError) else damage(error, path)
        if known is None:
            return {"unexpected": f"{type(error).__name__}: {error}"}
        return {"refused": known.message, "kind": type(known).__name__}
    return {"opened": opened, "played": [simulation.tid, simulation.state_hash()]}


def recover_it(path: Path) -> dict[str, Any]:
    """What `wasmverse universe recover` says, with forks for its processes."""

    def run(copy: Path, *options: str) -> tuple[str, int]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(writing, 1)
            sys.argv = ["recover", str(copy), *options]
            try:
                recover.main()
            finally:
                os._exit(1)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        _pid, status = os.waitpid(pid, 0)
        return said.decode(), os.waitstatus_to_exitcode(status)

    recover._run = run
    try:
        return {"done": recover.recover(path)}
    except DatabaseError as error:
        return {"refused": error.message, "kind": type(error).__name__}


def main() -> None:
    folder = Path(sys.argv[1])
    keep_kernels()
    compile_kernels()
    file, log = (folder / "whole.duckdb").read_bytes(), (folder / "whole.duckdb.wal").read_bytes()
    case_folder = folder / "case"
    path = case_folder / "u.duckdb"
    print("ready", flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        answers = []
        for step in (open_and_play, recover_it):
            shutil.rmtree(case_folder, ignore_errors=True)
            case_folder.mkdir()
            path.write_bytes(damaged(file, case) if case["file"] == "file" else file)
            log_bytes = damaged(log, case) if case["file"] == "log" else log
            path.with_name("u.duckdb.wal").write_bytes(log_bytes)
            answer = apart(lambda step=step: step(path))  # type: ignore[misc]
            answers.append(answer)
            if "unexpected" in answer:
                break
            again = apart(lambda: open_and_play(path))
            answers.append(again)
            if step is open_and_play and ("opened" in answer or not case["recover"]):
                break
        kept = sorted(p.name for p in case_folder.iterdir())
        print(json.dumps({"answers": answers, "files": kept}), flush=True)


if __name__ == "__main__":
    main()
