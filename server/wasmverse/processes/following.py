"""Several processes have one universe open: one plays, the others follow it, and one of them goes on when it is gone.

Nobody decides who plays but the database's server: whoever has the clock there (``SharedStore.claim``). A clock that is gone has
lost it; one that only stands still is noticed by the turns that do not come.
"""

from __future__ import annotations

import gc
import logging
import math
import time
from dataclasses import replace

from wasmverse.errors import (
    ClockLost,
    DatabaseDamaged,
    DatabaseError,
    DatabaseForeign,
    DatabaseTooNew,
    RecordingError,
)
from wasmverse.messages import TurnReport
from wasmverse.processes.gateway_end import GatewayEnd
from wasmverse.processes.loop import TurnLoop
from wasmverse.simulation.warmup import settle_garbage
from wasmverse.storage.universe_store import SharedStore

log = logging.getLogger("wasmverse.universe")

FIRST_LOOK_PERIODS, LOOK_PERIODS = 1.5, 0.75
"""A turn comes a period after the last one, and takes some time. Then it is looked whether nobody has the clock, and again."""

LOOKS = 2
"""So many before the one that may end a session: the third is three periods after the last turn."""

FROZEN_PERIODS, FROZEN_SECONDS_MIN = 3, 2.0
"""How long a clock that shows no sign of work may keep it. A busy machine holds any process up for a second now and then."""

RECONNECT_SECONDS, RECONNECT_SECONDS_MAX = 0.1, 1.0
"""How long to wait after the first failure; each time twice as long, up to the second."""

STEADY_SECONDS = 10.0
"""After so long without a failure the next one is the first again."""

_FINAL = (DatabaseForeign, DatabaseTooNew, DatabaseDamaged)
"""Somebody has put another universe, or something else, in the place of ours."""


def play_or_follow(end: GatewayEnd, period_seconds: float) -> None:
    """Until told to stop: play turns, or where others may play too, whichever of both it is the time for.

    Raises
    ------
    WasmverseError : the universe cannot go on. What a server may get over by itself, or an operator put right, is tried again
        without end: it does not answer, its disk is full, somebody else holds the rows.
    """
    store = end.store
    if not isinstance(store, SharedStore):
        TurnLoop(end, period_seconds).run()
        return
    patience = _Patience(end, store)
    while not end.is_stopping:
        try:
            if store.is_clock or store.claim():
                TurnLoop(end, period_seconds).run()
            else:
                FollowingLoop(end, store, period_seconds).run()
        except _FINAL:
            raise
        except DatabaseError as error:
            if store.recorder is not None:
                raise RecordingError(
                    f"{error.message}; what happens meanwhile would not be recorded: start again, with the same --record"
                ) from error
            if isinstance(error, ClockLost):
                log.warning("%s", error.message)
            else:
                patience.reconnect(error)


class FollowingLoop:
    """Publishes the turns of another process, until that is gone."""

    def __init__(self, end: GatewayEnd, store: SharedStore, period_seconds: float) -> None:
        self.end = end
        self.store = store
        self.period_seconds = period_seconds

    def run(self) -> None:
        """Until told to stop, or until the clock is ours."""
        self.end.tell_start()
        settle_garbage()
        heard, looks = time.monotonic(), 0
        look_at = heard + FIRST_LOOK_PERIODS * self.period_seconds
        while self.end.serve_until(look_at, self.store):
            before = self.store.tid
            report = self.store.follow()
            now = time.monotonic()
            if report is not None:
                self._publish(report, max(0, report.tid - before - 1))
            if report is not None or self.store.is_clock_at_work():
                heard, looks = now, 0
                look_at = heard + FIRST_LOOK_PERIODS * self.period_seconds
            elif now >= look_at:
                # Each look is one at which the server answered: while that stood still, no turn could come.
                looks, look_at = looks + 1, now + LOOK_PERIODS * self.period_seconds
                is_frozen = looks > LOOKS and now - heard >= self._patience_seconds
                if self.store.claim(from_frozen=is_frozen):
                    log.warning("no turn came after %d: this process plays them from now on", self.store.tid)
                    return

    @property
    def _patience_seconds(self) -> float:
        return max(FROZEN_PERIODS * self.period_seconds, FROZEN_SECONDS_MIN)

    def _publish(self, report: TurnReport, lag_turns: int) -> None:
        clock = time.perf_counter()
        if self.end.publish():
            published = time.perf_counter() - clock
            # By our own clock: that of another machine may differ.
            now = time.time()
            self.end.tell_condition(lag_turns)
            self.end.send(
                replace(
                    report,
                    started_at=now - (report.ended_at - report.started_at),
                    ended_at=now,
                    phase_seconds={**report.phase_seconds, "publish": published},
                )
            )
        if report.tid % 64 == 0:
            gc.collect(1)


class _Patience:
    """Waits for a server, longer each time that it fails again soon."""

    def __init__(self, end: GatewayEnd, store: SharedStore) -> None:
        self._end = end
        self._store = store
        self._seconds = RECONNECT_SECONDS
        self._said = ""
        self._answered_at = -math.inf

    def reconnect(self, error: DatabaseError) -> None:
        """Try until the server answers, or until told to stop."""
        began = time.monotonic()
        if began - self._answered_at > STEADY_SECONDS:
            self._seconds, self._said = RECONNECT_SECONDS, ""
        while True:
            if error.message != self._said:
                log.warning("%s", error.message)
                self._said = error.message
            self._end.tell_trouble(f"{error.message}; trying again")
            if not self._end.pause(self._seconds, error):
                return
            self._seconds = min(2 * self._seconds, RECONNECT_SECONDS_MAX)
            try:
                self._store.reconnect()
            except _FINAL:
                raise
            except DatabaseError as again:
                error = again
            else:
                break
        self._answered_at = time.monotonic()
        log.warning(
            "the universe is open again after %.1f s, turn %d", self._answered_at - began, self._store.tid
        )
