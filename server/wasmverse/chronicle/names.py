"""The names of ships: each has one by its number, always the same, in Python for texts and in SQL for queries.

A name is a given name and a surname, each made of two of 64 parts: 24 bits. The number times an odd constant, modulo 2^24, says
which: so numbers that follow each other have names that do not look alike, and two ships share a name only if their numbers
differ by a multiple of 16,777,216.
"""

from __future__ import annotations

from functools import lru_cache

_STARTS = (
    "Al An Ar Bel Bor Cal Cor Dal Dar Del Dor El Er Fal Far Fen Gal Gar Hal Har Hel Ial Ir Jar Jor Kal Kar Kel Kor "
    "Lan Lir Lor Mal Mar Mer Mor Nal Nar Nor Ol Or Pal Per Quel Ral Ren Rol Sal Sar Sel Sol Tal Tar Ter Thal Tor Ul "
    "Ur Val Var Vel Vor Wil Zar"
)
_ENDS = (
    "a adan ae aia an ana ar ara arin as ea edra eia el ela en ena er era eth ia iane iel ien ika ila in ina io ion "
    "ira is ith iva o odan ola on ona ora orin os oth ova u una ur ura us uth yn yra ys astra elle essa inde isse "
    "ondo ostra umi yade anth elin"
)
_SURNAME_STARTS = (
    "Ash Bane Black Bright Cinder Cold Crow Dawn Deep Drift Dusk Dust Ember Ever Far Fire Frost Ghost Glass Gold "
    "Gray Grim Hawk Hollow Iron Keen Lark Light Lone Long Moon Night North Oak Onyx Pale Pyre Quick Rain Raven Red "
    "Rime Salt Sharp Shade Silver Sky Slate Spark Star Steel Stone Storm Sun Swift Thorn Tide Vast Veil Void White "
    "Wild Wind Wolf"
)
_SURNAME_ENDS = (
    "arrow bearer blade born bow brand breaker burn caller chaser claw crest crown fall fang field flight forge "
    "gate guard hand heart helm herald holt hound keeper lance leaf mantle march mark mere mist path quill reach "
    "rider ridge runner sail seeker shield shore song spear spire strider stride thread track vale wake walker ward "
    "warden watch water weaver whisper wing wood wright yard"
)
_PARTS = [parts.split() for parts in (_STARTS, _ENDS, _SURNAME_STARTS, _SURNAME_ENDS)]
_BITS = 6

NAMES = 1 << _BITS * len(_PARTS)
"""So many ships that follow each other have different names."""

_FACTOR = 10_368_889
"""Odd, and near NAMES times the golden ratio's fraction (Knuth, The Art of Computer Programming 3, 6.4)."""


@lru_cache(8192)
def ship_name(eid: int) -> str:
    """The name of the ship with this number."""
    digits = eid * _FACTOR % NAMES
    start, end, surname_start, surname_end = (
        parts[digits >> shift & (1 << _BITS) - 1] for parts, shift in _shifted()
    )
    return f"{start}{end} {surname_start}{surname_end}"


def ship_name_sql(eid: str) -> str:
    """The same as an expression of DuckDB; ``eid`` is one of an integer. NULL has no name."""
    digits = f"((({eid})::BIGINT & {NAMES - 1}) * {_FACTOR})"
    start, end, surname_start, surname_end = (
        f"[{', '.join(map(_quoted, parts))}][({digits} >> {shift} & {(1 << _BITS) - 1}) + 1]"
        for parts, shift in _shifted()
    )
    return f"{start} || {end} || ' ' || {surname_start} || {surname_end}"


def _shifted() -> list[tuple[list[str], int]]:
    """Each part with how far its bits are from the lowest."""
    return [(parts, _BITS * (len(_PARTS) - 1 - place)) for place, parts in enumerate(_PARTS)]


def _quoted(text: str) -> str:
    return f"'{text}'"
