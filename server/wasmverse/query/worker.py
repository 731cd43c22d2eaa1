"""The pool's end of one reader process: start it, ask it, watch its memory, end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess
import time
import weakref
from collections.abc import Callable

import psutil

from wasmverse.confinement import groups
from wasmverse.confinement.processes import bare_environment, inside
from wasmverse.query import wire
from wasmverse.query.wire import GRACE_SECONDS

START_SECONDS_MAX = 60.0
_SIGNALS_WITHOUT_MEMORY = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT})
"""How native code ends when an allocation or stack memory is denied and it does not check: seen once in some 90 queries that
met the limit. Defective code ends like that too, so it counts as memory only if much of that was in use."""

_MUCH = 0.25
"""The fraction of its memory limit that a reader must last have used for such an end to be attributed to memory."""


_FOLLOWS_SECONDS = 5.0
"""How long the started process may take to end after the process that it waits for."""


class ReaderGone(Exception):
    """The process ended instead of answering; ``reason`` is one word for it, ``detail`` a clause for a
    person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


BEHIND = "behind"
"""The reason for a query that was queued after the one at which its reader ended: another reader may be asked."""

UNREAD = "unread"
"""The reason for a query that its reader had not read when it ended: another reader may be asked."""

STREAM_BYTES = 1 << 20
"""Bytes of an answer that are buffered unread; of an answer without room, the gateway never holds more."""

Admit = Callable[[wire.AnswerHead, int], bool]
"""Given an answer's head and the size of its body: whether to read the body, or to discard it."""


