"""A real server under attack: it must answer an innocent query rightly after each case, and show no trace of any."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from pathlib import Path

import httpx
import psutil

from tests.processes.universe import Universe

SECONDS_MAX = 1.0
TRIES = 3
"""One answer in time out of so many: the machine has other work too."""
MEMORY_GROWTH_MAX = 120 << 20
DESCRIPTORS_GROWTH_MAX = 40
READ_SECONDS = 0.15

_REFUSED = re.compile(r"[-\dT:.]+Z info (refusal|unauthorized|rate limit|upload|command): .+\n")
"""The log's events that are strangers' doing; there are only so many a minute."""


class Target:
    """`wasmverse serve` with short limits of time, and what was seen of it before the attack."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.universe = Universe(folder, period=0.5)
        limits = {
            "readers": 2,
            "reader_spares": 1,
            "head_seconds_max": 2,
            "idle_seconds_max": 5,
            "body_seconds_max": 1,
            "send_seconds_max": 2,
            "query_seconds_max": 2,
            "commands_per_second_max": 0,
            "queries_per_second_max": 0,
        } | settings
        for name, value in limits.items():
            self.universe.environment[f"WASMVERSE_{name.upper()}"] = str(value)
        self.universe.start()
        self.url = self.universe.url
        self.port = int(self.url.rsplit(":", 1)[1])
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        assert self.universe.process is not None
        self.process = psutil.Process(self.universe.process.pid)
        for _ in range(20):
            self.ask()
        self._log_at = self.universe.log.stat().st_size
        self._memory = self.process.memory_info().rss
        self._descriptors = self.process.num_fds()

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(self) -> None:
        """An innocent query, answered rightly and in time."""
        for attempt in range(TRIES):
            began = time.monotonic()
            answer = self.http.post(
                "/api/v2/query/tuples", json={"sql": "select ? + 1, count(*) > 0 from entity", "args": [41]}
            )
            assert answer.status_code == 200, answer.text
            assert answer.json()["results"][0]["rows"] == [[42, 1]] or answer.json()["results"][0][
                "rows"
            ] == [[42, True]]
            if time.monotonic() - began < SECONDS_MAX:
                return
            time.sleep(0.2 * attempt)
        raise AssertionError(f"an innocent query took {time.monotonic() - began:.1f} s")

    def said(self) -> str:
        """What it wrote in its log since the attack began, but for whom it refused, in lines that are whole and printable."""
        with self.universe.log.open("rb") as log:
            log.seek(self._log_at)
            lines = log.read().decode("utf-8", "replace").splitlines(keepends=True)
        return "".join(line for line in lines if not (_REFUSED.fullmatch(line) and line[:-1].isprintable()))

    def check(self) -> None:
        """Nothing in the log, nobody's connection left, no memory kept, turns on time."""
        said = self.said()
        assert not said, said[:4_000]
        deadline = time.monotonic() + 15
        while self.process.num_fds() > self._descriptors + DESCRIPTORS_GROWTH_MAX:
            assert time.monotonic() < deadline, (
                f"{self._descriptors} files were open, now {self.process.num_fds()}"
            )
            time.sleep(0.2)
        grown = self.process.memory_info().rss - self._memory
        assert grown < MEMORY_GROWTH_MAX, f"the gateway grew by {grown >> 20} MiB"
        assert self.http.get("/health").status_code == 200

    def close(self) -> None:
        self.http.close()
        self.universe.end()


def exchange(connection: socket.socket, parts: list[bytes], is_half_closed: bool = False) -> bytes:
    """Send the parts and read what comes, until it is quiet for a moment or the end."""
    received = b""
    with contextlib.suppress(OSError):
        for part in parts:
            connection.sendall(part)
        if is_half_closed:
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(READ_SECONDS)
        while len(received) < 1 << 20:
            part = connection.recv(65_536)
            if not part:
                break
            received += part
    return received
