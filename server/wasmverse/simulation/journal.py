"""Who writes down what happens to a universe, as the simulation knows it; `recording.recorder` is the real one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from wasmverse.commands import Command


class Journal(Protocol):
    """Told of every turn and command, in their order."""

    def turn(self) -> None:
        """A turn was committed."""

    def command(self, command: Command) -> AbstractContextManager[Callable[[], None]]:
        """Around a command's transaction: what is entered is to be called before the commit; without it nothing was done."""

    def grounded(self, seconds: dict[str, float]) -> None:
        """Who is grounded in the turn that is played for their time, and what they took, in seconds."""

    def close(self, *, is_complete: bool) -> None:
        """Nothing more will come; ``is_complete`` unless a turn or a command broke off."""
