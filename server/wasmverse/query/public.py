"""The names under which clients know what they may read."""

from __future__ import annotations

SCHEMA = "game"
"""The schema of the public relations; ``information_schema`` is readable too."""

DATABASES = (SCHEMA, "wasmverse", "information_schema")
"""What a client may call its database."""

SNAPSHOT_PREFIX = "snapshot_"
"""Begins the names of a snapshot's tables in a reader, which clients cannot name."""
