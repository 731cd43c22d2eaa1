"""A strategy's trial before it may fly: a fresh instance, a call for the trial ship, and what both cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import wasmtime

from wasmverse.commands import Cost, Trial
from wasmverse.errors import ModuleRefused
from wasmverse.strategies.contract import strategy_layout
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.hosting import AnyGuest, Compiled, guest_of
from wasmverse.wasm.inspect import last_line
from wasmverse.wasm.limits import TABLES_MAX, Limits

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
    compiled: Compiled, strategies: Mapping[str, str], limits: Limits
) -> dict[str, tuple[Trial, Cost]]:
    """Fly each strategy of a compiled module or component, given as registered name -> export, under the limits that it will
    fly with.

    Returns what the first call came to, and the processor time that was taken on this machine now.

    A call that traps is no reason to refuse: a fault is the author's own affair, and counted.

    Raises
    ------
    ModuleRefused : no instance can be made of it. A start function that traps is found here, not in a turn.
    """
    frame = _trial_frame()
    guests = {name: guest_of(compiled, export) for name, export in strategies.items()}
    start_fuel = _start(frame, next(iter(guests.values())), limits)
    return {name: _try(frame, guest, limits, start_fuel) for name, guest in guests.items()}


def _start(frame: Frame, guest: AnyGuest, limits: Limits) -> int:
    """Start an instance, and the fuel that it took."""
    try:
        return guest.start(frame, limits)
    except wasmtime.Trap as trap:
        found = _FOUND.get(trap.trap_code, "the module's start traps")
        raise ModuleRefused(
            f"{found}; a fresh instance is made and started every turn (its start function, then _initialize): do nothing "
            f"there that can fail or that costs more than {limits.start_fuel:,} fuel"
        ) from trap
    except wasmtime.WasmtimeError as error:
        raise ModuleRefused(
            f"the module cannot be instantiated: {last_line(error)}; an instance may have "
            f"{limits.memory_bytes_max:,} bytes of memory, {TABLES_MAX} tables and {limits.table_elements_max:,} table elements: "
            "ask for less (clang, zig: -Wl,-z,stack-size=65536)"
        ) from error


_PAST = "the module's data or its start reaches past its memory or table"
_FOUND: dict[wasmtime.TrapCode | None, str] = {
    wasmtime.TrapCode.OUT_OF_FUEL: "the module's start uses too much fuel",
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: _PAST,
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: _PAST,
}


def _trial_frame() -> Frame:
    """Rows of the trial ship, each the same."""
    frame = Frame(strategy_layout(), _ROWS, len(SEEN), grows=False)
    for column, value in zip(frame.columns, (*SHIP, frame.tail_address, len(SEEN)), strict=False):
        column[:] = value
    frame.tail(np.uint8)[: len(SEEN)] = np.frombuffer(SEEN, np.uint8)
    return frame


def _try(frame: Frame, guest: AnyGuest, limits: Limits, start_fuel: int) -> tuple[Trial, Cost]:
    outcome = guest.run(frame, 0, 1, limits)
    trial = Trial(outcome.fuel - outcome.start_fuel, outcome.reason, start_fuel)
    if outcome.seconds > _LONG_SECONDS:
        return trial, Cost(outcome.seconds, outcome.seconds)

    def seconds(rows: int) -> float:
        return min(guest.run(frame, 0, rows, limits).seconds for _ in range(_RUNS))

    one, many = seconds(1), seconds(_ROWS)
    return trial, Cost(one, max(0.0, many - one) / (_ROWS - 1))
