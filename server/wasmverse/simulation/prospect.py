"""What an upload would cost turns, by what was measured of it; and whether there is room for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wasmverse.commands import Cost

FULL = 0.9
"""The part of the period that turns may take with an upload: beyond it, one that takes a little longer is late."""

UNNOTICED = 0.01
"""The part of the period that any upload may add. Whoever takes so little is not why turns are late."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """Where strategies fly: the blocks of a turn, the ships that one is dealt in the end, the threads that share the work."""

    blocks: int
    ships: int
    threads: int

    def added_seconds(self, costs: Sequence[Cost]) -> float:
        """What strategies with these costs would add to a turn."""
        blocks = min(self.blocks, self.ships)
        each = (blocks * cost.instance_seconds + self.ships * cost.call_seconds for cost in costs)
        return sum(each) / self.threads


def seconds_free(turn_seconds: float, period_seconds: float, share_max: float) -> float:
    """What an upload may add to a turn that takes ``turn_seconds``, when it may take ``share_max`` of the period."""
    free = min(FULL * period_seconds - turn_seconds, share_max * period_seconds)
    return max(free, UNNOTICED * period_seconds)
