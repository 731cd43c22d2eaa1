from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.simulation.builder import SMALL
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore


@pytest.fixture
def simulate() -> Iterator[Callable[..., DuckdbStore]]:
    """Opens simulations and closes those that a test leaves open."""
    opened: list[DuckdbStore] = []

    def simulate(settings: Settings = SMALL, path: Path | None = None) -> DuckdbStore:
        simulation = DuckdbStore(Database.open(path), settings)
        opened.append(simulation)
        close = simulation.close

        def close_once() -> None:
            if simulation in opened:
                opened.remove(simulation)
                close()

        simulation.close = close_once  # type: ignore[method-assign]
        return simulation

    yield simulate
    for simulation in opened:
        simulation.close()
