"""The gateway's end of the pipe to the universe process: starts it, receives its turns, sends it commands, stops it.

Whatever the universe does, nobody waits for it without a limit. Each command has a deadline, and a separate thread writes
what is sent, because a stopped universe reads nothing and a pipe holds little.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from wasmverse.commands import Command, Question
from wasmverse.confinement.processes import universe_environment
from wasmverse.errors import UniverseBusy, UniverseSilent, UniverseUnavailable
from wasmverse.messages import (
    Answer,
    Condition,
    Confined,
    Failure,
    FunctionKey,
    FunctionsUsed,
    FunctionUse,
    Kept,
    Progress,
    Request,
    Stop,
    Trouble,
    TurnReport,
    Watchers,
)
from wasmverse.processes.linux import is_stopped, proceed, waits_for_machine, work_of
from wasmverse.processes.outbox import Letter, Outbox
from wasmverse.processes.signals import held_back
from wasmverse.settings import UniverseProcessSettings, file_of

ANSWER_SECONDS = 2.0
"""How long after its deadline an answer is still waited for: the command may have been begun at the last moment."""

USES_SECONDS = 10.0
"""How long a universe that reads nothing is waited for with what was counted of functions; then it is lost."""

LOOK_SECONDS = 0.25
"""How often to look at a universe that has been told to stop."""

KILLED_SECONDS = 5.0
"""How long a killed process may take to disappear."""


class UniverseProcess:
    """The universe in a separate process; implements ``messages.Universe``. To be used from one event loop."""

    def __init__(
        self,
        settings: UniverseProcessSettings,
        snapshot_folder: Path,
        tell: Callable[[str], None],
        asked: Mapping[str, int] | None = None,
    ) -> None:
        self.period_seconds = settings.period_seconds
        self.snapshot_folder = snapshot_folder
        self.committed: int | None = None
        self.failure: str | None = None
        self.confinement: dict[str, str] = {}
        self.condition = Condition()
        self.kept: Kept | None = None
        self.ended = asyncio.Event()
        self._settings = settings
        self._tell = tell
        self._last: TurnReport | None = None
        self._trouble: str | None = None
        self._turned: asyncio.Future[TurnReport] = asyncio.get_running_loop().create_future()
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        ours, theirs = socket.socketpair()
        with theirs, held_back():
            command = [sys.executable, "-P", "-m", "wasmverse.processes.universe_start", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                restore_signals=False,
                env=universe_environment(connects=file_of(settings.database_path) is None),
            )
        self._pipe = Connection(ours.detach())
        self._outbox = Outbox()
        self._post((settings.part(UniverseProcessSettings), snapshot_folder, dict(asked or {})))
        loop = asyncio.get_running_loop()
        for work in (self._listen, self._write):
            threading.Thread(target=work, args=(loop,), name="universe-pipe", daemon=True).start()

    @property
    def last(self) -> TurnReport | None:
        """The newest report; None before the first snapshot is there."""
        return self._last

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return not self.ended.is_set()

    @property
    def trouble(self) -> str | None:
        """What it last said is wrong, or that a signal has stopped it; None if nothing is known to be wrong."""
        if self.is_alive and is_stopped(self.pid):
            return "the universe process is stopped by a signal: continue it with SIGCONT"
        return self._trouble

    @property
    def pid(self) -> int:
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

    async def ask(self, command: Command | Question) -> dict[str, Any]:
        """Have a command carried out between two turns.

        Raises
        ------
        WasmverseError : the error that the command met.
        UniverseBusy : the command was not begun, and will not be: too many others wait, or it waited too long.
        UniverseSilent : there was no answer in time.
        UniverseUnavailable : the process ended.
        """
        self._require_alive()
        limits = self._settings
        self._number += 1
        number = self._number
        deadline = time.monotonic() + limits.command_wait_seconds_max
        letter = Letter(pickle.dumps(Request(number, command, deadline)), deadline)
        unsent, size = self._outbox.size()
        waiting = max(unsent, len(self._asked))
        if waiting >= limits.command_queue_max or (
            size and size + len(letter.message) > limits.command_bytes_max
        ):
            raise UniverseBusy(
                f"{waiting} commands with {size:,} bytes wait for the universe; {limits.command_queue_max} with "
                f"{limits.command_bytes_max:,} may, so this one was not taken: try again in a moment"
            )
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._outbox.put(letter)
        seconds = limits.command_wait_seconds_max + ANSWER_SECONDS
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            reason = self.trouble or "it may be busy with a long turn"
            silent = f"The universe did not answer in {seconds:g} s ({reason})"
            if self._outbox.take_back(letter):
                raise UniverseBusy(f"{silent}; the command was not begun: try again later") from None
            raise UniverseSilent(
                f"{silent}; the command is dropped unless it was begun in time: look whether it took effect before you repeat it"
            ) from None
        finally:
            self._outbox.take_back(letter)  # who asked may have left
            del self._asked[number]

    def tell_uses(self, uses: dict[FunctionKey, FunctionUse]) -> None:
        """Have the universe show what readers have counted of functions."""
        if self.is_alive:
            deadline = time.monotonic() + USES_SECONDS
            self._outbox.put(Letter(pickle.dumps(FunctionsUsed(uses)), deadline))

    def tell_watchers(self, count: int) -> None:
        """Have the universe show how many connections have live queries."""
        if self.is_alive:
            self._outbox.put(Letter(pickle.dumps(Watchers(count)), time.monotonic() + USES_SECONDS))

    def proceed(self) -> None:
        """Continue the process if a signal has stopped it."""
        if self._process.poll() is None:
            proceed(self.pid)

    async def stop(self) -> int | None:
        """Let the turn finish and the database close; returns the process's exit status, None if it cannot even be killed.

        A signal may have stopped the process: it is continued, once. It has ``stop_seconds_max`` while it is at work, and
        ``stop_idle_seconds_max`` while it does nothing; then it is killed, which loses no committed turn.
        """
        self._post(Stop())
        self.proceed()
        began = busy = time.monotonic()
        before = work_of(self.pid)
        while self._process.poll() is None:
            await asyncio.sleep(LOOK_SECONDS if time.monotonic() - began > LOOK_SECONDS else 0.02)
            work, now = work_of(self.pid), time.monotonic()
            if work != before or waits_for_machine(self.pid):
                before, busy = work, now
            if self._process.poll() is not None:
                break
            idle, limits = now - busy, self._settings
            if idle > limits.stop_idle_seconds_max or now - began > limits.stop_seconds_max:
                did = f"did nothing for {idle:.0f} s" if idle > 1 else f"was not done in {now - began:.0f} s"
                self.failure = (
                    f"the universe was to stop, {did}, and was killed; its last committed turn is intact"
                )
                return await self._kill()
        await self._heard_all()
        return self._process.returncode

    async def _kill(self) -> int | None:
        self._process.kill()
        deadline = time.monotonic() + KILLED_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        return self._process.returncode

    async def _heard_all(self) -> None:
        """Wait until its last messages have been received."""
        try:
            async with asyncio.timeout(KILLED_SECONDS):
                await self.ended.wait()
        except TimeoutError:  # another process holds its end of the pipe open
            self._end()

    def _post(self, message: object) -> None:
        self._outbox.put(Letter(pickle.dumps(message)))

    def _require_alive(self) -> None:
        if self.ended.is_set():
            raise UniverseUnavailable(
                f"the universe process has ended: {self.failure or 'see the log of the server'}"
            )

    # Two threads: one may wait for room in the pipe, the other passes every message to the event loop.

    def _write(self, _loop: asyncio.AbstractEventLoop) -> None:
        while (message := self._outbox.take()) is not None:
            try:
                self._pipe.send_bytes(message)
            except OSError:  # the universe has ended; the other thread notices that
                return

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                message = None
                self._outbox.close()
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
            case Confined(layers):
                self.confinement = layers
            case Condition():
                self.condition = message
            case Kept():
                self.kept = message
            case TurnReport():
                self._last, self._trouble, self.committed = message, None, message.tid
                turned, self._turned = self._turned, asyncio.get_running_loop().create_future()
                turned.set_result(message)
            case Answer(number, value, error):
                answer = self._asked.get(number)
                if answer is not None and not answer.done():
                    if error is not None:
                        answer.set_exception(error)
                    else:
                        answer.set_result(value or {})
            case Trouble(tid, text):
                self._trouble, self.committed = text, tid
            case Failure(text):
                self.failure = text
            case None:
                self._end()

    def _end(self) -> None:
        if self.ended.is_set():
            return
        self.ended.set()
        unavailable = UniverseUnavailable(
            f"the universe process has ended: {self.failure or 'it was stopped'}"
        )
        futures: list[asyncio.Future[Any]] = [self._turned, *self._asked.values()]
        for waiting in futures:
            if not waiting.done():
                waiting.set_exception(unavailable)
                waiting.exception()  # marks it as seen: perhaps nobody waits for it
