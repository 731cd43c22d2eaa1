"""A guest that is a component: one of its functions, run over rows that may fault without harm."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass, field

import numpy as np
import wasmtime
from numpy.typing import NDArray
from wasmtime import _ffi as ffi
from wasmtime.component import Linker

from wasmverse.errors import ModuleRefused
from wasmverse.wasm.component import exchange, wasi
from wasmverse.wasm.component.call import Exports
from wasmverse.wasm.component.code import FOLD, Code
from wasmverse.wasm.component.wrapper import DRIVER, GET, PUT, RUN, WORDS_MAX, module_import
from wasmverse.wasm.driver import driver_module
from wasmverse.wasm.driver_text import CHECKS, TOO_MUCH
from wasmverse.wasm.engine import component_engine
from wasmverse.wasm.flight import EXHAUSTED, OUT_OF_FUEL
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Outcome, Seat
from wasmverse.wasm.inspect import last_line
from wasmverse.wasm.layout import Layout
from wasmverse.wasm.limits import CAREFUL_ROWS, Limits
from wasmverse.wasm.wasi.world import NOWHERE, World

FIRST_ROWS, GROWTH, ROWS_MAX = 16, 4, 256
"""Rows of the first call of a run, how many times more each has than the one before, and the most: what is run again, row by
row, when one of them traps."""

INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX = 200, 20, 100
"""Core instances, memories and tables of one flight: of a component of many modules, and of its wrapper."""


@dataclass(frozen=True, slots=True, eq=False)
class ComponentGuest:
    """A component, compiled, and the path of the function to call; see `code.Code`."""

    code: Code
    export: str
    _linkers: dict[int, tuple[Layout, Linker]] = field(default_factory=dict, repr=False)

    @property
    def has_wasi(self) -> bool:
        """Whether it imports any of WASI, and so may ask for the world."""
        return bool(self.code.imports)

    def linker(self, layout: Layout) -> Linker:
        """What its instances are given, for rows of a layout: made once."""
        known = self._linkers.get(id(layout))
        if known is None:
            # The layout is kept with it, so no other one can have its id.
            known = self._linkers[id(layout)] = layout, self._made_linker(layout)
        return known[1]

    def _made_linker(self, layout: Layout) -> Linker:
        linker = Linker(component_engine())
        with linker.root() as root:
            for number, (_, module) in enumerate(self.code.parts):
                root.add_module(module_import(number), module)
            root.add_module(DRIVER, driver_module(layout, True, is_in_component=True))
        wrapper = self.code.wrappers[self.export]
        wasi.link(linker, self.code.imports)
        linker.define_unknown_imports_as_traps(wrapper)
        return linker

    def run(
        self,
        frame: Frame,
        start: int,
        stop: int,
        limits: Limits,
        world: World = NOWHERE,
        seat: Seat | None = None,
    ) -> Outcome:
        """Call the function for rows ``start`` to ``stop`` (exclusive) of a frame, whose results are mutated.

        As `guest.Guest.run`, but for how a fault's row is found: a trap ends all of a component's instances, and nobody can
        be asked any more which row it was. So up to 256 rows are run by one call; if it traps, they are run again by a fresh
        instance, each by a call of its own, and what counts is what they do then. The same is done when a guest writes, or
        asks for random numbers, since both depend on the row; rows have calls of their own as long as it does so.
        A call of several rows has ``budget_fuel`` for each in one pool, and so have those that are run again. What they
        took in vain is part of the outcome's seconds, not of its fuel. Verdicts depend on the rows, the limits and the world
        alone. A ``seat`` stays empty: every run has a fresh instance.

        What folds an aggregate's rows keeps its state from run to run, so its flight is kept in the ``seat``. Each of its rows,
        a group or a part of one, has a call of its own; one that traps is a fault at once.
        """
        run = _Run(self, frame, limits, world)
        started = time.thread_time()
        try:
            if self.export == FOLD:
                run.folds(start, stop, seat)
            else:
                run.rows(start, stop)
        finally:
            run.end()
        outcome = run.outcome
        outcome.seconds = time.thread_time() - started
        outcome.log, outcome.log_dropped = bytes(run.desk.log), run.desk.dropped
        return outcome

    def start(self, frame: Frame, limits: Limits) -> int:
        """Make an instance, without a call; the fuel that it took.

        Raises
        ------
        ModuleRefused : its start traps, or it asks for more than the limits.
        """
        wasi.sit_at(wasi.Desk(NOWHERE, limits.log_bytes_max))
        flight = _Flight(self, frame.layout, limits)
        try:
            flight.make()
        except wasmtime.WasmtimeError as error:
            raise ModuleRefused(
                f"no instance of the component can be made: {last_line(error)}; one is made every turn, with "
                f"{limits.start_fuel:,} fuel, {limits.component_memory_bytes_max:,} bytes for each memory and "
                f"{limits.component_table_elements_max:,} elements for each table: do less at start, ask for less"
            ) from error
        finally:
            flight.close()
        return flight.start_fuel


class _Run:
    """A run under way: its outcome so far, and the flight that it is on."""

    def __init__(self, guest: ComponentGuest, frame: Frame, limits: Limits, world: World) -> None:
        self.outcome = Outcome()
        self.desk = wasi.Desk(world, limits.log_bytes_max)
        self._guest = guest
        self._frame = frame
        self._limits = limits
        self._flight: _Flight | None = None
        self._asks_rows = False
        wasi.sit_at(self.desk)

    def rows(self, start: int, stop: int) -> None:
        """Run them all."""
        row, most, growth = start, FIRST_ROWS, GROWTH
        while row < stop:
            if self._is_over(row, stop):
                return
            end = min(stop, row + most)
            if not self._is_together(row, end, stop):
                is_spent = self._one_by_one(row, end, stop)
                if is_spent:
                    most, growth = CAREFUL_ROWS, 1
            row = end
            most = min(ROWS_MAX, most * growth)

    def folds(self, start: int, stop: int, seat: Seat | None) -> None:
        """Run them all, each by a call, on the flight of the seat if there is one, where it is kept then."""
        if (
            seat is not None
            and isinstance(seat.other, _Flight)
            and seat.other.is_of(self._guest, self._frame)
        ):
            self._flight, seat.other = seat.other, None
            self._flight.begin(self._limits)
        for row in range(start, stop):
            if self._is_over(row, stop):
                break
            self.desk.begin(row)
            pool = self._pool(row, row + 1)
            trap, left = self._call(row, row + 1, stop, pool)
            self.outcome.fuel += pool - left
            if trap is not None:
                self.outcome.reason = self.outcome.reason or trap
                self.outcome.faulted.append(row)
        if seat is not None:
            seat.clear()
            seat.other, self._flight = self._flight, None

    def _is_over(self, row: int, stop: int) -> bool:
        """Whether there were so many faults that no further row is called."""
        if len(self.outcome.faulted) < self._limits.faults_max:
            return False
        if self.outcome.uncalled == (0, 0):
            self.outcome.uncalled = (row, stop)
        return True

    def _is_together(self, start: int, end: int, stop: int) -> bool:
        """Run them by one call, if they may; whether that went well. They have written nothing then: what they would write would
        need their row."""
        if self._asks_rows:
            return False
        self.desk.begin(None)
        pool = self._pool(start, end)
        trap, left = self._call(start, end, stop, pool)
        if trap is not None:
            return False
        self.outcome.fuel += pool - left
        return True

    def _one_by_one(self, start: int, end: int, stop: int) -> bool:
        """Each by a call; whether one has taken all the fuel that the rest had."""
        pool = self._pool(start, end)
        is_spent = False
        self._asks_rows = False
        for row in range(start, end):
            if self._is_over(row, stop):
                break
            self.desk.begin(row)
            is_first = self._flight is None
            trap, left = self._call(row, row + 1, stop, pool)
            self.outcome.fuel += pool - left
            pool = left
            # A language's runtime may ask for a random seed once, in the first call of an instance.
            self._asks_rows |= self.desk.has_asked_row and not is_first
            if trap is not None:
                self.outcome.reason = self.outcome.reason or trap
                self.outcome.faulted.append(row)
                is_spent = is_spent or trap == OUT_OF_FUEL
                pool = self._pool(row + 1, end)
        return is_spent

    def _pool(self, start: int, end: int) -> int:
        """Fuel for some rows: to have their arguments handed over takes no guest's own."""
        return self._limits.budget_fuel * (end - start) + _BYTE_FUEL * exchange.list_bytes(
            self._frame, start, end
        )

    def _call(self, start: int, end: int, stop: int, pool: int) -> tuple[str | None, int]:
        """Run some rows by one call, on a fresh flight if there is none: why it trapped, and what is left of the pool."""
        flight = self._flight
        is_new = flight is None
        if flight is None:
            flight = self._flight = _Flight(self._guest, self._frame.layout, self._limits)
        trap, left = flight.run(self._frame, start, end, stop, pool, self.desk)
        if is_new:
            self.outcome.made_seconds += flight.made_seconds
            self.outcome.start_fuel += flight.start_fuel
            self.outcome.fuel += flight.start_fuel
        if trap is not None:
            self.end()
        return trap, left

    def end(self) -> None:
        """Leave the flight."""
        if self._flight is not None:
            self._flight.close()
            self._flight = None


