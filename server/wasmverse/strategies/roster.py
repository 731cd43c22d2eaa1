"""The strategies of a turn, as the rules see them: who flies, who is dealt new ships."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wasmverse.wasm.hosting import AnyGuest

FLYING = "flying"
GROUNDED = "grounded"
REMOVED = "removed"


def times_usual(budget_fuel: int | None, usual: int) -> float:
    """How many times what a call may usually take a strategy declared for one; 1 if that is not more."""
    return max(1.0, (budget_fuel or 0) / usual)


@dataclass(frozen=True, slots=True)
class Strategy:
    """One strategy; guest is None when it cannot be called (it was removed). budget_fuel is what it declared for a call, None
    if it did not."""

    strategy_id: int
    name: str
    is_enabled: bool
    status: str
    guest: AnyGuest | None
    budget_fuel: int | None = None

    @property
    def is_dealt(self) -> bool:
        """Whether new ships may go to it."""
        return self.is_enabled and self.status == FLYING


class Roster:
    """Strategies in slots, ordered by id. One slot more, the last, is for ships whose strategy nobody knows.

    ids : of the strategies, shape (slots - 1,)
    """

    def __init__(self, strategies: Sequence[Strategy]) -> None:
        self.strategies = sorted(strategies, key=lambda strategy: strategy.strategy_id)
        self.slots = len(self.strategies) + 1
        self.ids = np.array([strategy.strategy_id for strategy in self.strategies], np.uint16)
        # Indexed by strategy id, of which there are 65,536 at most.
        self.slot_of: NDArray[np.int64] = np.full(1 << 16, self.slots - 1, np.int64)
        for slot, strategy in enumerate(self.strategies):
            self.slot_of[strategy.strategy_id] = slot

    @property
    def deals(self) -> bool:
        """Whether there is a strategy to deal new ships to."""
        return any(strategy.is_dealt for strategy in self.strategies)

    def name_of(self, slot: int) -> str | None:
        """The name in a slot; None for nobody and for the unknown."""
        return self.strategies[slot].name if 0 <= slot < len(self.strategies) else None

    def id_of(self, name: str | None) -> int | None:
        """The id of the strategy of this name; None if there is none."""
        return next((each.strategy_id for each in self.strategies if each.name == name), None)

    def dealing_order(self, ships_alive: Sequence[int] | NDArray[np.int64]) -> list[int]:
        """Slots that new ships are dealt to, in order: the fewest ships first, ties by name."""
        dealt = [slot for slot, strategy in enumerate(self.strategies) if strategy.is_dealt]
        return sorted(dealt, key=lambda slot: (int(ships_alive[slot]), self.strategies[slot].name))
