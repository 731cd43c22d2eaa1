"""What the gateway knows of the universe: the turn that was last published, and a way to ask for changes.

`Universe` is the seam; ``universe_process.UniverseProcess`` is the real one, on the other end of a pipe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from wasmverse.commands import Command


@dataclass(frozen=True, slots=True)
class TurnReport:
    """What the universe says after each turn is committed and its snapshot published.

    ``started_at`` and ``ended_at`` are seconds since 1970 (UTC); ``phase_seconds`` has the keys read, observe, decide,
    resolve, commit, publish; ``late_turns`` counts since this server's start.
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

    async def next_turn(self, after: int) -> TurnReport:
        """Wait for the first report of a turn later than ``after``; raises UniverseUnavailable if the process ended."""

    async def ask(self, command: Command) -> dict[str, Any]:
        """Have a command carried out between two turns and return its answer; raises the WasmverseError it met."""
