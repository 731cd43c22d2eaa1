"""What a plan says, in words."""

import pytest

from wasmverse.strategies.plans import plan_words


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (0, "hold"),
        (0x40, "move north by 0"),
        (0x51, "move east by 1"),
        (0x6A, "move south by 10"),
        (0x7F, "move west by 15"),
        (0x80, "upgrade blasters"),
        (0x82, "upgrade harvesters"),
        (0x83, "invalid"),
        (0xFF, "invalid"),
    ],
)
def test_a_plan_in_words(command: int, words: str) -> None:
    assert plan_words(command | 0xABC << 8) == words
