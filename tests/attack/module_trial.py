"""What is done with each module of the generator, in a process of its own: inspect it, fly it, see what else is harmed.

The process answers over a pipe; when it ends instead of answering, the module that it had last is the case.
"""

from __future__ import annotations

import resource
import time
from dataclasses import replace
from multiprocessing.connection import Connection

import wasmtime

from tests.strategies.guest import BUNDLED_FOLDER
from tests.wasm.builder import Table
from tests.wasm.recursion import BASELINE, other_engine
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import Settings
from wasmverse.strategies.contract import strategies_among, strategy_function
from wasmverse.strategies.inspection import inspect_module
from wasmverse.strategies.limits import guest_limits
from wasmverse.wasm import flight
from wasmverse.wasm.engine import compile_for_flight
from wasmverse.wasm.guest import Guest, Outcome
from wasmverse.wasm.sections import exports_of
from wasmverse.wasm.stack import NATIVE_BYTES

SETTINGS = Settings(budget_fuel=5_000)
LIMITS = guest_limits(SETTINGS)
# The native stack's end is no verdict of the rules: nobody may ever see it.
NATIVE_END = "met the end of the native stack"
ROWS = [
    (1, n % 100, 50, 100 * n % 65_536, 1 + n % 100, 2, 2, 2, 2**40 * n, bytes((1, 2, 47, 53)) * (n % 17))
    for n in range(40)
]
SECONDS_PER_FUEL = 1e-6
SECONDS_BESIDE = 0.5
"""A run may take so much of the processor for each unit of fuel, and for what no fuel is taken: instances."""


def serve(pipe: Connection) -> None:
    """Answer for modules until None comes: a list of words of what is wrong, empty for nothing, and what became of it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    innocent = Guest.of(compile_for_flight((BUNDLED_FOLDER / "strategy_flee.wasm").read_bytes()), "decide")
    table = Table.of(strategy_function(), ROWS)
    table.run(innocent, LIMITS)
    expected = table.results.tolist()
    flight._REASONS[wasmtime.TrapCode.STACK_OVERFLOW] = NATIVE_END
    pipe.send("ready")
    while (module := pipe.recv()) is not None:
        wrong, became = _trial(module, table)
        table.run(innocent, LIMITS)
        if table.results.tolist() != expected:
            wrong.append("an innocent strategy beside it answers otherwise")
        pipe.send((wrong, became))


def _trial(module: bytes, table: Table) -> tuple[list[str], str]:
    wrong: list[str] = []
    try:
        found = inspect_module(module, "mine", SETTINGS)
    except (ModuleRefused, StrategyError) as error:
        if not error.message.isprintable() or len(error.message) > 1_500:
            wrong.append(f"the refusal is no short printable line: {error.message[:300]!r}")
        if "tell the authors" in error.message or "takes" in error.message:
            wrong.append(f"compiled frames are not as they should be: {error.message}")
        if "cannot be read" in error.message or "has the instruction" in error.message:
            wrong.append(f"a valid module is not understood: {error.message}")
        return wrong, "refused"
    except Exception as error:
        return [f"an exception escaped the check: {error!r}"[:300]], "failed"
    if not found.language.isprintable():
        wrong.append(f"the language is not printable: {found.language!r}")
    became = "flown"
    for export in found.strategies.values():
        verdicts = [_flown(Guest.load(found.compiled, export), table, wrong) for _ in range(2)]
        with other_engine(BASELINE, 2 * NATIVE_BYTES):
            other = Table.of(strategy_function(), ROWS)
            try:
                again = compile_for_flight(module)
            except ModuleRefused as error:
                wrong.append(f"compiled for another processor it is refused: {error.message}")
                continue
            assert strategies_among(exports_of(module), "mine") == found.strategies
            verdicts.append(_flown(Guest.of(again, export), other, wrong))
        if verdicts[0] != verdicts[1]:
            wrong.append(f"{export}: two runs differ: {verdicts[0]!r:.400} {verdicts[1]!r:.400}")
        if verdicts[0] != verdicts[2]:
            wrong.append(f"{export}: another processor differs: {verdicts[0]!r:.400} {verdicts[2]!r:.400}")
        if verdicts[0][0].reason == flight.EXHAUSTED:
            became = "exhausted"
    return wrong, became


def _flown(guest: Guest, table: Table, wrong: list[str]) -> tuple[Outcome, list[int]]:
    table.results[:] = 0
    started = time.thread_time()
    outcome = table.run(guest, LIMITS)
    seconds = time.thread_time() - started
    if seconds > SECONDS_BESIDE + outcome.fuel * SECONDS_PER_FUEL:
        wrong.append(f"a run of {outcome.fuel:,} fuel took {seconds:.2f} s")
    if outcome.reason == NATIVE_END or (outcome.reason or "").startswith("failed"):
        wrong.append(f"a row {outcome.reason}")
    return replace(outcome, seconds=0.0, made_seconds=0.0), table.results.tolist()
