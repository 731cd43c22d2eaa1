"""What the gateway knows of the universe: the turn that was published last, and a way to ask for changes.

`Universe` is the Protocol; ``processes.universe.UniverseProcess`` implements it, over a pipe to the universe's process. The
messages on that pipe are defined here: `Request`, `FunctionsUsed`, `Watchers` and `Stop` go to the universe, all others come from
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from wasmverse.commands import Command, Question
from wasmverse.errors import WasmverseError


@dataclass(frozen=True, slots=True)
class TurnReport:
    """Sent by the universe after each turn that was committed and published.

    ``started_at`` and ``ended_at`` are seconds since 1970 (UTC); ``phase_seconds`` has the keys read, observe, decide,
    resolve, commit, publish; ``late_turns`` counts since this server's start; ``grounded`` names the
    strategies that this turn grounded for the time that they took.
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
class Condition:
    """How the universe is kept, and who plays it; sent when it has changed, before the report that it is for.

    engine : ``duckdb``, ``postgresql`` or ``citus``; servers : how many have a part of it; play : ``inside`` them or ``outside``
    is_clock : whether this process plays the turns; else it follows the one that does
    lag_turns : how many turns were committed between the last one that was published here and the one before: those it left out,
        because it is slower than turns come
    clock : who plays, for a person; None where nobody does
    recovered : what was put right last, and when, for a person; None if nothing was since the start
    """

    engine: str = "duckdb"
    servers: int = 0
    play: str = "outside"
    is_clock: bool = True
    clock: str | None = None
    lag_turns: int = 0
    recovered: str | None = None
    recoveries: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """Which turns are kept on disk to be played again, as of the last that was written down; sent after a turn was published.

    oldest_tid, newest_tid : None while there is none; turns in between may be missing where the disk took no more
    bytes : what they take, with the code that they need
    trouble : why none can be kept at the moment, for a person; None if nothing is wrong
    """

    oldest_tid: int | None
    newest_tid: int | None
    bytes: int
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of the start, described for a person."""

    text: str


class FunctionKey(NamedTuple):
    """One version of a Wasm function: its name, the names of its parameters' types in SQL, and its number."""

    name: str
    parameters: str
    version: int


class FunctionUse(NamedTuple):
    """What calls of a function came to: queries that called it, rows, faults among them, fuel, processor time in seconds."""

    calls: int = 0
    rows: int = 0
    faults: int = 0
    fuel: int = 0
    seconds: float = 0.0

    def __add__(self, other: object) -> FunctionUse:
        """Both together, each up to what a column can hold."""
        assert isinstance(other, FunctionUse)
        calls, rows, faults, fuel = (min(a + b, COUNT_MAX) for a, b in zip(self[:4], other[:4], strict=True))
        return FunctionUse(calls, rows, faults, fuel, self.seconds + other.seconds)


COUNT_MAX = 2**62


@dataclass(frozen=True, slots=True)
class FunctionsUsed:
    """Sent to the universe now and then: what readers have counted since the last time; it is shown with the next turn."""

    uses: dict[FunctionKey, FunctionUse]


@dataclass(frozen=True, slots=True)
class Watchers:
    """Sent to the universe when the number of connections with live queries has changed; it is shown with the next turn."""

    count: int


@dataclass(frozen=True, slots=True)
class Request:
    """A command, and the number that its answer will have.

    ``deadline`` is a time of the machine's monotonic clock: the universe drops a command that it has not begun by then.
    """

    number: int
    command: Command | Question
    deadline: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: what the command returned, or the error it met."""

    number: int
    value: dict[str, Any] | None
    error: WasmverseError | None


@dataclass(frozen=True, slots=True)
class Confined:
    """The universe is confined, before the first guest runs: each layer with "", or with the reason why it does not hold."""

    layers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Turn ``tid`` is committed, and it or the next one cannot be published; the next `TurnReport` means that this is over. The
    text is for a person."""

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
    """The gateway's view of the universe. All methods are to be called in the event loop's thread."""

    period_seconds: float
    snapshot_folder: Path

    @property
    def last(self) -> TurnReport | None:
        """The newest report; None before the first snapshot was published."""

    @property
    def condition(self) -> Condition:
        """How it is kept, and who plays it."""

    @property
    def kept(self) -> Kept | None:
        """Which past turns are kept on disk; None where they are kept only in memory."""

    @property
    def is_alive(self) -> bool:
        """Whether the universe process is running."""

    @property
    def trouble(self) -> str | None:
        """What is wrong with a running universe, for a person; None if nothing is known to be wrong."""

    async def next_turn(self, after: int) -> TurnReport:
        """Wait for the first report of a turn later than ``after``; raises UniverseUnavailable if the process ended."""

    async def ask(self, command: Command | Question) -> dict[str, Any]:
        """Have a command carried out between two turns and return its answer; raises the WasmverseError that it met.

        UniverseSilent means that there was no answer in time, so that it is not known whether the command was carried out.
        """

    def tell_uses(self, uses: dict[FunctionKey, FunctionUse]) -> None:
        """Have the universe show what readers have counted of functions; nothing is answered."""

    def tell_watchers(self, count: int) -> None:
        """Have the universe show how many connections have live queries; nothing is answered."""
