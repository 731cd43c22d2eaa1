"""A universe copied as a whole: what the copy holds, how it goes on, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.simulation.builder import changed, upload_of
from wasmverse.commands import Author, SpawnEntity, Transmit
from wasmverse.errors import DatabaseError, StateError
from wasmverse.storage import copying
from wasmverse.storage.copying import Places, copy_universe
from wasmverse.storage.duckdb import whole as in_file
from wasmverse.storage.duckdb.whole import read_whole, write_whole
from wasmverse.storage.event_batch import unpack_events
from wasmverse.storage.opening import open_universe
from wasmverse.storage.records import event_rows
from wasmverse.storage.tokens import open_tokens
from wasmverse.storage.universe_store import UniverseStore
from wasmverse.tokens import Role

SETTINGS = changed(systems=5, ships=3, nodes=4, strategy_turns_kept=4, event_turns_kept=3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "old.duckdb"
    store = open_universe(path, SETTINGS)
    for plan in (1 << 8, 0):
        store.carry_out(upload_of("mine", f"(i64.const {plan})"))
    for _ in range(30):
        store.advance()
    store.carry_out(SpawnEntity(3, 2, 5, 6, "mine"))
    store.carry_out(Transmit("all is well", Author.named("ada")))
    store.close()
    return path


def opened(path: Path) -> Iterator[UniverseStore]:
    store = open_universe(path, SETTINGS)
    yield store
    store.close()


def test_a_copy_holds_the_same_and_goes_on_as_the_other(path: Path, tmp_path: Path) -> None:
    token = open_tokens(path).create("ada", Role.pilot)
    said: list[str] = []
    new = tmp_path / "new.duckdb"
    whole = copy_universe(Places(path), Places(new), said.append)
    assert said == [
        f"reading {path}",
        f"turn 30: {len(whole.state.ships.sid)} ships, {len(whole.state.nodes.sid)} energy nodes, 30 turns of history",
        f"writing {new}",
        "comparing",
    ]
    assert {name: rows.num_rows > 0 for name, rows in whole.tables.items()} == {
        name: name not in {"wasm_function", "wasm_function_module", "strategy_log", "strategy_fault"}
        for name in whole.tables
    }
    assert open_tokens(new).find(token) == open_tokens(path).find(token) is not None
    for first, second in zip(opened(path), opened(new), strict=True):
        for turn in range(20):
            assert first.state_hash() == second.state_hash()
            shown, copied = first.snapshot(), second.snapshot()
            # What turns cost is of this process, and is not copied.
            del shown["turn_phase"]
            for name, rows in shown.items():
                if turn and name in {"turns", "strategy_turn"}:
                    drop = [n for n in ("start_time", "end_time", "seconds") if n in rows.column_names]
                    assert rows.drop_columns(drop).equals(copied[name].drop_columns(drop)), (turn, name)
                else:
                    assert rows.equals(copied[name]), (turn, name)
            assert first.founding().made_at == second.founding().made_at
            first.advance()
            second.advance()


def test_events_of_a_turn_and_after_it_become_one_batch_in_their_order(path: Path) -> None:
    whole = read_whole(path)
    batches = list(whole.event_batches())
    assert [tid for tid, _, _ in batches] == sorted(set(whole.tables["event"]["tid"].to_pylist()))
    again = [
        row
        for tid, names, data in batches
        for row in event_rows(tid, unpack_events(tid, names, data)).to_pylist()
    ]
    assert again == whole.tables["event"].to_pylist()
    assert again[-1]["kind"] == "spawn"


def test_what_strategies_did_is_with_its_turn_or_forgotten(path: Path) -> None:
    whole = read_whole(path)
    lists = whole.strategies_of_turns().to_pylist()
    rows = whole.tables["strategy_turn"].to_pylist()
    turns = whole.tables["turns"]["tid"].to_pylist()
    for tid, of_turn in zip(turns, lists, strict=True):
        expected = [{k: v for k, v in row.items() if k != "tid"} for row in rows if row["tid"] == tid]
        assert of_turn == (expected or None)
    assert None in lists


def test_a_universe_without_a_past_is_copied_too(tmp_path: Path) -> None:
    path = tmp_path / "young.duckdb"
    open_universe(path, SETTINGS).close()
    whole = copy_universe(Places(path), Places(tmp_path / "new.duckdb"), lambda _: None)
    assert whole.tid == whole.tables["event"].num_rows == whole.tables["turns"].num_rows == 0


def test_nothing_is_replaced_and_nothing_half_made_is_left(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read_whole(path)
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="is there already"):
        write_whole(path, whole)
    assert path.read_bytes() == before
    with pytest.raises(DatabaseError, match="is no file"):
        copy_universe(Places(tmp_path / "nowhere"), Places(tmp_path / "new"), lambda _: None)

    def fail(_: object) -> None:
        raise StateError("a row is wrong")

    monkeypatch.setattr(in_file, "audit", fail)
    with pytest.raises(StateError, match="a row is wrong"):
        write_whole(tmp_path / "new.duckdb", whole)
    assert {file.name for file in tmp_path.iterdir()} == {"old.duckdb"}


@pytest.mark.parametrize("what", ["ships and nodes", "message", "sizes and seed"])
def test_a_copy_that_differs_is_told(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def spoil(self: Places, whole: copying.Whole) -> None:
        match what:
            case "message":
                whole = replace(
                    whole, tables={**whole.tables, "message": whole.tables["message"].slice(0, 0)}
                )
            case "ships and nodes":
                nodes = whole.state.nodes
                nodes = nodes._replace(x=((nodes.x + 1) % 100).astype(np.uint8))
                whole = replace(whole, state=whole.state._replace(nodes=nodes))
            case _:
                whole = replace(whole, laws=replace(whole.laws, ships_min=1))
        assert isinstance(self.first, Path)
        write_whole(self.first, whole)

    monkeypatch.setattr(Places, "write", spoil)
    with pytest.raises(StateError, match=rf"does not hold what was read \({what}\): do not use it"):
        copy_universe(Places(path), Places(tmp_path / "new.duckdb"), lambda _: None)
