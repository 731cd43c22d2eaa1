"""A Wasm function as the engine calls it: some rows as Arrow in, one column out, and what became of the rows that faulted.

A flight, which is an instance of the module, is kept from one call of the engine to the next of the same statement, one for each
thread that calls at the same time. It ends with the statement. A row that faults in a flight that has served others is tried
once more in a fresh one: a guest that never frees memory, or is in a bad state, does not fail a row that it could answer.

An aggregate is called with the list of each group's rows. Several small groups go into one run; one with many rows is folded part
by part in one flight, so neither takes more of the guest's memory than ``CHUNK`` rows do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from wasmverse.functions.called import called
from wasmverse.functions.definition import Definition
from wasmverse.functions.run import Ran, Runner, host_memory
from wasmverse.functions.sql_types import arrow_type
from wasmverse.reader.rows import Groups, shown_row
from wasmverse.text import printable
from wasmverse.wasm.fold import FIRST, LAST
from wasmverse.wasm.frame import PAGE_BYTES, HostMemory
from wasmverse.wasm.guest import Guest, Seat
from wasmverse.wasm.hosting import Compiled
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.wasi.world import World

ROWS = 2_048
"""Rows that the engine calls a function with, at most."""
CHUNK, CHUNK_MIN, CHUNK_SHRINKS = 16_384, 64, 16
"""Rows of groups that go into one run: the fewer, the less memory they take and the more fuel there is for each. After a fault it
is tried again with fewer."""
TIMED = 16
"""Of so many calls one is timed, and stands for all; the first ones are timed each. To ask for the time costs 3 ns a row."""
WHY_SHOWN = 300
"""Characters of why a row failed, which may be the guest's own words."""


@dataclass(slots=True)
class Use:
    """What calls of a function took: rows that the engine gave, rows that faulted, fuel, processor time of the callers."""

    rows: int = 0
    faults: int = 0
    fuel: int = 0
    nanoseconds: int = 0


class GuestFailed(Exception):
    """A row has faulted, or the guest has answered it with an error, and so the statement fails. The text is for the client."""


@dataclass(slots=True)
class _Place:
    """Where one thread calls at a time: host memory, and the flight that is kept in it."""

    runner: Runner
    seat: Seat = field(default_factory=Seat)


@dataclass(frozen=True, slots=True)
class _Flown:
    """What became of a run: its first ``well`` rows went well, and why the next one faults for good, if it does."""

    ran: Ran
    well: int
    reason: str | None = None


_Fly = Callable[[int], _Flown]
"""Makes the run that begins at a row."""


