"""Messages that a separate thread writes to a pipe, because the reader at the other end may have stopped."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class Letter:
    """A message, and the time of the monotonic clock after which it is of no use."""

    message: bytes
    deadline: float = math.inf
    is_taken: bool = False


class Outbox:
    """Letters in order; one thread puts them, another takes them. A letter past its deadline is never taken."""

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._under_way = 0

    def size(self) -> tuple[int, int]:
        """How many letters wait and how many bytes they have, including the one that is being written."""
        with self._changed:
            self._drop_late()
            under_way = self._under_way
            return len(self._letters) + bool(under_way), under_way + sum(
                len(x.message) for x in self._letters
            )

    def put(self, letter: Letter) -> None:
        """Add a letter at the end."""
        with self._changed:
            self._letters.append(letter)
            self._changed.notify()

    def take_back(self, letter: Letter) -> bool:
        """Remove a letter if it is still there; returns whether it will never be written."""
        with self._changed:
            if letter in self._letters:
                self._letters.remove(letter)
            return not letter.is_taken

    def take(self) -> bytes | None:
        """Wait for the next message, which counts as being written until the next call; None once the box is closed."""
        with self._changed:
            self._under_way = 0
            while not self._is_closed:
                self._drop_late()
                if self._letters:
                    letter = self._letters.popleft()
                    letter.is_taken = True
                    self._under_way = len(letter.message)
                    return letter.message
                self._changed.wait()
            return None

    def close(self) -> None:
        """Let ``take`` return None from now on."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _drop_late(self) -> None:
        now = time.monotonic()
        late = [letter for letter in self._letters if letter.deadline < now]
        for letter in late:
            self._letters.remove(letter)
