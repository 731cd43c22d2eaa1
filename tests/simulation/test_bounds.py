"""Bounds on uploads: how many strategies and bytes an owner and all may have, and what is dropped to make room."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.builder import changed, play, strategy_row, upload_of
from wasmverse.commands import Author, CheckUpload, RemoveStrategy, SpawnEntity, UploadStrategy
from wasmverse.errors import StrategyLimit, StrategyTaken
from wasmverse.simulation.beginning import BUNDLED, BUNDLED_FOLDER
from wasmverse.storage import schema
from wasmverse.storage.duckdb.store import DuckdbStore

ADA, EVE = Author.named("ada"), Author.named("eve")


def named(name: str, number: int = 0, author: Author = ADA) -> UploadStrategy:
    return replace(upload_of(name, f"(i64.const {(number + 1) << 8})"), author=author)


def names(simulation: DuckdbStore) -> set[str]:
    return {row["name"] for row in simulation.strategy_rows.to_pylist()} - {
        "strategy_battle",
        "strategy_blank",
        "strategy_default",
        "strategy_flee",
    }


def stored(simulation: DuckdbStore) -> int:
    with simulation.database.transaction() as transaction:
        return int(transaction.run_text(f"SELECT count(*) FROM {schema.strategy_module.name}")[0][0])


def refused(simulation: DuckdbStore, upload: UploadStrategy, message: str) -> None:
    before = simulation.strategy_rows, stored(simulation)
    with pytest.raises(StrategyLimit) as error:
        simulation.carry_out(upload)
    assert message in error.value.message
    with pytest.raises(StrategyLimit) as told:
        simulation.check_upload(CheckUpload.of(upload))
    assert told.value.message == error.value.message
    assert simulation.strategy_rows.equals(before[0]) and stored(simulation) == before[1]


def size(upload: UploadStrategy) -> int:
    return len(upload.module)


def test_an_owner_has_so_many_strategies(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate(changed(strategies_max_per_owner=2))
    for name in ("one", "two"):
        simulation.carry_out(named(name))
    refused(
        simulation,
        named("three"),
        "you have 2 strategies, removed ones with living ships included; one may have 2 ",
    )
    simulation.carry_out(named("two", 1))  # a new version
    simulation.carry_out(named("three", author=EVE))
    admin = Author("token:0", "root", is_admin=True)
    refused_for_eve = simulation.carry_out(named("three", 2, admin))["strategies"]
    assert [(row["author"], row["version"]) for row in refused_for_eve] == [("eve", 2)]
    # A removed one counts for as long as ships of it live.
    simulation.carry_out(SpawnEntity(1, 1, 5, 5, "one"))
    simulation.carry_out(RemoveStrategy("one", ADA))
    refused(simulation, named("four"), "you have 2 strategies")
    simulation.carry_out(RemoveStrategy("two", ADA))
    simulation.carry_out(named("four"))
    assert names(simulation) == {"one", "three", "four"}


def test_a_universe_has_so_many_strategies(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate(changed(strategies_max=6))  # four are bundled
    simulation.carry_out(named("one"))
    simulation.carry_out(named("two", author=EVE))
    refused(simulation, named("three"), "there are 6 strategies; there may be 6 (strategies_max)")
    simulation.carry_out(RemoveStrategy("one", ADA))
    simulation.carry_out(named("three"))


def test_stored_bytes_are_bounded_and_the_same_module_counts_once(
    simulate: Callable[..., DuckdbStore],
) -> None:
    one = size(named("one"))
    room = sum(path.stat().st_size for path in _bundled()) + 3 * one
    simulation = simulate(changed(stored_bytes_max_per_owner=2 * one, stored_bytes_max=room))
    for name, number in (("one", 0), ("two", 1), ("three", 1)):
        simulation.carry_out(named(name, number))
    refused(
        simulation,
        named("four", 2),
        f"you have modules of {3 * one:,} bytes with this one; one may have {2 * one:,} ",
    )
    simulation.carry_out(named("one", 2))  # instead of the module that it had
    simulation.carry_out(named("hers", 1, EVE))
    simulation.carry_out(named("hers_too", 3, EVE))
    refused(
        simulation,
        named("his", 4, Author.named("bob")),
        f"all modules together have {room + one:,} bytes with this one",
    )


def test_machine_code_is_bounded(simulate: Callable[..., DuckdbStore]) -> None:
    one = len(named("one").inspection.compiled)
    simulation = simulate(changed(compiled_bytes_max_per_owner=2 * one))
    simulation.carry_out(named("one"))
    simulation.carry_out(named("two", 1))
    refused(
        simulation, named("three", 2), f"you have modules of {3 * one:,} bytes of machine code with this one"
    )
    simulation.carry_out(named("three", 1))
    room = sum(simulation.registry._guests.compiled_bytes.values())
    simulation = simulate(changed(compiled_bytes_max_stored=room))
    simulation.carry_out(named("one"))
    simulation.carry_out(named("two", 1, EVE))
    refused(simulation, named("three", 2), f"all modules together have {room + one:,} bytes of machine code")


def _bundled() -> list[Path]:
    return [BUNDLED_FOLDER / f"{name}.wasm" for name in BUNDLED]


def test_whoever_has_more_already_keeps_it(simulate: Callable[..., DuckdbStore], tmp_path: Path) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    for number in range(4):
        simulation.carry_out(named(f"name_{number}", number))
    simulation.close()
    bounds: dict[str, Any] = {
        "strategies_max_per_owner": 2,
        "strategies_max": 5,
        "stored_bytes_max": 1024,
        "stored_bytes_max_per_owner": 1024,
    }
    simulation = simulate(changed(**bounds), path)
    play(simulation, 2)
    simulation.carry_out(named("name_0", 9))
    assert strategy_row(simulation, "name_0")["version"] == 2
    refused(simulation, named("name_4"), "you have 4 strategies")


def test_what_nobody_flies_is_not_stored(simulate: Callable[..., DuckdbStore], tmp_path: Path) -> None:
    """Older versions, removed strategies; and the file is opened again without them."""
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    bundled = stored(simulation)
    for number in range(3):
        simulation.carry_out(named("mine", number))
        assert stored(simulation) == bundled + 1
    simulation.carry_out(SpawnEntity(1, 1, 5, 5, "mine"))
    simulation.carry_out(RemoveStrategy("mine", ADA))
    assert stored(simulation) == bundled
    assert len(simulation.registry._guests._modules) == bundled
    simulation.close()
    simulation = simulate(path=path)
    play(simulation, 1)
    simulation.carry_out(named("mine", 1))
    assert strategy_row(simulation, "mine")["version"] == 4


def test_a_removed_strategy_whose_ships_have_died_is_forgotten(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    simulation.carry_out(named("mine"))
    play(simulation, 2)
    number = strategy_row(simulation, "mine")["strategy_id"]
    simulation.carry_out(named("other"))
    for name in ("mine", "other"):
        if not (
            simulation.stored.state.ships.strategy_id == strategy_row(simulation, name)["strategy_id"]
        ).any():
            simulation.carry_out(RemoveStrategy(name, ADA))
    with pytest.raises(StrategyTaken):
        simulation.carry_out(named("strategy_flee", author=EVE))
    simulation.carry_out(named("new", author=EVE))
    assert "other" not in names(simulation)
    assert strategy_row(simulation, "new")["strategy_id"] in (number, number + 1)
    simulation.close()
    simulation = simulate(path=path)  # what is left of it in the record of turns is no damage
    play(simulation, 1)


def test_nothing_is_kept_of_names_that_are_forgotten(simulate: Callable[..., DuckdbStore]) -> None:
    """A new name in every upload, for days: what a process remembers of each must go with its row."""
    simulation = simulate()
    for number in range(3):
        simulation.carry_out(named(f"brief{number}"))
        play(simulation, 1)
        assert f"brief{number}" in simulation.registry.bad_turns
        simulation.carry_out(RemoveStrategy(f"brief{number}", ADA))
    known = set(simulation.strategy_rows["name"].to_pylist())
    assert "brief1" not in known
    assert set(simulation.registry.bad_turns) <= known
