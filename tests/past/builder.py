"""A universe whose turns are kept while they are played, and what was published of each."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from wasmverse.commands import Command
from wasmverse.messages import Answer, Request
from wasmverse.past.keeper import Keeper, universe_name
from wasmverse.past.player import Player
from wasmverse.past.volume import past_folder
from wasmverse.processes.gateway_end import GatewayEnd
from wasmverse.settings import Settings
from wasmverse.storage.arrow import snapshot_columns
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

SETTINGS = Settings(
    systems=24,
    ships=4,
    nodes=6,
    upkeep=30,
    seed=11,
    threads=2,
    grounded_after_turns=2,
    keyframe_turns=5,
    event_turns_kept=7,
)
PATIENCE_SECONDS = 30.0


class _Published:
    """Takes what would be written to shared memory."""

    keep = 8

    def __init__(self) -> None:
        self.tables: dict[int, dict[str, pa.Table]] = {}
        self.modules: dict[int, list[str]] = {}

    def kept(self) -> list[int]:
        return []

    def publish(self, tid: int, tables: dict[str, pa.Table], modules: dict[str, Any]) -> None:
        self.tables[tid] = dict(tables)
        self.modules[tid] = sorted(modules)


class KeptRun:
    """A universe in a file, played by the code of its process but without one.

    published : of each turn, the tables that were published last
    """

    def __init__(self, folder: Path, settings: Settings = SETTINGS) -> None:
        self.path = folder / "universe.duckdb"
        self.settings = settings
        self.published = _Published()
        self.players: list[Player] = []
        self.open()

    @property
    def folder(self) -> Path:
        return past_folder(self.path)

    def open(self) -> None:
        self.store = DuckdbStore(Database.open(self.path), self.settings)
        self.universe = universe_name(self.store.laws, self.store.founding().made_at.isoformat())
        laws, settings = self.store.laws, self.settings
        self.keeper = Keeper(
            self.folder, laws, self.universe, self.store.tid, settings, settings, snapshot_columns()
        )
        pipe: Any = SimpleNamespace(send=lambda _message: None, fileno=lambda: 1)
        snapshots: Any = self.published
        self.end = GatewayEnd(self.store, snapshots, pipe, self.keeper)
        self.end.tell_start()
        self.wait_written()

    def play(self, turns: int) -> None:
        for _ in range(turns):
            self.end.begin_turn()
            self.store.advance()
            assert self.end.publish()
            self.wait()

    def command(self, command: Command) -> dict[str, Any]:
        answer: Answer = self.end._answer(Request(1, command, time.monotonic() + 60))
        assert answer.error is None, answer.error
        assert answer.value is not None
        return answer.value

    def wait(self) -> None:
        """Until all that was published is written down."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.keeper.kept.newest_tid != self.store.tid and self.keeper.kept.trouble is None:
            assert time.monotonic() < deadline, self.keeper.kept
            time.sleep(0.002)

    def wait_written(self) -> None:
        """Until nothing waits to be written."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.keeper.waiting:
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def player(self) -> Player:
        self.players.append(Player(self.folder, snapshot_columns()))
        return self.players[-1]

    def close(self) -> None:
        for player in self.players:
            player.close()
        self.keeper.close()
        self.store.close()

    def restart(self) -> None:
        self.close()
        self.open()

    def check(self, player: Player, *turns: int) -> None:
        """That turns are as they were published, every table to the byte."""
        for tid in turns:
            moment, was = player.moment(tid), self.published.tables[tid]
            assert set(moment.tables) == set(was)
            for name, table in was.items():
                again = moment.tables[name]
                assert again.schema == table.schema, (tid, name)
                assert as_bytes(again) == as_bytes(table), (tid, name)
            assert sorted(moment.modules) == self.published.modules[tid]


def as_bytes(table: pa.Table) -> bytes:
    """A table as Arrow's stream, in one piece: how many pieces it is in says nothing of its rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        batches = table.combine_chunks().to_batches()
        for batch in batches:
            # A slice may keep what lies before it, and a column without nulls a mask of them.
            writer.write_batch(batch.take(pa.array(range(batch.num_rows), pa.int64())))
    return sink.getvalue().to_pybytes()
