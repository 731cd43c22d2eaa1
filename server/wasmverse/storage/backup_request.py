"""How somebody who copies a universe's file agrees with the process that plays it: two small files beside it.

::

    universe.duckdb.copying         made, and locked with flock, by who wants to copy; holds a number chosen for this time
    universe.duckdb.copying.turn    made by who plays at the end of a turn: the number, that turn, and how many bytes to copy

As long as the first is locked and the second there, the bytes named there stay as they are. Either side may be killed at any
moment: the lock ends with its process, and who plays removes an answer that nobody waits for. Whoever may write in the
universe's folder may do this, and nobody else; the server and its tokens have no part in it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from wasmverse.errors import DatabaseError, DatabaseLocked
from wasmverse.storage.facts import Facts

LOOK_SECONDS = 0.02
_BYTES_MAX = 64 << 20

RESERVE_BYTES_MIN = 64 << 20
RESERVE_BYTES_MAX = 1 << 30
"""Between these two is what `reserve_bytes` says."""


@dataclass(frozen=True, slots=True)
class Held:
    """What may be copied: the universe at the end of the turn that ``facts`` says is the first ``file_bytes`` of the file and the
    first ``log_bytes`` of its log. ``number`` is that of who asked, ``pid`` the process that answers."""

    number: str
    pid: int
    file_bytes: int
    log_bytes: int
    facts: Facts


def reserve_bytes(size: int) -> int:
    """What a disk must have left for turns while a universe on it, which has that many bytes, is copied."""
    return min(max(size, RESERVE_BYTES_MIN), RESERVE_BYTES_MAX)


def request_path(file: Path) -> Path:
    """Where somebody asks to copy a universe's file."""
    return file.with_name(f"{file.name}.copying")


def answer_path(file: Path) -> Path:
    """Where who plays answers."""
    return file.with_name(f"{file.name}.copying.turn")


def requested(file: Path) -> str | None:
    """The number of who wants to copy the file now; None if nobody does. What a killed process left is removed.

    Raises
    ------
    OSError : the request cannot be read.
    """
    path = request_path(file)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            number = os.read(descriptor, 64).decode("ascii", "replace")
            return number or None  # which is written a moment after it was locked
        path.unlink(missing_ok=True)
        return None
    finally:
        os.close(descriptor)


def answer(file: Path, held: Held) -> None:
    """Answer who asked."""
    path = answer_path(file)
    making = path.with_name(f"{path.name}.making")
    making.write_text(json.dumps(asdict(held)), "ascii")
    making.replace(path)


class Copier:
    """Who copies; a context, at whose end the file may change again.

    Parameters
    ----------
    wait_seconds_max : how long to wait until nobody else copies it.

    Raises
    ------
    DatabaseLocked : somebody else copies it.
    DatabaseError : who copies may not write in the universe's folder, or its disk is full.
    """

    def __init__(self, file: Path, wait_seconds_max: float = 0.0) -> None:
        self.file = file
        self.wait_seconds_max = wait_seconds_max
        self.number = secrets.token_hex(16)
        self._descriptor = -1

    def __enter__(self) -> Self:
        path, ends = request_path(self.file), time.monotonic() + self.wait_seconds_max
        try:
            while self._descriptor < 0:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if os.path.samestat(os.fstat(descriptor), path.stat()):
                        self._descriptor = descriptor
                except FileNotFoundError:
                    pass  # who plays has taken it for one that was left, a moment before the lock
                except BlockingIOError:
                    if time.monotonic() >= ends:
                        raise
                    time.sleep(LOOK_SECONDS)
                finally:
                    if self._descriptor < 0:
                        os.close(descriptor)
        except BlockingIOError as error:
            raise DatabaseLocked(
                f"{self.file} is being copied by another process: wait until that has ended"
            ) from error
        except OSError as error:
            raise DatabaseError(
                f"{path} cannot be made ({error.strerror}): run this as the user of the server, who may write there"
            ) from error
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, self.number.encode(), 0)
        except OSError as error:
            self._end()
            raise DatabaseError(f"{path} cannot be written ({error.strerror}): make room there") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        with suppress(OSError):
            request_path(self.file).unlink(missing_ok=True)
        os.close(self._descriptor)

    def wait(self, is_served: Callable[[], bool], seconds_max: float) -> Held | None:
        """Wait for the end of a turn; None if nobody plays any more.

        Raises
        ------
        DatabaseError : no turn ended in that time.
        """
        ends = time.monotonic() + seconds_max
        while (held := self.held()) is None:
            if not is_served():
                return None
            if time.monotonic() > ends:
                raise DatabaseError(
                    f"the process that has {self.file} open did not end a turn in {seconds_max:g} s: is it a server of this "
                    "version that plays? Wait longer with --wait, or stop it"
                )
            time.sleep(LOOK_SECONDS)
        return held

    def held(self) -> Held | None:
        """What may be copied now; None if nothing may, not yet or not any more."""
        try:
            text = answer_path(self.file).read_bytes()[:_BYTES_MAX]
            given = json.loads(text)
            held = Held(**{**given, "facts": Facts(**given["facts"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return held if held.number == self.number else None
