"""Open a universe with the engine that keeps it, and say what its errors mean: who does only this knows no engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from wasmverse.errors import DatabaseError
from wasmverse.settings import DatabaseUrl, SimulationSettings
from wasmverse.simulation.beginning import Founder
from wasmverse.storage.duckdb.beginning import begin
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.failure import damage, disk_failure
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.universe_store import UniverseStore
from wasmverse.universe.turn import Laws


def open_universe(
    place: Path | DatabaseUrl | None,
    settings: SimulationSettings,
    first: Callable[[bool], None] = lambda _is_new: None,
) -> UniverseStore:
    """A universe, made by the settings with the bundled strategies if it is new; None for a private one in memory.

    Parameters
    ----------
    first : called once the place is ours, before anything is made, read or compiled; told whether it is new.

    Raises
    ------
    WasmverseError : the place cannot be used, holds what cannot be, or the universe does not fit this machine.
    """
    if isinstance(place, DatabaseUrl):
        from wasmverse.storage.postgres.opening import open_postgres  # noqa: PLC0415 - one engine is enough

        return open_postgres([place, *settings.place_urls], settings, first, play=settings.play)
    database = Database.open(place)
    try:
        first(database.is_new)
    except BaseException:
        database.close()
        raise
    return DuckdbStore.opened(database, settings)


def disk_error(error: BaseException, place: Path | DatabaseUrl) -> DatabaseError | None:
    """The one line for an error whose cause is that the disk takes no more; None for any other."""
    return disk_failure(error, place) if isinstance(place, Path) else None


def storage_error(error: BaseException, place: Path | DatabaseUrl) -> DatabaseError | None:
    """The one line for an error whose cause is the disk, or damaged bytes of the universe there; None for any other."""
    return disk_failure(error, place) or damage(error, place) if isinstance(place, Path) else None


def found_universe(
    laws: Laws,
    founders: Sequence[Founder],
    settings: SimulationSettings,
    place: Path | DatabaseUrl | None = None,
) -> UniverseStore:
    """A new universe with these laws and first strategies, as if uploaded in 1970; without a place a private one in memory.

    It can be played: of one that others can open, this process has the clock.

    Raises
    ------
    DatabaseError : there is a universe already, or none can be made.
    """
    if isinstance(place, DatabaseUrl):
        from wasmverse.storage.postgres.opening import found_postgres  # noqa: PLC0415

        return found_postgres([place, *settings.place_urls], laws, founders, settings, play=settings.play)
    database = Database.open(place)
    try:
        if not database.is_new:
            raise DatabaseError(f"{place} holds a universe already: name a new file with --db")
        begin(database, laws, founders, 0.0)
    except BaseException:
        database.close()
        raise
    return DuckdbStore.opened(database, settings)
