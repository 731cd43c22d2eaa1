"""The store in databases of PostgreSQL: many processes may have it open, and one of them plays.

Whoever changes anything first locks the row of ``universe``, and then takes over what others have changed since it looked last.
A turn is played where the rows are (`turns`); this process gets what is to be recorded of it, and the state once it is committed.
"""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from typing import Any

from wasmverse.commands import CheckUpload, Command, SpawnEntity, UploadStrategy
from wasmverse.errors import ClockLost, WasmverseError
from wasmverse.messages import TurnReport
from wasmverse.simulation.judging import judge
from wasmverse.simulation.measured import Stopwatch
from wasmverse.storage.common_store import nothing
from wasmverse.storage.postgres.backend.messages import Task
from wasmverse.storage.postgres.database import Transaction
from wasmverse.storage.postgres.following import FollowingStore
from wasmverse.storage.postgres.position import Position
from wasmverse.storage.records import TurnRows
from wasmverse.storage.universe_store import Publish
from wasmverse.universe.deal import deal
from wasmverse.universe.state import State, of_system

log = logging.getLogger(__name__)


class PostgresStore(FollowingStore):
    """A `SharedStore` over one or several databases that have a universe (`opening` makes them so)."""

    # One turn

    def advance(
        self,
        deadline: float | None = None,
        publish: Publish | None = None,
        grounded: dict[str, float] | None = None,
    ) -> TurnReport:
        """Play and commit the next turn, as `SharedStore` has it."""
        if not self.is_clock or self._turns is None:
            raise ClockLost("this process does not have the clock of the universe: the one that has it plays")
        turns = self._turns
        self._settle_command()
        self._is_broken = True
        started_at = self.now()
        clock, watch = time.perf_counter(), PlayedWatch()
        try:
            with self._main.transaction() as transaction:
                position = Position.read(transaction, locks=True)
                self._clock.check(self._main.raw)
                if position != self._position or self._is_stale:
                    self._take_over(transaction, position)
                self._is_stale = True  # until the turn is committed
                task = Task(position.tid + 1, self.laws, self.row_systems, self._roster_rows, self.limits)
                summaries = turns.begin(self._main.raw, task)
                account = turns.settle(
                    deal(summaries, self.registry.roster, position.next_eid, self.limits.budget_fuel)
                )
                if self.is_inside:
                    watch.note_played(sum(sum(summary.phase_seconds) for summary in summaries))
                record = self._record(started_at, deadline, account.tid)
                self.history.append(transaction, account, record, TurnRows.of(account))
                self.history.append_faults(transaction, account, self.versions)
                if publish is not None:
                    publish("strategy_turn", self.history.strategy_turns.rows)
                    publish("event", self.history.events.rows)
                    if self.history.kept_chronicle.has_told:  # else it is linked
                        publish("story", self.history.kept_chronicle.stories.rows)
                if grounded is None and deadline is not None:
                    grounded = self.measured.too_costly(account, self.registry, watch, self.settings)
                if grounded and self.recorder is not None:
                    self.recorder.grounded(grounded)
                verdicts = self._verdicts + judge(
                    self.registry, account, grounded or {}, self.settings.grounded_after_turns
                )
                self._note(transaction, verdicts, account.tid)
                if verdicts:
                    self._load_strategies(transaction)
                    self._verdicts = []
                after = Position(
                    account.tid, account.next_eid, position.changes + bool(verdicts), position.spawned
                )
                after.write(transaction, "turn")
                judged_at = watch.elapsed
                turns.prepare()
        except BaseException as error:
            self.is_clock = not isinstance(error, ClockLost)
            turns.rollback()
            raise
        turns.finish()
        committed = time.perf_counter()
        record = self._record(started_at, deadline, account.tid)
        self.late_turns += record.late
        self.history.correct(account, record)
        self._position, self._stored, self._is_stale = after, None, False
        self._told_tid = account.tid
        self._clock.turned()
        self.measured.note(account, watch, judged_at)
        self._is_broken = False
        if self.recorder is not None:
            self.recorder.turn()
        if publish is not None:
            publish("ship", self.stored.ship_table())
            publish("node", self.stored.node_table())
        read = time.perf_counter() - committed
        phases = {"read": read, **account.phase_seconds}
        commit = max(0.0, committed - clock - sum(account.phase_seconds.values()))
        return self._report_of(account, record, {**phases, "commit": commit}, tuple(grounded or ()))

    # Commands

    def carry_out(self, command: Command) -> dict[str, Any]:
        """Carry out one command in a transaction of its own, whoever plays.

        Raises
        ------
        WasmverseError : the command cannot be carried out; nothing is changed then.
        """
        if isinstance(command, UploadStrategy):
            # It needs the state, and what was left behind in places cannot be settled while a command holds the universe.
            self._follow()
            _ = self.stored
        noting = nullcontext(nothing) if self.recorder is None else self.recorder.command(command)
        is_done = False
        try:
            with noting as note, self._main.transaction() as transaction, self._without_recovery():
                before = Position.read(transaction, locks=True)
                self._clock.share_commands(self._main.raw)
                if before != self._position or self._is_stale:
                    self._take_over(transaction, before)
                self._written: Position = before
                known = self._modules.known(transaction)
                with self.history.undone_on_error():
                    answer = self._execute(transaction, command)
                    if isinstance(command, UploadStrategy):
                        found = command.inspection
                        self._modules.add(transaction, found.sha256, command.module, found.compiled, known)
                    self._modules.forget(transaction)
                    note()
                after = self._written._replace(changes=before.changes + 1)
                after.write(transaction, "command")
                self._is_stale = True  # until it is committed
                self._systems.prepare()
            self._systems.finish(self._main)
            self._is_stale, is_done = False, True
            return answer
        finally:
            if not is_done:
                self._systems.rollback()
                self._settle_command()
            if self._main.is_usable:
                self._reload(after if is_done else None, is_state=isinstance(command, SpawnEntity))

    def check_upload(self, upload: CheckUpload) -> dict[str, Any]:
        """As in `UniverseStore`."""
        self._follow()
        _ = self.stored  # read before there is a transaction
        return super().check_upload(upload)

    def _settle_command(self) -> None:
        """Commit or roll back what a command that failed has prepared: it holds a block, which the next turn would wait for."""
        if not (self._systems.is_unsettled and self._main.is_usable):
            return
        try:
            with self._main.transaction() as transaction:
                Position.read(transaction, locks=True)
                self._note_recovered(self._systems.recover(transaction))
        except WasmverseError as error:
            log.warning("what a command left behind is recovered later: %s", error.message)

    def _reload(self, position: Position | None, *, is_state: bool) -> None:
        """Have in memory what is committed after a command."""
        with self._main.transaction() as transaction:
            if not self._is_stale:
                self._load_strategies(transaction)
                self._load_functions(transaction)
        if position is not None:
            self._position = position
            if is_state:
                self._stored = None

    def _system(self, transaction: Transaction, sid: int) -> State:
        return of_system(self._systems.read(transaction, self.laws, self.row_systems, sid), sid)

    def _write_system(self, transaction: Transaction, sid: int, system: State, next_eid: int) -> None:
        self._systems.write(transaction, sid, system, self._written)
        self._written = self._written._replace(next_eid=next_eid, spawned=self._written.spawned + 1)


class PlayedWatch(Stopwatch):
    """A stopwatch that also counts what backends have taken of their processors to play."""

    def __init__(self) -> None:
        super().__init__()
        self._played_seconds = 0.0

    def note_played(self, seconds: float) -> None:
        """So much they have."""
        self._played_seconds += seconds

    @property
    def processor(self) -> float:
        """Of this process, and of them."""
        return super().processor + self._played_seconds
