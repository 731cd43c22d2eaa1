"""The names under which clients know what they may read."""

from __future__ import annotations

import re

SCHEMA = "game"
"""The schema of the public relations; ``information_schema`` is readable too."""

OWN_DATABASES = (SCHEMA, "wasmverse")
"""What a client may call the database of the public relations, also in front of a procedure's name."""

DATABASES = (*OWN_DATABASES, "information_schema")
"""What a client may name as its database."""

SNAPSHOT_PREFIX = "snapshot_"
"""Begins the names of a snapshot's tables in a reader, which clients cannot name."""

TURNS_MAX = 4
"""Turns that one statement may read: each may have to be played again, and all must be there at the same time."""

_OF_TURN = re.compile(r"(\w+) as of turn ([0-9]{1,18})")


def of_turn(name: str, tid: int) -> str:
    """The name, in a statement that reads several turns, of a relation as it was in one of them."""
    return f"{name} as of turn {tid}"


def read_of_turn(name: str) -> tuple[str, int] | None:
    """The relation and the turn in such a name, in lower case; None if it is none."""
    found = _OF_TURN.fullmatch(name)
    return None if found is None or of_turn(found[1], int(found[2])) != name else (found[1], int(found[2]))
