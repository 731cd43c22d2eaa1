"""Universes on every engine, measured in turns of a process that plays one after the other."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.postgres.installed import environment
from tests.postgres.server import Server
from wasmverse.processes.kernels import keep_kernels
from wasmverse.settings import DatabaseUrl, Settings
from wasmverse.simulation.warmup import compile_kernels, settle_garbage
from wasmverse.storage.opening import open_universe
from wasmverse.storage.universe_store import SharedStore, UniverseStore


class Shape(NamedTuple):
    """Of a universe; ships and nodes a system."""

    systems: int
    ships: int
    nodes: int


FILE = "file"
ENGINES: Mapping[str, dict[str, Any]] = {
    FILE: {"threads": 2},
    "PostgreSQL, one session": {"threads": 1},
    "PostgreSQL, two sessions": {"threads": 2},
    "two servers": {"threads": 2},
    "beside the server": {"threads": 2, "play": "outside"},
}
"""How each is opened."""

SERVER_SETTINGS: Mapping[str, str | int] = {
    "fsync": "on",
    "shared_buffers": "'1GB'",
    "max_wal_size": "'8GB'",
    "autovacuum_naptime": "'1min'",
}
"""Of servers that are measured, as docs/postgres.md advises them."""


@dataclass
class Engine:
    """An open universe, and what its turns have cost so far.

    database_seconds, process_seconds : processor time of a turn, a figure a round: of all processes of the servers, and of this
        process; turn_seconds : of each turn, on the clock; wal_bytes : a turn, a figure a round
    """

    name: str
    store: UniverseStore
    servers: list[Server]
    settings: Settings
    databases: list[str]
    database_seconds: list[float] = field(default_factory=list)
    process_seconds: list[float] = field(default_factory=list)
    turn_seconds: list[float] = field(default_factory=list)
    wal_bytes: list[float] = field(default_factory=list)

    def play(self, turns: int, *, is_counted: bool = True) -> None:
        """One round."""
        database, process, log = self._database(), time.process_time(), self._log()
        seconds = []
        for _ in range(turns):
            began = time.perf_counter()
            self.store.advance()
            seconds.append(time.perf_counter() - began)
        if not is_counted:
            return
        self.database_seconds.append((self._database() - database) / turns)
        self.process_seconds.append((time.process_time() - process) / turns)
        self.wal_bytes.append((self._log() - log) / turns)
        self.turn_seconds += seconds

    def _database(self) -> float:
        return sum(server.cpu_seconds() for server in self.servers)

    def _log(self) -> float:
        total = 0.0
        for server in self.servers:
            with server.connect() as connection:
                row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
                assert row is not None
                total += float(row[0])
        return total


@contextmanager
def servers(count: int) -> Iterator[list[Server]]:
    """Durable servers on the disk, their kernels without bounds checking."""
    keep_kernels()
    compile_kernels()
    with ExitStack() as stack:
        started = []
        for _ in range(count):
            server = Server(Path(tempfile.gettempdir()), **SERVER_SETTINGS)
            stack.callback(server.remove)
            server.environment = environment(is_fast=True)
            server.start()
            started.append(server)
        yield started


@contextmanager
def opened(name: str, shape: Shape, running: list[Server], ports: tuple[int, ...] = ()) -> Iterator[Engine]:
    """A new universe of this shape on this engine, the clock ours. Servers are reached at their own ports, or at these."""
    options: dict[str, Any] = dict(
        ENGINES[name], systems=shape.systems, ships=shape.ships, nodes=shape.nodes, seed=1
    )
    used = [] if name == FILE else running[: 2 if name == "two servers" else 1]
    with tempfile.TemporaryDirectory(prefix="wasmverse-bench-") as folder:
        place: Path | DatabaseUrl = Path(folder) / "universe.duckdb"
        databases = [(server, server.create_database()) for server in used]
        urls = [
            DatabaseUrl.read(server.url(database, port=port))
            for (server, database), port in zip(databases, ports or (None, None), strict=False)
        ]
        if urls:
            place = urls[0]
        settings = Settings(database_path=place, place_urls=tuple(urls[1:]), upkeep=0, **options)
        store = open_universe(place, settings)
        try:
            if isinstance(store, SharedStore):
                assert store.claim()
            settle_garbage()
            yield Engine(name, store, used, settings, [database for _, database in databases])
        finally:
            store.close()
            for server, database in databases:
                server.drop_database(database)


@contextmanager
def follower(engine: Engine) -> Iterator[SharedStore]:
    """Another gateway's store of the same universe."""
    store = open_universe(engine.settings.database_path, engine.settings)
    assert isinstance(store, SharedStore)
    try:
        yield store
    finally:
        store.close()