class Callee:
    """One version of one function.

    Parameters
    ----------
    definition : what it is.
    compiled : its module or component.
    limits : what one run may use.
    memories : host memory that nobody uses just now; what a call takes from there it puts back.

    Attributes
    ----------
    use : what it took in this statement.
    """

    def __init__(
        self, definition: Definition, compiled: Compiled, limits: Limits, memories: list[HostMemory]
    ) -> None:
        self.definition = definition
        self.use = Use()
        self._world = World()
        self._seen = self._calls = 0
        self._memories = memories
        self._places: dict[HostMemory, _Place] = {}
        self._chunk = CHUNK
        self._guest, self._function = called(definition, compiled)
        if definition.pages_max is not None:
            bytes_max = min(limits.memory_bytes_max, definition.pages_max * PAGE_BYTES)
            limits = replace(limits, memory_bytes_max=bytes_max, component_memory_bytes_max=bytes_max)
        self._has_memory = isinstance(self._guest, Guest) and "memory" in self._guest.names
        self._limits = replace(limits, faults_max=1, pool_rows=ROWS)

    def begin(self, world: World) -> None:
        """Be ready for another statement."""
        self._world, self.use, self._chunk = world, Use(), CHUNK
        self._seen = self._calls = 0

    def end(self) -> None:
        """Give back all flights, which belong to the statement."""
        for place in self._places.values():
            place.seat.clear()

    def call(self, columns: Sequence[Any], *, is_try: bool, heed: Callable[[], None]) -> Any:
        """The results of some rows, as an Arrow array or a table with one column.

        columns : an Arrow array for each parameter, of an aggregate one of lists; none for a function without parameters, which
            is called once.
        is_try : a row that faults, or is answered with an error, gives NULL.
        heed : raises when the statement's time is up.

        Raises
        ------
        GuestFailed : the first such row otherwise.
        """
        self._calls += 1
        weight = 1 if self._calls < TIMED else TIMED * (self._calls % TIMED == 0)
        started = time.thread_time_ns() if weight else 0
        place: _Place | None = None
        rows = len(columns[0]) if columns else 1
        first, self._seen = self._seen, self._seen + rows
        try:
            memory = self._memories.pop()  # threads that call at the same time have one each
        except IndexError:
            memory = host_memory(self._limits.values_bytes_max)
        try:
            place = self._places.get(memory)
            if place is None:
                runner = Runner(
                    self._function, ROWS, memory=memory, values_bytes_max=self._limits.values_bytes_max
                )
                place = self._places[memory] = _Place(runner)
            flown = place.runner.run_on(self._guest, columns, rows, self._limits, place.seat)
            if flown is not None:
                self.use.fuel += flown[1]
                return flown[0]
            fly = (
                self._groups(place, columns[0], heed)
                if self._is_aggregate
                else self._rows(place, columns, rows)
            )
            return self._all(fly, columns, first, rows, is_try, heed)
        finally:
            if self._has_memory and place is not None:
                place.seat.trim(self._limits.memory_bytes_max // 2)
            self._memories.append(memory)
            self.use.rows += rows
            if weight:
                self.use.nanoseconds += weight * (time.thread_time_ns() - started)

    @property
    def _is_aggregate(self) -> bool:
        return self.definition.kind == "aggregate"

    def _all(
        self, fly: _Fly, columns: Sequence[Any], first: int, rows: int, is_try: bool, heed: Callable[[], None]
    ) -> Any:
        """All rows' results, in as many runs as it takes."""
        parts: list[Any] = []
        start = 0
        while start < rows:
            flown = fly(start)
            errors = flown.ran.errors
            if errors and not is_try:
                wrong = min(errors)
                raise self._failed(columns, start + wrong, first, errors[wrong])
            parts.append(flown.ran.result.slice(0, flown.well))
            start += flown.well
            if flown.reason is not None:
                if not is_try:
                    raise self._failed(columns, start, first, flown.reason)
                parts.append(_nulls(1, flown.ran.result.type))
                start += 1
            heed()
        if not parts:
            assert self.definition.function.result is not None
            return _nulls(0, arrow_type(self.definition.function.result))
        return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)

    def _rows(self, place: _Place, columns: Sequence[Any], rows: int) -> _Fly:
        """Runs of a function over the rows that are left."""

        def fly(start: int) -> _Flown:
            rest = [column.slice(start) for column in columns] if start else columns
            return self._fly(place, rest, rows - start, self._limits)

        return fly

    def _groups(self, place: _Place, lists: Any, heed: Callable[[], None]) -> _Fly:
        """Runs of an aggregate over some of the groups that are left."""
        groups = Groups(lists, self.definition.function.params)

        def fly(group: int) -> _Flown:
            chunk = self._chunk
            stop = groups.stop(group, chunk)
            limits = replace(
                self._limits, budget_fuel=self._limits.budget_fuel * min(chunk, ROWS) // (stop - group)
            )
            if groups.rows(group) <= chunk:
                parts = pa.array(np.full(stop - group, FIRST | LAST, np.uint8))
                flown = self._fly(place, [parts, groups.lists(group, stop)], stop - group, limits)
            else:
                flown = self._fly_in_parts(place, groups, group, limits, heed)
            if flown.reason is None or chunk <= CHUNK_MIN:
                return flown
            self._chunk = max(chunk // CHUNK_SHRINKS, CHUNK_MIN)
            self.use.faults -= 1  # it may go well yet
            return replace(flown, reason=None)

        return fly

    def _fly_in_parts(
        self, place: _Place, groups: Groups, group: int, limits: Limits, heed: Callable[[], None]
    ) -> _Flown:
        """One group in several runs, all in one flight."""
        rows, chunk = groups.rows(group), self._chunk
        while True:
            was_used = place.seat.is_taken
            for start in range(0, rows, chunk):
                part = (FIRST if start == 0 else 0) | (LAST if start + chunk >= rows else 0)
                columns = [pa.array([part], pa.uint8()), groups.piece(group, start, chunk)]
                ran = self._run(place, columns, 1, limits)
                if ran.outcome.faulted:
                    break
                heed()
            else:
                return _Flown(ran, 1)
            if not was_used:
                self.use.faults += 1
                return _Flown(ran, 0, ran.outcome.reason)

    def _fly(self, place: _Place, columns: Sequence[Any], rows: int, limits: Limits) -> _Flown:
        """Run rows until one faults."""
        was_used = place.seat.is_taken
        ran = self._run(place, columns, rows, limits)
        faulted = ran.outcome.faulted
        if not faulted:
            return _Flown(ran, rows)
        if faulted[0] or was_used:
            return _Flown(ran, faulted[0])  # the row is the next run's first, in a fresh flight
        self.use.faults += 1
        return _Flown(ran, 0, ran.outcome.reason)

    def _run(self, place: _Place, columns: Sequence[Any], rows: int, limits: Limits) -> Ran:
        ran = place.runner.run(self._guest, columns, rows, limits, self._world, place.seat)
        self.use.fuel += ran.outcome.fuel
        return ran

    def _failed(self, columns: Sequence[Any], row: int, first: int, why: str) -> GuestFailed:
        what = "AGGREGATE" if self._is_aggregate else "FUNCTION"
        shown = shown_row(columns, row)
        return GuestFailed(
            f"{what} {self.definition.name} failed in row {first + row + 1:,}, {shown}: {printable(why, WHY_SHOWN)}"
        )


def _nulls(rows: int, kind: pa.DataType) -> Any:
    nulls: Any = pa.nulls
    return nulls(rows, kind)
