"""Strategies as SQL functions: ``strategy_flee(kind, x, ..., system)`` runs the module that flies.

DuckDB calls with 2,048 rows at a time, as Arrow; the rows go into host memory, one call into WebAssembly runs the
driver's loop over all of them, and the plans come back as one array. A function is made when a statement first
names it and stays; which module it runs is looked up for every statement, so each turn has its own.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from pathlib import Path
from typing import Any

import duckdb
from duckdb.func import ARROW, SPECIAL

from wasmverse.errors import QueryError
from wasmverse.query.public import SCHEMA
from wasmverse.reader.callee import Use
from wasmverse.reader.calls import Calls
from wasmverse.reader.query_plan import Called
from wasmverse.snapshots.modules import load_guest
from wasmverse.strategies.contract import strategy_layout
from wasmverse.wasm.hosting import AnyGuest
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.wasi.world import World

SQL_TYPES = {
    "u8": "UTINYINT",
    "u16": "USMALLINT",
    "u32": "UINTEGER",
    "u64": "UBIGINT",
    "list<u8>": "UINTEGER[]",
}
"""What a WIT type is in SQL; four bytes of the list, an entity, are one number."""

PARAMETERS = {
    argument.path.rpartition(".")[2].replace("-", "_"): SQL_TYPES[str(argument.type)]
    for argument in strategy_layout().arguments
}
"""The functions' parameters: those of ``decide`` in strategy.wit, the record taken apart."""

MODULES_KEPT_BYTES = 64 << 20


class StrategyFunctions:
    """The strategies of one database as its functions.

    Parameters
    ----------
    connection : where the functions are made.
    folder : where snapshots are published.
    limits : what one run of up to ``ROWS`` rows may use; see `wasm.limits`.
    threads : how many of the engine's threads may call at the same time.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, folder: Path, limits: Limits, threads: int = 1
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._guests: OrderedDict[tuple[str, str], tuple[AnyGuest, int]] = OrderedDict()
        self._kept_bytes = 0
        self._made: set[str] = set()
        self._calls = Calls(limits, threads)

    def begin(self) -> None:
        """Forget what the statement before could call."""
        self._calls.ready, self._calls.uses = {}, {}

    def called(self) -> list[Called]:
        """What the strategies that the statement may call have taken so far."""
        return [
            Called(name, rows=use.rows, faults=use.faults, fuel=use.fuel, nanoseconds=use.nanoseconds)
            for name, use in self._calls.uses.items()
        ]

    def bind(self, name: str, sha256: str, export: str | None, budget_fuel: int | None, world: World) -> None:
        """Make a strategy callable in the statement that is to be run, with the module and in the world that the turn has;
        ``budget_fuel`` is what it declared for a call.

        Raises
        ------
        QueryError : 1305, it was removed.
        FileNotFoundError : a module is gone, and with it the turn.
        """
        if export is None:
            raise QueryError(
                f"FUNCTION {SCHEMA}.{name} cannot be called: the strategy was removed; "
                "call one that `select name from strategy` lists as flying or grounded",
                code=1305,
            )
        self._calls.world = world
        self._calls.ready[name] = self._guest(sha256, export), budget_fuel
        self._calls.uses[name] = Use()
        self._make(name)

    def _guest(self, sha256: str, export: str) -> AnyGuest:
        key = sha256, export
        if key not in self._guests:
            guest, size = self._guests[key] = load_guest(self._folder, sha256, export)
            self._kept_bytes += size
            while self._kept_bytes > MODULES_KEPT_BYTES and len(self._guests) > 1:
                self._kept_bytes -= self._guests.popitem(last=False)[1][1]
            return guest
        self._guests.move_to_end(key)
        return self._guests[key][0]

    def _make(self, name: str) -> None:
        """Tell the engine of a function: the call itself, and a macro that names and casts the arguments."""
        if name in self._made:
            return
        calls = self._calls  # not self: the engine would own who owns it, and neither would ever go

        def call(*columns: Any) -> Any:
            return calls.call(name, columns)

        # The engine counts a function's parameters and passes them by their place.
        kind = inspect.Parameter.POSITIONAL_ONLY
        call.__signature__ = inspect.Signature([inspect.Parameter(key, kind) for key in PARAMETERS])  # type: ignore[attr-defined]
        self._connection.create_function(
            f"call {name}",
            call,
            list(PARAMETERS.values()),
            "UBIGINT",
            type=ARROW,
            null_handling=SPECIAL,
        )
        arguments = ", ".join(f"{parameter}::{kind}" for parameter, kind in PARAMETERS.items())
        self._connection.execute(
            f'CREATE MACRO {SCHEMA}."{name}"({", ".join(PARAMETERS)}) AS "call {name}"({arguments})'
        )
        self._made.add(name)
