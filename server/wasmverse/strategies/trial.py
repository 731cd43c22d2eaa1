"""A strategy's trial before it may fly: a fresh instance, a call for the trial ship, and what both cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import wasmtime

from wasmverse.commands import Cost, Trial
from wasmverse.errors import ModuleRefused
from wasmverse.strategies.contract import strategy_layout
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.inspect import last_line
from wasmverse.wasm.limits import TABLES_MAX, Limits
from wasmverse.wasm.linker import instantiate

SHIP = (1, 50, 50, 100, 100, 2, 2, 2, 0)
SEEN = bytes((1, 2, 47, 53, 1, 2, 55, 50, 1, 3, 60, 45)) + bytes(
    byte for n in range(6) for byte in (2, 0, 40 + 3 * n, 58 - 2 * n)
)
"""The trial ship is a new one in the middle of its system, which sees three ships and six energy nodes."""

_ROWS = 64
_RUNS = 3
_LONG_SECONDS = 0.02
"""Time is measured with so many calls of an instance, and of so many runs the shortest counts;
a call that takes longer than that is not repeated."""


def try_strategies(
    module: wasmtime.Module, strategies: Mapping[str, str], limits: Limits
) -> dict[str, tuple[Trial, Cost]]:
    """Fly each strategy of a compiled module, given as registered name -> export, under the limits that it will fly with.

    Returns what the first call came to, and the processor time that was taken on this machine now.

    A call that traps is no reason to refuse: a fault is the author's own affair, and counted.

    Raises
    ------
    ModuleRefused : no instance can be made of it. A start function that traps is found here, not in a turn.
    """
    _check_instance(module, limits)
    frame = _trial_frame()
    return {name: _try(frame, Guest.of(module, export), limits) for name, export in strategies.items()}


def _check_instance(module: wasmtime.Module, limits: Limits) -> None:
    store = limits.store(flight_engine())
    store.set_fuel(limits.budget_fuel)
    try:
        instantiate(store, module)
    except wasmtime.Trap as trap:
        if trap.trap_code == wasmtime.TrapCode.OUT_OF_FUEL:
            found = "the module's start function uses more than the fuel of one call"
        elif trap.trap_code in (
            wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS,
            wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS,
        ):
            found = "the module's data or its start function reaches past its memory or table"
        else:
            found = "the module's start function traps"
        raise ModuleRefused(
            f"{found}; a fresh instance is made every turn: do nothing at start that can fail "
            f"or that costs more than {limits.budget_fuel:,} fuel"
        ) from trap
    except wasmtime.WasmtimeError as error:
        raise ModuleRefused(
            f"the module cannot be instantiated: {last_line(error)}; an instance may have "
            f"{limits.memory_bytes_max:,} bytes of memory, {TABLES_MAX} tables and {limits.table_elements_max:,} table elements: "
            "ask for less"
        ) from error


def _trial_frame() -> Frame:
    """Rows of the trial ship, each the same."""
    frame = Frame(strategy_layout(), _ROWS, len(SEEN), grows=False)
    for column, value in zip(frame.columns, (*SHIP, frame.tail_address, len(SEEN)), strict=False):
        column[:] = value
    frame.tail(np.uint8)[: len(SEEN)] = np.frombuffer(SEEN, np.uint8)
    return frame


def _try(frame: Frame, guest: Guest, limits: Limits) -> tuple[Trial, Cost]:
    outcome = guest.run(frame, 0, 1, limits)
    trial = Trial(outcome.fuel, outcome.reason)
    if outcome.seconds > _LONG_SECONDS:
        return trial, Cost(outcome.seconds, outcome.seconds)

    def seconds(rows: int) -> float:
        return min(guest.run(frame, 0, rows, limits).seconds for _ in range(_RUNS))

    one, many = seconds(1), seconds(_ROWS)
    return trial, Cost(one, max(0.0, many - one) / (_ROWS - 1))
