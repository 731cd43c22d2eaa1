"""Versions of strategies that were replaced: which are kept, and how one flies again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from tests.simulation.builder import SMALL, changed, play, strategy_row, upload_of
from tests.wasm.builder import strategy_wat
from wasmverse.commands import Author, FindVersion, RemoveStrategy, UploadStrategy
from wasmverse.errors import StrategyError, StrategyTaken, StrategyUnknown
from wasmverse.simulation.beginning import BUNDLED, BUNDLED_FOLDER
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.version_store import Flown, Kept, surplus
from wasmverse.strategies.inspection import inspect_module

ADA, EVE = Author.named("ada"), Author.named("eve")


def number(value: int, name: str = "mine", author: Author = ADA) -> UploadStrategy:
    """A module that plans to hold, with a memory of its own."""
    return replace(upload_of(name, f"(i64.const {(value + 1) << 8})"), author=author)


def versions(store: DuckdbStore, name: str = "mine") -> list[int]:
    return [
        row["version"] for row in store.snapshot()["strategy_version"].to_pylist() if row["strategy"] == name
    ]


def back(
    store: DuckdbStore, to: str | None = None, author: Author = ADA, name: str = "mine"
) -> dict[str, Any]:
    """What a rollback does; the strategy's row after it."""
    found = store.find_version(FindVersion(name, to, author))
    inspection = replace(inspect_module(found["module"], name, SMALL), costs={}).only(name)
    upload = UploadStrategy(name, found["module"], inspection, author, found["budget_fuel"], is_rollback=True)
    [row] = store.carry_out(upload)["strategies"]
    assert (row["sha256"], row["budget_fuel"]) == (found["sha256"], found["budget_fuel"])
    return row


def test_what_is_replaced_is_kept_and_flies_again(simulate: Callable[..., DuckdbStore]) -> None:
    store = simulate(changed(strategy_versions_kept=2))
    uploads = [replace(number(value), budget_fuel=30_000 if value == 1 else None) for value in range(4)]
    hashes = [upload.inspection.sha256 for upload in uploads]
    for upload in uploads:
        store.carry_out(upload)
        play(store, 1)
    assert versions(store) == [2, 3]
    [oldest, newest] = store.snapshot()["strategy_version"].to_pylist()
    assert (oldest["sha256"], oldest["budget_fuel"], oldest["replaced_tid"]) == (hashes[1], 30_000, 2)
    assert (newest["author"], newest["bytes"]) == ("ada", len(uploads[2].module))
    assert store.find_version(FindVersion("mine", None, ADA))["module"] == uploads[2].module

    assert (back(store)["version"], strategy_row(store, "mine")["sha256"]) == (5, hashes[2])
    assert versions(store) == [2, 4], "what flies again is no earlier version any more"
    assert back(store, hashes[1][:12])["version"] == 6
    assert versions(store) == [4, 5]
    assert back(store)["sha256"] == hashes[2], "the one that was replaced last"
    play(store, 2)
    assert store.carry_out(uploads[2])["strategies"][0]["version"] == 8
    assert versions(store) == [4, 6], "the same module replaces nothing"


def test_a_version_that_cannot_be_found_is_refused_with_those_that_can(
    simulate: Callable[..., DuckdbStore],
) -> None:
    store = simulate()
    with pytest.raises(StrategyUnknown, match=r"no strategy 'mine'; there are strategy_battle, "):
        store.find_version(FindVersion("mine", None, ADA))
    store.carry_out(number(0))
    with pytest.raises(
        StrategyUnknown, match=r"no earlier version of 'mine' is kept; it flies version 1: push the"
    ):
        store.find_version(FindVersion("mine", None, ADA))
    for value in (1, 2):
        store.carry_out(number(value))
    first, second, third = (number(value).inspection.sha256 for value in range(3))
    kept = rf"name one of {second[:12]} \(version 2\), {first[:12]} \(version 1\)$"
    with pytest.raises(
        StrategyUnknown, match=rf"no version of 'mine' with sha256 {'0' * 64} is kept; {kept}"
    ):
        store.find_version(FindVersion("mine", "0" * 64, ADA))
    with pytest.raises(StrategyError, match=rf"'mine' flies {third} already; {kept}"):
        store.find_version(FindVersion("mine", third, ADA))
    with pytest.raises(
        StrategyError, match=r"the sha256 of 2 kept versions of 'mine' begins with : give more digits"
    ):
        store.find_version(FindVersion("mine", "", ADA))
    with pytest.raises(StrategyTaken, match="'mine' belongs to 'ada'"):
        store.find_version(FindVersion("mine", None, EVE))
    assert store.find_version(FindVersion("mine", None, replace(EVE, is_admin=True)))["sha256"] == second


