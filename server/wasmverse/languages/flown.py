"""Asks a strategy's module for plans, as a universe does: for tests of strategies."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from wasmverse.errors import ModuleRefused
from wasmverse.languages.build import build
from wasmverse.pilot import SHIP, Plan, Ship, System
from wasmverse.settings import CheckSettings
from wasmverse.strategies.contract import DECIDE, check_contract, strategy_layout
from wasmverse.strategies.limits import guest_limits, module_limits
from wasmverse.wasm.allowed import check_imports
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.inspect import compile_inspected, inspect

_SEEN_BYTES_MAX = 4 * 4_096


class Fault(Exception):
    """A call would be a fault in a universe: the ship would hold; says why."""


def decide_of(project: Path) -> Callable[[Ship, System], Plan]:
    """``decide`` of a strategy, built from a source file or a project's folder, with the fuel that its language may need.

    It raises `Fault` for a call that is one.

    Raises
    ------
    BuildError, ModuleRefused : it cannot be built, or would not be accepted.
    """
    with tempfile.TemporaryDirectory(prefix="wasmverse-test-") as folder:
        built = build(project, Path(folder) / "strategy.wasm")
        return decide_in(built.module.read_bytes(), built.language.budget_fuel)


def decide_in(module: bytes, budget_fuel: int | None = None) -> Callable[[Ship, System], Plan]:
    """``decide`` of a module; ``budget_fuel`` is what a call may take, the setting if it is not given.

    Raises
    ------
    ModuleRefused : it would not be accepted.
    """
    settings = CheckSettings() if budget_fuel is None else CheckSettings(budget_fuel=budget_fuel)
    limits = module_limits(settings)
    found = inspect(module, limits)
    check_imports(found.imports, "strategy")
    compiled, _ = compile_inspected(module, limits)
    if DECIDE not in check_contract(found.exports, DECIDE, settings.strategies_max_per_module).values():
        raise ModuleRefused(f"the module exports no {DECIDE}")
    guest = Guest.of(compiled, DECIDE)
    frame = Frame(strategy_layout(), 1, _SEEN_BYTES_MAX, grows=False)
    flown = guest_limits(settings)

    def decide(ship: Ship, system: System) -> Plan:
        seen = np.frombuffer(bytes(system), np.uint8)
        values = (SHIP, *ship[:7], ship.memory << 8 | ship.last_command, frame.tail_address, len(seen))
        for column, value in zip(frame.columns, values, strict=False):
            column[:] = value
        frame.tail(np.uint8)[: len(seen)] = seen
        outcome = guest.run(frame, 0, 1, flown)
        plan = Plan(frame.columns[-1][0])
        if outcome.reason or not plan.is_valid:
            raise Fault(outcome.reason or f"returned {plan!r}")
        return plan

    return decide
