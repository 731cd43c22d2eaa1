"""What an engine does for a universe: it advances it a turn, carries out commands, and shows what is committed.

The turn is the seam, not reading and writing a state: in a server database a turn is played inside it. Who plays, records,
replays or measures a universe knows only this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

import pyarrow as pa

from wasmverse.commands import CheckUpload, Command, FindVersion
from wasmverse.messages import Condition, FunctionKey, FunctionUse, TurnReport
from wasmverse.settings import SimulationSettings
from wasmverse.simulation.catalogue import Catalogue
from wasmverse.simulation.journal import Journal
from wasmverse.simulation.registry import Registry
from wasmverse.storage.facts import Facts
from wasmverse.storage.phases import TurnPhases
from wasmverse.universe.turn import Laws

Tables = dict[str, pa.Table]
"""What readers may see of one turn, by name: see ``schema.SNAPSHOT_TABLES``."""

Publish = Callable[[str, pa.Table], None]
"""Is given tables of a turn by name, each as soon as it is ready, and must not show them before the turn is committed. Called on
several threads."""


class Size(NamedTuple):
    """How many ships and nodes there are."""

    ships: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Founding:
    """When a universe was made, its rows of ``strategy``, and by their hash the modules of those that were not removed."""

    made_at: datetime
    strategies: Sequence[Any]
    modules: dict[str, bytes]


class UniverseStore(Protocol):
    """An open universe. Not thread-safe: one owner advances, commands and reads.

    settings : those that it was opened with, or took up; registry : who flies; catalogue : the functions of SQL
    strategy_rows : the table ``strategy`` as it is committed; the same object as long as nothing changes
    recorder : is told of every turn and command, if there is one
    phases : what turns cost, and who watches; shown with the next snapshot, not stored
    forgets_removed : whether an upload drops removed strategies that no ship flies any more
    """

    laws: Laws
    settings: SimulationSettings
    registry: Registry
    catalogue: Catalogue
    strategy_rows: pa.Table
    recorder: Journal | None
    phases: TurnPhases
    forgets_removed: bool

    @property
    def tid(self) -> int:
        """The last committed turn."""

    @property
    def next_eid(self) -> int:
        """The eid that the next new entity gets."""

    @property
    def size(self) -> Size:
        """Of the committed state."""

    def advance(
        self,
        deadline: float | None = None,
        publish: Publish | None = None,
        grounded: dict[str, float] | None = None,
    ) -> TurnReport:
        """Play and commit the next turn.

        Parameters
        ----------
        deadline : seconds since 1970 after which the turn counts as late; None for never. Without one no strategy is
            grounded for its time.
        grounded : who was grounded for their time when this turn was played before, and what they took, in seconds.
        """

    def carry_out(self, command: Command) -> dict[str, Any]:
        """Carry out one command between two turns; its answer.

        Raises
        ------
        WasmverseError : it cannot be carried out; nothing is changed then.
        """

    def check_upload(self, upload: CheckUpload) -> dict[str, Any]:
        """What `carry_out` would answer to this upload now, or the error; nothing is changed and nothing is recorded.

        Raises
        ------
        WasmverseError : it would be refused.
        """

    def find_version(self, wanted: FindVersion) -> dict[str, Any]:
        """A module that a strategy flew before, as `FindVersion` says.

        Raises
        ------
        StrategyError : there is none, or it is somebody else's.
        """

    def snapshot(self) -> Tables:
        """Everything that a reader may see at the committed turn."""

    def note_uses(self, uses: dict[FunctionKey, FunctionUse]) -> None:
        """Show with the next snapshot what readers have counted of functions; it is not stored."""

    def state_hash(self) -> str:
        """The hash of the committed state; see ``universe.state.state_hash``."""

    def founding(self) -> Founding:
        """When it was made, and the strategies that it has now."""

    def take_up(self, settings: SimulationSettings, bad_turns: dict[str, int]) -> None:
        """Go on as a process with these settings; ``bad_turns`` counts each strategy's in a row so far."""

    @property
    def threads(self) -> int:
        """How many share out a turn's blocks."""

    @property
    def is_maintenance_due(self) -> bool:
        """Whether it is time for `maintain`."""

    def maintain(self) -> None:
        """What the engine has to do now and then between two turns, so that no turn pays for it."""

    def size_bytes(self) -> int:
        """Bytes on disk; 0 for a universe in memory."""

    def close(self) -> None:
        """Leave the store closed, everything committed in it."""


@runtime_checkable
class FileStore(UniverseStore, Protocol):
    """A universe in a file, which can be copied while turns go on."""

    def hold(self) -> tuple[int, int]:
        """Leave alone what is committed until `release`: so many bytes of the file and of its log, copied meanwhile, are the
        universe as it is committed now. The file grows as long as this lasts."""

    def release(self) -> None:
        """Reuse places of the file again."""

    def described(self) -> Callable[[], Facts]:
        """What computes the facts of the state that is committed now, in any thread, also when turns go on."""


@runtime_checkable
class SharedStore(UniverseStore, Protocol):
    """A universe that several processes have open at once: one of them has the clock, and plays; the others follow.

    Every method may raise DatabaseLost; after that only `reconnect` and `close` may be called.

    is_clock : whether this process may `advance`; any may carry out commands. `advance` raises ClockLost, and commits nothing, if
        another one took the clock.
    """

    is_clock: bool

    def claim(self, *, from_frozen: bool = False) -> bool:
        """Take the clock if nobody has it; whether it is ours. The state is then the committed one.

        Parameters
        ----------
        from_frozen : first end the session of the process that has it: it does nothing any more.
        """

    def keep_commands(self) -> None:
        """Have no other process carry out commands until this store is closed or reconnects: what happens is recorded here."""

    def follow(self) -> TurnReport | None:
        """Take over what other processes have committed by now, and do not wait: the report of the newest turn, if there is one
        that is newer than ours. What their commands changed is taken over, too.
        """

    def is_clock_at_work(self) -> bool:
        """Whether the process that has the clock has shown since the last call that it is at work on a turn."""

    def fileno(self) -> int:
        """What becomes readable when another process has committed something: it is then time to `follow`."""

    def reconnect(self) -> None:
        """Open new sessions after DatabaseLost, recover what the old ones left behind, and take over the committed state. The
        clock is not ours after that.
        """

    def condition(self) -> Condition:
        """Who plays, and what was recovered; no statement is sent for it."""
