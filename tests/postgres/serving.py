"""A `wasmverse serve` over a database, in a process group of its own, and what its clients see."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.processes.universe import PATIENCE_SECONDS, Universe

PERIOD = 0.5


class Gateway(Universe):
    """One of several servers over one universe."""

    def __init__(self, folder: Path, name: str, url: str, *more: str, period: float = PERIOD) -> None:
        super().__init__(folder, period=period)
        self.log = folder / f"{name}.log"
        self.options[1] = url
        self.options += more
        self.http = httpx.Client()
        self.environment |= {"WASMVERSE_SNAPSHOTS_KEPT": "200", "OPENBLAS_NUM_THREADS": "1"}
        # In memory it would outlive a server that is killed: nobody starts one over the same database again.
        self.environment["WASMVERSE_SNAPSHOT_FOLDER"] = str(folder / f"{name}-snapshots")

    def end(self) -> None:
        """End whatever a test left running."""
        self.http.close()
        super().end()

    def start(self) -> None:
        """Start, and wait until it answers."""
        self.http.close()
        super().start()
        base = self.url
        self.http = httpx.Client(base_url=base, trust_env=False, timeout=PATIENCE_SECONDS)

    def rows(self, sql: str, **body: Any) -> list[list[Any]]:
        """What a query answers."""
        answer = self.http.post("/api/v2/query/tuples", json={"sql": sql, **body})
        assert answer.status_code == 200, answer.text
        found: list[list[Any]] = answer.json()["results"][0]["rows"]
        return found

    def turn(self) -> int:
        """The turn that a query is answered from now."""
        answer = self.http.post("/api/v2/query/tuples", json={"sql": f"select {time.time()}"})
        assert answer.status_code == 200, answer.text
        return int(answer.headers["Wasmverse-Turn"])

    def wait_for_turn(self, tid: int) -> int:
        """Wait until it shows this turn, or a later one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (seen := self.turn()) < tid:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return seen

    def database(self) -> dict[str, Any]:
        """What ``/health`` says of the universe's database."""
        found: dict[str, Any] = self.http.get("/health").json()["database"]
        return found

    def wait_for_clock(self, is_ours: bool) -> None:
        """Wait until ``/health`` says so: a turn can be seen before it is reported."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.database()["isClock"] is not is_ours:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def universe_pid(self) -> int:
        """The process that plays or follows."""
        assert self.process is not None
        named = [
            child.pid
            for child in psutil.Process(self.process.pid).children(recursive=True)
            if "wasmverse.processes.universe_start" in child.cmdline()
        ]
        return named[0]
