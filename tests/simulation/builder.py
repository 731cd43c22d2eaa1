"""Universes for tests: opened, commanded, played, and looked at."""

from dataclasses import replace
from typing import Any

import wasmtime

from tests.wasm.builder import strategy_wat
from wasmverse.commands import Author, UploadStrategy
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.strategies.inspection import inspect_module

SMALL = Settings(systems=20, ships=6, nodes=10, seed=7, threads=1)


def changed(**values: Any) -> Settings:
    return SMALL.model_copy(update=values)


def upload_of(name: str, body: str, extra: str = "", author: str = "ada") -> UploadStrategy:
    module = bytes(wasmtime.wat2wasm(strategy_wat(body, extra)))
    found = replace(inspect_module(module, name, SMALL), costs={})
    return UploadStrategy(name, module, found, Author.named(author))


def play(simulation: DuckdbStore, turns: int) -> str:
    for _ in range(turns):
        simulation.advance()
    return simulation.state_hash()


def everything(simulation: DuckdbStore) -> dict[str, list[dict[str, Any]]]:
    """All that readers are shown, but for what depends on the clock."""
    clocks = {"start_time", "end_time", "uploaded_at", "seconds", "late"}
    return {
        name: [
            {key: value for key, value in row.items() if key not in clocks}
            for row in table.sort_by([(column, "ascending") for column in table.column_names]).to_pylist()
        ]
        for name, table in simulation.snapshot().items()
        if name != "turn_phase"
    }


def strategy_row(simulation: DuckdbStore, name: str) -> dict[str, Any]:
    [row] = [row for row in simulation.strategy_rows.to_pylist() if row["name"] == name]
    return row


def ships_of(simulation: DuckdbStore, name: str) -> int:
    ids = simulation.stored.state.ships.strategy_id
    return int((ids == strategy_row(simulation, name)["strategy_id"]).sum())


def tallies(simulation: DuckdbStore, name: str) -> list[dict[str, Any]]:
    rows = simulation.history.strategy_turns.rows.to_pylist()
    return sorted((row for row in rows if row["strategy"] == name), key=lambda row: row["tid"])
