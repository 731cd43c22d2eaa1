"""When turns start: at absolute deadlines, so that a slow turn is caught up and never delays the ones after it."""

from __future__ import annotations

from dataclasses import dataclass

CATCH_UP_PERIODS = 5


@dataclass(slots=True)
class Schedule:
    """Turn n of this process starts at ``anchor + n * period_seconds``; times are seconds of one clock.

    After the machine slept, or when turns never keep up, there would be ever more turns to catch up. So a schedule that is
    more than ``CATCH_UP_PERIODS`` late starts again from now. By then every turn that ended after its deadline has been
    counted as late.
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
        """When the next turn must have ended: at the start of the turn after it."""
        return self.start + self.period_seconds

    def restart(self, now: float) -> None:
        """Start counting again from now: the next turn has a whole period."""
        self.anchor, self.number = now, 0

    def advance(self, now: float) -> None:
        """Go on to the turn after."""
        self.number += 1
        if now - self.start > CATCH_UP_PERIODS * self.period_seconds:
            self.restart(now)
