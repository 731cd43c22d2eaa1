"""A fault again: a build of a strategy is given the same calls as the one that faulted, and what it does is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import wasmtime

from wasmverse.commands import Inspection
from wasmverse.errors import StrategyError
from wasmverse.strategies.calls import Scene
from wasmverse.strategies.contract import strategy_layout
from wasmverse.text import printable
from wasmverse.wasm.component.guest import ComponentGuest
from wasmverse.wasm.flight import Flight
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.hosting import AnyGuest, guest_of, load
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.wasi.world import SECOND_NS, WasiMemory, World, records

KIND_SHIP = 1
ROWS_MAX = 1 << 20
"""A block has fewer ships."""
FRAMES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Relived:
    """What a build did.

    fault : why its last call trapped; None: it returned ``plan``. said : what it printed in that call
    frames : where it trapped, innermost first; fuel : what the last call took; None: not known, one before it trapped
    before : which of the calls before it trapped, as (how many calls before the last, why)
    """

    fault: str | None
    plan: int
    said: str
    frames: tuple[str, ...]
    fuel: int | None
    before: tuple[tuple[int, str], ...]


def rebuilt(inspection: Inspection, name: str) -> AnyGuest:
    """The strategy of a build that is to be given a scene: the one of this name, or the only one.

    Raises
    ------
    StrategyError : there are several, none of this name.
    """
    exports = inspection.strategies
    if name not in exports:
        raise StrategyError(
            f"the module has the strategies {', '.join(sorted(exports))}, and none is {name!r}: name the module that has it"
        )
    return guest_of(load(inspection.compiled), exports[name])


def relive(guest: AnyGuest, scene: Scene, limits: Limits) -> Relived:
    """Give a build the calls of a scene, in one instance as far as none of them traps.

    The last call may take a hundred times its budget: how much it needs is what its author wants to know.

    Raises
    ------
    StrategyError : the scene is none that a universe has.
    """
    rows = len(scene.calls)
    if not rows <= scene.row + 1 <= ROWS_MAX:
        raise StrategyError(
            f"the fault's row is {scene.row:,}, with {rows - 1:,} calls before it; a block has fewer than {ROWS_MAX:,} rows: "
            "ask a server of this version"
        )
    frame = _frame(scene)
    world = World(scene.tid * SECOND_NS, scene.world_seed)
    start, row = scene.row + 1 - rows, scene.row
    limits = replace(limits, budget_fuel=scene.budget_fuel, faults_max=rows + 1)
    if isinstance(guest, ComponentGuest):
        return _component(guest, frame, start, row, limits, world)
    assert isinstance(guest, Guest)
    return _module(guest, frame, start, row, limits, world)


_GENEROUS = 100


def _module(guest: Guest, frame: Frame, start: int, row: int, limits: Limits, world: World) -> Relived:
    wasi = WasiMemory(limits.log_bytes_max)
    wasi.begin(world, limits.log_bytes_max)
    plan = guest.plan(frame.layout)
    flight: Flight | None = None
    before: list[tuple[int, str]] = []
    try:
        at = start
        while at < row:
            flight = flight or Flight(plan, limits, wasi)
            flown = flight.run(frame, at, row)
            at = flown.row + 1
            if flown.fault is None:
                break
            before.append((row - flown.row, flown.fault))
            flight.close()
            flight = None
        generous = replace(limits, budget_fuel=limits.budget_fuel * _GENEROUS)
        flight = flight or Flight(plan, generous, wasi)
        flight.limits = generous
        wasi.begin(world, limits.log_bytes_max)  # what was printed before is of no interest
        flown = flight.run(frame, row, row + 1)
        log, _ = wasi.log()
        return Relived(
            flown.fault,
            int(frame.columns[-1][row]),
            _said(log, row),
            _frames(flight.error, drivers=int(flight.is_made)),
            flown.fuel - flown.start_fuel,
            tuple(before),
        )
    finally:
        if flight is not None:
            flight.close()


def _component(
    guest: ComponentGuest, frame: Frame, start: int, row: int, limits: Limits, world: World
) -> Relived:
    """A trap ends all of a component's instances, and its backtrace with them."""
    fuel = 0
    if start < row:
        fuel = guest.run(frame, start, row, limits, world).fuel
    outcome = guest.run(frame, start, row + 1, limits, world)
    faults = outcome.faulted
    is_last = row in faults
    alone = len(faults) == 1
    return Relived(
        (outcome.reason if alone else "trapped") if is_last else None,
        int(frame.columns[-1][row]),
        _said(outcome.log, row),
        (),
        outcome.fuel - fuel if not faults else None,
        tuple((row - fault, outcome.reason or "trapped") for fault in faults if fault != row),
    )


def _frame(scene: Scene) -> Frame:
    """The calls in the rows that they had: WASI's random numbers depend on them."""
    room = sum(len(call.seen) for call in scene.calls)
    frame = Frame(strategy_layout(), scene.row + 1, room, grows=False)
    seen: Any = frame.tail(np.uint8)
    used = 0
    for row, call in enumerate(scene.calls, scene.row + 1 - len(scene.calls)):
        *values, last_plan, listed = call
        ship = (KIND_SHIP, *values, last_plan, frame.tail_address + used, len(listed))
        for column, value in zip(frame.columns, ship, strict=False):
            column[row] = value
        seen[used : used + len(listed)] = np.frombuffer(listed, np.uint8)
        used += len(listed)
    return frame


def _said(log: bytes, row: int) -> str:
    return next((text.decode("utf-8", "replace") for at, text in records(log) if at == row), "")


def _frames(error: Exception | None, drivers: int) -> tuple[str, ...]:
    """Where a trap came from, without the outermost frames, which are the driver's."""
    if not isinstance(error, wasmtime.Trap):
        return ()
    names = []
    for frame in error.frames[: len(error.frames) - drivers][:FRAMES_SHOWN]:
        name = frame.func_name
        names.append(f"function {frame.func_index}" if name is None else printable(name, 200))
    return tuple(names)
