"""Types of the engine that Python, Arrow or CSV cannot represent, and the types to which the engine casts them first. A moment
with a time zone needs a further library in Python. Arrow has neither unsigned integers of 128 bits, which DuckDB exports as
wrong numbers, nor times with a zone. A variant may hold all of these. The engine can cast each of them, also in lists and
structs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

FOR_JSON = {
    "TIME WITH TIME ZONE": "VARCHAR",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "TIMESTAMP_NS WITH TIME ZONE": "TIMESTAMP_NS",
    "VARIANT": "JSON",
}
FOR_ARROW = {
    "UHUGEINT": "VARCHAR",
    "BIGNUM": "VARCHAR",
    "BIT": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "VARIANT": "JSON",
}
FOR_CSV = FOR_ARROW | FOR_JSON | {"HUGEINT": "VARCHAR"}

_PART = re.compile(
    r"""(?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*')
    |(?P<kind>(?:(?<=[ (])|\A)(?:TIME|TIMESTAMP|TIMESTAMP_NS)\ WITH\ TIME\ ZONE(?=[,)\[]|\Z)
    |(?:(?<=[ (])|\A)[A-Z_]+(?=[,)\[]|\Z))""",
    re.VERBOSE,
)
"""A name or a text in the text of a type, or a type in it that has no parts of its own; what a member of a struct is
called without quotes is followed by a space."""


def recast(kind: str, targets: Mapping[str, str]) -> str:
    """The engine's type ``kind`` with each part that is among ``targets`` replaced.

    >>> recast('STRUCT("VARIANT" VARIANT, d DATE)[]', FOR_JSON)
    'STRUCT("VARIANT" JSON, d DATE)[]'
    """
    if "(" not in kind and "[" not in kind:  # almost all of them, and this is asked for every query
        return targets.get(kind, kind)
    return _PART.sub(lambda part: targets.get(part["kind"] or "", part[0]), kind)


def select_as(sql: str, columns: Sequence[tuple[str, str]], kinds: Sequence[str]) -> str:
    """A SELECT of the same rows with each column, a name and a type, cast to the type it has among ``kinds``.

    ``sql`` is one SELECT without comments, as the engine writes it.
    """
    items = []
    for place, ((name, before), kind) in enumerate(zip(columns, kinds, strict=True), 1):
        value = f"#{place}" if kind == before else f"CAST(#{place} AS {kind})"
        quoted = name.replace('"', '""')
        items.append(f'{value} AS "{quoted}"')
    return f"SELECT {', '.join(items)} FROM (\n{sql}\n) AS result"
