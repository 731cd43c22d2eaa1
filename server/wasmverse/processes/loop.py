"""The clock: plays a turn each period and has it published, with commands between two turns."""

from __future__ import annotations

import gc
import logging
import time
from dataclasses import replace

from wasmverse.processes.gateway_end import GatewayEnd
from wasmverse.processes.schedule import Schedule
from wasmverse.simulation.warmup import settle_garbage

log = logging.getLogger("wasmverse.universe")


class TurnLoop:
    """Plays turns at their deadlines and has commands carried out between them."""

    def __init__(self, end: GatewayEnd, period_seconds: float) -> None:
        self.end = end
        self.store = end.store
        self.period_seconds = period_seconds
        self._maintenance_seconds = 0.0

    def run(self) -> None:
        """Until told to stop."""
        self.end.tell_start()
        settle_garbage()  # before the first turn is scheduled: it would begin late, and be late for that
        # A clock that nobody sets: an hour put back must not be an hour without turns.
        schedule = Schedule(time.monotonic() + min(self.period_seconds, 0.1), self.period_seconds)
        late, period = 0, self.period_seconds
        while not self.end.is_stopping:
            if not self.end.serve_until(schedule.start):
                break
            deadline = time.time() + schedule.deadline - time.monotonic()
            self.end.begin_turn()
            report = self.store.advance(deadline, self.end.snapshots.prepare)
            if report.late_turns > late:
                seconds, late_by = report.ended_at - report.started_at, report.ended_at - deadline
                about = {
                    "event": "late turn",
                    "turn": report.tid,
                    "seconds": round(seconds, 6),
                    "late_seconds": round(late_by, 6),
                }
                log.warning(
                    "turn %d ended %.3f s after its deadline: it took %.3f s, its period is %g s",
                    *(report.tid, late_by, seconds, period),
                    extra=about,
                )
            late = report.late_turns
            clock = time.perf_counter()
            if self.end.publish():
                published = time.perf_counter() - clock
                self.store.phases.note_published(published)
                self.end.tell_condition()
                self.end.send(replace(report, phase_seconds={**report.phase_seconds, "publish": published}))
            self.end.end_turn()
            schedule.advance(time.monotonic())
            if report.grounded:
                names = ", ".join(report.grounded)
                log.warning("turn %d outlasted its period; grounded for their time: %s", report.tid, names)
                # The turns after it are not late for what these did.
                schedule.restart(time.monotonic())
            if report.tid % 64 == 0:
                gc.collect(1)
            if self.store.is_maintenance_due and not self._maintain(schedule.start):
                break

    def _maintain(self, start: float) -> bool:
        """Have the store do its maintenance between two turns; whether there is to be another one.

        Half-way, because readers and watchers are busy at first; earlier if it might not be done by the next turn's start.
        """
        now = time.monotonic()
        begin = min((now + start) / 2, start - 2 * self._maintenance_seconds)
        if begin > now and not self.end.serve_until(begin):
            return False
        clock = time.perf_counter()
        self.store.maintain()
        self._maintenance_seconds = time.perf_counter() - clock
        return True
