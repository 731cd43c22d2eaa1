"""A flight: one instance of a guest, its driver and, if it asks for it, WASI, in a store of their own.

Made for every run, so it must cost little: all of it goes through wasmtime's C API, and what never changes (which module,
which exports under which names) is found once. By wasmtime-py's objects the same takes three times as long
(``tests/bench/bench_flight.py``).
"""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi

from wasmverse.wasm import fold, native_calls, trampolines
from wasmverse.wasm.allowed import INITIALIZE
from wasmverse.wasm.driver import driver_module
from wasmverse.wasm.driver_text import CHECKS
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.fold import Front
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.layout import Layout
from wasmverse.wasm.limits import TABLES_MAX, Limits
from wasmverse.wasm.stack import COUNTER
from wasmverse.wasm.wasi.functions import functions_module
from wasmverse.wasm.wasi.signatures import SIGNATURES
from wasmverse.wasm.wasi.world import WasiMemory

_Name = tuple[Any, int]


def _name(text: str) -> _Name:
    """A name as the C API takes it."""
    raw = text.encode()
    return ctypes.cast(ctypes.create_string_buffer(raw), ctypes.POINTER(ctypes.c_char)), len(raw)


_ROW, _RUN, _WHY, _MEMORY = _name("row"), _name("run"), _name("why"), _name("memory")
_TABLE, _COUNTER = _name(trampolines.TABLE), _name(COUNTER)

_VALUES = ctypes.create_string_buffer(16)
_NO_VALUES = ctypes.addressof(_VALUES)
_NO_FINALIZER = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))


class Plan:
    """How flights of one guest over one layout are put together.

    Attributes
    ----------
    driver : the driver's module; imports : of each of its imports the export that it is, of the guest or of what stands in
        front of it, None for host memory.
    front, front_imports : the module that stands there, if one does, and the guest's exports that it is given.
    starts : the exports that are called once an instance is made.
    """

    def __init__(
        self,
        module: wasmtime.Module,
        names: frozenset[str],
        exports: Mapping[str, str | None],
        layout: Layout,
        front: Front | None = None,
    ) -> None:
        """
        Parameters
        ----------
        names : of all that the module exports.
        exports : by what the driver imports from the guest, the name that it has there.
        front : what stands in front of the guest, and has the function and the allocator.
        """
        self.module = module
        self.layout = layout
        self.front = None if front is None else front.module
        self.front_imports = [] if front is None else [_name(name) for name in front.imports]
        in_front: Mapping[str, str | None] = {}
        if front is not None:
            in_front = {"realloc": fold.REALLOC, "function": fold.EXPORT, "post": None}
            if front.has_memory:
                in_front = {**in_front, "memory": fold.MEMORY}
            exports = {**exports, **in_front}
        self.driver = driver_module(layout, exports["realloc"] is not None, exports["post"] is not None)
        self.imports: list[tuple[bool, _Name] | None] = []
        for wanted in self.driver.imports:
            found = None if wanted.module == "host" else exports[wanted.name or ""]
            self.imports.append(None if found is None else (wanted.name in in_front, _name(found)))
        self.has_memory = "memory" in names
        self.starts = [_name(name) for name in (trampolines.START, INITIALIZE) if name in names]
        self.has_wasi = trampolines.TABLE in names
        self.counts = COUNTER in names
        self.checks = any(exported.name == "why" for exported in self.driver.exports)
        if self.has_wasi:
            functions_module()


@dataclass(slots=True)
class Flown:
    """What became of some rows: the one that trapped, why (None when all went well), and the fuel used, ``start_fuel`` of it
    before the first call."""

    row: int
    fault: str | None
    fuel: int
    start_fuel: int = 0


