"""When turns start: at absolute deadlines, so that a slow turn is caught up and never shifts the ones behind it."""

from __future__ import annotations

from dataclasses import dataclass

CATCH_UP_PERIODS = 5


@dataclass(slots=True)
class Schedule:
    """Turn n of this process starts at ``anchor + n * period_seconds``; times are seconds of one clock.

    A machine that slept, or turns that never keep up, would owe turns without end: who is more than ``CATCH_UP_PERIODS`` behind
    starts counting anew from now. Every turn that ended after its deadline has been counted as late by then.
    """

    anchor: float
    period_seconds: float
    number: int = 0

    @property
    def start(self) -> float:
        """When the next turn starts."""
        return self.anchor + self.number * self.period_seconds

    @property
    def deadline(self) -> float:
        """When the next turn must have ended: at the start of the one behind it."""
        return self.start + self.period_seconds

    def restart(self, now: float) -> None:
        """Start counting anew from now: the turn that is next has a whole period."""
        self.anchor, self.number = now, 0

    def advance(self, now: float) -> None:
        """Go on to the turn behind."""
        self.number += 1
        if now - self.start > CATCH_UP_PERIODS * self.period_seconds:
            self.restart(now)
