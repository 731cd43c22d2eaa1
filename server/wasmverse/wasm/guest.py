"""A guest: one exported function of a compiled module, run over rows that may fault without harm."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass, field
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime._extern import wrap_extern

from wasmverse.wasm.driver import driver_module
from wasmverse.wasm.driver_text import CHECKS
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.limits import CAREFUL_ROWS, POOL_GROWTH, POOL_ROWS, Limits
from wasmverse.wasm.linker import instantiate
from wasmverse.wasm.stack import COUNTER

REALLOC_NAMES = ("cabi_realloc", "canonical_abi_realloc")


@dataclass(slots=True)
class Outcome:
    """What became of a run: the rows that faulted, in order, why the first one did, the fuel it took, and the
    processor time in seconds, ``made_seconds`` of it to make instances."""

    faulted: list[int] = field(default_factory=list)
    uncalled: tuple[int, int] = (0, 0)
    reason: str | None = None
    fuel: int = 0
    seconds: float = 0.0
    made_seconds: float = 0.0

    @property
    def faults(self) -> int:
        """Rows that faulted, called or not."""
        return len(self.faulted) + self.uncalled[1] - self.uncalled[0]


@dataclass(frozen=True, slots=True, eq=False)
class Guest:
    """A module, compiled for flight, and the name of the export to call, of its allocator and of its post-return function;
    whether it counts its calls (``stack``)."""

    module: wasmtime.Module
    export: str
    realloc: str | None
    counts: bool = False
    post: str | None = None

    @classmethod
    def load(cls, compiled: bytes, export: str) -> Guest:
        """From the output of `compile_inspected`; only ever from our own compiler: the bytes are trusted."""
        return cls.of(wasmtime.Module.deserialize(flight_engine(), compiled), export)

    @classmethod
    def of(cls, module: wasmtime.Module, export: str) -> Guest:
        """From a module of `compile_for_flight`."""
        names = {export_type.name for export_type in module.exports}
        realloc = next((name for name in REALLOC_NAMES if name in names), None)
        post = f"cabi_post_{export}"
        return cls(module, export, realloc, COUNTER in names, post if post in names else None)

    def run(self, frame: Frame, start: int, stop: int, limits: Limits) -> Outcome:
        """Call the function for rows ``start`` to ``stop`` (exclusive) of a frame, whose results are mutated.

        A row whose call traps or runs out of fuel is a fault and its result is left as it was; a fresh instance goes on
        with the next row. The first 1,024 rows have a fuel pool of ``budget_fuel`` for each, the next 4,096 have one, and so
        on. A call that empties it is a fault, and from there on every 64 rows have a pool of their own: so one endless loop
        costs one pool and a little, and the healthy rows after it still fly. Verdicts depend on the rows and the limits
        alone.
        """
        outcome = Outcome()
        started = time.thread_time()
        row = start
        pool_rows, growth = POOL_ROWS, POOL_GROWTH
        flight = None
        while row < stop:
            if len(outcome.faulted) >= limits.faults_max:
                outcome.uncalled = (row, stop)
                break
            is_new = flight is None
            flight = flight or _Flight(self, limits)
            end = min(stop, row + pool_rows)
            faulted, trap, fuel = flight.run(frame, row, end)
            if is_new:
                outcome.made_seconds += flight.made_seconds
            outcome.fuel += fuel
            if trap is None:
                row = end
                pool_rows *= growth
                continue
            outcome.reason = outcome.reason or trap
            outcome.faulted.append(faulted)
            row = faulted + 1
            flight = None
            if trap == OUT_OF_FUEL:
                pool_rows, growth = CAREFUL_ROWS, 1
        del flight  # to give its memory back is a part of what it took
        outcome.seconds = time.thread_time() - started
        return outcome


class _Flight:
    """One instance of a guest, made by its first run; of no more use after a trap."""

    def __init__(self, guest: Guest, limits: Limits) -> None:
        started = time.thread_time()
        self._guest = guest
        self._budget_fuel = limits.budget_fuel
        self._store = limits.store(flight_engine())
        self._driver: Any = None
        self._loop: Any = None
        self._left: Any = None
        self.made_seconds = time.thread_time() - started

    def run(self, frame: Frame, start: int, stop: int) -> tuple[int, str | None, int]:
        """Some rows with a fuel pool of their own: the row that trapped, why (None when all went well), and the fuel used."""
        store = self._store
        pool = self._budget_fuel * (stop - start)
        store.set_fuel(pool)
        row = start
        try:
            if self._driver is None:
                self._make(frame)
            frame.memory.span[:] = start, stop
            self._loop(store)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            if self._driver is not None:
                row = self._driver["row"].value(store)
            return row, self._reason(error), pool - store.get_fuel()
        return stop, None, pool - store.get_fuel()

    def _make(self, frame: Frame) -> None:
        started = time.thread_time()
        try:
            self._driver = self._instantiate(frame)
            self._loop = self._driver["run"]
        finally:
            self.made_seconds += time.thread_time() - started

    def _instantiate(self, frame: Frame) -> Any:
        store, realloc, post = self._store, self._guest.realloc, self._guest.post
        guest = instantiate(store, self._guest.module)
        names = {"memory": "memory", "realloc": realloc, "function": self._guest.export, "post": post}
        module = driver_module(frame.layout, realloc is not None, post is not None)
        imports: list[Any] = [
            frame.memory.memory
            if wanted.module == "host"
            else _export(store, guest, str(names[str(wanted.name)]))
            for wanted in module.imports
        ]
        driver = wasmtime.Instance(store, module, imports).exports(store)
        if self._guest.counts:
            self._left = _export(store, guest, COUNTER)
        return driver

    def _reason(self, error: Exception) -> str:
        """Why a row is a fault; a guest that has counted its calls down traps as one that means to."""
        if self._left is not None and self._left.value(self._store) < 0:
            return EXHAUSTED
        why = self._driver.get("why") if self._driver is not None else None
        check = 0 if why is None else why.value(self._store)
        return CHECKS[check] if check else _reason(error)


def _export(store: wasmtime.Store, instance: wasmtime.Instance, name: str) -> Any:
    """One export by its name. ``Instance.exports`` lists all, 10 us each, and a stranger's module may have any number of them."""
    wanted = name.encode()
    item = ffi.wasmtime_extern_t()
    text = ctypes.cast(ctypes.c_char_p(wanted), ctypes.POINTER(ctypes.c_char))
    context, raw = store._context(), ctypes.byref(instance._instance)
    if not ffi.wasmtime_instance_export_get(context, raw, text, len(wanted), ctypes.byref(item)):
        raise KeyError(name)
    return wrap_extern(item)


OUT_OF_FUEL = "ran out of fuel"
EXHAUSTED = "trapped: call stack exhausted"

_REASONS = {
    wasmtime.TrapCode.OUT_OF_FUEL: OUT_OF_FUEL,
    wasmtime.TrapCode.UNREACHABLE: "trapped: unreachable",
    wasmtime.TrapCode.STACK_OVERFLOW: EXHAUSTED,
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: "trapped: memory access out of bounds",
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: "trapped: table access out of bounds",
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL: "trapped: call of an empty table element",
    wasmtime.TrapCode.BAD_SIGNATURE: "trapped: indirect call with the wrong signature",
    wasmtime.TrapCode.INTEGER_OVERFLOW: "trapped: integer overflow",
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: "trapped: integer division by zero",
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER: "trapped: a float that no integer can hold",
}


def _reason(error: Exception) -> str:
    """A trap in words that are the same on every machine."""
    code = error.trap_code if isinstance(error, wasmtime.Trap) else None
    if code in _REASONS:
        return _REASONS[code]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"failed: {lines[-1] if lines else type(error).__name__}"[:200]