class Flight:
    """One instance of a guest, made by its first run; of no more use after a trap. To be closed.

    plan : how it is put together; limits : what its next run may use, of which those of memory hold from the beginning on.
    error : what ended its last run, if that was a fault
    made_seconds : processor time of this thread from ``started``, or else from the beginning, until the instance was made
    """

    def __init__(
        self, plan: Plan, limits: Limits, wasi: WasiMemory | None, started: float | None = None
    ) -> None:
        """``wasi`` is needed by a guest that imports WASI, and has begun."""
        self._started = time.thread_time() if started is None else started
        self.made_seconds = 0.0
        self.plan = plan
        self.limits = limits
        self._wasi = wasi if plan.has_wasi else None
        self._store = ffi.wasmtime_store_new(flight_engine().ptr(), None, _NO_FINALIZER)
        self._context = ffi.wasmtime_store_context(self._store)
        self._store_at = native_calls.address_of(self._context)
        # A guest's tables and one for WASI, its memory and one that WASI's functions may add: they import theirs.
        extra = int(plan.has_wasi)
        elements = max(limits.table_elements_max, extra * len(SIGNATURES))
        ffi.wasmtime_store_limiter(
            self._store,
            limits.memory_bytes_max,
            elements,
            2 + extra + (plan.front is not None),
            TABLES_MAX + extra,
            2,
        )
        self._fuel = ctypes.c_uint64()
        self._fuel_at = ctypes.addressof(self._fuel)
        self._trap = ctypes.POINTER(ffi.wasm_trap_t)()
        self._trap_at = ctypes.addressof(self._trap)
        self._guest: Any = None
        self._memory: Any = None
        self._span = ctypes.c_uint64()
        self._function: Any = None
        self._run: Any = None
        self._row: Any = None
        self._left: Any = None
        self._why: Any = None
        self.error: Exception | None = None

    def close(self) -> None:
        """Give back its memory."""
        ffi.wasmtime_store_delete(self._store)

    def run(self, frame: Frame, start: int, stop: int) -> Flown:
        """Some rows, with a fuel pool of their own."""
        row, start_fuel = start, 0
        try:
            if self._run is None:
                start_fuel = self.make(frame, start)
            pool = self.limits.budget_fuel * (stop - start)
            self._set_fuel(pool)
            span = frame.memory.span
            span[0] = start
            span[1] = stop
            self._call(self._run)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            self.error = error
            if self._run is None:
                fuel = start_fuel = self.limits.start_fuel - self._get_fuel()
            else:
                fuel = start_fuel + pool - self._get_fuel()
                row = self._value(self._row)
            return Flown(row, self._reason(error), fuel, start_fuel)
        return Flown(stop, None, start_fuel + pool - self._get_fuel(), start_fuel)

    def run_again(self, rows: int) -> int | None:
        """As `run` of the first rows, in the same frame as before and in half the time; the fuel used. None where one has
        faulted: which and why is for another flight to find out, this one is of no more use.
        """
        pool, store = self.limits.budget_fuel * rows, self._store_at
        native_calls.set_fuel(store, pool)
        self._span.value = rows << 32
        error = native_calls.call(store, self._run, _NO_VALUES, 0, self._trap_at)
        if error or self._trap:
            with contextlib.suppress(wasmtime.Trap, wasmtime.WasmtimeError):
                self._raise(error)  # which frees them
            return None
        native_calls.get_fuel(store, self._fuel_at)
        return pool - self._fuel.value

    @property
    def is_made(self) -> bool:
        """Whether its instance was made and started."""
        return self._run is not None

    @property
    def memory_bytes(self) -> int:
        """How large the guest's memory is; 0 if it shows none."""
        if self._guest is None or not self.plan.has_memory:
            return 0
        if self._memory is None:
            self._memory = self._export(self._guest, _MEMORY)
        size: int = native_calls.memory_bytes(self._store_at, ctypes.addressof(self._memory.of.memory))
        return size

    def make(self, frame: Frame, row: int) -> int:
        """Instantiate everything and start the guest, as for that row; the fuel that it took.

        Raises
        ------
        Trap, WasmtimeError : the guest's start traps, or it asks for more than it may have.
        """
        try:
            self._set_fuel(self.limits.start_fuel)
            self._instantiate(frame, row)
            return self.limits.start_fuel - self._get_fuel()
        finally:
            self.made_seconds = time.thread_time() - self._started

    def _instantiate(self, frame: Frame, row: int) -> None:
        plan = self.plan
        self._guest = guest = self._instance(plan.module, ())
        if plan.counts:
            self._left = self._export(guest, _COUNTER)
        host = frame.memory.memory._as_extern()
        self._span = ctypes.c_uint64.from_address(frame.memory.span.ctypes.data)
        front = None
        if plan.front is not None:
            front = self._instance(plan.front, [self._export(guest, name) for name in plan.front_imports])
        imports = [
            host if found is None else self._export(front if found[0] else guest, found[1])
            for found in plan.imports
        ]
        driver = self._instance(plan.driver, imports)
        self._row = self._export(driver, _ROW)
        if plan.checks:
            self._why = self._export(driver, _WHY)
        if self._wasi is not None:
            value = ffi.wasmtime_val_t(ffi.WASMTIME_I32, ffi.wasmtime_valunion(i32=row))
            _check(
                ffi.wasmtime_global_set(
                    self._context, ctypes.byref(self._row.of.global_), ctypes.byref(value)
                )
            )
            shared = self._wasi.shared.memory._as_extern()
            memory, table = self._export(guest, _MEMORY), self._export(guest, _TABLE)
            self._instance(functions_module(), (shared, memory, table, self._row))
        for name in plan.starts:
            start = self._export(guest, name)
            self._call(ctypes.addressof(start.of.func))
        self._function = self._export(driver, _RUN)
        self._run = ctypes.addressof(self._function.of.func)

    def _instance(self, module: wasmtime.Module, imports: Any) -> Any:
        instance, trap = ffi.wasmtime_instance_t(), ctypes.POINTER(ffi.wasm_trap_t)()
        externs = (ffi.wasmtime_extern_t * len(imports))(*imports)
        error = ffi.wasmtime_instance_new(
            self._context, module.ptr(), externs, len(imports), ctypes.byref(instance), ctypes.byref(trap)
        )
        _check(error, trap)
        return instance

    def _export(self, instance: Any, name: _Name) -> Any:
        """One export by its name: a stranger's module may have any number of them."""
        item = ffi.wasmtime_extern_t()
        found = ffi.wasmtime_instance_export_get(
            self._context, ctypes.byref(instance), *name, ctypes.byref(item)
        )
        assert found, name
        return item

    def _call(self, function: int) -> None:
        error = native_calls.call(self._store_at, function, _NO_VALUES, 0, self._trap_at)
        if error or self._trap:
            self._raise(error)

    def _raise(self, error: int | None) -> None:
        """Raise what a call gave back: an error's address, or the trap."""
        trap = self._trap
        self._trap = ctypes.POINTER(ffi.wasm_trap_t)()
        self._trap_at = ctypes.addressof(self._trap)
        _check(ctypes.cast(error, ctypes.POINTER(ffi.wasmtime_error_t)) if error else None, trap)

    def _value(self, item: Any) -> int:
        """What a global of 32 bits has."""
        value = ffi.wasmtime_val_t()
        ffi.wasmtime_global_get(self._context, ctypes.byref(item.of.global_), ctypes.byref(value))
        number: int = value.of.i32
        return number

    def _set_fuel(self, fuel: int) -> None:
        error = native_calls.set_fuel(self._store_at, fuel)
        assert not error, "stores of flights count fuel"

    def _get_fuel(self) -> int:
        error = native_calls.get_fuel(self._store_at, self._fuel_at)
        assert not error, "stores of flights count fuel"
        return self._fuel.value

    def _reason(self, error: Exception) -> str:
        """Why a row is a fault; a guest that has counted its calls down, or ended itself, traps as one that means to, and so
        does the driver where a check of a result fails."""
        if self._wasi is not None and (ending := self._wasi.ending()):
            return ending
        if self._left is not None and self._value(self._left) < 0:
            return EXHAUSTED
        check = 0 if self._why is None else self._value(self._why)
        return CHECKS[check] if check else _reason(error)


def _check(error: Any, trap: Any = None) -> None:
    """Raise what the C API gave back."""
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)
    if trap:
        raise wasmtime.Trap._from_ptr(trap)


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
