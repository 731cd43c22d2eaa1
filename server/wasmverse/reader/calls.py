"""Calls of strategies with rows that come as Arrow: into host memory, through the driver, and back as one array."""

from __future__ import annotations

import queue
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wasmverse.reader.callee import Use
from wasmverse.strategies.contract import strategy_layout
from wasmverse.wasm.driver import driver_module
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.hosting import AnyGuest
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.wasi.functions import functions_module
from wasmverse.wasm.wasi.world import NOWHERE, World

LAYOUT = strategy_layout()

ROWS = 2_048
ENTITIES = 1 << 20
"""What one run takes: rows, and entities in all of their lists; a row with a longer list is a fault."""


class Calls:
    """What the engine's threads need to call strategies; it does not know the engine.

    ``ready`` has the strategies that can be called now, by name, with what each declared for a call. ``world`` is what they learn
    of the world. ``limits`` are for one run of up to ``ROWS`` rows. ``uses`` has what each took in the running statement.
    All memory is taken and all drivers are compiled at the start: neither can fail a query or cost it time later.
    """

    def __init__(self, limits: Limits, threads: int) -> None:
        self.ready: dict[str, tuple[AnyGuest, int | None]] = {}
        self.world = NOWHERE
        self.uses: dict[str, Use] = {}
        self._limits = limits
        self._runs: queue.SimpleQueue[_Run] = queue.SimpleQueue()
        for _ in range(threads):
            self._runs.put(_Run())
        for has_realloc in (False, True):
            driver_module(LAYOUT, has_realloc)
        functions_module()

    def call(self, name: str, columns: tuple[Any, ...]) -> Any:
        """The plans for some rows; null where an argument is null, and where the call is a fault."""
        guest, budget_fuel = self.ready[name]
        limits = self._limits
        if budget_fuel is not None:
            limits = replace(limits, budget_fuel=budget_fuel)
        run = self._runs.get()
        try:
            return run.plans(
                guest, [_whole(column) for column in columns], limits, self.world, self.uses[name]
            )
        finally:
            self._runs.put(run)


class _Run:
    """Host memory for one run at a time, with the columns of ``LAYOUT`` and then the lists."""

    def __init__(self) -> None:
        self._frame = Frame(LAYOUT, ROWS, 4 * ENTITIES, grows=False)
        *self._scalars, self._address, self._length, self._plan = self._frame.columns
        self._lists = self._frame.tail(np.uint32)[:ENTITIES]

    def plans(self, guest: AnyGuest, columns: list[Any], limits: Limits, world: World, use: Use) -> Any:
        """One plan a row of the columns, the last of which holds the lists; what it took is added to ``use``."""
        can_be_called = _can_be_called(columns)
        count = len(can_be_called)
        plans = np.zeros(count, np.uint64)
        is_fault = ~can_be_called
        places = np.flatnonzero(can_be_called)
        if len(places) < count:
            columns = [column.filter(pa.array(can_be_called)) for column in columns]
        *scalars, lists = columns
        arguments = [scalar.to_numpy() for scalar in scalars]
        offsets = lists.offsets.to_numpy()
        entities = lists.values.to_numpy()
        start = 0
        while start < len(places):
            # As many rows as there is room for their lists; each list alone fits.
            stop = int(np.searchsorted(offsets, offsets[start] + ENTITIES, "right")) - 1
            stop = min(stop, start + ROWS, len(places))
            assert stop > start
            faulted = self._run(guest, arguments, offsets, entities, start, stop, limits, world, use)
            plans[places[start:stop]] = self._plan[: stop - start]
            is_fault[places[start:stop]] = faulted
            start = stop
        return pa.array(plans, mask=is_fault)

    def _run(
        self,
        guest: AnyGuest,
        arguments: list[NDArray[Any]],
        offsets: NDArray[np.int32],
        entities: NDArray[np.uint32],
        start: int,
        stop: int,
        limits: Limits,
        world: World,
        use: Use,
    ) -> NDArray[np.bool_]:
        """Run the rows start..stop (exclusive); which of them were faults."""
        count = stop - start
        for column, argument in zip(self._scalars, arguments, strict=True):
            column[:count] = argument[start:stop]
        first = offsets[start]
        self._lists[: offsets[stop] - first] = entities[first : offsets[stop]]
        self._address[:count] = self._frame.tail_address + 4 * (offsets[start:stop] - first)
        self._length[:count] = 4 * np.diff(offsets[start : stop + 1])
        outcome = guest.run(self._frame, 0, count, limits, world)
        use.rows += count
        use.faults += outcome.faults
        use.fuel += outcome.fuel
        use.nanoseconds += int(outcome.seconds * 1e9)
        faulted = np.zeros(count, np.bool_)
        faulted[outcome.faulted] = True
        faulted[slice(*outcome.uncalled)] = True
        return faulted


def _can_be_called(columns: list[Any]) -> NDArray[np.bool_]:
    """Which rows have all their arguments, no null in their list, and a list that is not too long."""
    can_be_called = np.ones(len(columns[0]), np.bool_)
    for column in columns:
        if column.null_count:
            can_be_called &= column.is_valid().to_numpy(zero_copy_only=False)
    lists = columns[-1]
    offsets = lists.offsets.to_numpy()
    if lists.values.null_count:
        nulls = np.flatnonzero(lists.values.is_null().to_numpy(zero_copy_only=False))
        rows = np.searchsorted(offsets, nulls, "right") - 1
        can_be_called[rows[(rows >= 0) & (rows < len(can_be_called))]] = False
    can_be_called &= np.diff(offsets) <= ENTITIES
    return can_be_called


def _whole(column: Any) -> Any:
    """The one array of a column."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
