"""The universe's end of the pipe to the gateway: carries out what clients command, publishes turns, and tells of them.

All this is the same for the process that plays the turns and for those that follow it. A gateway that reads nothing holds up
nobody. When the pipe breaks, the gateway is gone, and so the process has to end.
"""

from __future__ import annotations

import logging
import select
import time
from dataclasses import replace
from multiprocessing.connection import Connection, wait

import pyarrow as pa

from wasmverse.commands import CheckUpload, FindVersion, SpawnEntity
from wasmverse.errors import (
    ClockLost,
    DatabaseLost,
    SnapshotError,
    UniverseBusy,
    UniverseSilent,
    WasmverseError,
)
from wasmverse.messages import (
    Answer,
    Condition,
    FunctionsUsed,
    Kept,
    Request,
    Stop,
    Trouble,
    TurnReport,
    Watchers,
)
from wasmverse.past.keeper import Keeper, Spawned
from wasmverse.processes.copying_desk import CopyingDesk
from wasmverse.snapshots.modules import Modules, callable_strategies, function_files
from wasmverse.snapshots.snapshot import SnapshotWriter
from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema
from wasmverse.storage.opening import disk_error
from wasmverse.storage.universe_store import SharedStore, UniverseStore
from wasmverse.universe import rules

log = logging.getLogger("wasmverse.universe")

COMMANDS_LATE_MAX = 8

TURN_KEPT_TYPE = arrow_schema(schema.turn_kept)


