"""A universe's life, to be lived in any engine: turns, commands of every kind, faults, groundings, restarts."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.functions.builder import function_command
from tests.simulation.builder import changed, upload_of
from tests.simulation.test_strategy_log import printing
from wasmverse.commands import (
    Author,
    DropFunction,
    EnableStrategy,
    RemoveStrategies,
    RemoveStrategy,
    RollbackFunction,
    SpawnEntity,
    Transmit,
)
from wasmverse.errors import WasmverseError

ADA, OPERATOR = Author.named("ada"), Author("operator", "operator", is_admin=True)
SETTINGS = changed(grounded_after_turns=3, event_turns_kept=12, strategy_turns_kept=10, turns_kept=14)
TRAPS = "(if (result i64) (i32.gt_u (local.get 1) (i32.const 20)) (then unreachable) (else (i64.const 0)))"
MOVES = "(i64.or (i64.const 64) (i64.shl (i64.extend_i32_u (i32.rem_u (local.get 1) (i32.const 3))) (i64.const 8)))"
REMEMBERS = "(i64.or (i64.const 0x8000000000000000) (i64.const 0xff0000))"
"""Its memory's highest bit is set, so what it leaves is no bigint."""

STEPS: list[Any] = [
    2,
    upload_of("moves", MOVES), SpawnEntity(3, 1, 50, 50, "moves"), SpawnEntity(20, 2, 0, 99, None),
    SpawnEntity(20, 1, 7, 7, "moves"),
    Transmit("Hello", ADA), 1, Transmit("There", ADA),
    function_command("gain"), function_command("gain", plus=1.0), 1,
    upload_of("traps", TRAPS), *(SpawnEntity(n, 1, 30, 30, "traps") for n in range(1, 7)), 2,
    "restart",
    upload_of("remembers", REMEMBERS), SpawnEntity(1, 1, 1, 1, "remembers"), 1,
    RollbackFunction("gain", None, None, ADA), printing("one\ntwo"), SpawnEntity(2, 1, 50, 50, "mine"), 3,
    EnableStrategy("strategy_flee", False, OPERATOR), SpawnEntity(99, 1, 0, 0, "moves"), RemoveStrategy("nobody", ADA), 2,
    RemoveStrategies(("moves", "mine"), ADA), DropFunction("gain", None, False, ADA), 2,
    "restart",
    upload_of("traps", MOVES), upload_of("moves", TRAPS, author="eve"), SpawnEntity(5, 1, 3, 3, "traps"), 22,
]  # fmt: skip
"""Numbers are turns to play."""


class Told(NamedTuple):
    """What a step came to: its answer or error, and the state's hash and all tables after it."""

    answer: Any
    state_hash: str
    tables: dict[str, list[dict[str, Any]]]


CLOCKS = {"start_time", "end_time", "uploaded_at", "created_at", "seconds", "late"}
SORTED = {"strategy": "name", "wasm_function": "version", "strategy_turn": "strategy"}
"""Tables that have no order but that of what they say."""


def tables_of(store: Any) -> dict[str, list[dict[str, Any]]]:
    """The tables of a snapshot, in their order, but for what depends on the clock."""
    tables = {}
    shown = store.snapshot()
    # All of it depends on the clock.
    del shown["turn_phase"]
    for name, table in shown.items():
        rows = [{key: value for key, value in row.items() if key not in CLOCKS} for row in table.to_pylist()]
        tables[name] = (
            sorted(rows, key=lambda row: (row.get("tid", 0), row[SORTED[name]])) if name in SORTED else rows
        )
    return tables


def lived(opened: Callable[[], Any], beside: Callable[[Any], None] = lambda _store: None) -> Iterator[Told]:
    """Live it.

    Parameters
    ----------
    opened : opens the universe, again after a restart.
    beside : called after every step.
    """
    store = opened()
    for step in STEPS:
        answer: Any = None
        if step == "restart":
            store.close()
            store = opened()
        elif isinstance(step, int):
            for _ in range(step):
                store.advance()
        else:
            try:
                answer = store.carry_out(step)
            except WasmverseError as error:
                answer = (type(error), error.message)
        beside(store)
        yield Told(answer, store.state_hash(), tables_of(store))
    store.close()
