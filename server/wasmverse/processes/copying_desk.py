"""Lets somebody copy the universe's file while turns go on: what ``storage.backup_request`` asks of who plays."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wasmverse.storage.backup_request import Held, answer, answer_path, requested, reserve_bytes
from wasmverse.storage.facts import Facts
from wasmverse.storage.universe_store import FileStore

log = logging.getLogger("wasmverse.universe")


@dataclass(slots=True)
class _Copied:
    """Who copies at the moment, how large the file and its log were then, how much both may grow, and what the disk must have
    left."""

    number: str
    bytes_before: int
    growth_max: int
    free_min: int


class CopyingDesk:
    """For the thread that plays turns. Of a turn it takes the time to look whether a file is there.

    Parameters
    ----------
    growth_bytes_max : how much the file and its log may grow while they are copied; half of what the disk has left, if that is
        less. A copy on the same disk takes from it, too: what `reserve_bytes` says is left for turns.
    """

    def __init__(self, store: FileStore, path: Path, growth_bytes_max: int) -> None:
        self.store = store
        self.path = path
        self.growth_bytes_max = growth_bytes_max
        self._copied: _Copied | None = None
        self._given_up: str | None = None
        self._answering = threading.Lock()
        answer_path(path).unlink(missing_ok=True)  # of a process that was killed

    def turn_ended(self) -> None:
        """A turn is committed, and no command was carried out since."""
        try:
            if self._copied is not None and (reason := self._too_much(self._copied)):
                log.warning("turn %d: a backup is given up: %s", self.store.tid, reason)
                self._given_up = self._copied.number
                self._let_go()
            number = requested(self.path)
            if self._copied is not None and number != self._copied.number:
                self._let_go()
            if self._copied is None and number is not None and number != self._given_up:
                self._hold(number)
        except OSError as error:
            log.warning("nobody can copy the file: %s", error)

    def close(self) -> None:
        """The file is closed next: nobody may rely on its bytes any more."""
        if self._copied is not None:
            try:
                self._let_go()
            except Exception as error:  # of a database that failed already, which is what is to be told
                log.warning("the file is closed while somebody copies it: %s", error)

    def _too_much(self, copied: _Copied) -> str | None:
        """Why turns must not wait for a copy any longer; None if they may."""
        grown = self.store.size_bytes() - copied.bytes_before
        if grown > copied.growth_max:
            return f"it takes so long that the file and its log grew by {grown:,} bytes"
        free = _free_bytes(self.path)
        if free < copied.free_min:
            return f"the disk has only {free:,} bytes left for turns"
        return None

    def _hold(self, number: str) -> None:
        free = _free_bytes(self.path)
        file_bytes, log_bytes = self.store.hold()
        before = file_bytes + log_bytes
        growth_max = min(self.growth_bytes_max, free // 2)
        self._copied = _Copied(number, before, growth_max, min(reserve_bytes(before), free // 2))
        # The hash of a million ships takes as long as a part of a turn: not before the next one.
        sizes, described = (file_bytes, log_bytes), self.store.described()
        threading.Thread(
            target=self._answer, args=(number, sizes, described), name="copying", daemon=True
        ).start()

    def _answer(self, number: str, sizes: tuple[int, int], described: Callable[[], Facts]) -> None:
        facts = described()
        with self._answering:
            if self._copied is None or self._copied.number != number:
                return
            try:
                answer(self.path, Held(number, os.getpid(), *sizes, facts))
            except OSError as error:
                log.warning("nobody can copy the file: %s", error)

    def _let_go(self) -> None:
        try:
            with self._answering:
                self._copied = None
                answer_path(self.path).unlink(missing_ok=True)
        finally:
            self.store.release()


def _free_bytes(path: Path) -> int:
    return shutil.disk_usage(path.parent).free
