"""The gateway's end of the historian: which turn is played again next, for whom, and what becomes of a historian that ends.

Turns wait in a fair queue: the historian's time is shared by client, so one who asks for many turns keeps nobody else waiting for
longer than a turn takes. All who want the same turn wait for one replay.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wasmverse.confinement.layers import refusal
from wasmverse.confinement.processes import universe_environment
from wasmverse.confinement.users import reader_user
from wasmverse.errors import QueryError, QueryOverload, QueryRefused, UniverseUnavailable
from wasmverse.messages import Universe
from wasmverse.past.volume import past_folder
from wasmverse.processes.signals import held_back
from wasmverse.query.fair import Entry, FairQueue, Lane
from wasmverse.query.query import Client
from wasmverse.query.service import Replays
from wasmverse.settings import Settings
from wasmverse.snapshots.modules import PAST
from wasmverse.snapshots.snapshot import turn_folder
from wasmverse.storage.arrow import snapshot_columns

log = logging.getLogger(__name__)

START_SECONDS_MAX = 90.0
"""Kernels are compiled by then, unless this is the first start on a machine."""

WARM_SECONDS = 30.0
"""How long after the server's start the historian is started, although nobody has asked for a past turn yet."""

COST_SECONDS = 0.2
"""What a replay is expected to take."""

TOLD_MAX = 256
TOLD_SECONDS = 1.0
"""How often the historian is told that a turn is still asked for."""

LINE_BYTES_MAX = 1 << 16


class _Ended(Exception):
    """The historian has ended, or was ended."""


@dataclass(eq=False, slots=True)
class _Replay:
    turn: int
    entry: Entry
    done: asyncio.Future[None]
    waiters: int = 0
    is_begun: bool = False


@dataclass(slots=True)
class _Process:
    """The running process, and the gateway's end of its socket."""

    popen: subprocess.Popen[bytes]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    confinement: dict[str, str] = field(default_factory=dict)

    async def hear(self) -> dict[str, Any]:
        """The next line; raises _Ended."""
        try:
            line = await self.reader.readline()
            told = json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError) as error:
            raise _Ended from error
        if not isinstance(told, dict):
            raise _Ended
        return told

    def tell(self, said: dict[str, int]) -> None:
        """Write a line; a process that has ended is noticed when its answer is read."""
        with contextlib.suppress(OSError, RuntimeError):
            self.writer.write(json.dumps(said).encode() + b"\n")


