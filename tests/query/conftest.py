from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.query.asking import run_query
from tests.query.builder import snapshot_tables
from tests.query.running import LoopThread
from wasmverse.query.pool import ReaderPool
from wasmverse.query.result import Result
from wasmverse.settings import Settings
from wasmverse.snapshots.snapshot import SnapshotWriter


class RunningPool:
    """A started pool over its own snapshots, driven from plain tests; as urgent as these, or a busy machine would starve it."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        usual = {"reader_nice": 0}
        self.settings = Settings(database_path=folder / "none.duckdb", **(usual | settings))
        self.writer = SnapshotWriter(folder / "snapshots", keep=4, bytes_max=1 << 30)
        self.threads = LoopThread()
        self.pool = ReaderPool(self.settings, self.writer.folder)

    def start(self) -> "RunningPool":
        self.threads.run(self.pool.start())
        return self

    def publish(self, tid: int, **size: int) -> None:
        self.writer.publish(tid, snapshot_tables(tid, **size))

    def query(self, sql: str, args: Any = (), **options: Any) -> Result:
        return self.threads.run(run_query(self.pool, sql, args, **options))

    def rows(self, sql: str, args: Any = (), **options: Any) -> list[list[Any]]:
        [result] = orjson.loads(self.query(sql, args, **options).body)["results"]
        return result["rows"]

    def close(self) -> None:
        self.threads.run(self.pool.close())
        self.threads.close()
        self.writer.close()


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    """Turns 1 and 2 of the small universe, two readers, queries of 2 s and 64 MB each."""
    running = RunningPool(
        tmp_path_factory.mktemp("pool"), query_seconds_max=2, reader_memory_bytes_max=1 << 29, reader_nice=0
    )
    running.publish(1)
    running.publish(2)
    try:
        yield running.start()
    finally:
        running.close()
