"""The gateway's end of the pipe to the universe process: start it, hear its turns, ask it, stop it."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from wasmverse.commands import Command
from wasmverse.errors import UniverseUnavailable
from wasmverse.link import TurnReport
from wasmverse.loop import Answer, Failure, Progress, Request, Stop, run_universe
from wasmverse.settings import Settings

STOP_SECONDS = 60.0


class UniverseProcess:
    """The universe in a process of its own; implements ``link.Universe``. Use from one event loop."""

    def __init__(self, settings: Settings, snapshot_folder: Path, tell: Callable[[str], None]) -> None:
        self.period_seconds = settings.period_seconds
        self.snapshot_folder = snapshot_folder
        self.failure: str | None = None
        self.ended = asyncio.Event()
        self._tell = tell
        self._last: TurnReport | None = None
        self._turned: asyncio.Future[TurnReport] = asyncio.get_running_loop().create_future()
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=run_universe, args=(settings, snapshot_folder, theirs), name="wasmverse-universe"
        )
        self._process.start()
        theirs.close()
        self._sending = threading.Lock()
        loop = asyncio.get_running_loop()
        threading.Thread(
            target=self._listen, args=(self._pipe, loop), name="universe-pipe", daemon=True
        ).start()

    @property
    def last(self) -> TurnReport | None:
        """The newest report; None before the first snapshot is there."""
        return self._last

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return not self.ended.is_set()

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid

    async def next_turn(self, after: int) -> TurnReport:
        """Wait for the first report of a turn later than ``after``.

        Raises
        ------
        UniverseUnavailable : the process ended.
        """
        while self._last is None or self._last.tid <= after:
            self._require_alive()
            await asyncio.shield(self._turned)
        return self._last

    async def ask(self, command: Command) -> dict[str, Any]:
        """Have a command carried out between two turns.

        Raises
        ------
        WasmverseError : what the command met; UniverseUnavailable when the process ended.
        """
        self._require_alive()
        self._number += 1
        number = self._number
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            await asyncio.to_thread(self._send, Request(number, command))
            return await answer
        finally:
            self._asked.pop(number, None)

    async def stop(self) -> int | None:
        """Let the turn finish and the database close; returns the process's exit status."""
        with contextlib.suppress(UniverseUnavailable):
            await asyncio.to_thread(self._send, Stop())
        await asyncio.to_thread(self._process.join, STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join)
        return self._process.exitcode

    def _send(self, message: object) -> None:
        try:
            with self._sending:
                self._pipe.send(message)
        except OSError as error:
            raise UniverseUnavailable("the universe process has ended: see the server's log") from error

    def _require_alive(self) -> None:
        if self.ended.is_set():
            raise UniverseUnavailable(
                f"the universe process has ended: {self.failure or 'see the log of the server'}"
            )

    # The listening thread hands every message to the event loop.

    def _listen(self, pipe: Connection, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                message = None
            try:
                loop.call_soon_threadsafe(self._hear, message)
            except RuntimeError:  # the event loop was closed first
                return
            if message is None:
                return

    def _hear(self, message: object) -> None:
        match message:
            case Progress(text):
                self._tell(text)
            case TurnReport():
                self._last = message
                turned, self._turned = self._turned, asyncio.get_running_loop().create_future()
                turned.set_result(message)
            case Answer(number, value, error):
                answer = self._asked.get(number)
                if answer is not None and not answer.done():
                    if error is not None:
                        answer.set_exception(error)
                    else:
                        answer.set_result(value or {})
            case Failure(text):
                self.failure = text
            case None:
                self._end()

    def _end(self) -> None:
        self.ended.set()
        unavailable = UniverseUnavailable(
            f"the universe process has ended: {self.failure or 'it was stopped'}"
        )
        futures: list[asyncio.Future[Any]] = [self._turned, *self._asked.values()]
        for waiting in futures:
            if not waiting.done():
                waiting.set_exception(unavailable)
                waiting.exception()  # nobody need be waiting
