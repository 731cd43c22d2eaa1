"""A strategy's trial before it may fly: what it answers to a hundred observations, and what instances and calls cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import wasmtime

from wasmverse.commands import Cost, Trial
from wasmverse.errors import ModuleRefused
from wasmverse.strategies.contract import strategy_layout
from wasmverse.strategies.observations import TRIAL_FUEL_MAX, Observation, observations
from wasmverse.strategies.plans import INVALID, after_fault, command_of
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Seat
from wasmverse.wasm.hosting import AnyGuest, Compiled, guest_of
from wasmverse.wasm.inspect import last_line
from wasmverse.wasm.limits import TABLES_MAX, Limits

SHIP = (1, 50, 50, 100, 100, 2, 2, 2, 0)
SEEN = bytes((1, 2, 47, 53, 1, 2, 55, 50, 1, 3, 60, 45)) + bytes(
    byte for n in range(6) for byte in (2, 0, 40 + 3 * n, 58 - 2 * n)
)
"""The ship whose calls are timed is a new one in the middle of its system, which sees three ships and six energy nodes."""

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

    Returns what it answered to the observations, the same on every machine, and the processor time that was taken on this machine
    now.

    A call that traps is no reason to refuse: a fault is the author's own affair, and counted.

    Raises
    ------
    ModuleRefused : no instance can be made of it. A start function that traps is found here, not in a turn.
    """
    frame = _timed_frame()
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


def _timed_frame() -> Frame:
    """Rows of the ship whose calls are timed, each the same."""
    frame = Frame(strategy_layout(), _ROWS, len(SEEN), grows=False)
    for column, value in zip(frame.columns, (*SHIP, frame.tail_address, len(SEEN)), strict=False):
        column[:] = value
    frame.tail(np.uint8)[: len(SEEN)] = np.frombuffer(SEEN, np.uint8)
    return frame


def _try(frame: Frame, guest: AnyGuest, limits: Limits, start_fuel: int) -> tuple[Trial, Cost]:
    trial = _answers(guest, limits, start_fuel)
    outcome = guest.run(frame, 0, 1, limits)
    if outcome.seconds > _LONG_SECONDS:
        return trial, Cost(outcome.seconds, outcome.seconds)

    def seconds(rows: int) -> float:
        return min(guest.run(frame, 0, rows, limits).seconds for _ in range(_RUNS))

    one, many = seconds(1), seconds(_ROWS)
    return trial, Cost(one, max(0.0, many - one) / (_ROWS - 1))


def _answers(guest: AnyGuest, limits: Limits, start_fuel: int) -> Trial:
    """Call it for each observation, one after the other on an instance as in a turn, and count what it returns.

    A ship's last plan is what the strategy itself returned for the turn before. A call may take all the fuel of the pool that so
    many calls share in a turn, as far as `TRIAL_FUEL_MAX` has it left, and its own budget in any case; after as many faults as a
    turn allows in a block, or after `TRIAL_FUEL_MAX`, the others are not called.
    """
    frame = _observed_frame(observations())
    last_plan, plans = frame.columns[_LAST_PLAN], frame.columns[-1]
    seat, commands, fuels = Seat(), Counter[str](), list[int]()
    trapped, ship, plan, fault, is_cut = 0, 0, 0, None, False
    try:
        for row, seen in enumerate(observations()):
            left = TRIAL_FUEL_MAX - sum(fuels)
            is_cut = trapped < limits.faults_max and left <= 0
            if trapped >= limits.faults_max or is_cut:
                break
            shared = limits.budget_fuel * len(observations())
            pool = replace(limits, budget_fuel=min(shared, max(limits.budget_fuel, left)))
            last_plan[row] = plan = plan if seen.ship == ship else 0
            ship = seen.ship
            outcome = guest.run(frame, row, row + 1, pool, seat=seat)
            fuels.append(outcome.fuel - outcome.start_fuel)
            if outcome.reason is not None:
                trapped += 1
                fault = fault or outcome.reason
                plan = after_fault(plan)
                continue
            returned = int(plans[row])
            command = command_of(returned)
            commands[command] += 1
            if command == INVALID:
                fault = fault or f"returned an invalid plan, {returned:#x}"
            plan = after_fault(plan) if command == INVALID else returned
    finally:
        seat.clear()
    return Trial(
        observations=len(observations()),
        calls=len(fuels),
        hold=commands["hold"],
        move=commands["move"],
        upgrade_blasters=commands["upgrade_blasters"],
        upgrade_thrusters=commands["upgrade_thrusters"],
        upgrade_harvesters=commands["upgrade_harvesters"],
        invalid=commands[INVALID],
        trapped=trapped,
        fuel_mean=round(sum(fuels) / len(fuels)),
        fuel_most=max(fuels),
        over_budget=sum(fuel > limits.budget_fuel for fuel in fuels),
        budget_fuel=limits.budget_fuel,
        start_fuel=start_fuel,
        fault=fault,
        is_cut=is_cut,
    )


_LAST_PLAN = 8
"""Which of the arguments it is."""


def _observed_frame(seen: tuple[Observation, ...]) -> Frame:
    """A row for each observation, its last plan still to be filled in."""
    lists = b"".join(each.seen for each in seen)
    frame = Frame(strategy_layout(), len(seen), len(lists), grows=False)
    at = frame.tail_address
    for row, each in enumerate(seen):
        parts = (each.energy, each.shield, each.blasters, each.thrusters, each.harvesters)
        values = (SHIP[0], each.x, each.y, *parts, 0, at, len(each.seen))
        for column, value in zip(frame.columns, values, strict=False):
            column[row] = value
        at += len(each.seen)
    frame.tail(np.uint8)[: len(lists)] = np.frombuffer(lists, np.uint8)
    return frame