_NO_FINALIZER = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))
_PUT, _RUN, _GET = PUT.encode(), RUN.encode(), GET.encode()


class _Flight:
    """One instance of a wrapper and all that is in it, made by its first run; of no more use after a trap. To be closed."""

    def __init__(self, guest: ComponentGuest, layout: Layout, limits: Limits) -> None:
        self._guest = guest
        self._limits = limits
        self._linker = guest.linker(layout)
        self._store = ffi.wasmtime_store_new(component_engine().ptr(), None, _NO_FINALIZER)
        self._context = ffi.wasmtime_store_context(self._store)
        ffi.wasmtime_store_limiter(
            self._store,
            limits.component_memory_bytes_max,
            limits.component_table_elements_max,
            INSTANCES_MAX,
            TABLES_MAX,
            MEMORIES_MAX,
        )
        self._fuel = ctypes.c_uint64()
        self._exports: Exports | None = None
        self._has_rows = False
        self.made_seconds = 0.0
        self.start_fuel = 0

    def close(self) -> None:
        """Give back its memory."""
        ffi.wasmtime_store_delete(self._store)

    def run(
        self, frame: Frame, start: int, end: int, stop: int, pool: int, desk: wasi.Desk
    ) -> tuple[str | None, int]:
        """Some rows by one call with so much fuel; before the first, all that the rows up to ``stop`` need is handed over. Why it
        trapped, None when all went well, and what is left of the fuel."""
        is_called = False
        try:
            if self._exports is None:
                self.make()
                desk.start_fuel = self._limits.start_fuel - self.start_fuel
            if not self._has_rows:
                self._put(frame, start, stop)
                self._has_rows = True
            self._set_fuel(pool)
            is_called = True
            words = self._called(frame, start, end)
        except wasmtime.WasmtimeError as error:
            if self._exports is None:
                self.start_fuel = self._limits.start_fuel - self._get_fuel()
            return _reason(error, desk), self._get_fuel() if is_called else pool
        left = self._get_fuel()
        desk.start_fuel = 0
        self._set_fuel(_COPYING_FUEL)
        try:
            self._take_back(frame, start, end, words)
        except MemoryError:
            return CHECKS[TOO_MUCH], left
        return None, left

    def is_of(self, guest: ComponentGuest, frame: Frame) -> bool:
        """Whether it is an instance of this guest for rows of this frame."""
        return self._guest is guest and self._linker is guest.linker(frame.layout)

    def begin(self, limits: Limits) -> None:
        """Be ready for other rows."""
        self._limits, self._has_rows = limits, False

    def make(self) -> None:
        """Instantiate everything. Raises WasmtimeError."""
        started = time.thread_time()
        try:
            self._set_fuel(self._limits.start_fuel)
            instance = ffi.wasmtime_component_instance_t()
            error = ffi.wasmtime_component_linker_instantiate(
                self._linker.ptr(),
                self._context,
                self._guest.code.wrappers[self._guest.export].ptr(),
                ctypes.byref(instance),
            )
            if error:
                raise wasmtime.WasmtimeError._from_ptr(error)
            self.start_fuel = self._limits.start_fuel - self._get_fuel()
            self._exports = Exports(self._context, instance)
        finally:
            self.made_seconds += time.thread_time() - started

    def _called(self, frame: Frame, start: int, end: int) -> NDArray[np.uint64]:
        """The call; the words that the first column of the results lies in."""
        assert self._exports is not None
        spans = exchange.results(frame, start, end)
        at, until = exchange.in_words(spans[0]) if spans else (0, 0)
        count = (until - at) // exchange.WORD
        return self._exports.call(_RUN, start, end, at, min(count, WORDS_MAX), gives=True)

    def _take_back(self, frame: Frame, start: int, end: int, words: NDArray[np.uint64]) -> None:
        """Copy all results into the frame."""
        for number, span in enumerate(exchange.results(frame, start, end)):
            if number == 0:
                exchange.keep(frame, span, words)
            else:
                self._get(frame, span)
        if frame.layout.has_lists:
            before = frame.memory.header().copy()
            self._get(frame, exchange.HEADER)
            try:
                frame.memory.reserve(exchange.end_of_items(frame))
            except MemoryError:
                frame.memory.header()[:] = before
                raise
            for span in exchange.items(frame, before):
                self._get(frame, span)

    def _put(self, frame: Frame, start: int, stop: int) -> None:
        """Hand over what the driver reads for some rows."""
        assert self._exports is not None
        self._set_fuel(_COPYING_FUEL)
        for words in exchange.packed(frame, exchange.arguments(frame, start, stop), WORDS_MAX):
            self._exports.call(_PUT, words=words, gives=False)

    def _get(self, frame: Frame, span: exchange.Span) -> None:
        assert self._exports is not None
        at, until = exchange.in_words(span)
        step = WORDS_MAX * exchange.WORD
        for address in range(at, until, step):
            count = (min(until, address + step) - address) // exchange.WORD
            words = self._exports.call(_GET, address, count, gives=True)
            exchange.keep(
                frame, (max(span[0], address), min(span[1], address + count * exchange.WORD)), words
            )

    def _set_fuel(self, fuel: int) -> None:
        error = ffi.wasmtime_context_set_fuel(self._context, fuel)
        assert not error

    def _get_fuel(self) -> int:
        error = ffi.wasmtime_context_get_fuel(self._context, ctypes.byref(self._fuel))
        assert not error
        return self._fuel.value