def test_a_removed_strategy_has_no_versions(simulate: Callable[..., DuckdbStore]) -> None:
    store = simulate()
    for value in range(3):
        store.carry_out(number(value))
        store.carry_out(number(value + 10, "hers", EVE))
    store.carry_out(RemoveStrategy("mine", ADA))
    assert (versions(store), versions(store, "hers")) == ([], [1, 2])
    store.carry_out(number(5))
    with pytest.raises(StrategyUnknown, match="no earlier version"):
        store.find_version(FindVersion("mine", None, ADA))


def test_only_the_strategy_that_is_named_goes_back(simulate: Callable[..., DuckdbStore]) -> None:
    store = simulate()
    for value in range(2):
        wat = strategy_wat(f"(i64.const {(value + 1) << 8})")
        module = bytes(wasmtime.wat2wasm(wat.replace('(export "decide")', '(export "one") (export "two")')))
        found = replace(inspect_module(module, "any", SMALL), costs={})
        store.carry_out(UploadStrategy("any", module, found, ADA))
    back(store, name="one")
    assert [(strategy_row(store, name)["version"], versions(store, name)) for name in ("one", "two")] == [
        (3, [2]),
        (2, [1]),
    ]


def test_versions_are_there_again_after_a_restart(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    store = simulate(path=path)
    for value in range(2):
        store.carry_out(number(value))
    shown = store.snapshot()["strategy_version"]
    store.close()
    store = simulate(path=path)
    assert store.snapshot()["strategy_version"].equals(shown)
    assert back(store)["sha256"] == number(0).inspection.sha256
    store.close()
    simulate(path=path)


def test_kept_versions_never_stand_in_the_way_of_an_upload(simulate: Callable[..., DuckdbStore]) -> None:
    one = len(number(0).module)
    bundled = sum((BUNDLED_FOLDER / f"{name}.wasm").stat().st_size for name in BUNDLED)
    store = simulate(changed(stored_bytes_max_per_owner=3 * one, stored_bytes_max=bundled + 5 * one))
    for value in range(4):
        store.carry_out(number(value))
    assert versions(store) == [2, 3], "the newest for which there is room beside the one that flies"
    store.carry_out(number(4, "other"))
    assert versions(store) == [3]
    store.carry_out(number(5, "hers", EVE))
    store.carry_out(number(6, "hers", EVE))
    assert (versions(store), versions(store, "hers")) == ([3], [1])
    store.carry_out(number(7, "hers_too", EVE))
    assert (versions(store), versions(store, "hers")) == ([3], []), "her own version makes room first"
    store.carry_out(number(8, "his", Author.named("bob")))
    assert versions(store) == [], "then the oldest of all"
    with store._transaction() as transaction:
        assert transaction.run_text("SELECT count(*) FROM strategy_version_module") == [(0,)]


def test_which_versions_are_dropped() -> None:
    settings = changed(strategy_versions_kept=2, stored_bytes_max_per_owner=100, stored_bytes_max=150)
    flown = [Flown("ada", "f", 40), Flown("ada", "f", 40), Flown("eve", "g", 40)]
    kept = [Kept("mine", version, "ada", f"a{version}", 20) for version in range(1, 4)]
    hers = [Kept("hers", 1, "eve", "b1", 50)]
    assert surplus(flown, kept, {"mine"}, {"ada"}, settings) == kept[:1]
    # 70 bytes are left for all, and hers has 50: whoever uploads makes room.
    assert surplus(flown, hers + kept[1:], {"mine"}, {"ada"}, settings) == kept[1:2]
    assert surplus(flown, hers + kept[1:], {"hers"}, {"eve"}, settings) == hers
    same = [replaced._replace(sha256="a") for replaced in kept[1:]]
    assert surplus(flown, hers + same, {"mine"}, {"ada"}, settings) == [], "the same module counts once"
    assert surplus(flown[:2], [kept[0]._replace(bytes=61)], {"mine"}, {"ada"}, settings) == [
        kept[0]._replace(bytes=61)
    ]
    assert surplus(flown[:1], kept, {"mine"}, {"ada"}, changed(strategy_versions_kept=0)) == kept
