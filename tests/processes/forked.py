"""Universe processes that begin in no time: forks of one that has loaded all and compiled the kernels. Their ends are kills.

Run as ``python -m tests.processes.forked DATABASE``. A line ``[SECONDS, TURN]`` begins one on the universe in the file, as the
server's own but without its confinement. It is killed so long after it has reported a turn after that one, or, if TURN is null,
after its beginning. The answer is the last turn that it reported, or 0.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from wasmverse.messages import TurnReport
from wasmverse.processes.kernels import keep_kernels
from wasmverse.processes.run import run_universe
from wasmverse.settings import Settings, UniverseProcessSettings
from wasmverse.simulation.warmup import compile_kernels

PATIENCE_SECONDS = 180


class Forked:
    """The program, as tests use it."""

    def __init__(self, database: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.forked", str(database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def killed(self, seconds: float, after: int | None) -> int:
        """Begin a universe process and kill it, so long after it has begun or has reported a turn after ``after``; the last turn
        that it reported, or 0."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps([seconds, after]), file=self._process.stdin, flush=True)
        told: int = json.loads(self._process.stdout.readline())
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _: object, _trace: TracebackType | None) -> None:
        self._process.__exit__(None, None, None)


def begin(settings: UniverseProcessSettings, snapshots: Path, pipe: Connection) -> int:
    """The process id of a fork that runs the universe."""
    child = os.fork()
    if not child:
        run_universe(settings, snapshots, pipe, dict)
        os._exit(1)
    return child


def reported(pipe: Connection, before: int = 0) -> int:
    """The last turn of which a report lies in the pipe; else ``before``. A kill may have cut the last message off."""
    last = before
    try:
        while pipe.poll():
            message = pipe.recv()
            last = message.tid if isinstance(message, TurnReport) else last
    except (EOFError, OSError):
        pass
    return last


def main() -> None:
    database = Path(sys.argv[1])
    settings = Settings(database_path=database, systems=12, ships=8, nodes=16, period_seconds=0.05)
    keep_kernels()
    compile_kernels()
    for line in sys.stdin:
        seconds, after = json.loads(line)
        ours, theirs = Pipe()
        child = begin(settings.part(UniverseProcessSettings), database.parent / "snapshots", theirs)
        theirs.close()
        last, deadline = 0, time.monotonic() + PATIENCE_SECONDS
        while after is not None and last <= after:
            assert time.monotonic() < deadline and ours.poll(PATIENCE_SECONDS)
            last = reported(ours, last)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print(json.dumps(reported(ours, last)), flush=True)
        ours.close()


if __name__ == "__main__":
    main()
