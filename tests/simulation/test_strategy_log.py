"""``strategy_log``: what strategies print, turn by turn, kept as long as events are."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import wasmtime

from tests.simulation.builder import SMALL, changed, play, ships_of
from tests.wasm.builder import strategy_wat
from wasmverse.commands import Author, RemoveStrategy, SpawnEntity, UploadStrategy
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Transaction
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.strategies.inspection import inspect_module
from wasmverse.wasm.wasi.signatures import MODULE

WRITE = f'(import "{MODULE}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))'
PRINT = "(drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))"


def printing(text: str, body: str = PRINT, imports: str = "") -> UploadStrategy:
    """A strategy ``mine`` that prints a text at every call, and holds."""
    raw = text.encode()
    words = "".join(
        f"\\{byte:02x}" for byte in (*(32).to_bytes(4, "little"), *len(raw).to_bytes(4, "little"))
    )
    data = "".join(f"\\{byte:02x}" for byte in raw)
    extra = f'(data (i32.const 16) "{words}") (data (i32.const 32) "{data}")'
    wat = strategy_wat(f"{body} (i64.const 0)", extra).replace("(module", f"(module {WRITE} {imports}", 1)
    module = bytes(wasmtime.wat2wasm(wat))
    found = replace(inspect_module(module, "mine", SMALL), costs={})
    return UploadStrategy("mine", module, found, Author.named("ada"))


def flown(
    simulate: Callable[..., DuckdbStore],
    text: str,
    settings: Settings = SMALL,
    path: Path | None = None,
    ships: int = 3,
) -> DuckdbStore:
    simulation = simulate(settings, path)
    simulation.carry_out(printing(text))
    for n in range(ships):
        simulation.carry_out(SpawnEntity(2 + 9 * n % 20, 1, 50, 50 + n, "mine"))
    return simulation


def log(simulation: DuckdbStore) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = simulation.snapshot()["strategy_log"].to_pylist()
    return rows


def test_every_line_of_a_turn_is_a_row_with_its_ship(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = flown(simulate, "one\ntwo")
    ids = simulation.stored.state.ships
    own = sorted(
        int(eid) for eid, of in zip(ids.eid, ids.strategy_id, strict=True) if of == ids.strategy_id.max()
    )
    assert ships_of(simulation, "mine") == len(own) == 3
    play(simulation, 1)
    rows = log(simulation)
    assert [(row["tid"], row["strategy"], row["line"], row["dropped"]) for row in rows] == [
        (1, "mine", line, 0) for _ in range(3) for line in ("one", "two")
    ]
    assert sorted({row["eid"] for row in rows}) == own


def test_the_same_turns_have_the_same_log_also_after_a_restart(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    whole = flown(simulate, "hello")
    parts = flown(simulate, "hello", path=path)
    play(whole, 6)
    play(parts, 3)
    before = log(parts)
    parts.close()
    parts = simulate(SMALL, path)
    assert log(parts) == before
    play(parts, 3)
    assert log(parts) == log(whole) and {row["tid"] for row in log(whole)} == set(range(1, 7))


def test_what_is_too_much_is_counted_in_a_last_row(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = flown(
        simulate, "a\nb\nc\n", changed(strategy_log_lines_max=4, strategy_log_line_characters_max=1)
    )
    play(simulation, 1)
    assert [(row["line"], row["dropped"]) for row in log(simulation)] == [
        ("a", 0), ("b", 0), ("c", 0), ("a", 0), ("[5 more lines were dropped]", 5),
    ]  # fmt: skip
    assert log(simulation)[-1]["eid"] is None
    # Writes for which a block's log has no room count as lines.
    simulation = flown(simulate, "a line", changed(guest_log_bytes_max=0), ships=1)
    play(simulation, 1)
    assert [(row["line"], row["dropped"]) for row in log(simulation)] == [("[1 more line was dropped]", 1)]


def test_the_log_of_old_turns_is_forgotten_like_their_events(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = flown(simulate, "hello", changed(event_turns_kept=3), path, ships=1)
    play(simulation, 5)
    assert [row["tid"] for row in log(simulation)] == [3, 4, 5]
    simulation.carry_out(RemoveStrategy("mine", Author.named("ada")))
    play(simulation, 2)
    assert [row["tid"] for row in log(simulation)] == [5]
    play(simulation, 2)
    assert log(simulation) == []
    with simulation.database.transaction() as transaction:
        assert transaction.run_text("SELECT count(*) FROM strategy_log") == [(0,)]


def test_where_nobody_prints_no_statement_knows_of_it(simulate: Callable[..., DuckdbStore]) -> None:
    texts: list[str] = []
    insert, run = Transaction.insert_arrow, Transaction.run_text

    def inserted(self: Transaction, table: Any, rows: Any) -> Any:
        texts.append(table.name)
        return insert(self, table, rows)

    def ran(self: Transaction, text: str, *values: Any) -> Any:
        texts.append(text)
        return run(self, text, *values)

    silent, loud = simulate(), flown(simulate, "hello")
    shown = silent.snapshot()["strategy_log"]
    with patch.object(Transaction, "insert_arrow", inserted), patch.object(Transaction, "run_text", ran):
        play(silent, 3)
        assert not any("strategy_log" in text for text in texts) and texts
        assert silent.snapshot()["strategy_log"] is shown, "a snapshot links what has not changed"
        play(loud, 1)
        assert any("strategy_log" in text for text in texts)


def test_a_panic_is_told_before_the_fault(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate()
    simulation.carry_out(printing("index out of range\n", f"{PRINT} (unreachable)"))
    simulation.carry_out(SpawnEntity(2, 1, 50, 50, "mine"))
    play(simulation, 1)
    assert [row["line"] for row in log(simulation)] == ["index out of range"]
    [row] = [row for row in simulation.strategy_rows.to_pylist() if row["name"] == "mine"]
    assert row["last_fault"] == "turn 1: trapped: unreachable; it said: index out of range"
