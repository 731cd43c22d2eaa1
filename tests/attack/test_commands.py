"""Commands of several owners in any order, against bounds that leave little room; with turns, restarts and a replay of it all.

A case is a number: the same one gives the same commands. A failing one is named with all that it did.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import wasmtime

from tests.attack.effort import cases_of_time, random_of
from tests.wasm.builder import strategy_wat
from wasmverse.commands import (
    Author,
    Command,
    Cost,
    EnableStrategy,
    Inspection,
    RemoveStrategies,
    RemoveStrategy,
    SpawnEntity,
    UploadStrategy,
)
from wasmverse.errors import WasmverseError
from wasmverse.recording.recorder import record
from wasmverse.recording.replay import replay
from wasmverse.settings import Settings
from wasmverse.simulation.beginning import BUNDLED, BUNDLED_FOLDER
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.strategies.inspection import inspect_module

BUNDLED_BYTES = sum((BUNDLED_FOLDER / f"{name}.wasm").stat().st_size for name in BUNDLED)
SETTINGS = Settings(
    systems=12,
    ships=2,
    nodes=3,
    seed=5,
    threads=1,
    strategies_max=9,
    strategies_max_per_owner=3,
    stored_bytes_max_per_owner=1_500,
    stored_bytes_max=BUNDLED_BYTES + 2_400,
    grounded_after_turns=2,
)
NAMES = [f"name_{n}" for n in range(7)]
OWNERS = [
    Author.named("ada"),
    Author.named("eve"),
    Author("token:1", "ada"),
    Author("token:2", "root", is_admin=True),
]


def modules() -> list[tuple[bytes, Inspection]]:
    """Modules with one strategy and with several, some of which have names in common; one traps."""
    found = []
    for number in range(10):
        body = "(unreachable)" if number == 9 else f"(i64.const {(number + 1) << 8})"
        wat = strategy_wat(body, f'(data (i32.const 0) "{"x" * 400}")')
        if number % 3 == 2:
            exports = "".join(f'(export "{NAMES[(number + n) % len(NAMES)]}")' for n in range(2))
            wat = wat.replace('(export "decide")', exports)
        module = bytes(wasmtime.wat2wasm(wat))
        found.append((module, inspect_module(module, "mine", SETTINGS)))
    return found


def command(rng: random.Random, uploads: list[tuple[bytes, Inspection]]) -> Command:
    name, author = rng.choice(NAMES), rng.choice(OWNERS)
    match rng.randrange(10):
        case 0 | 1 | 2 | 3 | 4:
            module, inspection = rng.choice(uploads)
            strategies = {
                name if given == "mine" else given: export for given, export in inspection.strategies.items()
            }
            costs = {given: Cost(rng.choice([1e-5, 1e-5, 1.0]), 1e-7) for given in strategies}
            found = replace(inspection, strategies=strategies, costs=rng.choice([{}, costs, costs]))
            return UploadStrategy(name, module, found, author)
        case 5:
            return RemoveStrategy(name, author)
        case 6:
            return RemoveStrategies(tuple(rng.sample(NAMES, 2)), author)
        case 7:
            return EnableStrategy(name, rng.random() < 0.5, author)
        case _:
            return SpawnEntity(rng.randrange(1, 13), 1, rng.randrange(100), rng.randrange(100), name)


def check(simulation: DuckdbStore) -> None:
    """The bounds hold, and what is stored is what is flown."""
    rows = simulation.strategy_rows.to_pylist()
    flown = [row for row in rows if row["status"] != "removed"]
    theirs = [row for row in flown if row["owner"] != "wasmverse"]
    assert len({row["name"] for row in rows}) == len({row["strategy_id"] for row in rows}) == len(rows)
    assert len(flown) <= SETTINGS.strategies_max
    assert len(rows) <= 4 * SETTINGS.strategies_max
    versions = simulation.version_rows.to_pylist()
    whose = {row["name"]: row["owner"] for row in flown}
    assert {row["strategy"] for row in versions} <= whose.keys()
    owners = Counter(row["owner"] for row in rows if row["owner"] != "wasmverse")
    assert max(owners.values(), default=0) <= SETTINGS.strategies_max_per_owner
    for owner in owners:
        sizes = {row["sha256"]: row["bytes"] for row in theirs if row["owner"] == owner}
        kept = {row["sha256"]: row["bytes"] for row in versions if whose[row["strategy"]] == owner}
        assert sum(sizes.values()) + sum(kept.values()) <= SETTINGS.stored_bytes_max_per_owner
    sizes = {row["sha256"]: row["bytes"] for row in flown}
    kept = {row["sha256"]: row["bytes"] for row in versions}
    assert sum(sizes.values()) + sum(kept.values()) <= SETTINGS.stored_bytes_max
    with simulation.database.transaction() as transaction:
        stored = {sha256 for (sha256,) in transaction.run_text("SELECT sha256 FROM strategy_module")}
    assert stored == {row["sha256"] for row in flown} == set(simulation.registry._guests.compiled_bytes)


def open_in(folder: Path) -> DuckdbStore:
    simulation = DuckdbStore(Database.open(folder / "universe.duckdb"), SETTINGS)
    record(simulation, folder / "run.jsonl", 3)
    return simulation


def play(folder: Path, rng: random.Random, uploads: list[tuple[bytes, Inspection]], done: list[str]) -> None:
    """A universe from its beginning to its replay; ``done`` is added what was done."""
    simulation = open_in(folder)
    try:
        for _ in range(25):
            given = command(rng, uploads)
            before = simulation.strategy_rows
            try:
                simulation.carry_out(given)
                done.append(
                    f"{given.__class__.__name__} {getattr(given, 'name', getattr(given, 'names', ''))}"
                )
            except WasmverseError as error:
                done.append(f"refused {given.__class__.__name__}: {error.message}")
                assert simulation.strategy_rows.equals(before)
            check(simulation)
            for _ in range(rng.choice([0, 0, 1, 3])):
                simulation.advance()
            if rng.random() < 0.1:
                simulation.close()
                done.append(f"restart at turn {simulation.tid}")
                simulation = open_in(folder)
                check(simulation)
        digest = simulation.state_hash()
    finally:
        simulation.close()
    # A replay has the modules checked in processes: half a second each.
    if rng.random() < 0.2:
        found = replay(folder / "run.jsonl", None, SETTINGS)
        assert (found.first_difference, found.state_hash) == (None, digest)


def test_no_order_of_commands_breaks_a_bound(tmp_path: Path) -> None:
    uploads, base = modules(), random_of("commands").random()
    for number in cases_of_time(14):
        folder = tmp_path / str(number)
        folder.mkdir()
        done: list[str] = []
        try:
            play(folder, random.Random(f"{base} {number}"), uploads, done)
        except BaseException as error:
            raise AssertionError(f"case {number}: {'; '.join(done)}") from error
