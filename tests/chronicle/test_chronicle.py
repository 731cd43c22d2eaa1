"""What the chronicle makes of turns: heroes, their kills and ends, and stories; bounded, and the same after a restart."""

import json
import random
from typing import Any

import pytest

from wasmverse.chronicle import chronicle as module
from wasmverse.chronicle.chronicle import Chronicle
from wasmverse.chronicle.hero import rank_of
from wasmverse.chronicle.names import ship_name
from wasmverse.chronicle.story import STORIES_MAX, Story
from wasmverse.chronicle.texts import TEXTS

EMPTY: dict[str, Any] = {
    "grounded": [], "risen": [], "grown": [], "left": [], "falls": [], "kills": [], "fight": None, "duel": None, "shares": [],
    "births": {}, "firsts": {},
}  # fmt: skip


class Life:
    """A chronicle that is given digests, each by what is in it."""

    def __init__(self) -> None:
        self.chronicle = Chronicle()
        self.tid = 0

    def turn(self, **digest: Any) -> list[Story]:
        self.tid += 1
        return self.chronicle.advance({**EMPTY, "tid": self.tid, "next_eid": 10 * self.tid + 10, **digest})

    def kinds(self, **digest: Any) -> set[str]:
        return {story.kind for story in self.turn(**digest)}


def risen(eid: int, blasters: int, energy: int, sid: int = 1, strategy: str = "red") -> list[Any]:
    return [eid, sid, strategy, blasters, energy]


@pytest.mark.parametrize(
    ("blasters", "energy", "rank"),
    [(32, 9, "raider"), (63, 9, "raider"), (64, 9, "veteran"), (128, 9, "champion"), (254, 60_000, "champion"),
     (255, 29_999, "titan"), (255, 30_000, "colossus")],
)  # fmt: skip
def test_ranks(blasters: int, energy: int, rank: str) -> None:
    assert rank_of(blasters, energy) == rank


def test_a_hero_from_birth_to_obituary() -> None:
    life = Life()
    life.turn()
    life.turn(kills=[25])  # born in this turn; it is known only later, its kill is not lost
    stories = life.turn(risen=[risen(25, 128, 500), risen(7, 64, 100, sid=2)])
    hero = life.chronicle.heroes[25]
    assert (hero.born, hero.kills, hero.rank, hero.name) == (2, 1, "champion", ship_name(25))
    assert {story.kind for story in stories} == {"hero"}
    life.turn(grown=[25, 900])
    life.turn(kills=[25, 25])
    assert (hero.energy_max, hero.kills, hero.obituary) == (900, 3, None)
    life.turn(falls=[[25, 1, 5, 6, "red", 130, 20, "blue"]])
    assert list(life.chronicle.heroes) == [7]
    assert life.chronicle.fallen == [hero]
    assert (hero.died, hero.killer, hero.killer_strategy, hero.blasters) == (6, 20, "blue", 130)
    assert hero.obituary == (
        f"{ship_name(25)}, a champion of red, lived 4 turns, held up to 900 energy, killed 3 times, and fell to {ship_name(20)} "
        "of blue in system 1."
    )
    life.turn(falls=[[7, 2, 0, 0, "red", 64, None, None]])
    assert "ran out of energy" in str(life.chronicle.fallen[1].obituary)


def test_the_first_of_a_rank_is_told_of_and_the_next_ones_are_by_how_rare_they_are() -> None:
    life = Life()
    (first,) = [story for story in life.turn(risen=[risen(1, 255, 40_000)]) if story.kind == "hero"]
    assert first.score == 0.9
    assert "first colossus" in first.text
    (second,) = [story for story in life.turn(risen=[risen(2, 255, 40_000, sid=2)]) if story.kind == "hero"]
    assert "first" not in second.text
    assert second.value == 40_000


