"""The functions that PL/Python calls in a backend; storage/postgres/functions.py has their SQL.

A session keeps between calls what it was told to play, its guests and its threads. To import this changes nothing in the
backend; the first call makes room for guests on the stacks of threads, and has wasmtime take up the signals of traps.
"""

from __future__ import annotations

import ctypes
import gc
import json
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import wasmverse
from wasmverse.errors import WasmverseError
from wasmverse.storage.postgres.backend.guests import SessionGuests, target
from wasmverse.storage.postgres.backend.messages import (
    Task,
    decode_decisions,
    encode_accounts,
    encode_summaries,
)
from wasmverse.storage.postgres.backend.shard import BlockKey, Shard, warm_up
from wasmverse.storage.postgres.backend.statements import Statement
from wasmverse.universe.cache import are_compiled, base_folder, keep_on_disk
from wasmverse.universe.turn import TurnPlayer

SQLSTATE = "WV001"
"""Of an error that Wasmverse raises on purpose: the message is its own."""

TRAPS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP}
"""Signals of a thread's own instructions. All others are PostgreSQL's, and only its own thread may have them."""


KEPT_BYTES = 256 << 20
"""Of memory that is free again, so much is kept for the next turn: to fetch it from the kernel is a tenth of a small turn."""

COLLECTED_TURNS = 64
"""Turns after which what they left in cycles is collected; collections of everything else would be pauses."""


class _Session:
    """This backend's side of the session: made by its first call."""

    def __init__(self, threads: int) -> None:
        keep_on_disk(base_folder())
        _keep_memory()
        gc.collect()
        gc.freeze()
        gc.disable()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.valid_signals()) - TRAPS)
        try:
            self.player = TurnPlayer(threads)
            self.player.crew.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.shard = Shard(self.player, SessionGuests())
        self.plans: dict[Statement, Any] = {}
        self.task: tuple[bytes, Task] | None = None

    def begin(self, data: bytes) -> Task:
        """The task that is to be played, which may be that of the call before."""
        if self.task is None or self.task[0] != data:
            self.task = (data, Task.decoded(data))
            if self.task[1].tid % COLLECTED_TURNS == 0:
                gc.collect()
        return self.task[1]


_sessions: dict[int, _Session] = {}
"""At most one, by its threads."""


class _Spi:
    """A `statements.Connection` within the backend."""

    def __init__(self, plpy: Any, plans: dict[Statement, Any]) -> None:
        self._plpy = plpy
        self._plans = plans

    def rows(self, statement: Statement, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        plan = self._plans.get(statement)
        if plan is None:
            plan = self._plans[statement] = self._plpy.prepare(statement.text, list(statement.types))
        return [tuple(row.values()) for row in self._plpy.execute(plan, list(values))]


def _keep_memory() -> None:
    """Have the C library give nothing back to the kernel that this session will need again, where it is glibc."""
    trim_threshold, mmap_threshold = -1, -3  # malloc.h
    with suppress(AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, 32 << 20)  # the most that it takes
        libc.mallopt(trim_threshold, KEPT_BYTES)


def _session(threads: int) -> _Session:
    if threads not in _sessions:
        for other in _sessions.values():
            other.player.close()
        _sessions.clear()
        _sessions[threads] = _Session(threads)
    return _sessions[threads]


def play(plpy: Any, relation: str, blocks: Sequence[int], threads: int, data: bytes) -> bytes:
    """Play blocks of a relation by an encoded `Task`; their encoded summaries."""
    try:
        session = _session(threads)
        summaries = session.shard.play(
            session.begin(data), _keys(relation, blocks), _Spi(plpy, session.plans)
        )
        return encode_summaries(summaries)
    except WasmverseError as error:
        return _fail(plpy, error.message)


def settle(plpy: Any, relation: str, blocks: Sequence[int], data: bytes) -> bytes:
    """End the turn of these blocks by encoded decisions, of which there may be more; what is told of them, encoded."""
    if not _sessions:
        return _fail(plpy, "nothing was played in this session: play the turn again")
    try:
        (session,) = _sessions.values()
        tid, decisions = decode_decisions(data)
        accounts = session.shard.settle(
            tid, _keys(relation, blocks), [decisions[block] for block in blocks], _Spi(plpy, session.plans)
        )
        return encode_accounts(accounts)
    except WasmverseError as error:
        return _fail(plpy, error.message)


def _keys(relation: str, blocks: Sequence[int]) -> list[BlockKey]:
    return [BlockKey(relation, block) for block in blocks]


def _fail(plpy: Any, message: str) -> NoReturn:
    plpy.error(message, sqlstate=SQLSTATE)
    raise AssertionError(message)


def ready() -> str:
    """What is installed here, as JSON, and whether a session before has left the machine code of the kernels."""
    keep_on_disk(base_folder())
    return json.dumps(
        {"version": wasmverse.__version__, "target": target(), "are_kernels_compiled": are_compiled()}
    )


def get_ready() -> None:
    """Load all that this session plays with, which takes a second; or compile it, which takes a minute."""
    if not _sessions:
        warm_up(_session(1).player)
