"""A real `wasmverse serve` for the tests: a small universe on a free port, ended by its own process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.processes.universe import link_in

COMMAND = Path(sys.executable).with_name("wasmverse")
PERIOD_SECONDS = 0.5
START_SECONDS_MAX = 180
"""The kernels are compiled when a machine starts its first universe."""
STOP_SECONDS_MAX = 30


class Server:
    """A universe of 40 systems that can be stopped and started again at the same address."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder = folder
        self._environment = os.environ | {
            f"WASMVERSE_{name.upper()}": value for name, value in settings.items()
        }
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, **options: object) -> None:
        """Start, and wait for the first answer; ``options`` are put in place of the usual ones of `wasmverse serve`."""
        usual = {
            "--db": self._folder / "universe.duckdb",
            "--systems": 40,
            "--ships": 8,
            "--nodes": 16,
            "--seed": 11,
            "--host": "127.0.0.1",
            "--port": self.port,
            "--period": PERIOD_SECONDS,
        }
        named = usual | {f"--{name}": value for name, value in options.items()}
        words = [str(word) for option in named.items() for word in option]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [COMMAND, "serve", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start; it said:\n{self._log.read_text()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the server as an operator does, and wait until it is gone."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"the server did not stop; it said:\n{self._log.read_text()}") from None
        self._process = None

    def query(self, sql: str, *args: Any, turn: int | None = None) -> list[dict[str, Any]]:
        """The rows of a query, of one turn if it is given."""
        body = {"sql": sql, "args": list(args)} | ({} if turn is None else {"turn": turn})
        answer = httpx.post(f"{self.url}/api/v2/query/rows", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()["results"][0]["rows"]

    @property
    def link(self) -> str:
        """The link that the server printed."""
        return link_in(self._log)

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health").status_code == 200
        except httpx.TransportError:
            return False
