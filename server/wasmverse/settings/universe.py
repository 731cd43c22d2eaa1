"""The universe and the process that plays it."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from pydantic import Field

from wasmverse.settings.group import Group
from wasmverse.sizes import ENTITIES_MAX_PER_SYSTEM, SYSTEMS_MAX


def default_database_path() -> Path:
    """``universe.duckdb`` in the user's data folder."""
    return Path(platformdirs.user_data_dir("wasmverse", appauthor=False)) / "universe.duckdb"


class UniverseSettings(Group):
    """The file, what a new universe holds, and how its turns are played."""

    database_path: Path = Field(
        default_factory=default_database_path, description="The universe's DuckDB file."
    )
    systems: int = Field(1_000, ge=1, le=SYSTEMS_MAX, description="Solar systems of a new universe.")
    ships: int = Field(
        32,
        ge=0,
        le=ENTITIES_MAX_PER_SYSTEM,
        description="Ships per system: at the beginning, and the minimum kept up.",
    )
    nodes: int = Field(
        64,
        ge=0,
        le=ENTITIES_MAX_PER_SYSTEM,
        description="Energy nodes per system: at the beginning, and the minimum kept up.",
    )
    seed: int = Field(
        1, ge=0, lt=2**63, description="Seed of a new universe; the same seed gives the same turns."
    )
    period_seconds: float = Field(
        1.0, ge=0.05, le=3600, description="Seconds from one turn's start to the next one's."
    )
    threads: int = Field(0, ge=0, le=256, description="Threads that play a turn; 0 is one for each core.")
    log_bytes_max: int = Field(
        16 << 20,
        ge=1 << 10,
        description="Size of the log at which a checkpoint writes it into the database file, between two turns, in bytes.",
    )


class CommandSettings(Group):
    """How many commands wait for the universe, and how long the server waits for it."""

    command_wait_seconds_max: float = Field(
        15.0,
        gt=0,
        le=3600,
        description="Time in which the universe must begin a command, in seconds; later it is dropped.",
    )
    command_queue_max: int = Field(
        64, ge=1, description="Commands that may wait for the universe; further ones are refused."
    )
    command_bytes_max: int = Field(
        128 << 20,
        ge=1 << 20,
        description="Bytes of all commands that wait for the universe; the first is always taken.",
    )
    stop_seconds_max: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="Time in which a universe that is at work must have ended, in seconds.",
    )
    stop_idle_seconds_max: float = Field(
        5.0,
        gt=0,
        le=3600,
        description="Time in which it must have ended while it does nothing, in seconds.",
    )
