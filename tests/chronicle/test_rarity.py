"""Scores by rarity: the rarer, the higher; what is kept does not grow, and is taken up again as it was."""

import json

from wasmverse.chronicle.rarity import RARE, RAREST, Rarity, score_of


def test_a_score_says_how_rare() -> None:
    assert score_of(RARE) == 0.7
    assert score_of(RAREST) == score_of(RAREST / 10) == 1.0
    assert 0.0 == score_of(5.0) <= score_of(1.0) < score_of(0.1) < score_of(RARE)


def test_what_comes_each_turn_is_dull_and_what_is_greater_is_not() -> None:
    rarity = Rarity()
    for _ in range(4000):
        rarity.turn()
        usual = rarity.score("fight", 20)
    great = rarity.score("fight", 5000)
    assert usual == score_of(1.0)
    assert great > 0.9
    assert rarity.score("duel", 20) == great, "kinds are counted apart"
    for _ in range(30):
        again = rarity.score("fight", 4000)
    assert again < 0.7, "the thirtieth of an hour is rare no more"


def test_what_was_long_ago_counts_less() -> None:
    rarity = Rarity()
    for _ in range(3600):
        rarity.turn()
    for _ in range(60):
        before = rarity.score("fight", 100)
    for _ in range(4 * 3600):
        rarity.turn()
    assert before < 0.7 < rarity.score("fight", 100)


def test_it_is_taken_up_as_it_was() -> None:
    rarity = Rarity()
    for turn in range(100):
        rarity.turn()
        rarity.score("fight", turn * turn)
    again = Rarity.of_state(json.loads(json.dumps(rarity.state())))
    for turn in range(200):
        rarity.turn()
        again.turn()
        assert rarity.score("fight", 37 * turn) == again.score("fight", 37 * turn)
    assert len(json.dumps(rarity.state())) < 3000
