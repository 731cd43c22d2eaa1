"""Relations that clients call otherwise than the engine does: those of ``information_schema``, and of one of several turns."""

from __future__ import annotations

from typing import Any

from wasmverse.query.public import SCHEMA, read_of_turn
from wasmverse.reader.allowed import folded

INFORMATION = "information_schema"
INFORMATION_RELATIONS = frozenset({"tables", "columns", "schemata", "character_sets", "routines"})
INFORMATION_VIEW = "public {}"
"""Name in ``SCHEMA`` of the view that replaces a relation of ``information_schema``: the engine's own also lists internal
names."""


def show_public_part(parts: list[dict[str, Any]]) -> bool:
    """Replace relations of ``information_schema`` by our views of them; returns whether there were any."""
    tables = [
        part
        for part in parts
        if part.get("type") == "BASE_TABLE" and folded(part["schema_name"]) == INFORMATION
    ]
    for part in tables:
        name = folded(part["table_name"])
        part["alias"] = part["alias"] or name
        part["schema_name"], part["table_name"] = path = [SCHEMA, INFORMATION_VIEW.format(name)]
        part["qualified_name"] = {"path": path}
    for part in parts if tables else ():
        names = part.get("column_names") if part.get("type") == "COLUMN_REF" else None
        if names and len(names) > 2 and folded(names[0]) == INFORMATION:
            del names[0]
    return bool(tables)


def name_of_turns(parts: list[dict[str, Any]]) -> bool:
    """Let relations of a turn be called by their names where nobody calls them otherwise; returns whether there were any."""
    found = False
    for part in parts:
        then = read_of_turn(folded(part["table_name"])) if part.get("type") == "BASE_TABLE" else None
        if then and not part["alias"]:
            part["alias"] = then[0]
            found = True
    return found


def is_public_part(part: dict[str, Any]) -> bool:
    """Whether this reads one of the views that ``show_public_part`` puts in."""
    views = {INFORMATION_VIEW.format(name) for name in INFORMATION_RELATIONS}
    return part["schema_name"] == SCHEMA and not part["catalog_name"] and part["table_name"] in views
