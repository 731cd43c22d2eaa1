import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from tests.query.builder import ScriptedUniverse
from tests.query.running import LoopThread
from wasmverse.api.app import create_app
from wasmverse.api.server import make_server
from wasmverse.query.pool import ReaderPool
from wasmverse.settings import Settings
from wasmverse.snapshots.snapshot import SnapshotWriter
from wasmverse.storage.tokens import open_tokens


class RunningGateway:
    """A real server on a free loopback port, over a real reader and a scripted universe at turn 1.

    One reader without a spare: a reader takes half a second of processor time to start, and most tests ask one after the other.
    """

    def __init__(self, folder: Path, page_folder: Path | None = None, **settings: Any) -> None:
        usual = {"port": 0, "reader_nice": 0, "readers": 1, "reader_spares": 0}
        self.settings = Settings(database_path=folder / "none.duckdb", **(usual | settings))
        self.threads = LoopThread()
        self.writer = SnapshotWriter(folder / "snapshots", keep=4, bytes_max=1 << 30)
        self.universe = ScriptedUniverse(self.writer)
        self.pool = ReaderPool(self.settings, self.writer.folder)
        self.page_folder = page_folder
        self.threads.run(self._start())
        self.http = httpx.Client(base_url=self.url, timeout=30)

    async def _start(self) -> None:
        import asyncio

        self.universe.turn()
        await self.pool.start()
        tokens = open_tokens(self.settings.database_path)
        self.app = create_app(self.universe, self.pool, self.settings, tokens, self.page_folder)
        self._listener = socket.create_server((self.settings.host, 0))
        self.address = self._listener.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self.server: uvicorn.Server = make_server(self.app, self.settings, self._listener)
        self._serving = asyncio.create_task(self.server.serve([self._listener]))
        while not self.server.started:
            await asyncio.sleep(0.01)

    def turn(self) -> int:
        async def play() -> int:
            import time

            return self.universe.turn(time.time()).tid

        return self.threads.run(play())

    def query(
        self, sql: str, args: Any = None, *, path: str = "/api/v2/query/tuples", **body: Any
    ) -> httpx.Response:
        return self.http.post(path, json={"sql": sql, "args": args, **body})

    def close(self) -> None:
        self.http.close()

        async def stop() -> None:
            self.server.should_exit = True
            await self._serving
            await self.pool.close()

        self.threads.run(stop())
        self.threads.close()
        self.writer.close()


@contextmanager
def patient_gateway(folder: Path, **settings: Any) -> Iterator[RunningGateway]:
    """A gateway with time enough for a loaded machine."""
    running = RunningGateway(folder, query_seconds_max=60, body_seconds_max=30, **settings)
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    running = RunningGateway(tmp_path_factory.mktemp("gateway"), query_seconds_max=2, body_seconds_max=1)
    try:
        yield running
    finally:
        running.close()
