"""A real `wasmverse serve` with the default universe on a free port, for benchmarks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import psutil

SYSTEMS = 1_000
START_SECONDS_MAX = 180


class Server:
    """The server that is measured.

    Parameters
    ----------
    folder : of its database and its log; settings : environment variables beyond the defaults.
    """

    systems = SYSTEMS

    def __init__(self, folder: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        self._log = (folder / "log").open("w+")
        command = [
            sys.executable,
            "-m",
            "wasmverse.cli",
            "serve",
            "--db",
            str(folder / "u.duckdb"),
            "--port",
            "0",
        ]
        environment = os.environ | {
            "WASMVERSE_QUERIES_PER_SECOND_MAX": "0",
            "WASMVERSE_SYSTEMS": str(SYSTEMS),
            **settings,
        }
        self.process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT, env=environment)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", Path(self._log.name).read_text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server did not start:\n{Path(self._log.name).read_text()}")
            time.sleep(0.1)
        self.port = int(found[1])
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def rows(self, sql: str, *args: Any) -> list[list[Any]]:
        """The rows of a query."""
        answer = self.http.post("/api/v2/query/tuples", json={"sql": sql, "args": args}).raise_for_status()
        return list(answer.json()["results"][0]["rows"])

    def metric(self, name: str) -> float:
        """The sum of a metric's values."""
        text = self.http.get("/metrics").text
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{name}[ {{]", line)
        )

    def memory_bytes(self) -> int:
        """What the gateway has of its own."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def stop(self) -> None:
        """End the server as an operator does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self._log.close()
