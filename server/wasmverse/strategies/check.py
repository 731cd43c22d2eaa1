"""Check and compile an uploaded module, away from the universe: `inspect_module`, and the same in a process of its own.

A refusal (``ModuleRefused``) says what was found, what is allowed and how to mend it.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import wasmtime

from wasmverse.confinement import groups
from wasmverse.confinement.processes import bare_environment, inside
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import CheckSettings
from wasmverse.wasm.driver import Layout
from wasmverse.wasm.engine import (
    HEADER_BYTES,
    HostMemory,
    compile_for_flight,
    flight_engine,
    strict_engine,
)
from wasmverse.wasm.guest import REALLOC_NAMES, Guest, Limits
from wasmverse.wasm.sections import count_exports, count_functions, exports_of, first_import, language_of
from wasmverse.wasm.wit import strategy_signature

NAME_RULE = "a strategy's name is a lower-case letter, then up to 62 lower-case letters, digits and '_'"
_SAMPLE_SHIP = (1, 50, 50, 100, 100, 2, 2, 2, 0)
_SAMPLE_SEEN = bytes((1, 2, 47, 53, 1, 2, 55, 50, 1, 3, 60, 45)) + bytes(
    byte for n in range(6) for byte in (2, 0, 40 + 3 * n, 58 - 2 * n)
)
"""A new ship in the middle of its system, which sees three ships and six energy nodes."""
_TRIAL_ROWS = 64
_TRIAL_RUNS = 3
_TRIAL_LONG = 0.02
"""Time is measured with so many calls of an instance, and of so many runs the shortest counts;
a call that takes longer than that is not repeated, in seconds."""
NATIVE_AT_UPLOAD = 1.5
"""As ``stack.NATIVE``, with something left for other processors, whose frames are of other sizes."""
REALLOC_SIGNATURE = "(i32, i32, i32, i32) -> i32"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Trial(TypedDict):
    """One call: the fuel it took, and why it was a fault; None when it was none."""

    fuel: int
    fault: str | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known of a module that passed.

    strategies maps each registered name to the export that flies it; trials says of each name what its call for a new ship among
    a few others came to; compiled is the flight engine's output; seconds has of each name the processor time that this machine
    took now to make an instance with a first call, and for each call more.
    """

    sha256: str
    language: str
    strategies: dict[str, str]
    trials: dict[str, Trial]
    compiled: bytes = b""
    seconds: dict[str, tuple[float, float]] = field(default_factory=dict, compare=False)


def check_name(name: str) -> str:
    """The name, if it keeps the rule; raises StrategyError."""
    if _NAME.fullmatch(name) is None:
        raise StrategyError(f"'{_shown(name)}' cannot be a strategy's name: {NAME_RULE}; choose another")
    return name


def _shown(name: str) -> str:
    """A name from a module, fit for one line: it may be megabytes of anything."""
    text = name[:64].encode("unicode_escape").decode()
    return text if len(name) <= 64 else f"{text}..."


def strategy_exports(module: bytes, name: str) -> dict[str, str]:
    """Registered name -> export, for every export with a strategy's signature; for modules without imports.

    ``decide`` takes the uploaded name, any other its own with '-' turned to '_'.
    """
    wanted = str(strategy_signature())
    flown = (export for export, found in exports_of(module).items() if found == wanted)
    return {_registered(export, name): export for export in flown}


def _registered(export: str, name: str) -> str:
    return name if export == "decide" else export.replace("-", "_")


def inspect_module(module: bytes, name: str, settings: CheckSettings) -> Inspection:
    """Check a module against every rule and compile it, in this process.

    Raises
    ------
    ModuleRefused : it breaks a rule.
    StrategyError : its name, or that of an export, cannot be a strategy's.
    """
    check_name(name)
    _check_bytes(module, settings)
    try:
        wasmtime.Module.validate(strict_engine(), module)
    except wasmtime.WasmtimeError as error:
        raise ModuleRefused(
            f"the module is not valid: {_last_line(error)}; allowed is WebAssembly 2.0 with SIMD, without threads, "
            "several memories, 64-bit memory, tail calls, typed references, exceptions or garbage collection: "
            "build it without them"
        ) from error
    functions = count_functions(module)
    if functions > settings.module_functions_max:
        raise ModuleRefused(
            f"the module has {functions:,} functions; {settings.module_functions_max:,} are allowed: strip what is not used"
        )
    exported = count_exports(module)
    if exported > settings.module_exports_max:
        raise ModuleRefused(
            f"the module has {exported:,} exports; {settings.module_exports_max:,} are allowed: export what is called only"
        )
    _check_imports(module)
    try:
        compiled = compile_for_flight(module, NATIVE_AT_UPLOAD)
    except wasmtime.WasmtimeError as error:
        raise ModuleRefused(
            f"the module cannot be compiled: {_last_line(error)}: build it smaller"
        ) from error
    exports = strategy_exports(module, name)
    if len(exports) > settings.strategies_max_per_module:
        raise ModuleRefused(
            f"the module exports {len(exports):,} strategies; {settings.strategies_max_per_module:,} are allowed: "
            "export fewer, or put them into several modules"
        )
    _check_exports(exports_of(module), exports, name)
    for registered in exports:
        check_name(registered)
    trials, seconds = _fly_once(compiled, exports, settings)
    machine_code = bytes(compiled.serialize())
    if len(machine_code) > settings.compiled_bytes_max:
        raise ModuleRefused(
            f"the module compiles to {len(machine_code):,} bytes; {settings.compiled_bytes_max:,} are allowed: build it smaller"
        )
    digest = hashlib.sha256(module).hexdigest()
    return Inspection(digest, language_of(module), exports, trials, machine_code, seconds)