class GatewayEnd:
    """For one thread.

    Parameters
    ----------
    store : carries out the commands; what it has committed is published in ``snapshots``.
    keeper : is told of every turn and of what is spawned between two of them; None if past turns are not kept on disk.
    desk : lets somebody copy the universe's file; None if it is in no file.
    """

    def __init__(
        self,
        store: UniverseStore,
        snapshots: SnapshotWriter,
        pipe: Connection,
        keeper: Keeper | None = None,
        desk: CopyingDesk | None = None,
    ) -> None:
        self.store = store
        self.keeper = keeper
        self.desk = desk
        self._kept: Kept | None = None
        self.snapshots = snapshots
        self.pipe = pipe
        self.is_stopping = False
        self._is_shared = isinstance(store, SharedStore)
        self._is_unpublished = False
        self._refusal: WasmverseError | None = None
        self._condition: Condition | None = None
        self._strategy_rows: pa.Table | None = None
        self._published_strategies: tuple[pa.Table, Modules]

    @property
    def is_asked(self) -> bool:
        """Whether there is something from the gateway that nobody has read yet."""
        return self.pipe.poll()

    def stop(self) -> None:
        """End after the turn that is under way."""
        self.is_stopping = True

    def serve_until(self, moment: float, also: SharedStore | None = None) -> bool:
        """Carry out commands until then; before a turn's start, those that have arrived by then take effect in it.

        A turn that is due waits for ``COMMANDS_LATE_MAX`` of them at most: a flood of commands cannot hold it up, and turns that
        never keep up cannot shut commands out. Returns whether there is to be another turn.

        Parameters
        ----------
        moment : of the machine's monotonic clock.
        also : returns before ``moment`` when another process has committed something there.
        """
        waited: list[Connection | int] = [self.pipe] if also is None else [self.pipe, also.fileno()]
        late = 0
        while not self.is_stopping:
            left = moment - time.monotonic()
            late += left <= 0
            try:
                if late > COMMANDS_LATE_MAX:
                    return True
                ready = wait(waited, max(0.0, min(left, 0.5)))
                if self.pipe not in ready:
                    if left <= 0 or ready:
                        return True
                    continue
                message = self.pipe.recv()
            except (EOFError, OSError):
                self.stop()
                return False
            if isinstance(message, Stop):
                self.stop()
            elif isinstance(message, FunctionsUsed):
                self.store.note_uses(message.uses)
            elif isinstance(message, Watchers):
                self.store.phases.note_watchers(message.count)
            elif isinstance(message, Request):
                self.send(self._answer(message))
        return False

    def pause(self, seconds: float, why: WasmverseError) -> bool:
        """Answer all commands with ``why`` they cannot be carried out, for so long; whether to go on then."""
        self._refusal = why
        try:
            return self.serve_until(time.monotonic() + seconds)
        finally:
            self._refusal = None

    def publish(self) -> bool:
        """Whether the turn can be seen: if not, turns go on, and readers answer from the last one that can."""
        try:
            self._publish()
        except SnapshotError as error:
            if not self._is_unpublished:
                log.error("%s", error.message)
            self._is_unpublished = True
            self.send(Trouble(self.store.tid, error.message))
            return False
        if self._is_unpublished:
            log.warning("turn %d is published, as those after it will be", self.store.tid)
        self._is_unpublished = False
        return True

    def _answer(self, request: Request) -> Answer:
        late = time.monotonic() - request.deadline
        if late > 0:
            return Answer(
                request.number,
                None,
                UniverseBusy(
                    f"The universe got to the command {late:.1f} s too late and did not begin it: try again in a moment"
                ),
            )
        if self._refusal is not None:
            why = UniverseBusy(f"{self._refusal.message}; the command was not begun: try again in a moment")
            return Answer(request.number, None, why)
        try:
            if isinstance(request.command, CheckUpload):
                return Answer(request.number, self.store.check_upload(request.command), None)
            if isinstance(request.command, FindVersion):
                return Answer(request.number, self.store.find_version(request.command), None)
            answer = self.store.carry_out(request.command)
            if self.keeper is not None and isinstance(request.command, SpawnEntity):
                self.keeper.spawned(_entity(self.store, request.command, answer["eid"]))
            return Answer(request.number, answer, None)
        except (DatabaseLost, ClockLost) as error:
            silent = UniverseSilent(
                f"{error.message}; look whether the command took effect before you repeat it"
            )
            self.send(Answer(request.number, None, silent))
            raise
        except WasmverseError as error:
            return Answer(request.number, None, error)
        except Exception as error:
            if (full := disk_error(error, self.store.settings.database_path)) is not None:
                self.send(Answer(request.number, None, full))
                raise full from error
            # Rolled back like any other: a command that nobody thought of must not end everybody's universe.
            log.exception("the command %r failed", type(request.command).__name__)
            failure = WasmverseError(f"the command failed: {type(error).__name__}: see the server's log")
            return Answer(request.number, None, failure)

    def begin_turn(self) -> None:
        """A turn is about to be played: what it is played with is kept."""
        if self.keeper is not None:
            self.keeper.begins(self._strategies(self.store.strategy_rows)[0])

    def end_turn(self) -> None:
        """A turn is committed, and commands of clients are carried out next."""
        if self.desk is not None:
            self.desk.turn_ended()

    def _publish(self) -> None:
        tables = self.store.snapshot()
        tables["strategy"], modules = self._strategies(tables["strategy"])
        tables["turn_kept"] = self._turn_kept()
        modules = {**modules, **function_files(self.store.catalogue.modules)}
        if self.keeper is not None:
            self.keeper.published(self.store.tid, self.store.next_eid, tables, modules)
        self.snapshots.publish(self.store.tid, tables, modules)
        if self.keeper is not None and self.keeper.kept != self._kept:
            self._kept = self.keeper.kept
            self.send(self._kept)

    def _strategies(self, rows: pa.Table) -> tuple[pa.Table, Modules]:
        """The table ``strategy`` as it is published, and the modules of those who fly: the same objects as long as nothing
        changes."""
        if rows is not self._strategy_rows:
            self._strategy_rows = rows
            strategies = self.store.registry.roster.strategies
            guests = {s.strategy_id: s.guest for s in strategies if s.guest is not None}
            self._published_strategies = callable_strategies(rows, guests)
        return self._published_strategies

    def _turn_kept(self) -> pa.Table:
        """The row of ``turn_kept``, as of the turn that is published."""
        tid, snapshots = self.store.tid, self.snapshots
        in_memory = [kept for kept in snapshots.kept() if tid - snapshots.keep < kept <= tid]
        row: dict[str, int] = {
            "newest_tid": tid,
            "memory_tid": min(in_memory, default=tid),
            "bytes": 0,
            "bytes_max": 0,
        }
        row["oldest_tid"] = row["memory_tid"]
        if self.keeper is not None:
            kept = self.keeper.kept
            row["oldest_tid"] = min(row["memory_tid"], tid if kept.oldest_tid is None else kept.oldest_tid)
            row |= {
                "keyframe_turns": self.keeper.keyframe_turns,
                "bytes": kept.bytes,
                "bytes_max": self.keeper.bytes_max,
            }
        return pa.Table.from_pylist([row], TURN_KEPT_TYPE)

    def tell_start(self) -> None:
        """Publish the committed turn, and report it as if it had ended now; raises SnapshotError if it cannot be seen."""
        self._publish()
        self.tell_condition()
        ships, nodes = self.store.size
        now = time.time()
        self.send(TurnReport(self.store.tid, now, now, 0, 0, ships, nodes, 0))

    def tell_condition(self, lag_turns: int = 0) -> None:
        """Say who plays, and how many turns were left out, if that has changed."""
        if self._is_shared:
            assert isinstance(self.store, SharedStore)
            condition = replace(self.store.condition(), lag_turns=lag_turns)
            if condition != self._condition:
                self._condition = condition
                self.send(condition)

    def tell_trouble(self, text: str) -> None:
        """Say why there are no turns for now."""
        self.send(Trouble(self.store.tid, text))

    def send(self, message: object) -> None:
        """Tell the gateway, unless it has not read for so long that the pipe is half full: a later report says the same and more,
        and an answer that old is not waited for.
        """
        try:
            if _has_room(self.pipe):
                self.pipe.send(message)
        except OSError:
            self.stop()


def _has_room(pipe: Connection) -> bool:
    """Whether a message of a few kilobytes can be written without waiting: a socket that is less full than that is writable."""
    return bool(select.select([], [pipe], [], 0)[1])


def _entity(store: UniverseStore, command: SpawnEntity, eid: int) -> Spawned:
    """What a command has spawned."""
    strategy_id = store.registry.roster.id_of(command.strategy) if command.kind == rules.SHIP else None
    return Spawned(command.sid, command.kind, command.x, command.y, eid, strategy_id)
