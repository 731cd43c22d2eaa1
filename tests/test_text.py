"""Strangers' text cannot move a cursor, begin a line or fill a screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmverse.text import printable, some_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with spaces and ümläuts", "plain, with spaces and ümläuts"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\ud800", r"\ud800"),
        ("\x9b2J", r"\x9b2J"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_text_is_shortened() -> None:
    assert printable("x" * 100_000, 10) == "xxxxxxxxxx..."
    assert printable("x" * 10, 10) == "x" * 10


def test_of_many_names_some_are_shown() -> None:
    assert [some_of(f"s{n}" for n in range(count)) for count in (0, 1)] == ["none", "s0"]
    assert some_of("abcdefghij") == "a, b, c, d, e, f, g, h, i, j"
    assert some_of(map(str, range(2_000)), 3) == "0, 1, 2 and 1,997 more"


@given(st.text(st.characters(), max_size=300))
def test_any_text_comes_out_on_one_printable_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown.encode().decode() == shown