def test_a_story_has_place_names_and_a_sentence() -> None:
    life = Life()
    life.turn(risen=[risen(15, 255, 500)])
    (story,) = life.turn(falls=[[15, 1, 5, 6, "red", 255, 20, "blue"]])
    assert story[:6] == (2, 1, 15, 5, 6, "titan_falls")
    assert (story.strategy, story.by_strategy, story.value) == ("red", "blue", 255)
    assert (story.name, story.by_name) == (ship_name(15), ship_name(20))
    assert story.score == 0.78
    assert all(part in story.text for part in (ship_name(15), ship_name(20), "titan", "."))


def test_firsts_of_a_strategy_are_told_once() -> None:
    life = Life()
    born = {
        "shares": [["red", 5, 500, 1]],
        "births": {"red": [1, 3, 4, 5]},
        "firsts": {"red": [2, 3, 4, 5, 9, "blue"]},
    }
    assert life.kinds(**born) == {"birth", "first_kill"}
    assert life.kinds(shares=[["red", 5, 500, 1]]) == set()
    assert life.kinds(shares=[["red", 5, 500, 1]], grounded=["red"]) == {"grounded"}
    assert life.kinds(shares=[["red", 5, 500, 1]], grounded=["red"]) == set()
    assert life.kinds(shares=[["red", 0, 0, 0]]) == {"last_ship"}
    assert life.kinds(shares=[["red", 0, 0, 0]]) == set()


def test_who_begins_in_the_middle_knows_of_no_firsts() -> None:
    life = Life()
    life.chronicle, life.tid = Chronicle(500), 500
    born = {
        "shares": [["red", 5, 500, 1]],
        "births": {"red": None},
        "firsts": {"red": [2, 3, 4, 5, 9, "blue"]},
    }
    assert life.kinds(**born) == set()
    assert life.kinds(**born) == set()
    assert life.kinds(shares=[["red", 5, 500, 1], ["new", 1, 9, 0]], births={"new": [1, 3, 4, 5]}) == {
        "birth"
    }


def test_the_lead_and_the_first_place_change_hands_only_clearly() -> None:
    life = Life()
    life.turn(
        shares=[["red", 5, 1000, 0], ["blue", 5, 900, 0]],
        risen=[risen(1, 255, 1000), risen(2, 255, 900, sid=2)],
    )
    assert (
        life.kinds(shares=[["red", 5, 1000, 0], ["blue", 5, 1010, 0]], grown=[2, 1010])
        & {"lead", "strongest"}
        == set()
    )
    stories = life.turn(shares=[["red", 5, 1000, 0], ["blue", 5, 2000, 0]], grown=[2, 9000])
    told = {story.kind: story for story in stories}
    assert (told["lead"].strategy, told["lead"].by_strategy, told["lead"].value) == ("blue", "red", 67)
    assert (told["strongest"].eid, told["strongest"].by_name) == (2, ship_name(1))


def test_a_system_changes_hands_with_its_strongest_ship() -> None:
    life = Life()
    life.turn(risen=[risen(1, 255, 1000, sid=4), risen(2, 128, 10, sid=4, strategy="blue")])
    (story,) = [
        one for one in life.turn(falls=[[1, 4, 0, 0, "red", 255, 2, "blue"]]) if one.kind == "system_taken"
    ]
    assert (story.sid, story.strategy, story.by_strategy, story.by_name) == (4, "blue", "red", ship_name(1))


def test_what_is_kept_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, bound in (("FALLEN_MAX", 20), ("FALLEN_RECENT", 5), ("KILLERS_MAX", 30), ("BIRTHS_MAX", 40)):
        monkeypatch.setattr(module, name, bound)
    life = Life()
    sizes = []
    for turn in range(1, 301):
        eid = 1000 + turn
        stories = life.turn(
            risen=[risen(eid, 255 if turn == 3 else 40 + turn % 9, 100 + turn % 50, sid=turn)],
            falls=[[eid - 1, turn, 1, 1, "red", 255 if turn == 4 else 90, eid, "blue"]] if turn > 1 else [],
            kills=[eid, eid + 500],
        )
        assert len(stories) <= STORIES_MAX
        sizes.append(len(life.chronicle.packed()))
    fallen = life.chronicle.fallen
    assert len(fallen) == 20
    assert [hero.eid for hero in fallen[-5:]] == [1295, 1296, 1297, 1298, 1299]
    assert 1003 in {hero.eid for hero in fallen}, "the most famous one is remembered"
    assert sizes[-1] < 1.25 * sizes[100]
    assert len(life.chronicle.heroes) == 1