def _last_line(error: Exception) -> str:
    """The cause that wasmtime tells last, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__


def _check_bytes(module: bytes, settings: CheckSettings) -> None:
    if not module:
        raise ModuleRefused("the upload is empty; send the bytes of a WebAssembly module")
    if len(module) > settings.module_bytes_max:
        raise ModuleRefused(
            f"the module has {len(module):,} bytes; {settings.module_bytes_max:,} are allowed: build it for size, strip names"
        )
    if module[:4] != b"\0asm":
        raise ModuleRefused(
            f"the upload begins with {module[:4].hex(' ')}; a WebAssembly module begins with 00 61 73 6d: "
            "send the .wasm file that your compiler made, not its source or text form"
        )
    if module[4:8] == b"\x0d\0\x01\0":
        raise ModuleRefused(
            "this is a WebAssembly component; a core module is needed here: build without the component step "
            "(for example Rust with --target wasm32-unknown-unknown)"
        )
    if module[4:8] != b"\1\0\0\0":
        raise ModuleRefused(
            f"the module has version {module[4:8].hex(' ')}; version 01 00 00 00 is understood: rebuild it"
        )


def _check_imports(module: bytes) -> None:
    wanted = first_import(module)
    if wanted is not None:
        raise ModuleRefused(
            f"the module imports {_shown(wanted[0])}.{_shown(wanted[1])}; a strategy may import nothing: "
            "remove the import (AssemblyScript: --use abort= --runtime stub; C: -nostdlib)"
        )


def _check_exports(found: dict[str, str], exports: dict[str, str], name: str) -> None:
    """``found`` is all that the module exports, ``exports`` the strategies among it by registered name."""
    wanted = str(strategy_signature())
    if not exports:
        functions = sorted(export for export, signature in found.items() if signature.startswith("("))
        shown = f"the module exports {', '.join(map(_shown, functions[:8])) or 'no function'}"
        if "decide" in functions:
            shown = f"decide has the signature {found['decide'][:200]}"
        raise ModuleRefused(f"{shown}; a strategy exports decide with the signature {wanted}: export it so")
    for export, signature in found.items():
        registered = _registered(export, name)
        if signature == wanted and exports[registered] != export:
            raise ModuleRefused(
                f"the exports {_shown(export)} and {_shown(exports[registered])} would both fly as "
                f"{_shown(registered)}; every strategy needs a name of its own: rename one"
            )
    if found.get("memory") != "memory":
        raise ModuleRefused(
            "the module exports no memory; what a ship sees is put there: export it as 'memory'"
        )
    for realloc in REALLOC_NAMES:
        if found.get(realloc, REALLOC_SIGNATURE) != REALLOC_SIGNATURE:
            raise ModuleRefused(
                f"{realloc} must be a function with the signature {REALLOC_SIGNATURE} "
                "(old pointer, old size, alignment, new size): correct it, or leave it out"
            )


def _fly_once(
    module: wasmtime.Module, exports: dict[str, str], settings: CheckSettings
) -> tuple[dict[str, Trial], dict[str, tuple[float, float]]]:
    """Instantiate it under the limits it will fly with; a start function that traps is found here, not in a turn.

    Returns the trials, and what they cost in seconds.

    A call that traps is no reason to refuse: a fault is the author's own affair, and counted.
    """
    store = wasmtime.Store(flight_engine())
    store.set_limits(
        memory_size=settings.guest_memory_bytes_max,
        table_elements=settings.guest_table_elements_max,
        instances=1,
    )
    store.set_fuel(settings.budget_fuel)
    try:
        wasmtime.Instance(store, module, [])
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
            f"or that costs more than {settings.budget_fuel:,} fuel"
        ) from trap
    except wasmtime.WasmtimeError as error:
        raise ModuleRefused(
            f"the module cannot be instantiated: {_last_line(error)}; an instance may have "
            f"{settings.guest_memory_bytes_max:,} bytes of memory and {settings.guest_table_elements_max:,} table elements: "
            "ask for less"
        ) from error
    memory = HostMemory()
    layout = Layout.natural(strategy_signature())
    addresses = [HEADER_BYTES + 8 * _TRIAL_ROWS * column for column in range(layout.columns)]
    memory.place(addresses)
    seen_at = HEADER_BYTES + 8 * _TRIAL_ROWS * layout.columns
    codes = [code for leaf in layout.storage for code in ((leaf,) if leaf else ("u4", "u4"))]
    for address, code, value in zip(
        addresses, codes, (*_SAMPLE_SHIP, seen_at, len(_SAMPLE_SEEN)), strict=False
    ):
        memory.array(address, np.dtype(code), _TRIAL_ROWS)[:] = value
    memory.array(seen_at, np.uint8, len(_SAMPLE_SEEN))[:] = np.frombuffer(_SAMPLE_SEEN, np.uint8)
    limits = Limits(settings.budget_fuel, settings.guest_memory_bytes_max, settings.guest_table_elements_max)
    trials, seconds = {}, {}
    for registered, export in exports.items():
        guest = Guest.of(module, export)
        outcome = guest.run(memory, layout, 0, 1, limits)
        trials[registered] = Trial(fuel=outcome.fuel, fault=outcome.reason)
        seconds[registered] = (
            (outcome.seconds, outcome.seconds)
            if outcome.seconds > _TRIAL_LONG
            else _measured(lambda rows, guest=guest: guest.run(memory, layout, 0, rows, limits).seconds)  # type: ignore[misc]
        )
    return trials, seconds


def _measured(run: Callable[[int], float]) -> tuple[float, float]:
    """Seconds for an instance with its first call, and for a call more; ``run`` says what so many calls of one take."""
    one, many = (min(run(rows) for _ in range(_TRIAL_RUNS)) for rows in (1, _TRIAL_ROWS))
    return one, max(0.0, many - one) / (_TRIAL_ROWS - 1)


def checker_start(name: str, settings: CheckSettings) -> tuple[list[str], dict[str, str], groups.Group]:
    """How the process is started that does `inspect_module` (``wasm.checker``): its command, its environment and its group.

    The group is to be removed when the process has ended.
    """
    group = groups.ours().group("checker", settings.process_threads_max, settings.compile_memory_bytes_max)
    command = [*inside("wasmverse.strategies.checker"), name, settings.part(CheckSettings).model_dump_json()]
    return command, bare_environment() | group.environment(), group


def precheck(module: bytes, name: str, settings: CheckSettings) -> None:
    """What needs no process; raises ModuleRefused or StrategyError."""
    check_name(name)
    _check_bytes(module, settings)


def inspection_of(status: int, output: bytes, settings: CheckSettings) -> Inspection:
    """What the process found out, by its exit status and all that it wrote.

    Raises
    ------
    ModuleRefused, StrategyError : as `inspect_module`, or when the process ran past a limit.
    """
    header, _, compiled = output.partition(b"\n")
    if status != 0 or not header:
        raise ModuleRefused(
            f"the compiler ended with {status} on this module (limits: {settings.compile_seconds_max:g} s, "
            f"{settings.compile_memory_bytes_max:,} bytes): make it smaller or simpler"
        )
    answer = json.loads(header)
    if "refused" in answer:
        kind = StrategyError if answer["kind"] == "StrategyError" else ModuleRefused
        raise kind(answer["refused"])
    return Inspection(**answer, compiled=compiled)


def took_too_long(settings: CheckSettings) -> ModuleRefused:
    """The refusal of a module whose process was ended for its time."""
    return ModuleRefused(
        f"checking the module took more than {settings.compile_seconds_max:g} s: make it smaller or simpler"
    )


def inspect_module_apart(module: bytes, name: str, settings: CheckSettings) -> Inspection:
    """`inspect_module` in a process of its own with limits on time and memory; blocks until it is done.

    Raises
    ------
    ModuleRefused, StrategyError : as `inspect_module`, or when the process ran past a limit.
    """
    precheck(module, name, settings)
    command, environment, group = checker_start(name, settings)
    try:
        done = subprocess.run(
            command,
            input=module,
            capture_output=True,
            timeout=settings.compile_seconds_max,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise took_too_long(settings) from error
    finally:
        group.remove()
    return inspection_of(done.returncode, done.stdout, settings)
