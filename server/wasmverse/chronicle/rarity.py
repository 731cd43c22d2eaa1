"""How rare a happening is: of each kind, how often one as great has come in about the last hour of turns.

Greatness is counted in steps of a ninth, and an old happening counts less from minute to minute, so what is kept has one size
however long a universe lives. The sums are exact (`math.fsum`), and scores are rounded: they are the same on every machine.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

WINDOW_TURNS = 3_600
"""After so many turns a happening counts e times less."""

DECAY_TURNS = 60
"""So often what has come is counted less."""
_KEEP = 1 - DECAY_TURNS / WINDOW_TURNS

STEPS = sorted({round(2 ** (step / 6)) for step in range(6 * 18)})
"""The least greatness of each step."""

RARE, RAREST = 1 / 300, 1 / 3_600
"""What comes so many times a turn has the score 0.7, and 1: once in five minutes, and once in an hour, of turns of a second."""
RARE_SCORE = 0.7


def score_of(rate: float) -> float:
    """The score of what comes so many times a turn: 0 to 1, each time as rare adds as much."""
    score = RARE_SCORE + (1 - RARE_SCORE) * math.log(RARE / rate) / math.log(RARE / RAREST)
    return round(min(1.0, max(0.0, score)), 2)


class Rarity:
    """What has come of each kind, by its greatness."""

    def __init__(self) -> None:
        self._turns = 0.0
        self._age = 0
        self._counts: dict[str, list[float]] = {}

    def turn(self) -> None:
        """Begin a turn."""
        self._turns += 1
        self._age = (self._age + 1) % DECAY_TURNS
        if self._age:
            return
        self._turns *= _KEEP
        for counts in self._counts.values():
            for step, count in enumerate(counts):
                if count:
                    counts[step] = count * _KEEP if count > 1e-4 else 0.0

    def score(self, kind: str, greatness: int) -> float:
        """Note a happening, and say how rare one as great is."""
        counts = self._counts.setdefault(kind, [0.0] * len(STEPS))
        step = max(0, bisect_right(STEPS, greatness) - 1)
        counts[step] += 1
        return score_of(math.fsum(counts[step:]) / max(self._turns, WINDOW_TURNS / 6))

    def state(self) -> list[Any]:
        """As values of JSON."""
        shown = {
            kind: {step: count for step, count in enumerate(counts) if count}
            for kind, counts in self._counts.items()
        }
        return [self._turns, self._age, shown]

    @classmethod
    def of_state(cls, state: Sequence[Any]) -> Rarity:
        """From what `state` gave."""
        rarity = cls()
        rarity._turns = float(state[0])
        rarity._age = int(state[1])
        for kind, shown in state[2].items():
            counts = rarity._counts[kind] = [0.0] * len(STEPS)
            for step, count in shown.items():
                counts[int(step)] = float(count)
        return rarity