def test_strategies_that_come_and_go_for_ever_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GONE_MAX", 3)
    life = Life()
    for turn in range(20):
        shares = [["old", 5, 500, 0], [f"s{turn}", 1, 9, 0]]
        life.turn(shares=shares if turn % 2 else [*shares, [f"s{turn - 1}", 0, 0, 0]])
    assert list(life.chronicle.strategies) == ["old", "s16", "s17", "s18", "s19"]


def test_a_chronicle_that_was_packed_goes_on_as_it_would_have() -> None:
    lives = Life(), Life()
    for turn in range(1, 200):
        if turn % 20 == 0:
            lives[1].chronicle = Chronicle.unpacked(lives[1].chronicle.packed())
        eid = 10 * (turn // 3)
        digest = {
            "risen": [risen(eid + 5, 32 + turn, 40 * turn, sid=turn % 5, strategy=("red", "blue")[turn % 2])],
            "falls": [[eid - 25, 2, 3, 4, "red", turn, eid, "blue"]], "kills": [eid, 7],
            "fight": [turn % 5 + 1, 1, 1, 3 + turn % 4, ["blue", "red"], turn, turn % 2],
            "duel": [3, 1, 1, eid, "red", 200, eid + 1, "blue", 64 + turn % 9],
            "shares": [["red", 5, 300 * (turn % 40), 1], ["blue", 5, 5000, 1]],
        }  # fmt: skip
        stories = [life.turn(**digest) for life in lives]
        assert stories[0] == stories[1]
    assert lives[0].chronicle.packed() == lives[1].chronicle.packed()


def test_what_is_reckoned_only_after_changes_is_as_if_it_were_reckoned_in_every_turn() -> None:
    lives, chance = (Life(), Life()), random.Random(5)
    energies: dict[int, int] = {}
    for turn in range(1, 250):
        lives[1].chronicle = Chronicle.unpacked(lives[1].chronicle.packed())
        alive = lives[0].chronicle.heroes
        new = 1000 - turn if turn % 3 else 1000 + turn
        gone = chance.sample(sorted(alive), 1) if len(alive) > 12 and chance.random() < 0.4 else []
        grown = [eid for eid in sorted(alive.keys() - set(gone)) if chance.random() < 0.3]
        for eid in grown:
            energies[eid] = alive[eid].energy_max + chance.choice((1, 9, 900))
        digest = {
            "risen": [risen(new, 32 + turn % 3, 100, sid=turn % 4, strategy=("red", "blue")[turn % 2])] if turn % 5 < 2 else [],
            "grown": [value for eid in grown for value in (eid, energies[eid])], "kills": grown[:2],
            "falls": [[eid, 2, 3, 4, "red", 40, None, None] for eid in gone if turn % 2],
            "left": [eid for eid in gone if not turn % 2],
        }  # fmt: skip
        stories = [life.turn(**digest) for life in lives]
        assert stories[0] == stories[1]
        assert lives[0].chronicle.packed() == lives[1].chronicle.packed()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("{}", "version"),
        ("[]", "indices"),
        ('{"version":9}', "version"),
        ("null", "subscriptable"),
        ('{"version":1,"tid":"x"}', "invalid literal"),
    ],
)
def test_what_is_no_chronicle_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Chronicle.unpacked(text)


def test_there_are_sentences_to_choose_from() -> None:
    rich = ("fight", "duel", "titan_falls", "stranger_falls", "system_taken", "spree", "hero")
    assert all(len(set(TEXTS[of])) >= 3 for of in rich)
    assert json.dumps(TEXTS).count("!") == 0