_COPYING_FUEL = 1 << 40
"""For what the host copies, which is no guest's affair."""

_BYTE_FUEL = 20
"""What the engine takes to copy a byte of a list from one component to the other, and a little."""

_TRAPPED = "wasm trap: "

_REASONS = {
    "all fuel consumed by WebAssembly": OUT_OF_FUEL,
    "call stack exhausted": EXHAUSTED,
    "wasm `unreachable` instruction executed": "trapped: unreachable",
    "out of bounds memory access": "trapped: memory access out of bounds",
    "undefined element: out of bounds table access": "trapped: table access out of bounds",
    "uninitialized element": "trapped: call of an empty table element",
    "indirect call type mismatch": "trapped: indirect call with the wrong signature",
    "integer overflow": "trapped: integer overflow",
    "integer divide by zero": "trapped: integer division by zero",
    "invalid conversion to integer": "trapped: a float that no integer can hold",
}
"""Traps by the engine's words: of a component it gives no codes. The words are the same as for core modules."""


def _reason(error: wasmtime.WasmtimeError, desk: wasi.Desk) -> str:
    """Why a call is a fault, in words that are the same on every machine."""
    if desk.is_out_of_fuel:
        desk.is_out_of_fuel = False
        return OUT_OF_FUEL
    last = last_line(error)
    _, is_trap, found = last.partition(_TRAPPED)
    if is_trap:
        return _REASONS.get(found, f"trapped: {found}")[:_REASON_SHOWN]
    return f"failed: {last}"


_REASON_SHOWN = 200
