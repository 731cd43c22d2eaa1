"""Makes strangers' text safe for one line of a log, a terminal or a message."""

from __future__ import annotations

from collections.abc import Iterable

LENGTH_MAX = 200


def printable(text: object, length_max: int = LENGTH_MAX) -> str:
    """``text`` on one line: shortened to ``length_max`` characters, and what is not printable written as an escape.

    Control characters can move a terminal's cursor or begin a forged line of a log; format characters (category Cf)
    can reverse the order in which the rest is shown. ``str.isprintable`` is False for all of these, and for lone
    surrogates, which cannot be encoded.
    """
    shown = str(text)
    cut = shown[:length_max]
    if not cut.isprintable():
        cut = "".join(
            c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in cut
        )
    return cut if len(shown) <= length_max else f"{cut}..."


def counted(count: int, noun: str, nouns: str = "") -> str:
    """A number with what is counted: "1 row", "2,000 rows"; ``nouns`` is the plural where an s does not make it."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"


def some_of(names: Iterable[str], most: int = 10) -> str:
    """The first names and how many more there are: "a, b", "a, b and 7 more"; "none" if there are none."""
    known = list(names)
    more = f" and {len(known) - most:,} more" if len(known) > most else ""
    return f"{', '.join(known[:most]) or 'none'}{more}"


def one_line(text: str, characters_max: int) -> str:
    """A stranger's text of several lines as one printable line that is not too long."""
    return printable(" ".join(text[: 4 * characters_max].split()), characters_max)
