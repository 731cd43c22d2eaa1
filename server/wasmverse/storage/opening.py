"""Open a universe with the engine that keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wasmverse.settings import SimulationSettings
from wasmverse.simulation.beginning import Founder
from wasmverse.storage.duckdb.beginning import begin
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.universe_store import UniverseStore
from wasmverse.universe.turn import Laws


def open_universe(path: Path | None, settings: SimulationSettings) -> UniverseStore:
    """A universe in a file, made by the settings with the bundled strategies if it is new; None for a private one in memory.

    Raises
    ------
    WasmverseError : the file cannot be used, holds what cannot be, or the universe does not fit this machine.
    """
    return DuckdbStore.opened(Database.open(path), settings)


def found_universe(laws: Laws, founders: Sequence[Founder], settings: SimulationSettings) -> UniverseStore:
    """A private universe in memory with these laws and first strategies, as if uploaded in 1970."""
    database = Database.open(None)
    try:
        begin(database, laws, founders, 0.0)
    except BaseException:
        database.close()
        raise
    return DuckdbStore.opened(database, settings)
