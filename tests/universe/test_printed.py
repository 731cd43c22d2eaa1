"""What strategies print, as lines: cut, escaped, bounded and counted, and each with its ship."""

import struct

import numpy as np
import pytest

from wasmverse.universe.printed import Printed, joined, printed
from wasmverse.wasm.limits import Limits

ROW = np.array([2, 0, 1])
EIDS = np.array([100, 200, 300])


def found(
    *written: tuple[int, bytes], dropped: int = 0, lines_max: int = 100, characters_max: int = 20
) -> Printed:
    log = b"".join(struct.pack("<II", row, len(text)) + text for row, text in written)
    limits = Limits(1, 1, 1, 1, log_lines_max=lines_max, log_line_characters_max=characters_max)
    return printed(log, dropped, ROW, EIDS, limits)


def test_every_line_has_the_ship_whose_row_wrote_it() -> None:
    """Rows are given to the ships of a block by strategy: the first ship has the last row here."""
    assert found((0, b"one\ntwo\n"), (1, b"three"), (2, b"\n\nfour\r\n")) == Printed(
        [200, 200, 300, 100, 100, 100], ["one", "two", "three", "", "", "four"]
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"\xff\xfeA\xc3", "\ufffd\ufffdA\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        ("è€🚀".encode(), "è€🚀"),
        (b"\x1b[2J\x07\x00\ttab", r"\x1b[2J\x07\x00\ttab"),
        ("a\u202eb\u2028c".encode(), r"a\u202eb\u2028c"),
        (b"x" * 20, "x" * 20),
        (b"x" * 21, "x" * 20 + "..."),
        ("🚀".encode() * 21, "🚀" * 20 + "..."),
        (b"\xf0\x9f" * 30, "\ufffd" * 20 + "..."),
        (b"a\rb", r"a\rb"),
        (b"\x00" * 5, r"\x00" * 5),
        (b"\x00" * 6, r"\x00" * 5 + "..."),
        (b"abc" + b"\x07" * 20, r"abc\x07\x07\x07\x07..."),
        ("\U000e0001".encode() * 99, r"\U000e0001" * 2 + "..."),
    ],
)
def test_a_line_is_printable_text_and_not_too_long(text: bytes, shown: str) -> None:
    assert found((0, text)).lines == [shown]


def test_lines_past_the_bound_are_counted() -> None:
    written = [(row, b"a\nb\nc\nd\n") for row in range(3)]
    assert found(*written, lines_max=6) == Printed([200] * 4 + [300] * 2, list("abcdab"), 6)
    assert found(*written, lines_max=0, dropped=5) == Printed([], [], 17)
    assert found(dropped=3) == Printed([], [], 3)


def test_the_blocks_of_a_turn_share_one_bound() -> None:
    parts = [Printed([1, 2], ["a", "b"]), Printed([3, 4], ["c", "d"], 7), Printed([5], ["e"], 1)]
    assert joined(parts, 5) == Printed([1, 2, 3, 4, 5], list("abcde"), 8)
    assert joined(parts, 3) == Printed([1, 2, 3], list("abc"), 10)
    assert joined(parts, 0) == Printed([], [], 13)
    assert joined([], 3) == Printed()
    assert parts[0] == Printed([1, 2], ["a", "b"])
