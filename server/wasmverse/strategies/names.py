"""What a strategy may be called, and how many there may be."""

from __future__ import annotations

import re

from wasmverse.errors import StrategyError
from wasmverse.text import printable

NAME_PATTERN = "[a-z][a-z0-9_]{0,62}"
"""A regular expression that the whole of a name matches, in Python and in DuckDB."""
NAME_RULE = "a strategy's name is a lower-case letter, then up to 62 lower-case letters, digits and '_'"

STRATEGIES_MAX = 60_000
"""Ids of strategies have 16 bits, a part of which nobody is given."""

NAME_SHOWN = 64
_NAME = re.compile(NAME_PATTERN)


def is_name(name: str) -> bool:
    """Whether a strategy can be called this."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> str:
    """The name, if it keeps the rule; raises StrategyError."""
    if not is_name(name):
        raise StrategyError(
            f"'{printable(name, NAME_SHOWN)}' cannot be a strategy's name: {NAME_RULE}; choose another"
        )
    return name
