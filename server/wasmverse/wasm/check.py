"""Check and compile an uploaded module, away from the universe: `inspect_module`, and the same in a process of its own.

A refusal (``ModuleRefused``) says what was found, what is allowed and how to mend it.
"""

from __future__ import annotations

import hashlib
import json
import re
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass

import numpy as np
import wasmtime

from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import Settings
from wasmverse.wasm.driver import Layout
from wasmverse.wasm.engine import HostMemory, flight_engine, strict_engine
from wasmverse.wasm.guest import REALLOC_NAMES, Guest, Limits
from wasmverse.wasm.sections import count_functions, language_of
from wasmverse.wasm.wit import strategy_signature

NAME_RULE = "a strategy's name is a lower-case letter, then up to 62 lower-case letters, digits and '_'"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known of a module that passed.

    strategies maps each registered name to the export that flies it; compiled is the flight engine's output.
    """

    sha256: str
    language: str
    strategies: dict[str, str]
    compiled: bytes = b""


def check_name(name: str) -> str:
    """The name, if it keeps the rule; raises StrategyError."""
    if _NAME.fullmatch(name) is None:
        raise StrategyError(f"{name!r} cannot be a strategy's name: {NAME_RULE}; choose another")
    return name


def strategy_exports(module: wasmtime.Module, name: str) -> dict[str, str]:
    """Registered name -> export, for every export with a strategy's signature.

    ``decide`` takes the uploaded name, any other its own with '-' turned to '_'.
    """
    wanted = strategy_signature()
    found = {}
    for export in module.exports:
        kind = export.type
        if isinstance(kind, wasmtime.FuncType) and _core_signature(kind) == str(wanted):
            found[name if export.name == "decide" else export.name.replace("-", "_")] = export.name
    return found


def _core_signature(kind: wasmtime.FuncType) -> str:
    results = ", ".join(str(result) for result in kind.results)
    return f"({', '.join(str(param) for param in kind.params)}) -> {results or 'nothing'}"


def inspect_module(module: bytes, name: str, settings: Settings) -> Inspection:
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
        first = next((line for line in reversed(str(error).splitlines()) if line.strip()), "invalid").strip()
        raise ModuleRefused(
            f"the module is not valid: {first}; allowed is WebAssembly 2.0 with SIMD, without threads, "
            "several memories, 64-bit memory, exceptions or garbage collection: build it without them"
        ) from error
    functions = count_functions(module)
    if functions > settings.module_functions_max:
        raise ModuleRefused(
            f"the module has {functions:,} functions; {settings.module_functions_max:,} are allowed: strip what is not used"
        )
    compiled = wasmtime.Module(flight_engine(), module)
    _check_imports(compiled)
    exports = strategy_exports(compiled, name)
    _check_exports(compiled, exports)
    for registered in exports:
        check_name(registered)
    _fly_once(compiled, exports, settings)
    return Inspection(
        hashlib.sha256(module).hexdigest(), language_of(module), exports, bytes(compiled.serialize())
    )


def _check_bytes(module: bytes, settings: Settings) -> None:
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


def _check_imports(module: wasmtime.Module) -> None:
    for wanted in module.imports:
        raise ModuleRefused(
            f"the module imports {wanted.module}.{wanted.name}; a strategy may import nothing: "
            "remove the import (AssemblyScript: --use abort= --runtime stub; C: -nostdlib)"
        )


def _check_exports(module: wasmtime.Module, exports: dict[str, str]) -> None:
    wanted = strategy_signature()
    kinds = {export.name: export.type for export in module.exports}
    if not exports:
        decide = kinds.get("decide")
        if isinstance(decide, wasmtime.FuncType):
            found = f"decide has the signature {_core_signature(decide)}"
        else:
            functions = [export for export, kind in kinds.items() if isinstance(kind, wasmtime.FuncType)]
            found = f"the module exports {', '.join(sorted(functions)[:8]) or 'no function'}"
        raise ModuleRefused(f"{found}; a strategy exports decide with the signature {wanted}: export it so")
    if not isinstance(kinds.get("memory"), wasmtime.MemoryType):
        raise ModuleRefused(
            "the module exports no memory; what a ship sees is put there: export it as 'memory'"
        )
    for name in REALLOC_NAMES:
        kind = kinds.get(name)
        if kind is not None and (
            not isinstance(kind, wasmtime.FuncType) or _core_signature(kind) != "(i32, i32, i32, i32) -> i32"
        ):
            raise ModuleRefused(
                f"{name} must be a function with the signature (i32, i32, i32, i32) -> i32 "
                "(old pointer, old size, alignment, new size): correct it, or leave it out"
            )


def _fly_once(module: wasmtime.Module, exports: dict[str, str], settings: Settings) -> None:
    """Instantiate it under the limits it will fly with; a start function that traps is found here, not in a turn.

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
        reason = (
            "uses more than the fuel of one call"
            if trap.trap_code == wasmtime.TrapCode.OUT_OF_FUEL
            else "traps"
        )
        raise ModuleRefused(
            f"the module's start function {reason}; a fresh instance is made every turn: do nothing at start that can fail "
            f"or that costs more than {settings.budget_fuel:,} fuel"
        ) from trap
    except wasmtime.WasmtimeError as error:
        last = str(error).strip().splitlines()[-1].strip()
        raise ModuleRefused(
            f"the module cannot be instantiated: {last}; an instance may have {settings.guest_memory_bytes_max:,} bytes of "
            f"memory and {settings.guest_table_elements_max:,} table elements: ask for less"
        ) from error
    memory = HostMemory()
    layout = Layout.natural(strategy_signature())
    addresses = memory.array(0, np.uint32, layout.table_length)
    addresses[:] = 1024 + 64 * np.arange(layout.table_length)
    limits = Limits(settings.budget_fuel, settings.guest_memory_bytes_max, settings.guest_table_elements_max)
    for export in exports.values():
        Guest.of(module, export).run(memory, layout, 0, 0, 1, limits)


