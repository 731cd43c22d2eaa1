"""The universe and the process that plays it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import platformdirs
from pydantic import Field, model_validator

from wasmverse.errors import SettingsError
from wasmverse.settings.database import DatabasePlace, DatabaseUrl
from wasmverse.settings.group import Group
from wasmverse.sizes import ENTITIES_MAX_PER_SYSTEM, SYSTEMS_MAX, UPKEEP_MAX


def default_database_path() -> Path:
    """``universe.duckdb`` in the user's data folder."""
    return Path(platformdirs.user_data_dir("wasmverse", appauthor=False)) / "universe.duckdb"


class UniverseSettings(Group):
    """Where it is kept, what a new universe holds, and how its turns are played."""

    database_path: DatabasePlace = Field(
        default_factory=default_database_path,
        description="The universe's DuckDB file, or the `postgresql://` URL of its database.",
    )
    place_urls: tuple[DatabaseUrl, ...] = Field(
        (),
        description="Databases of further PostgreSQL servers that hold a part of the universe each, in this order; JSON list.",
    )
    play: Literal["auto", "inside", "outside"] = Field(
        "auto",
        description="Where turns in PostgreSQL are played: `inside` the server, or beside it; `auto` is inside where that works.",
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
    upkeep: int = Field(
        10,
        ge=0,
        le=UPKEEP_MAX,
        description="Energy that 100 parts of a ship cost a turn, in a new universe; 0 is none.",
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
    backup_growth_bytes_max: int = Field(
        4 << 30,
        ge=1 << 20,
        description="How much the file and its log may grow while a backup copies them, in bytes; then the backup is given up.",
    )

    @model_validator(mode="after")
    def _check_places(self) -> Self:
        if self.place_urls:
            if isinstance(self.database_path, Path):
                raise SettingsError(
                    f"place_urls names {self.place_urls[0]}, but database_path is the file {self.database_path}: a universe on "
                    "several servers has a postgresql:// URL as database_path, too"
                )
            if self.database_path.is_citus or any(url.is_citus for url in self.place_urls):
                raise SettingsError(
                    f"place_urls names {self.place_urls[0]}, but Citus places the rows itself: name only the coordinator"
                )
            for number, url in enumerate(self.place_urls):
                if url in (self.database_path, *self.place_urls[:number]):
                    raise SettingsError(
                        f"place_urls names {url} again: each part needs a database of its own"
                    )
        return self


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
