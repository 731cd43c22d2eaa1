"""A guest: one exported function of a compiled module, run over rows that may fault without harm."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

import wasmtime

from wasmverse.wasm import trampolines
from wasmverse.wasm.allowed import REALLOC_NAMES
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.flight import OUT_OF_FUEL, Flight, Plan
from wasmverse.wasm.fold import Front
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.layout import Layout
from wasmverse.wasm.limits import CAREFUL_ROWS, POOL_GROWTH, Limits
from wasmverse.wasm.wasi.world import NOWHERE, WasiMemory, World, wasi_memory


@dataclass(slots=True)
class Outcome:
    """What became of a run.

    Attributes
    ----------
    faulted : the rows that faulted, in order; reason : why the first one did.
    uncalled : the rows from here to there are faults without a call.
    fuel : what it took, ``start_fuel`` of it before the first call of an instance.
    seconds : processor time, ``made_seconds`` of it to make instances.
    log : what the guest wrote to WASI's standard streams, in records; see `wasi.world.records`.
    log_dropped : writes that no longer had room there.
    """

    faulted: list[int] = field(default_factory=list)
    uncalled: tuple[int, int] = (0, 0)
    reason: str | None = None
    fuel: int = 0
    seconds: float = 0.0
    made_seconds: float = 0.0
    start_fuel: int = 0
    log: bytes = b""
    log_dropped: int = 0

    @property
    def faults(self) -> int:
        """Rows that faulted, called or not."""
        return len(self.faulted) + self.uncalled[1] - self.uncalled[0]


class OtherFlight(Protocol):
    """A flight of another kind of guest than a core module."""

    def close(self) -> None:
        """Give back what it takes."""


class Seat:
    """Keeps the flight of a run that ended well for the next run of the same guest, in the same frame. One thread uses it at a
    time.

    other : such a flight of a component, which a component's guest keeps here and takes out itself.
    """

    def __init__(self) -> None:
        self._flight: Flight | None = None
        self._frame: Frame | None = None
        self.other: OtherFlight | None = None
        self.wasi: WasiMemory | None = None

    @property
    def is_taken(self) -> bool:
        """Whether there is a flight, which has served a run."""
        return self._flight is not None or self.other is not None

    def clear(self) -> None:
        """Give back what the flight takes."""
        if self._flight is not None:
            self._flight.close()
            self._flight = None
        if self.other is not None:
            self.other.close()
            self.other = None

    def trim(self, memory_bytes: int) -> None:
        """Give it back if the guest's memory has grown to more than that."""
        if self._flight is not None and self._flight.memory_bytes > memory_bytes:
            self.clear()

    def peek(self, plan: Plan, frame: Frame) -> Flight | None:
        """The flight, if it is of that plan in this frame and needs no world; it stays here."""
        flight = self._flight
        if flight is None or self._frame is not frame or flight.plan is not plan or plan.has_wasi:
            return None
        return flight

    def take(self, plan: Plan, frame: Frame) -> Flight | None:
        """The flight, which is no longer here then; None if it is of something else."""
        if self._flight is None or self._flight.plan is not plan or self._frame is not frame:
            self.clear()
            return None
        flight, self._flight = self._flight, None
        return flight

    def put(self, flight: Flight, frame: Frame) -> None:
        """Keep a flight."""
        self._flight, self._frame = flight, frame

    def begin(self, world: World, log_bytes_max: int) -> WasiMemory:
        """What a guest that imports WASI shares with the host: of this seat alone, as others of the thread may fly meanwhile."""
        if self.wasi is None or self.wasi.log_room < log_bytes_max:
            self.clear()
            self.wasi = WasiMemory(log_bytes_max)
        self.wasi.begin(world, log_bytes_max)
        return self.wasi


