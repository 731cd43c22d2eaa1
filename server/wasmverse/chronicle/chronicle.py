"""The chronicle: what is remembered of a universe's past, and which stories a turn makes of it.

A turn's digest is all that changes it, so a chronicle is the same in every process that has had the same digests. It has a bound,
however long the universe lives.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from wasmverse.chronicle.digest import Digest, digest_of
from wasmverse.chronicle.hero import COLOSSUS, COLOSSUS_ENERGY, Hero, rank_of
from wasmverse.chronicle.names import ship_name
from wasmverse.chronicle.ranking import Ranking
from wasmverse.chronicle.rarity import Rarity
from wasmverse.chronicle.story import Stories, Story
from wasmverse.chronicle.texts import counted, joined
from wasmverse.universe.notable import strength
from wasmverse.universe.result import TurnAccount

VERSION = 1
BIRTHS_MAX = 4_096
"""Turns whose births are known: a ship that becomes known later than so many turns after it was born is said to be so old."""
KILLERS_MAX = 8_192
"""Ships whose kills are counted: the last ones that killed."""
FALLEN_MAX, FALLEN_RECENT = 256, 64
"""The fallen that are remembered: the most famous ones, and the last ones."""
GONE_MAX = 256
"""Strategies without ships that are remembered: those that were seen last. People may send and remove them for ever."""
LEAD_SHARE = 1.02
"""Who is to take the lead needs so much more energy than who has it: two that are equal would take turns."""
STRONGER = 1.02
FEW_ENERGY_RECORD = 500
SPREES = (5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1_000)
AGE_STEP = 1_000


class Chronicle:
    """What is remembered at the end of turn ``tid``.

    heroes : the notable ships that are alive, by eid; fallen : those that are not, the last ones last
    strategies : by name when it was first seen, whether it has killed, the blasters of its best rank, whether it is grounded, and
        whether it has ships
    members : counts the changes in who is among them, alive or fallen; changes : of those alive, by column of ``hero``, the turns
        in which a value of it changed
    """

    def __init__(self, tid: int = 0) -> None:
        self.tid = tid
        self.heroes: dict[int, Hero] = {}
        self.fallen: list[Hero] = []
        self.strategies: dict[str, list[Any]] = {}
        self.members = 0
        self.changes = {"kills": 0, "energy_max": 0, "blasters": 0, "rank": 0}
        self._births: list[list[int]] = []
        self._kills: dict[int, int] = {}
        self._records: dict[str, Any] = {
            "energy": FEW_ENERGY_RECORD,
            "kills": 4,
            "age": AGE_STEP,
            "lead": None,
            "strongest": None,
        }
        self._holders: dict[int, int] = {}
        self._rarity = Rarity()
        self._told: dict[str, int] = {}
        self._oldest: Hero | None = None
        self._ranking: Ranking | None = None

    # One turn

    def digest(self, account: TurnAccount) -> Digest:
        """What the turn after this one brought; nothing is changed."""
        return digest_of(account, self.heroes, self.strategies)

    def advance(self, digest: Digest) -> list[Story]:
        """Take up a turn; its stories, the best first."""
        tid = digest["tid"]
        is_first = self.tid == 0 or bool(
            self.strategies
        )  # else it begins in the middle, and knows of no first
        self.tid = tid
        self._rarity.turn()
        self._births.append([tid, digest["next_eid"]])
        del self._births[:-BIRTHS_MAX]
        stories = Stories(tid, self._rarity, self._told)
        if self._ranking is None:
            self._ranking = Ranking(self.heroes.values())
        ranking = self._ranking
        gone = self._fall(digest, ranking, stories)
        self._rise(digest, ranking, stories)
        self._count_kills(digest, stories)
        self._hold(ranking.settle(self.heroes.values()), ranking, stories)
        self._crown(ranking.best, gone, stories)
        self._share(digest, stories, is_first=is_first)
        self._battles(digest, stories)
        self._age(stories)
        return stories.chosen()

    def _fall(self, digest: Digest, ranking: Ranking, stories: Stories) -> dict[int, Hero]:
        """Heroes that are gone: fallen, or passed by stronger ones. Returns those that died."""
        gone: dict[int, Hero] = {}
        for eid, sid, x, y, strategy, blasters, killer, by in digest["falls"]:
            hero = self.heroes.pop(eid, None)
            whose = by or "nobody"
            values = {
                "eid": eid, "sid": sid, "x": x, "y": y, "strategy": strategy or "nobody", "value": blasters,
                "by_strategy": by, "by_eid": killer, "by": f"{ship_name(killer)} of {whose}" if killer else whose,
                "rank": rank_of(blasters, hero.energy_max if hero else 0), "age": tid_age(hero, digest["tid"]),
                "kills": counted(self._kills.get(eid, 0), "kill"),
            }  # fmt: skip
            stakes = strength(blasters, hero.energy_max if hero else 0)
            kind = "starves" if by is None and killer is None else "titan_falls" if hero else "stranger_falls"
            stories.add("titan_falls", kind, stakes, values)
            if hero is not None:
                ranking.leave(hero)
                hero.died, hero.killer, hero.killer_strategy = digest["tid"], killer, by
                hero.blasters, hero.kills = blasters, self._kills.get(eid, 0)
                gone[eid] = hero
                self._bury(hero)
        for eid in digest["left"]:
            passed = self.heroes.pop(eid, None)
            if passed is not None:
                ranking.leave(passed)
                self.members += 1
        return gone

    def _bury(self, hero: Hero) -> None:
        self.fallen.append(hero)
        self.members += 1
        if len(self.fallen) > FALLEN_MAX:
            old = self.fallen[:-FALLEN_RECENT]
            self.fallen.remove(min(old, key=lambda one: (one.fame, one.died, one.eid)))

    def _rise(self, digest: Digest, ranking: Ranking, stories: Stories) -> None:
        """Ships that are new among the strongest, or stronger than they were."""
        for eid, sid, strategy, blasters, energy in digest["risen"]:
            hero = self.heroes.get(eid)
            before = None if hero is None else hero.rank
            if hero is None:
                hero = Hero(eid, sid, strategy, self._born(eid), self._kills.get(eid, 0), energy, blasters)
                self.heroes[eid] = hero
                self.members += 1
                if self._oldest is not None and _birth(hero) < _birth(self._oldest):
                    self._oldest = hero
            hero.energy_max, hero.blasters = max(hero.energy_max, energy), max(hero.blasters, blasters)
            self._note_energy(hero, before, stories)
            ranking.rise(hero)
        heroes, rise = self.heroes, ranking.rise
        for eid, energy in batched(digest["grown"]):
            hero = heroes[eid]
            before = hero.rank if energy >= COLOSSUS_ENERGY > hero.energy_max else ""
            hero.energy_max = energy
            rise(hero)
            if before or energy > self._records["energy"]:
                self._note_energy(hero, before or hero.rank, stories)
        for column, is_changed in (
            ("energy_max", digest["risen"] or digest["grown"]),
            ("blasters", digest["risen"]),
        ):
            self.changes[column] += bool(is_changed)

    def _note_energy(self, hero: Hero, before: str | None, stories: Stories) -> None:
        """A hero has become stronger; ``before`` is the rank that it had."""
        if hero.rank != before:
            self.changes["rank"] += 1
            self._promote(hero, stories)
        if hero.energy_max > self._records["energy"]:
            self._set_record("energy", "record_energy", hero.energy_max, hero, stories, next_energy)

    def _promote(self, hero: Hero, stories: Stories) -> None:
        known = self.strategies.setdefault(hero.strategy, [self.tid, False, 0, False, True])
        level = hero.blasters + (1 if hero.rank == COLOSSUS else 0)
        is_rich = hero.rank == COLOSSUS
        strong = f"{hero.energy_max:,} energy" if is_rich else f"{hero.blasters} blasters"
        values = {**self._of(hero), "value": hero.energy_max if is_rich else hero.blasters, "strong": strong}
        if rank_of(known[2], 0) != hero.rank and level > known[2] and hero.rank != "raider":
            known[2] = level
            stories.add("hero", "first_hero", 0, values, score=FIRST_HERO.get(hero.rank, 0.5))
        elif hero.rank in {"titan", COLOSSUS}:
            stories.add("hero", "hero", level, values)

    def _count_kills(self, digest: Digest, stories: Stories) -> None:
        """A ship's kills are counted before it is known; those that have killed last are remembered."""
        for eid in digest["kills"]:
            count = self._kills[eid] = self._kills.pop(eid, 0) + 1
            hero = self.heroes.get(eid)
            if hero is None:
                continue
            hero.kills = count
            self.changes["kills"] += 1
            if count > self._records["kills"]:
                self._set_record("kills", "record_kills", count, hero, stories, next_kills)
            elif count in SPREES:
                stories.add("spree", "spree", count, {**self._of(hero), "value": count})
        for eid in list(islice(self._kills, max(0, len(self._kills) - KILLERS_MAX))):
            del self._kills[eid]

    def _hold(self, changed: Iterable[int], ranking: Ranking, stories: Stories) -> None:
        """A system is held by its strongest hero's strategy; it changes hands when one of another strategy takes that place.

        ``changed`` are the sids of systems that may have another strongest hero now, or none.
        """
        for sid in changed:
            now, eid = ranking.holders.get(sid), self._holders.pop(sid, None)
            if now is not None:
                self._holders[sid] = now.eid
            if now is None or eid is None or now.eid == eid:
                continue
            holder = self.heroes.get(eid) or self._fallen(eid)
            if holder is not None and holder.strategy != now.strategy:
                values = {
                    **self._of(now),
                    "value": now.blasters,
                    "by_eid": eid,
                    "by_strategy": holder.strategy,
                }
                stories.add("system_taken", "system_taken", now.power, values)

    def _fallen(self, eid: int) -> Hero | None:
        """Who fell in this turn."""
        return next(
            (hero for hero in reversed(self.fallen) if hero.eid == eid and hero.died == self.tid), None
        )

    def _crown(self, best: Hero | None, gone: dict[int, Hero], stories: Stories) -> None:
        """Who is the strongest ship: another one has to be clearly stronger, or the only one left."""
        eid = self._records["strongest"]
        if best is None or eid == best.eid:
            return
        crowned = self.heroes.get(eid) or gone.get(eid)
        if eid in self.heroes and best.power < STRONGER * self.heroes[eid].power:
            return
        self._records["strongest"] = best.eid
        if crowned is not None:
            values = {
                **self._of(best),
                "value": best.energy_max,
                "by_eid": eid,
                "by_strategy": crowned.strategy,
            }
            stories.add("strongest", "heir" if eid in gone else "strongest", best.power, values)

    def _share(self, digest: Digest, stories: Stories, *, is_first: bool) -> None:
        """What became of strategies: first ships and kills, the last ship, who leads, who holds still."""
        grounded = set(digest["grounded"])
        for name, ships, _, kills in digest["shares"]:
            known = self.strategies.setdefault(name, [self.tid, False, 0, False, True])
            values: dict[str, Any] = {"strategy": name, "value": ships}
            if name in digest["births"] and is_first and (place := digest["births"][name]):
                stories.add("birth", "birth", 0, {**values, **place_of(place)}, score=0.85)
            if not known[1] and (kills or not is_first):
                known[1] = True
                if is_first and kills and (kill := digest["firsts"].get(name)):
                    values |= {**place_of(kill), "by_eid": kill[4], "by_strategy": kill[5] or "nobody"}
                    stories.add("first_kill", "first_kill", 0, values, score=0.85)
            if not ships and known[4]:
                stories.add("last_ship", "last_ship", 0, {"strategy": name}, score=0.9)
            if (name in grounded) and not known[3] and ships:
                stories.add("grounded", "grounded", 0, values, score=0.8)
            known[3], known[4] = name in grounded, bool(ships)
        here = {name for name, ships, *_ in digest["shares"] if ships}
        gone = [name for name in self.strategies if name not in here]
        for name in gone[: max(0, len(gone) - GONE_MAX)]:
            del self.strategies[name]
        self._lead({name: energy for name, _, energy, _ in digest["shares"]}, stories)

    def _lead(self, energies: dict[str, int], stories: Stories) -> None:
        total = sum(energies.values())
        if not total:
            return
        best = max(energies, key=lambda name: (energies[name], name))
        leads = self._records["lead"]
        if leads == best or energies[best] < LEAD_SHARE * energies.get(leads, 0):
            return
        self._records["lead"] = best
        if leads is not None:
            values = {"strategy": best, "by_strategy": leads, "value": round(100 * energies[best] / total)}
            stories.add("lead", "lead", 1, values)

    def _battles(self, digest: Digest, stories: Stories) -> None:
        if digest["fight"]:
            sid, x, y, ships, names, damage, fallen = digest["fight"]
            values = {
                "sid": sid, "x": x, "y": y, "ships": ships, "who": joined(names), "damage": damage, "value": ships,
                "strategy": names[0] if len(names) == 1 else None, "fallen": f", and {fallen} of them fell" if fallen else "",
            }  # fmt: skip
            stories.add("fight", "fight", damage * (1 + fallen), values)
        if digest["duel"]:
            sid, x, y, eid, strategy, blasters, other, by, second = digest["duel"]
            values = {
                "sid": sid, "x": x, "y": y, "eid": eid, "strategy": strategy or "nobody", "value": blasters, "by_eid": other,
                "by_strategy": by or "nobody", "by_value": second,
            }  # fmt: skip
            stories.add("duel", "duel", second, values)

    def _age(self, stories: Stories) -> None:
        oldest = self._oldest
        if oldest is None or oldest.eid not in self.heroes:
            oldest = min(self.heroes.values(), key=_birth, default=None)
            self._oldest = oldest
        if oldest is None:
            return
        age = self.tid - oldest.born
        if age >= self._records["age"]:
            self._set_record("age", "record_age", age, oldest, stories, lambda value: value + AGE_STEP)

    def _set_record(
        self,
        record: str,
        of: str,
        value: int,
        hero: Hero,
        stories: Stories,
        following: Callable[[int], int],
    ) -> None:
        """A record is told when it passes the next round number, not each time that it grows."""
        self._records[record] = following(value)
        values = {**self._of(hero), "value": value}
        stories.add("record", of, 0, values, score=0.78)

    def _of(self, hero: Hero) -> dict[str, Any]:
        return {
            "eid": hero.eid, "sid": hero.sid, "strategy": hero.strategy, "rank": hero.rank, "age": self.tid - hero.born,
        }  # fmt: skip

    def _born(self, eid: int) -> int:
        """The turn in which a ship was born: the first one whose next eid is above it."""
        place = bisect_right(self._births, eid, key=lambda birth: birth[1])
        if place == 0:
            return max(0, self._births[0][0] - 1)
        return self._births[min(place, len(self._births) - 1)][0]

    # Keeping

    def packed(self) -> str:
        """All of it as text, for `unpacked`."""
        state = {
            "version": VERSION,
            "tid": self.tid,
            "heroes": [hero.state() for hero in self.heroes.values()],
            "fallen": [hero.state() for hero in self.fallen],
            "strategies": self.strategies,
            "births": self._births,
            "kills": list(self._kills.items()),
            "records": self._records,
            "holders": sorted(self._holders.items()),
            "rarity": self._rarity.state(),
            "told": self._told,
        }
        return json.dumps(state, separators=(",", ":"))

    @classmethod
    def unpacked(cls, text: str) -> Chronicle:
        """From what `packed` gave.

        Raises
        ------
        ValueError : it is something else.
        """
        try:
            state = json.loads(text)
            if state["version"] != VERSION:
                raise ValueError(f"version {state['version']}")
            chronicle = cls(int(state["tid"]))
            chronicle.heroes = {hero[0]: Hero.of_state(hero) for hero in state["heroes"]}
            chronicle.fallen = [Hero.of_state(hero) for hero in state["fallen"]]
            chronicle.strategies = state["strategies"]
            chronicle._births = state["births"]
            chronicle._kills = dict(state["kills"])
            chronicle._records = state["records"]
            chronicle._holders = dict(state["holders"])
            chronicle._rarity = Rarity.of_state(state["rarity"])
            chronicle._told = state["told"]
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(repr(error)) from None
        return chronicle


def _birth(hero: Hero) -> tuple[int, int]:
    return hero.born, hero.eid


FIRST_HERO = {"veteran": 0.6, "champion": 0.72, "titan": 0.85, "colossus": 0.9}
"""The score of the first hero of a rank that a strategy has."""


def tid_age(hero: Hero | None, tid: int) -> int:
    """How old a hero is; 0 of a stranger."""
    return 0 if hero is None else tid - hero.born


def batched(flat: list[int]) -> Iterator[tuple[int, int]]:
    """Pairs of a list that has the ones after the others."""
    values = iter(flat)
    return zip(values, values, strict=True)


def place_of(row: list[Any]) -> dict[str, Any]:
    """Eid, sid, x and y by name."""
    return dict(zip(("eid", "sid", "x", "y"), row, strict=False))


def next_energy(value: int) -> int:
    """The energy that the next record needs: a tenth more, as a round number, and at last the most that a ship can hold."""
    step = 10 ** (len(str(value)) - 1)
    return min((value // step + 1) * step, 65_534) if value < 65_534 else 65_535


def next_kills(value: int) -> int:
    """One less than the kills that the next record needs."""
    return next((spree - 1 for spree in SPREES if spree > value), value + 499)