class NoRoom(Exception):
    """The answer was discarded because there was no room for its ``size`` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size:,} bytes")
        self.size = size


class Worker:
    """One reader process, which answers queries in the order in which they are asked; after ``ReaderGone`` it cannot be used
    any more.

    confinement : layer -> nothing, or why it does not hold; what the process says of itself before its first request
    outstanding : queries that it was lent for and has not answered; `Readers` counts them
    is_shared : whether all of these are quick ones, after which others may be queued
    is_slow : whether it was lent for a query that is known to be slow
    since : when it began with its current query
    on_gone : called once, when the process has ended or closed its connection
    """

    def __init__(self, config: wire.ReaderConfig) -> None:
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._group = groups.Group(())
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._pid = 0
        self._handle: int | None = None
        self._has_ended = False
        self._is_outgrown = False
        self._used_at_start = 0
        self._used_much = False
        self._answering = asyncio.Lock()
        self.confinement: dict[str, str] = {}
        self.retires = False
        self.outstanding = 0
        self.is_shared = False
        self.is_slow = False
        self.since = 0.0
        self.interrupted_at = 0.0
        self._limit: asyncio.Timeout | None = None
        self.on_gone: Callable[[Worker], None] = lambda _: None

    @property
    def pid(self) -> int:
        """The id of the process that computes, which may be a child of the started one; 0 before the start."""
        return self._pid

    @property
    def is_usable(self) -> bool:
        """Whether the process is there to be asked again."""
        return self._process is not None and not self._has_ended

    async def start(self) -> None:
        """Start the process and wait until it can answer.

        Raises
        ------
        ReaderGone : it ended, or was not ready in a minute.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            config = self._config
            self._group = groups.ours().group("reader", config.process_threads_max, config.memory_bytes)
            environment = bare_environment() | self._group.environment()
            # Arrow's own allocator reserves up to a gigabyte at once, and the limit on data counts all of it.
            environment["ARROW_DEFAULT_MEMORY_POOL"] = "system"
            self._process = subprocess.Popen(
                [*inside("wasmverse.reader.process"), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment,
                process_group=0,
            )
        self._pid = self._process.pid
        loop = asyncio.get_running_loop()
        self._reader = asyncio.StreamReader(STREAM_BYTES, loop)
        protocol = _Protocol(self._reader, self._on_gone)
        transport, _ = await loop.create_connection(lambda: protocol, sock=ours)
        self._writer = asyncio.StreamWriter(transport, protocol, self._reader, loop)
        try:
            self._send(wire.pack(self._config))
            head, _ = await asyncio.wait_for(self._receive(lambda _head, _size: True), START_SECONDS_MAX)
            self.confinement = head.get("confinement", {})
            self._take_hold(head.get("pid", self._pid))
        except TimeoutError:
            await self.end()
            raise ReaderGone("start", f"was not ready in {START_SECONDS_MAX:.0f} s") from None
        with contextlib.suppress(psutil.Error):
            memory = psutil.Process(self.pid).memory_info()
            self._used_at_start = memory.rss - memory.shared

    def _take_hold(self, pid: int) -> None:
        """Open a handle on the process that computes: it is not our child, so its id could be reused for another process."""
        assert self._process is not None
        if pid == self._process.pid:
            return
        self._pid = pid
        with contextlib.suppress(OSError):  # a kernel or container without pidfds: use its id
            self._handle = os.pidfd_open(pid)
            weakref.finalize(self, os.close, self._handle)

    def _signal(self, number: int) -> None:
        """Signal the process that computes, if there still is one."""
        with contextlib.suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, number)
            elif self._process is not None and self._process.pid != self._pid:
                os.kill(self._pid, number)
            elif self._process is not None:
                self._process.send_signal(number)

    def _on_gone(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self.on_gone(self)

    async def ask(self, frame: bytes, admit: Admit) -> tuple[wire.AnswerHead, bytes | bytearray]:
        """Have one query answered. Others may be asked meanwhile: each is sent at once, and its time counts from when the
        reader reaches it.

        Parameters
        ----------
        frame : the packed query.
        admit : whether there is room for the answer.

        Raises
        ------
        NoRoom : ``admit`` said no; the process may be asked on.
        ReaderGone : the process was ended (``time``: it heeded no interruption; ``memory``: it outgrew its
        limit), or
            ended by itself (``crash``), at this query; or at one before it (``BEHIND``), or before it had read it (``UNREAD``).
        """
        try:
            if not self._has_ended:
                self._send(frame)
            # A lock is given in the order in which it is asked for, which is the order of the answers.
            async with self._answering:
                if self._has_ended:
                    raise ReaderGone(BEHIND, "waited behind another that ended its process")
                return await self._answer(admit)
        except asyncio.CancelledError:
            await self.end()  # an answer that nobody awaits must not be taken for that of the next query
            raise

    async def _answer(self, admit: Admit) -> tuple[wire.AnswerHead, bytes | bytearray]:
        # The reader interrupts the query at the limit; if it goes on, its process is ended a little later.
        self.since, self.interrupted_at = time.monotonic(), 0.0
        try:
            async with asyncio.timeout(self._config.seconds_max + GRACE_SECONDS) as self._limit:
                head, body = await self._receive(admit)
        except TimeoutError:
            await self.end()
            if self.interrupted_at:
                raise ReaderGone("heedless", "was interrupted and went on") from None
            raise ReaderGone("time", f"ran longer than {self._config.seconds_max:g} s") from None
        finally:
            self._limit = None
        self.retires = self.retires or bool(head.get("retire"))
        if "ends" in head:
            self._has_ended = True  # queries that were sent meanwhile will not be answered
        return head, body

    def interrupt(self) -> None:
        """Have the reader stop its current query, as at the time limit; if it does not, its process is ended. The reader may
        have gone on to the next query by then: such a query is asked again, not refused.
        """
        if self._limit is None or not self.is_usable or self.interrupted_at:
            return
        self.interrupted_at = time.monotonic()
        self._limit.reschedule(asyncio.get_running_loop().time() + GRACE_SECONDS)
        self._signal(signal.SIGALRM)

    def _send(self, frame: bytes) -> None:
        assert self._writer is not None
        self._writer.write(frame)

    async def _receive(self, admit: Admit) -> tuple[wire.AnswerHead, bytes | bytearray]:
        assert self._reader is not None and self._writer is not None
        try:
            await self._writer.drain()
            head, size = await wire.read_head(self._reader, self._config.bytes_max * 2 + (16 << 20))
            if not size:
                return head, b""
            if not admit(head, size):
                await wire.skip_body(self._reader, size)
                self.retires = self.retires or bool(head.get("retire"))
                raise NoRoom(size)
            return head, await wire.read_body(self._reader, size)
        except (EOFError, ConnectionError, ValueError) as error:
            status = await self.end(pause_seconds=0.5)
            if self._is_outgrown:
                raise ReaderGone(
                    "memory",
                    f"used more than {self._config.memory_bytes:,} bytes of memory, the limit for one query",
                ) from error
            if isinstance(error, ConnectionError):
                # The kernel says that the other end was closed with unread data: this query, or one after it.
                raise ReaderGone(UNREAD, f"was sent to a process that had ended (status {status})") from error
            is_signal = status is not None and -status in set(signal.Signals)
            how = signal.Signals(-(status or 0)).name if is_signal else f"status {status}"
            if status is not None and -status in _SIGNALS_WITHOUT_MEMORY and self._used_much:
                raise ReaderGone(
                    "memory", f"ended its process ({how}), as one that is given no more memory does"
                ) from error
            raise ReaderGone("crash", f"ended its process ({how})") from error

    def watch(self) -> None:
        """End the process if it uses more memory of its own than it may: a second line of defence after its own limit."""
        if not self.is_usable:
            return
        try:
            memory = psutil.Process(self.pid).memory_info()
        except psutil.Error:
            return
        used = memory.rss - memory.shared
        self._used_much = used - self._used_at_start > _MUCH * self._config.memory_bytes
        if used > self._config.memory_bytes:
            self._is_outgrown = True
            self._signal(signal.SIGKILL)

    async def end(self, pause_seconds: float = 0.0) -> int | None:
        """End the process, if it has not ended by itself after a pause, and wait for it; its exit status."""
        self._has_ended = True
        if self._writer is not None:
            self._writer.transport.abort()
        if self._process is None:
            return None
        status = await asyncio.to_thread(self._wait, pause_seconds)
        self._group.remove()
        return status

    def _wait(self, pause_seconds: float) -> int:
        process = self._process
        assert process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(pause_seconds)
        if self._handle is not None and _has_ended(self._handle, 0):
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_FOLLOWS_SECONDS)  # it is about to end with the same status
        if self._handle is not None:
            self._signal(signal.SIGKILL)
            process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_FOLLOWS_SECONDS)  # it ends once the namespace is empty
        process.kill()
        return process.wait()


class _Protocol(asyncio.StreamReaderProtocol):
    """Tells at once that the other side has gone, whether somebody reads or not."""

    def __init__(self, stream: asyncio.StreamReader, on_gone: Callable[[], None]) -> None:
        super().__init__(stream)
        self._on_gone = on_gone

    def eof_received(self) -> bool:
        """Nothing more will come."""
        super().eof_received()
        self._on_gone()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """It broke, or was closed by us."""
        super().connection_lost(exc)
        self._on_gone()


def _has_ended(handle: int, seconds: float) -> bool:
    """Whether the process has ended, or ends within this time."""
    ended = select.poll()
    ended.register(handle, select.POLLIN)
    return bool(ended.poll(seconds * 1000))
