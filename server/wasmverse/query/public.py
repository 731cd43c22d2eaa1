"""The names under which clients know what they may read."""

from __future__ import annotations

SCHEMA = "game"
"""The schema of the public relations; ``information_schema`` is readable too."""

OWN_DATABASES = (SCHEMA, "wasmverse")
"""What a client may call the database of the public relations, also in front of a procedure's name."""

DATABASES = (*OWN_DATABASES, "information_schema")
"""What a client may name as its database."""

SNAPSHOT_PREFIX = "snapshot_"
"""Begins the names of a snapshot's tables in a reader, which clients cannot name."""
