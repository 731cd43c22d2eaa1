"""Who is the strongest, kept up from turn to turn: against comparing all heroes again after each."""

import random

from wasmverse.chronicle.hero import Hero
from wasmverse.chronicle.ranking import Ranking


def strongest(heroes: list[Hero]) -> Hero | None:
    return max(heroes, key=lambda hero: (hero.power, -hero.eid), default=None)


def test_heroes_that_come_grow_and_go_are_ranked_as_if_all_were_compared_again() -> None:
    chance = random.Random(3)
    ranking = Ranking([])
    heroes: dict[int, Hero] = {}
    held: dict[int, int] = {}
    for turn in range(600):
        for eid in chance.sample(sorted(heroes), min(len(heroes), chance.choice((0, 0, 1, 3)))):
            ranking.leave(heroes.pop(eid))
        for eid in {chance.randrange(40) for _ in range(chance.choice((0, 1, 2)))} - heroes.keys():
            heroes[eid] = Hero(eid, eid % 7, "red", turn, 0, chance.randrange(4), 32)
            ranking.rise(heroes[eid])
        for hero in chance.sample(list(heroes.values()), len(heroes) // 2):
            hero.energy_max += chance.choice((0, 1, 2))
            ranking.rise(hero)
        changed = ranking.settle(heroes.values())
        by_sid = {sid: [hero for hero in heroes.values() if hero.sid == sid] for sid in range(7)}
        expected = {sid: best for sid, of in by_sid.items() if (best := strongest(of)) is not None}
        assert ranking.holders == expected
        assert ranking.best is strongest(list(heroes.values()))
        now = {sid: hero.eid for sid, hero in ranking.holders.items()}
        assert changed == sorted(changed)
        assert {sid for sid in range(7) if held.get(sid) != now.get(sid)} <= set(changed)
        held = now