class Historian:
    """Implements ``query.past.Past``; for one event loop.

    Parameters
    ----------
    universe : says what is kept, and where its snapshots are.
    replays : is counted on.
    """

    def __init__(self, settings: Settings, universe: Universe, replays: Replays) -> None:
        self._settings = settings
        self._universe = universe
        self._replays = replays
        self._queue = FairQueue()
        self._waiting: dict[int, _Replay] = {}
        self._arrived = asyncio.Event()
        self._told: OrderedDict[int, float] = OrderedDict()
        self._process: _Process | None = None
        self._starting = asyncio.Lock()
        self._tasks = [asyncio.create_task(work) for work in (self._work(), self._warm())]

    @property
    def oldest(self) -> int | None:
        """The oldest turn that is kept; None if none is."""
        kept = self._universe.kept
        return None if kept is None else kept.oldest_tid

    @property
    def pid(self) -> int | None:
        """The process's id; None while there is none."""
        return None if self._process is None else self._process.popen.pid

    async def close(self) -> None:
        """End the process; whoever waits is refused."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for replay in self._waiting.values():
            replay.done.set_exception(UniverseUnavailable("The server is stopping; ask again in a moment"))
        await self._end()

    async def show(self, turn: int, clients: Iterable[Client]) -> None:
        """As `query.past.Past` says."""
        if turn_folder(self._universe.snapshot_folder / PAST, turn).exists():
            self._tell_use(turn)
            return
        first, *others = clients
        replay = self._waiting.get(turn) or self._enter(turn, first)
        for client in (first, *others):
            if not replay.entry.is_gone:
                self._queue.push(replay.entry, client)
        replay.waiters += 1
        try:
            await asyncio.shield(replay.done)
        finally:
            replay.waiters -= 1
            if not (replay.waiters or replay.is_begun or replay.done.done()):
                self._queue.remove(replay.entry)
                del self._waiting[turn]

    def _enter(self, turn: int, client: Client) -> _Replay:
        settings, queue = self._settings, self._queue
        if queue.counted_of(client) >= settings.replay_queue_max_per_client:
            self._replays.outcomes["busy"] += 1
            raise QueryOverload(
                f"{settings.replay_queue_max_per_client} turns that this client asked for wait to be played again already, "
                f"turn {turn} is not taken: ask again in a second, or for turns in sequence"
            )
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.add_done_callback(lambda future: future.cancelled() or future.exception())
        replay = self._waiting[turn] = _Replay(turn, Entry(Lane.normal, COST_SECONDS), done)
        queue.push(replay.entry, client)
        if queue.counted > settings.replay_queue_max:
            last = queue.last_of_longest()
            refused = next(each for each in self._waiting.values() if each.entry is last)
            self._refuse(refused)
        self._arrived.set()
        return replay

    def _refuse(self, replay: _Replay) -> None:
        self._queue.remove(replay.entry)
        del self._waiting[replay.turn]
        self._replays.outcomes["busy"] += 1
        replay.done.set_exception(
            QueryOverload(
                f"{self._settings.replay_queue_max} turns wait to be played again already, turn {replay.turn} is not taken: "
                "ask again in a second"
            )
        )

    def _tell_use(self, turn: int) -> None:
        """Have the historian keep a turn for longer, and play ahead of it."""
        now = time.monotonic()
        if self._process is None or now - self._told.get(turn, -TOLD_SECONDS) < TOLD_SECONDS:
            return
        self._told[turn] = now
        self._told.move_to_end(turn)
        if len(self._told) > TOLD_MAX:
            self._told.popitem(last=False)
        self._process.tell({"use": turn})

    async def _work(self) -> None:
        """Have one turn after another played."""
        while True:
            await self._arrived.wait()
            entry = self._queue.first(Lane.normal)
            if entry is None:
                self._arrived.clear()
                continue
            replay = next(each for each in self._waiting.values() if each.entry is entry)
            self._queue.take(entry)
            replay.is_begun = True
            began = time.monotonic()
            error = await self._play(replay.turn)
            seconds = time.monotonic() - began
            self._queue.charge(entry, seconds)
            del self._waiting[replay.turn]
            if not self._waiting:
                self._queue.forget()
            self._replays.outcomes["ok" if error is None else "failed"] += 1
            self._replays.seconds += seconds
            if error is None:
                replay.done.set_result(None)
            else:
                replay.done.set_exception(error)

    async def _play(self, turn: int) -> QueryError | None:
        """Have a turn played, by a new process if the one that was asked has ended; why it cannot be shown."""
        for _ in range(2):
            try:
                process = await self._started()
                async with asyncio.timeout(self._settings.replay_seconds_max):
                    process.tell({"show": turn})
                    while (told := await process.hear()).get("turn") != turn:
                        pass
            except TimeoutError:
                await self._end()
                return QueryError(
                    f"Turn {turn} could not be played again in {self._settings.replay_seconds_max:g} s "
                    "(WASMVERSE_REPLAY_SECONDS_MAX): ask again, or for a turn in memory",
                    code=3024,
                )
            except _Ended:
                await self._end()
                continue
            except (
                Exception
            ) as error:  # such as no memory for a process: who asks for other turns must not wait for ever
                log.exception("turn %d cannot be played again", turn)
                await self._end()
                reason = getattr(error, "strerror", None) or type(error).__name__
                return QueryError(
                    f"Turn {turn} could not be played again, the process that does it cannot be used ({reason}): "
                    "ask again in a moment",
                    code=2013,
                )
            why = told.get("error")
            if why is None:
                return None
            return QueryRefused(f"{str(why)[:1].upper()}{str(why)[1:500]}; ask for another turn", code=1105)
        return QueryError(
            f"Turn {turn} could not be played again, the process that does it has ended or did not start: ask again in a moment",
            code=2013,
        )

    async def _warm(self) -> None:
        """Start the process once there are turns that only it can show, so that the first who asks need not wait for that."""
        await asyncio.sleep(WARM_SECONDS)
        while self.oldest is None:
            await asyncio.sleep(WARM_SECONDS)
        with contextlib.suppress(_Ended):
            await self._started()

    async def _started(self) -> _Process:
        """The process that is there, or a new one; raises _Ended."""
        async with self._starting:
            if self._process is not None and self._process.popen.poll() is None:
                return self._process
            await self._end()
            try:
                async with asyncio.timeout(START_SECONDS_MAX):
                    return await self._start()
            except TimeoutError as error:
                await self._end()
                raise _Ended from error
            except BaseException:
                # One that was not waited for has not said how it is confined, and is not asked anything.
                await self._end()
                raise

    async def _start(self) -> _Process:
        settings, place = self._settings, self._settings.database_path
        assert isinstance(place, Path)
        ours, theirs = socket.socketpair()
        with theirs, held_back():
            command = [
                sys.executable,
                "-P",
                "-m",
                "wasmverse.processes.historian_start",
                str(theirs.fileno()),
            ]
            try:
                popen = subprocess.Popen(
                    command,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    restore_signals=False,
                    env=universe_environment(),
                )
            except BaseException:
                ours.close()
                raise
        reader, writer = await asyncio.open_connection(sock=ours, limit=LINE_BYTES_MAX)
        self._process = process = _Process(popen, reader, writer)
        config = {
            "parent_pid": os.getpid(),
            "nice": settings.replay_nice,
            "log_format": settings.log_format,
            "past": str(past_folder(place).absolute()),
            "shown": str((self._universe.snapshot_folder / PAST).absolute()),
            "readers_group": reader_user(settings.user_ids_first),
            "keep": settings.replayed_kept,
            "bytes_max": settings.replayed_bytes_max,
            "ahead": settings.replay_ahead,
            "threads": settings.threads,
            "columns": snapshot_columns(),
        }
        writer.write(json.dumps(config).encode() + b"\n")
        told = await process.hear()
        process.confinement = {str(layer): str(why) for layer, why in told.get("confinement", {}).items()}
        # It is confined by the same layers as the universe is.
        if (lacking := refusal(settings.confinement_required, {"universe": process.confinement})) is not None:
            log.error("past turns cannot be shown: %s", lacking)
            raise _Ended
        return process

    async def _end(self) -> None:
        """End the process, if there is one, and forget it."""
        process, self._process = self._process, None
        self._told.clear()
        if process is None:
            return
        process.writer.transport.abort()
        if process.popen.poll() is None:
            process.popen.send_signal(signal.SIGKILL)
        status = await asyncio.to_thread(process.popen.wait)
        if status not in (0, -signal.SIGKILL):
            log.warning("the process that plays past turns ended with status %d", status)
