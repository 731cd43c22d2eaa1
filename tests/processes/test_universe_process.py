"""The gateway's end of the pipe, with a real universe at the other one: that a stopped one is waited for by nobody."""

import asyncio
import os
import signal
from pathlib import Path

import duckdb
import pytest

from wasmverse.commands import Author, Inspection, SpawnEntity, UploadStrategy
from wasmverse.errors import UniverseBusy, UniverseSilent
from wasmverse.processes.universe import UniverseProcess
from wasmverse.settings import Settings

FOUND = Inspection("00" * 32, "C", {"huge": "decide"}, {}, compiled=bytes(1 << 20))
UPLOAD = UploadStrategy("huge", bytes(1 << 20), FOUND, Author.named("ada"))
SPAWN = SpawnEntity(1, 2, 3, 4, None)


def test_a_stopped_universe_is_waited_for_by_nobody(tmp_path: Path) -> None:
    settings = Settings(
        database_path=tmp_path / "u.duckdb",
        systems=4,
        ships=2,
        nodes=4,
        period_seconds=0.2,
        command_wait_seconds_max=3.0,
        command_queue_max=10,
        command_bytes_max=16 << 20,
    )

    async def run() -> None:
        universe = UniverseProcess(settings, tmp_path / "snapshots", lambda _text: None)
        try:
            await universe.next_turn(0)
            assert universe.trouble is None
            os.kill(universe.pid, signal.SIGSTOP)
            asked = [asyncio.ensure_future(universe.ask(command)) for command in (SPAWN, *[UPLOAD] * 9)]
            await asyncio.sleep(0.1)
            await asyncio.to_thread(lambda: "a thread that none of them holds")
            assert not any(command.done() for command in asked[:2])
            assert universe.trouble is not None and "is stopped by a signal" in universe.trouble
            outcomes = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 60)
            told = [str(outcome) for outcome in outcomes]
            # The small command is in the pipe already, and an upload half in it; the bound lets some others wait, and refuses
            # the rest.
            assert isinstance(outcomes[0], UniverseSilent) and "look whether it took effect" in told[0]
            assert isinstance(outcomes[1], UniverseSilent)
            assert all(isinstance(outcome, UniverseBusy) for outcome in outcomes[2:]), told
            assert "the command was not begun" in told[2]
            assert "wait for the universe" in told[9] and "this one was not taken" in told[9]
            with pytest.raises(UniverseBusy, match="stopped by a signal: continue it with SIGCONT"):
                await asyncio.wait_for(universe.ask(SPAWN), 60)
            os.kill(universe.pid, signal.SIGCONT)
            eids.append((await universe.ask(SPAWN))["eid"])
            assert universe.trouble is None
        finally:
            assert await asyncio.wait_for(universe.stop(), settings.stop_seconds_max) == 0

    eids: list[int] = []
    asyncio.run(run())
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        spawned = connection.execute("select eid from node where sid = 1 and x = 3 and y = 4").fetchall()
    assert [eid for (eid,) in spawned] == eids, "those that came too late were not carried out"