def inspect_module_apart(module: bytes, name: str, settings: Settings) -> Inspection:
    """`inspect_module` in a process of its own with limits on time and memory; blocks until it is done.

    Raises
    ------
    ModuleRefused, StrategyError : as `inspect_module`, or when the process ran past a limit.
    """
    check_name(name)
    _check_bytes(module, settings)
    command = [sys.executable, "-m", "wasmverse.wasm.check", name, settings.model_dump_json()]
    try:
        done = subprocess.run(
            command, input=module, capture_output=True, timeout=settings.compile_seconds_max, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModuleRefused(
            f"checking the module took more than {settings.compile_seconds_max:g} s: make it smaller or simpler"
        ) from error
    header, _, compiled = done.stdout.partition(b"\n")
    if done.returncode != 0 or not header:
        raise ModuleRefused(
            f"the compiler ended with {done.returncode} on this module (limits: {settings.compile_seconds_max:g} s, "
            f"{settings.compile_memory_bytes_max:,} bytes): make it smaller or simpler"
        )
    answer = json.loads(header)
    if "refused" in answer:
        kind = StrategyError if answer["kind"] == "StrategyError" else ModuleRefused
        raise kind(answer["refused"])
    return Inspection(**answer, compiled=compiled)


def main() -> None:
    """The process: module on standard input; a line of JSON, then the compiled bytes on standard output."""
    name, settings_json = sys.argv[1:]
    settings = Settings.model_validate_json(settings_json)
    seconds = int(settings.compile_seconds_max) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Not the address space: an instance reserves gigabytes of it that are never touched.
    resource.setrlimit(resource.RLIMIT_DATA, (settings.compile_memory_bytes_max,) * 2)
    try:
        inspection = inspect_module(sys.stdin.buffer.read(), name, settings)
    except (ModuleRefused, StrategyError) as error:
        answer = {"refused": error.message, "kind": type(error).__name__}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        return
    header = asdict(inspection)
    compiled = header.pop("compiled")
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + compiled)


if __name__ == "__main__":
    main()
