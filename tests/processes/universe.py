"""A real `wasmverse serve` in its own process group, and checks of its file once it has ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psutil

from wasmverse.storage.rolling_rows import PRUNE_TURNS

COMMAND = [sys.executable, "-m", "wasmverse.cli.main", "serve"]
PATIENCE_SECONDS = 180
GRID_SIDE = 100


def link_in(log: Path, since: int = 0) -> str:
    """Wait for the link that a server prints; what was written before the byte ``since`` is of an earlier start."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (links := re.findall(r"^http://\S+(?=\n)", log.read_bytes()[since:].decode(), re.MULTILINE)):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    return str(links[-1])


@contextlib.contextmanager
def patient_server(folder: Path, systems: int) -> Iterator[str]:
    """The address of a server of four turns a second, with time enough for a loaded machine."""
    server = Universe(folder, systems=systems, period=0.25)
    server.environment |= {"WASMVERSE_QUERY_SECONDS_MAX": "60"}
    server.start()
    try:
        yield server.url.rstrip("/")
    finally:
        server.end()


class Universe:
    """One universe file with its server, which a test may start and end as often as it likes.

    With one reader and no spare: each takes half a second of processor time to start, and most tests ask one thing at a time.
    It is as urgent as the rest, or a busy machine would starve it. A period is long enough that most of it is a pause: each turn
    takes 15 ms of processor time, also while a test waits for something else.
    """

    def __init__(
        self, folder: Path, *, systems: int = 12, ships: int = 8, nodes: int = 16, period: float = 0.1
    ) -> None:
        self.path = folder / "universe.duckdb"
        self.log = folder / "server.log"
        self.options = ["--db", str(self.path), "--systems", str(systems), "--ships", str(ships)]
        self.options += ["--nodes", str(nodes)]
        self.options += ["--port", "0", "--period", str(period)]
        self.environment = {
            "WASMVERSE_READERS": "1",
            "WASMVERSE_READER_SPARES": "0",
            "WASMVERSE_READER_NICE": "0",
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._told = 0

    def start(self) -> None:
        """Start, and wait until turns are played."""
        self.begin()
        self.wait_for("http://")

    def begin(self) -> None:
        """Start, without waiting for anything."""
        self._told = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment},
            )

    def wait_for(self, text: str) -> None:
        """Wait until it is printed."""
        assert self.process is not None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text.encode() not in self.log.read_bytes()[self._told :]:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    @property
    def url(self) -> str:
        """The link of the greeting: a line of its own, after which the log goes on."""
        return link_in(self.log, self._told)

    def signal(self, number: int) -> int:
        """Signal only the server's first process and wait for its end; returns its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def kill_group(self) -> None:
        """Kill the server and all its processes at once, with kill -9."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children(recursive=True)
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)
        _gone, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
        assert not alive

    def end(self) -> None:
        """End whatever a test left running."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                self.kill_group()

    def committed_turn(self) -> int:
        """Check every invariant of the file and return its last committed turn. Nobody may have it open."""
        with duckdb.connect(str(self.path)) as connection:

            def number(query: str) -> int:
                row = connection.execute(query).fetchone()
                assert row is not None
                return int(row[0])

            assert number("select count(*) from universe") == 1
            positions = "select tid, next_eid from universe union all select tid, next_eid from turn_record"
            position = f"select * from ({positions}) order by tid desc, next_eid desc limit 1"
            tid = number(f"select tid from ({position})")
            broken = number(
                f"""select count(*) from entity where x >= {GRID_SIDE} or y >= {GRID_SIDE} or shield > 100
                or energy = 0 or sid not in (select sid from solar_system) or strategy is null and kind = 1"""
            )
            assert broken == 0
            assert number("select count(*) - count(distinct eid) from entity") == 0
            next_eid = number(f"select next_eid from ({position})")
            assert number(f"select count(*) from entity where eid >= {next_eid}") == 0
            if tid:
                assert number("select count(*) from turns") == number(
                    "select max(tid) - min(tid) + 1 from turns"
                )
                assert number("select max(tid) from turns") == tid
                assert number("select min(tid) from turns") == 1
                # The record of strategies is kept for 600 turns; what is forgotten is deleted a few turns later.
                recorded = number("select count(distinct tid) from strategy_turn")
                assert min(tid, 600) <= recorded <= min(tid, 600 + PRUNE_TURNS)
                counted = number(f"select ships from turns where tid = {tid}")
                assert counted == number("select count(*) from ship")
                assert number(f"select energy_nodes from turns where tid = {tid}") == number(
                    "select count(*) from entity where kind = 2"
                )
            return tid
