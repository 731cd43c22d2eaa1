"""What the gateway knows of the universe: the turn that was last published, and a way to ask for changes.

`Universe` is the seam; ``universe_process.UniverseProcess`` is the real one, on the other end of a pipe. What travels over that
pipe is defined here: `Request` and `Stop` to the universe, all others from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from wasmverse.commands import Command
from wasmverse.errors import WasmverseError


@dataclass(frozen=True, slots=True)
class TurnReport:
    """What the universe says after each turn is committed and its snapshot published.

    ``started_at`` and ``ended_at`` are seconds since 1970 (UTC); ``phase_seconds`` has the keys read, observe, decide,
    resolve, commit, publish; ``late_turns`` counts since this server's start; ``grounded`` are the
    strategies that were grounded in it for the time that they took.
    """

    tid: int
    started_at: float
    ended_at: float
    late_turns: int
    writes: int
    ships: int
    nodes: int
    faults: int
    phase_seconds: dict[str, float] = field(default_factory=dict)
    grounded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of the start, in words for a person."""

    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """A command, and a number by which its answer is known.

    ``deadline`` is a moment of the machine's monotonic clock: the universe drops a command that it has not begun by then.
    """

    number: int
    command: Command
    deadline: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: what the command returned, or the error it met."""

    number: int
    value: dict[str, Any] | None
    error: WasmverseError | None


@dataclass(frozen=True, slots=True)
class Confined:
    """The universe is closed in, before the first guest: each layer with nothing, or why it does not hold."""

    layers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Turn ``tid`` was committed, but not published; the next report says that this is over. The text is for a person."""

    tid: int
    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish the turn, close the database, end."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The universe cannot go on; the message is for a person."""

    message: str


class Universe(Protocol):
    """The gateway's view of the universe. All methods are for the event loop's thread."""

    period_seconds: float
    snapshot_folder: Path

    @property
    def last(self) -> TurnReport | None:
        """The newest report, None before the first snapshot is there."""

    @property
    def is_alive(self) -> bool:
        """Whether the universe process runs."""

    @property
    def trouble(self) -> str | None:
        """What is wrong with a universe that runs, for a person; None if nothing is known to be."""

    async def next_turn(self, after: int) -> TurnReport:
        """Wait for the first report of a turn later than ``after``; raises UniverseUnavailable if the process ended."""

    async def ask(self, command: Command) -> dict[str, Any]:
        """Have a command carried out between two turns and return its answer; raises the WasmverseError it met.

        UniverseSilent says that there was no answer in time, and that nobody knows whether the command was carried out.
        """
