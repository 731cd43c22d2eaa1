"""Functions in a universe's file: stored with their versions, owned, bounded, found again, and shown to readers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.functions.builder import function_command
from tests.simulation.builder import SMALL, changed, upload_of
from tests.storage.test_open import with_duckdb
from wasmverse.commands import Author, CheckUpload, Cost, CreateFunction, DropFunction, RollbackFunction
from wasmverse.errors import FunctionError, FunctionLimit, FunctionTaken, FunctionUnknown, StateError
from wasmverse.functions.definition import Definition
from wasmverse.messages import FunctionKey, FunctionUse
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.exchange import export, load
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.wasm.types import F64, S32, U32, Option, String

ADA, EVE, ADMIN = Author.named("ada"), Author.named("eve"), Author("operator", "operator", is_admin=True)


@pytest.fixture
def store() -> Iterator[DuckdbStore]:
    store = DuckdbStore.opened(Database.open(None), SMALL)
    yield store
    store.close()


def shown(store: DuckdbStore, *columns: str) -> list[tuple[Any, ...]]:
    rows = store.snapshot()["wasm_function"].to_pylist()
    return [tuple(row[column] for column in columns) for row in rows]


def test_a_function_is_stored_and_shown(store: DuckdbStore) -> None:
    command = function_command("gain")
    answer = store.carry_out(command)
    assert answer == {
        "name": "gain", "kind": "scalar", "signature": "(a0 DOUBLE, a1 DOUBLE) RETURNS DOUBLE", "version": 1,
        "sha256": command.definition["sha256"], "bytes": len(command.module), "language": "WAT", "author": "ada", "tid": 0,
    }  # fmt: skip
    [row] = store.snapshot()["wasm_function"].to_pylist()
    assert Definition.of_row(row) == Definition.of_row(
        {**command.definition, "version": 1, "owner": "name:ada"}
    )
    assert (row["calls"], row["refusal"], row["is_current"]) == (0, None, True)
    assert store.catalogue.modules[row["sha256"]]() == command.compiled


def test_versions_are_kept_and_one_command_goes_back(store: DuckdbStore) -> None:
    for plus in (0.0, 1.0, 2.0):
        store.carry_out(function_command("gain", plus=plus))
    assert shown(store, "version", "is_current") == [(1, False), (2, False), (3, True)]
    assert store.carry_out(RollbackFunction("gain", None, None, ADA))["version"] == 2
    assert store.carry_out(RollbackFunction("gain", None, 1, ADA))["version"] == 1
    [current] = [row[1] for row in shown(store, "is_current", "sha256") if row[0]]
    assert list(store.catalogue.modules) == [current]
    with pytest.raises(FunctionUnknown, match="no kept version before 1"):
        store.carry_out(RollbackFunction("gain", None, None, ADA))
    with pytest.raises(FunctionUnknown, match="no kept version 9: name one of 1, 2, 3"):
        store.carry_out(RollbackFunction("gain", None, 9, ADA))
    assert store.carry_out(function_command("gain", plus=3.0))["version"] == 4


def test_old_versions_go_with_their_modules() -> None:
    store = DuckdbStore.opened(Database.open(None), changed(function_versions_kept=2))
    for plus in range(4):
        store.carry_out(function_command("gain", plus=float(plus)))
    assert shown(store, "version") == [(3,), (4,)]
    assert len(store.catalogue.compiled_bytes) == 2
    with store.database.transaction() as transaction:
        assert transaction.run_text("SELECT count(*) FROM wasm_function_module") == [(2,)]
    store.close()


def test_functions_of_one_name_differ_in_their_parameters(store: DuckdbStore) -> None:
    store.carry_out(function_command("gain"))
    store.carry_out(function_command("gain", (S32, S32)))
    # WIT may tell these from the first, SQL cannot.
    assert store.carry_out(function_command("gain", (Option(F64), F64)))["version"] == 2
    assert shown(store, "parameters", "version", "is_current") == [
        ("DOUBLE, DOUBLE", 1, False),
        ("DOUBLE, DOUBLE", 2, True),
        ("INTEGER, INTEGER", 1, True),
    ]
    with pytest.raises(FunctionError, match=r"there are gain\(DOUBLE, DOUBLE\) and gain\(INTEGER, INTEGER\)"):
        store.carry_out(RollbackFunction("gain", None, None, ADA))
    assert store.carry_out(RollbackFunction("gain", "DOUBLE, DOUBLE", None, ADA))["version"] == 1
    with pytest.raises(FunctionTaken, match="of the kind scalar"):
        store.carry_out(function_command("gain", (String(),), kind="aggregate"))
    assert store.carry_out(DropFunction("gain", "INTEGER, INTEGER", False, ADA))["dropped"] == 1
    assert store.carry_out(DropFunction("gain", None, False, ADA))["dropped"] == 1
    assert shown(store, "name") == []
    with store.database.transaction() as transaction:
        assert transaction.run_text("SELECT count(*) FROM wasm_function_module") == [(0,)]


def test_aggregates_of_one_name_differ_in_their_types(store: DuckdbStore) -> None:
    store.carry_out(function_command("gain", (F64,), kind="aggregate"))
    assert store.carry_out(function_command("gain", (Option(F64),), kind="aggregate"))["version"] == 2
    store.carry_out(function_command("gain", (F64, F64), kind="aggregate"))
    assert store.carry_out(function_command("gain", (S32,), kind="aggregate"))["version"] == 1


def test_a_function_is_dropped_as_what_it_is(store: DuckdbStore) -> None:
    store.carry_out(function_command("gain"))
    store.carry_out(function_command("sum_of", (F64,), kind="aggregate"))
    for name, is_aggregate, remedy in (
        ("gain", True, "AGGREGATE gain does not exist; .* of the kind scalar: write DROP FUNCTION gain"),
        (
            "sum_of",
            False,
            "FUNCTION sum_of does not exist; .* of the kind aggregate: write DROP AGGREGATE sum_of",
        ),
    ):
        with pytest.raises(FunctionUnknown, match=remedy):
            store.carry_out(DropFunction(name, None, False, ADA, is_aggregate))
        assert store.carry_out(DropFunction(name, None, True, ADA, is_aggregate))["dropped"] == 0
    assert store.carry_out(DropFunction("gain", None, False, ADA, False))["dropped"] == 1
    assert store.carry_out(DropFunction("sum_of", None, False, ADA, True))["dropped"] == 1


def test_a_function_belongs_to_its_author(store: DuckdbStore) -> None:
    store.carry_out(function_command("gain"))
    for command in (
        function_command("gain", plus=1.0, author="eve"),
        function_command("gain", (S32,), author="eve"),
        DropFunction("gain", None, True, EVE),
        RollbackFunction("gain", None, 1, EVE),
    ):
        with pytest.raises(FunctionTaken, match="belongs to 'ada'"):
            store.carry_out(command)
    store.carry_out(function_command("gain", plus=2.0, author=ADMIN))
    assert shown(store, "version", "author", "owner") == [(1, "ada", "name:ada"), (2, "ada", "name:ada")]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sum", "function of the database engine"),
        ("entity", "that of a table"),
        ("strategy_flee", "that of a strategy"),
        ("coalesce", "a word of SQL"),
        ("select", "a word of SQL"),
        ("try_gain", "NULL for an error"),
        ("sight", "Wasmverse has itself"),
        ("Gain", "call it 'gain'"),
        ("gain-of", "call it 'gain_of'"),
        ("x" * 64, "then up to 62"),
    ],
)
def test_a_name_that_means_something_else_is_refused(store: DuckdbStore, name: str, says: str) -> None:
    with pytest.raises(FunctionError, match=says):
        store.carry_out(function_command(name))
    assert shown(store, "name") == []


def test_a_strategy_cannot_take_a_functions_name(store: DuckdbStore) -> None:
    store.carry_out(function_command("gain"))
    with pytest.raises(FunctionTaken, match="that of a function"):
        store.carry_out(upload_of("gain", "(i64.const 0)"))


def test_a_new_strategy_cannot_take_the_name_of_a_function_of_the_engine(store: DuckdbStore) -> None:
    upload = upload_of("abs", "(i64.const 0)")
    free = replace(upload.inspection, costs={"abs": Cost(0.0, 0.0)})
    with pytest.raises(
        FunctionTaken, match="'abs' is that of a function of the database engine, which queries would call"
    ):
        store.carry_out(replace(upload, inspection=free))
    with pytest.raises(FunctionTaken, match="'abs'"):
        store.check_upload(CheckUpload.of(replace(upload, inspection=free)))
    # A recording repeats what was accepted once; and who flies under such a name goes on.
    store.carry_out(upload)
    assert store.carry_out(replace(upload, inspection=free))["strategies"][0]["version"] == 2


def test_what_is_missing_or_there_already_is_an_error_unless_it_may_be(store: DuckdbStore) -> None:
    store.carry_out(function_command("gain", may_replace=False))
    with pytest.raises(
        FunctionTaken, match=r"gain\(DOUBLE, DOUBLE\) already exists: write CREATE OR REPLACE"
    ):
        store.carry_out(function_command("gain", plus=1.0, may_replace=False))
    with pytest.raises(
        FunctionUnknown, match=r"FUNCTION powr does not exist; there are gain\(DOUBLE, DOUBLE\)"
    ):
        store.carry_out(DropFunction("powr", None, False, ADA))
    assert store.carry_out(DropFunction("powr", None, True, ADA))["dropped"] == 0
    assert shown(store, "version") == [(1,)]


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("functions_max", 1, "there may be 1 "),
        ("functions_max_per_owner", 1, "one may have 1 "),
        ("function_stored_bytes_max", 1 << 10, "they may have 1,024 "),
        ("function_stored_bytes_max_per_owner", 1 << 10, "one may have 1,024 "),
        ("function_compiled_bytes_max_stored", 1 << 16, "bytes of machine code; they may have 65,536"),
    ],
)
def test_what_there_may_be_is_bounded(setting: str, value: int, says: str) -> None:
    store = DuckdbStore.opened(Database.open(None), changed(**{setting: value}))
    wide = f'(module (func (export "gain")) (data "{"x" * 700}"))'
    store.carry_out(function_command("former", text=wide))
    with pytest.raises(FunctionLimit, match=says):
        for number in range(40):
            other = wide.replace("xx", f"y{number:02}", 1)
            store.carry_out(function_command("latter", (S32,) * number, text=other))
    assert ("former",) in shown(store, "name")
    # What is there may be replaced by what is no larger.
    assert store.carry_out(function_command("former", text=wide))["version"] == 2
    store.close()


def test_functions_are_there_after_a_restart_an_export_and_a_load(tmp_path: Path) -> None:
    path = tmp_path / "universe.duckdb"
    store = DuckdbStore(Database.open(path), SMALL)
    for plus in (0.0, 1.0):
        store.carry_out(function_command("gain", plus=plus))
    before = store.snapshot()["wasm_function"]
    store.close()
    export(path, tmp_path / "folder")
    load(tmp_path / "folder", tmp_path / "loaded.duckdb")
    for file in (path, tmp_path / "loaded.duckdb"):
        again = DuckdbStore(Database.open(file), SMALL)
        assert again.snapshot()["wasm_function"].equals(before)
        assert len(again.catalogue.compiled_bytes) == 1
        assert again.carry_out(RollbackFunction("gain", None, None, ADA))["version"] == 1
        assert len(again.catalogue.compiled_bytes) == 2
        assert next(iter(again.catalogue.modules)) == again.function_rows[0].sha256
        again.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE wasm_function SET function = '[[[[[['",
        "UPDATE wasm_function SET function = '[[[\"a\",\"f32\"]],\"f64\"]'",
        "UPDATE wasm_function SET kind = 'window'",
    ],
)  # fmt: skip
def test_types_that_others_have_broken_are_refused(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "universe.duckdb"
    store = DuckdbStore(Database.open(path), SMALL)
    store.carry_out(function_command("gain"))
    store.close()
    with_duckdb(path, statement)
    with pytest.raises(StateError, match="types that are not understood"):
        DuckdbStore.opened(Database.open(path), Settings(threads=1))


def test_what_readers_count_is_shown_and_bounded_by_what_is_kept(store: DuckdbStore) -> None:
    store.carry_out(function_command("gain"))
    before = store.snapshot()["wasm_function"]
    assert store.snapshot()["wasm_function"] is before
    key = FunctionKey("gain", "DOUBLE, DOUBLE", 1)
    store.note_uses({FunctionKey("other", "", 1): FunctionUse(1), key._replace(version=2): FunctionUse(1)})
    assert store.snapshot()["wasm_function"] is before
    assert store.catalogue.uses == {}
    for _ in range(2):
        store.note_uses({key: FunctionUse(1, 100, 2, 2_000, 0.5)})
    assert shown(store, "calls", "rows", "faults", "fuel", "seconds") == [(2, 200, 4, 4_000, 1.0)]
    store.note_uses({key: FunctionUse(2**62, 0, 0, 2**62, 0.0)})
    assert shown(store, "calls", "fuel") == [(2**62, 2**62)]
    store.carry_out(function_command("gain", plus=1.0))
    assert shown(store, "version", "rows") == [(1, 200), (2, 0)]
    store.carry_out(DropFunction("gain", None, False, ADA))
    assert store.catalogue.uses == {}


def test_a_statement_is_written_once_however_often_a_function_is_called(
    store: DuckdbStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every turn with a call publishes all functions; the types of each may have a thousand parts."""
    for plus in (0.0, 7.0):
        store.carry_out(function_command("gain", plus=plus))
    first, second = shown(store, "statement")
    assert first != second
    monkeypatch.setattr(
        "wasmverse.storage.function_store.statement_of", lambda *_: pytest.fail("written again")
    )
    store.note_uses({FunctionKey("gain", "DOUBLE, DOUBLE", 2): FunctionUse(1, 1)})
    assert shown(store, "statement", "rows") == [(*first, 0), (*second, 1)]


def test_a_turn_is_the_same_with_functions_and_without(store: DuckdbStore) -> None:
    other = DuckdbStore.opened(Database.open(None), SMALL)
    commands: list[CreateFunction | DropFunction] = [
        function_command("gain", (U32,)),
        DropFunction("gain", None, False, ADA),
    ]
    for command in commands:
        store.carry_out(command)
        for each in (store, other):
            each.advance()
    assert store.state_hash() == other.state_hash()
    other.close()