@dataclass(frozen=True, slots=True, eq=False)
class Guest:
    """A module, compiled for flight, and the name of the export to call, of its allocator and of its post-return function;
    the names of all that it exports, whether it imports WASI, and what stands in front of it."""

    module: wasmtime.Module
    export: str
    realloc: str | None
    post: str | None
    names: frozenset[str]
    has_wasi: bool
    front: Front | None = None
    _plans: dict[int, Plan] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, compiled: bytes, export: str) -> Guest:
        """From the output of `compile_inspected`; only ever from our own compiler: the bytes are trusted."""
        return cls.of(wasmtime.Module.deserialize(flight_engine(), compiled), export)

    @classmethod
    def of(cls, module: wasmtime.Module, export: str) -> Guest:
        """From a module of `compile_for_flight`."""
        names = frozenset(export_type.name for export_type in module.exports)
        realloc = next((name for name in REALLOC_NAMES if name in names), None)
        post = f"cabi_post_{export}"
        return cls(
            module, export, realloc, post if post in names else None, names, trampolines.TABLE in names
        )

    def plan(self, layout: Layout) -> Plan:
        """How its flights over rows of this layout are put together; made once."""
        plan = self._plans.get(id(layout))
        if plan is None:
            # The plan keeps the layout, so no other one can have its id.
            exports = {
                "memory": "memory",
                "realloc": self.realloc,
                "function": self.export,
                "post": self.post,
            }
            plan = self._plans[id(layout)] = Plan(self.module, self.names, exports, layout, self.front)
        return plan

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

        A row whose call traps or runs out of fuel is a fault and its result is left as it was; a fresh instance goes on
        with the next row. The first 1,024 rows have a fuel pool of ``budget_fuel`` for each, the next 4,096 have one, and so
        on. A call that empties it is a fault, and from there on every 64 rows have a pool of their own: so one endless loop
        costs one pool and a little, and the healthy rows after it still fly. What an instance does before its first call has
        ``start_fuel`` of its own. Verdicts depend on the rows, the limits and the world alone; with a ``seat``, whose flight
        goes on as the run before has left it, on that too.
        """
        outcome = Outcome()
        started = time.thread_time()
        plan = self.plan(frame.layout)
        wasi = None
        if self.has_wasi:
            if seat is None:
                wasi = wasi_memory(limits.log_bytes_max)
                wasi.begin(world, limits.log_bytes_max)
            else:
                wasi = seat.begin(world, limits.log_bytes_max)
        row = start
        pool_rows, growth = limits.pool_rows, POOL_GROWTH
        flight: Flight | None = None if seat is None else seat.take(plan, frame)
        if flight is not None:
            flight.limits = limits
        try:
            while row < stop:
                if len(outcome.faulted) >= limits.faults_max:
                    outcome.uncalled = (row, stop)
                    break
                is_new = flight is None
                # To ask for the time takes as long as a short call, so the first flight began when all this did.
                flight = flight or Flight(plan, limits, wasi, started if row == start else None)
                end = min(stop, row + pool_rows)
                flown = flight.run(frame, row, end)
                if is_new:
                    outcome.made_seconds += flight.made_seconds
                outcome.fuel += flown.fuel
                outcome.start_fuel += flown.start_fuel
                if flown.fault is None:
                    row = end
                    pool_rows *= growth
                    continue
                outcome.reason = outcome.reason or flown.fault
                outcome.faulted.append(flown.row)
                row = flown.row + 1
                flight.close()
                flight = None
                if flown.fault == OUT_OF_FUEL:
                    pool_rows, growth = CAREFUL_ROWS, 1
        finally:
            if flight is not None and seat is not None:
                seat.put(flight, frame)
            elif flight is not None:
                flight.close()  # to give its memory back is a part of what it took
        if wasi is not None:
            outcome.log, outcome.log_dropped = wasi.log()
        outcome.seconds = time.thread_time() - started
        return outcome

    def start(self, frame: Frame, limits: Limits) -> int:
        """Make an instance and start it, without a call; the fuel that the start took.

        Raises
        ------
        Trap, WasmtimeError : the start traps, or it asks for more than the limits.
        """
        wasi = wasi_memory(limits.log_bytes_max)
        wasi.begin(NOWHERE, limits.log_bytes_max)
        flight = Flight(self.plan(frame.layout), limits, wasi)
        try:
            return flight.make(frame, 0)
        finally:
            flight.close()
