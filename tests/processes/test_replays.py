"""Who waits for past turns, with a historian that is none: what becomes of them when others leave, or it cannot be used."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wasmverse.errors import PastError, QueryError, SnapshotError
from wasmverse.messages import Kept
from wasmverse.processes import historian as module
from wasmverse.processes import historian_run
from wasmverse.processes.historian import Historian
from wasmverse.query.query import Client
from wasmverse.query.service import Replays
from wasmverse.settings import Settings

ADA, BOB = Client("ada"), Client("bob")
PATIENCE_SECONDS = 10.0


@contextlib.asynccontextmanager
async def historian_in(folder: Path, **settings: Any) -> AsyncIterator[Historian]:
    universe: Any = SimpleNamespace(snapshot_folder=folder / "shown", kept=Kept(0, 100, 1))
    (folder / "shown" / "past").mkdir(parents=True)
    historian = Historian(Settings(database_path=folder / "u.duckdb", **settings), universe, Replays())
    try:
        yield historian
    finally:
        await historian.close()


def test_a_turn_that_somebody_waited_for_and_left_can_be_asked_for_again(tmp_path: Path) -> None:
    """Also if it was considered to be next before."""

    async def run() -> list[int]:
        played: list[int] = []
        is_free = asyncio.Event()

        async def play(turn: int) -> None:
            await is_free.wait()
            played.append(turn)

        async with historian_in(tmp_path) as historian:
            historian._play = play  # type: ignore[method-assign, assignment]
            asked = [asyncio.create_task(historian.show(turn, [ADA])) for turn in (1, 2, 3)]
            await asyncio.sleep(0.01)
            others = [asyncio.create_task(historian.show(turn, [BOB])) for turn in (4, 5)]
            await asyncio.sleep(0.01)
            for replay in historian._waiting.values():
                historian._queue.first(replay.entry.lane)  # each of them is looked at
            for task in (*asked[1:], *others):
                task.cancel()
            await asyncio.gather(*asked[1:], *others, return_exceptions=True)
            again = [asyncio.create_task(historian.show(turn, [BOB])) for turn in (2, 3, 4, 5)]
            await asyncio.sleep(0.01)
            is_free.set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(asked[0], *again)
            assert not historian._waiting
        return played

    assert sorted(asyncio.run(run())) == [1, 2, 3, 4, 5]


def test_a_machine_that_has_no_room_for_a_process_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with historian_in(tmp_path) as historian:
            for turn in (1, 2):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    with pytest.raises(QueryError, match=rf"Turn {turn} .*Cannot allocate memory.*ask again"):
                        await historian.show(turn, [ADA])

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    asyncio.run(run())


def test_a_process_that_did_not_start_in_time_is_not_asked_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not said how it is confined."""
    popen = subprocess.Popen
    started: list[subprocess.Popen[bytes]] = []

    def slow(_: Any, **options: Any) -> Any:
        started.append(popen([sys.executable, "-c", "import time; time.sleep(60)"], **options))
        return started[-1]

    async def run() -> None:
        async with historian_in(tmp_path) as historian:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not started:
                    await asyncio.sleep(0.01)
                await historian._tasks[1]
            assert historian.pid is None
            assert started[0].poll() is not None

    monkeypatch.setattr(subprocess, "Popen", slow)
    monkeypatch.setattr(module, "WARM_SECONDS", 0.01)
    monkeypatch.setattr(module, "START_SECONDS_MAX", 0.2)
    asyncio.run(run())


class _Shown:
    """Room for so many turns, and what was played for it."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.there: list[int] = []
        self.played: list[int] = []
        self.is_there = True
        self.trouble: Exception | None = None

    def has(self, tid: int) -> bool:
        return tid in self.there

    def note(self, tid: int) -> None:
        pass

    def show(self, tid: int) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.played.append(tid)
        self.there = [*self.there, tid][-self.room :]


@contextlib.contextmanager
def serving(folder: Path, shown: _Shown, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A historian's inside that plays nothing; yields how to ask it, None once it has ended."""
    player: Any = SimpleNamespace(moment=lambda tid: tid)
    monkeypatch.setattr(historian_run, "Player", lambda *_: player)
    monkeypatch.setattr(historian_run, "ShownTurns", lambda *_: shown)
    config = {
        "past": str(folder),
        "shown": str(folder / "past"),
        "keep": 1,
        "bytes_max": 1,
        "ahead": 4,
        "threads": 1,
        "columns": {},
    }
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs, theirs.makefile("rwb", 0) as stream:
            historian_run.serve(stream, config)

    thread = threading.Thread(target=serve)
    thread.start()
    lines = ours.makefile("rwb", 0)

    def ask(tid: int) -> dict[str, Any] | None:
        lines.write(json.dumps({"show": tid}).encode() + b"\n")
        line = lines.readline()
        return json.loads(line) if line else None

    ours.settimeout(PATIENCE_SECONDS)
    try:
        yield ask
    finally:
        ours.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE_SECONDS)
        lines.close()
        ours.close()
    assert not thread.is_alive()


def test_what_is_played_ahead_is_played_once_however_little_room_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _Shown(room=2)
    with serving(tmp_path, shown, monkeypatch) as ask:
        assert ask(10)["error"] is None
        assert ask(11)["error"] is None
        threading.Event().wait(0.3)
    assert sorted(shown.played) == [10, 11, 12, 13, 14, 15]


def test_a_historian_whose_folder_was_removed_makes_way_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _Shown(room=8)
    with serving(tmp_path, shown, monkeypatch) as ask:
        shown.trouble = PastError("turn 1 is not kept any more")
        assert ask(1)["error"] == "turn 1 is not kept any more"
        shown.trouble = SnapshotError("/dev/shm/secret is full")
        assert "its snapshot cannot be written: the server's log says why" in ask(2)["error"]
        shown.is_there = False
        assert ask(3) is None
