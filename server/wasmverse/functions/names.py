"""What a function may be called."""

from __future__ import annotations

import re

from wasmverse.errors import FunctionError
from wasmverse.text import printable

NAME_PATTERN = "[a-z][a-z0-9_]{0,62}"
"""A regular expression that the whole of a name matches, in Python and in DuckDB."""
NAME_RULE = "a function's name is a lower-case letter, then up to 62 lower-case letters, digits and '_'"

TRY = "try_"
"""Begins the name under which an error of a function is NULL: ``try_f(x)``. So no function's own name begins with it."""

OWN = frozenset({"decode_plan", "ship_name", "sight", "sight_reach"})
"""The macros that every reader makes for its clients."""

_NAME = re.compile(NAME_PATTERN)
_SHOWN = 64


def check_name(name: str) -> str:
    """The name, if it keeps the rules; raises FunctionError. What else has that name only the store knows."""
    shown = printable(name, _SHOWN)
    if _NAME.fullmatch(name) is None:
        meant = name.lower().replace("-", "_")
        remedy = f"call it '{meant}'" if _NAME.fullmatch(meant) else "choose another"
        raise FunctionError(f"'{shown}' cannot be a function's name: {NAME_RULE}; {remedy}")
    if name.startswith(TRY):
        raise FunctionError(
            f"'{shown}' cannot be a function's name: {TRY}f is f with NULL for an error; choose another"
        )
    if name in OWN:
        raise FunctionError(f"'{shown}' is a function that Wasmverse has itself; choose another name")
    return name
