"""Who is the strongest hero of each system, and of all: kept up while heroes come, grow and go.

In most turns some heroes come and go, nearly all of them grow, and hardly any of them passes another; to compare all of them
again took a third of the time of a turn's chronicle.
"""

from __future__ import annotations

from collections.abc import Iterable

from wasmverse.chronicle.hero import Hero
from wasmverse.universe.notable import ENERGY_A_BLASTER


class Ranking:
    """The strongest heroes: of equals the one with the lower eid. A hero must not become weaker.

    holders : by sid the strongest hero of each system; best : the strongest of all
    """

    def __init__(self, heroes: Iterable[Hero]) -> None:
        self.holders: dict[int, Hero] = {}
        self.best: Hero | None = None
        self._best_power = -1
        self._changed: set[int] = set()
        self._left: set[int] = set()
        self._has_best_left = False
        for hero in heroes:
            self.rise(hero)

    def rise(self, hero: Hero) -> None:
        """A hero is new, or stronger than it was."""
        power = hero.energy_max + ENERGY_A_BLASTER * hero.blasters
        if power >= self._best_power:
            if self.best is None or power > self._best_power or hero.eid <= self.best.eid:
                self.best = hero
            self._best_power = power
        holder = self.holders.get(hero.sid)
        if holder is not hero and (holder is None or (power, -hero.eid) > (_power(holder), -holder.eid)):
            self.holders[hero.sid] = hero
            self._changed.add(hero.sid)

    def leave(self, hero: Hero) -> None:
        """A hero is none any more; `settle` finds who follows it."""
        if self.holders.get(hero.sid) is hero:
            del self.holders[hero.sid]
            self._left.add(hero.sid)
        if self.best is hero:
            self.best, self._best_power, self._has_best_left = None, -1, True

    def settle(self, heroes: Iterable[Hero]) -> list[int]:
        """Take up what heroes left behind, of all that there are now.

        Returns the systems that may have another strongest hero than at the last call, or none, by sid.
        """
        if self._left:
            for hero in heroes:
                if hero.sid in self._left:
                    self.rise(hero)
            self._changed |= self._left
            self._left.clear()
        if self._has_best_left:
            for holder in self.holders.values():
                self.rise(holder)
            self._has_best_left = False
        changed = sorted(self._changed)
        self._changed.clear()
        return changed


def _power(hero: Hero) -> int:
    return hero.energy_max + ENERGY_A_BLASTER * hero.blasters
