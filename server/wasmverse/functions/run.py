"""Runs a function over rows that come as Arrow: into host memory, through the driver, and back as one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wasmverse.functions.arguments import Unfit, put_arguments
from wasmverse.functions.direct import Direct
from wasmverse.functions.results import take_result
from wasmverse.functions.sql_types import arrow_type
from wasmverse.wasm.frame import Frame, HostMemory
from wasmverse.wasm.guest import Guest, Outcome, Seat
from wasmverse.wasm.hosting import AnyGuest
from wasmverse.wasm.layout import Layout
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.types import Function
from wasmverse.wasm.wasi.world import NOWHERE, World

ROWS = 2_048
VALUES_BYTES_MAX = 64 << 20

_COLUMN_BYTES_MAX = 32 << 20
_GROWN = 3
"""Room that lists of a result may use up, in units of what they may take: where they grow, their old room is given up."""


@dataclass(slots=True)
class Ran:
    """What a function made of some rows.

    Attributes
    ----------
    result : an array of the result's type, null in rows that were not called, faulted or answered an error; None when the
        function has no result.
    outcome : faults and costs, with rows counted over all of them.
    errors : by row, the text of the error that the guest answered, or why its arguments could not be passed.
    """

    result: Any
    outcome: Outcome
    errors: dict[int, str] = field(default_factory=dict)


class Runner:
    """Host memory for the rows of one function. One thread uses it at a time."""

    def __init__(
        self,
        function: Function,
        rows: int = ROWS,
        *,
        memory: HostMemory | None = None,
        values_bytes_max: int = VALUES_BYTES_MAX,
    ) -> None:
        """
        Parameters
        ----------
        rows : how many go through the driver at once, with a fresh instance.
        memory : for Runners that never run at the same time: they may share one, see `host_memory`.
        values_bytes_max : what strings and lists may take in the arguments of so many rows, and as much in their results; more
            in the arguments of one row is its error, more in results is a fault.

        Raises
        ------
        SignatureError : a type is too large for a driver or has no counterpart in Arrow.
        """
        self.function = function
        layout = Layout.natural(function, masked=True)
        for part in function.params:
            arrow_type(part.type)
        if function.result is not None:
            arrow_type(function.result)
        self._frame = Frame(
            layout,
            rows,
            memory=memory or host_memory(values_bytes_max),
            result_bytes_max=values_bytes_max if layout.has_lists else 0,
            argument_bytes_max=values_bytes_max,
        )
        self._guest: Guest | None = None
        self._plan: Any = None
        mask = layout.mask
        assert mask is not None
        self._mask = self._frame.columns[[column.number for column in layout.rows].index(mask.number)]
        self._direct = Direct.of(self._frame, self._mask)

    def run(
        self,
        guest: AnyGuest,
        arguments: Sequence[Any],
        rows: int,
        limits: Limits,
        world: World = NOWHERE,
        seat: Seat | None = None,
    ) -> Ran:
        """Call a guest for rows of arguments, as many at once as there is room for.

        Parameters
        ----------
        arguments : an Arrow array or chunked array of ``rows`` elements for each parameter, of its `arrow_type` or an encoding
            of that.
        world : what the guest can learn of the world.
        seat : keeps the instance from run to run; each is fresh otherwise.
        """
        whole = [_whole(argument) for argument in arguments]
        assert all(len(array) == rows for array in whole)
        parts: list[tuple[int, Ran]] = []
        start, most = 0, self._frame.rows
        while start < rows or not parts:
            count = min(most, rows - start)
            batch = [array.slice(start, count) for array in whole] if count < rows else whole
            try:
                ran = self._batch(guest, batch, count, limits, world, seat)
            except MemoryError as error:
                if count > 1:
                    most = count // 2
                    continue
                ran = Ran(self._nulls(1), Outcome(), {0: f"the row's arguments have {error}: pass less"})
            parts.append((start, ran))
            start += count
            if ran.outcome.faulted:
                limits = replace(limits, faults_max=limits.faults_max - len(ran.outcome.faulted))
            if ran.outcome.uncalled[1] and start < rows:
                rest = rows - start
                parts.append((start, Ran(self._nulls(rest), Outcome(uncalled=(0, rest)))))
                break
        return parts[0][1] if len(parts) == 1 else _joined(parts)

    def run_on(
        self, guest: AnyGuest, arguments: Sequence[Any], rows: int, limits: Limits, seat: Seat
    ) -> tuple[Any, int] | None:
        """The results and the fuel of rows that need nothing but to be copied, in the flight that the seat has; None, and nothing
        is done, where it takes `run`: always before the first run and after a fault. It is the same as `run`, in less time.

        arguments : an Arrow array for each parameter. The results are an array, or a table with one column.
        """
        frame, direct = self._frame, self._direct
        if direct is None or rows > frame.rows or not isinstance(guest, Guest):
            return None
        if guest is not self._guest:
            self._guest, self._plan = guest, guest.plan(frame.layout)
        flight = seat.peek(self._plan, frame)
        if flight is None or not direct.put(arguments, rows):
            return None
        flight.limits = limits
        fuel = flight.run_again(rows)
        if fuel is None:
            seat.clear()
            return None
        return direct.give(rows), fuel

    def _batch(
        self,
        guest: AnyGuest,
        arrays: list[Any],
        rows: int,
        limits: Limits,
        world: World,
        seat: Seat | None,
    ) -> Ran:
        frame = self._frame
        if self._direct is not None:
            if self._direct.put(arrays, rows):
                outcome = self._fly(guest, rows, limits, world, seat)
                if not outcome.faults:
                    return Ran(self._direct.take(rows), outcome)
                return self._taken(outcome, Unfit(), rows)
            self._direct.spoil()
        frame.begin()
        unfit = put_arguments(frame, arrays, rows)
        mask = self._mask[:rows]
        mask[:] = 1
        if unfit.null is not None:
            mask[unfit.null] = 0
        if unfit.wrong:
            mask[list(unfit.wrong)] = 0
        outcome = self._fly(guest, rows, limits, world, seat)
        return self._taken(outcome, unfit, rows)

    def _fly(self, guest: AnyGuest, rows: int, limits: Limits, world: World, seat: Seat | None) -> Outcome:
        """As ``guest.run``, and in less time where the seat has the flight and one fuel pool is for all rows."""
        flight = None
        is_one_pool = limits.faults_max == 1 and rows <= limits.pool_rows
        if seat is not None and is_one_pool and isinstance(guest, Guest):
            flight = seat.peek(guest.plan(self._frame.layout), self._frame)
        if flight is None or seat is None:
            return guest.run(self._frame, 0, rows, limits, world, seat)
        flight.limits = limits
        flown = flight.run(self._frame, 0, rows)
        if flown.fault is None:
            return Outcome(fuel=flown.fuel)
        seat.clear()
        uncalled = (flown.row + 1, rows) if flown.row + 1 < rows else (0, 0)
        return Outcome([flown.row], uncalled, flown.fault, flown.fuel)

    def _taken(self, outcome: Outcome, unfit: Unfit, rows: int) -> Ran:
        """What the guest has left, without what rows that were not called or faulted have."""
        frame = self._frame
        dead: NDArray[np.bool_] | None = None
        if unfit.null is not None or unfit.wrong or outcome.faults:
            dead = self._mask[:rows] == 0
            dead[outcome.faulted] = True
            dead[slice(*outcome.uncalled)] = True
        if frame.layout.result is None:
            return Ran(None, outcome, unfit.wrong)
        result, errors = take_result(frame, rows, dead)
        return Ran(result, outcome, {**unfit.wrong, **errors})

    def _nulls(self, rows: int) -> Any:
        if self.function.result is None:
            return None
        nulls: Any = pa.nulls
        return nulls(rows, arrow_type(self.function.result))


def host_memory(values_bytes_max: int = VALUES_BYTES_MAX) -> HostMemory:
    """Memory for the rows of any function: so much of the process's address space is reserved, and used as it is needed."""
    return HostMemory(bytes_max=_COLUMN_BYTES_MAX + (1 + _GROWN) * values_bytes_max)


def _whole(column: Any) -> Any:
    """One array of what may come in several."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _joined(parts: list[tuple[int, Ran]]) -> Ran:
    """Runs of rows one after the other, each with the number of its first row, as one."""
    total = Outcome()
    errors: dict[int, str] = {}
    for start, ran in parts:
        outcome = ran.outcome
        total.faulted += [start + row for row in outcome.faulted]
        if outcome.uncalled[1]:
            first, last = (start + row for row in outcome.uncalled)
            total.uncalled = (total.uncalled[0] if total.uncalled[1] else first, last)
        total.reason = total.reason or outcome.reason
        total.fuel += outcome.fuel
        total.start_fuel += outcome.start_fuel
        total.seconds += outcome.seconds
        total.made_seconds += outcome.made_seconds
        errors.update({start + row: why for row, why in ran.errors.items()})
    results = [ran.result for _, ran in parts]
    return Ran(None if results[0] is None else pa.concat_arrays(results), total, errors)
