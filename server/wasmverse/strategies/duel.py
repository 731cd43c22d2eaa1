"""A duel of modules, played by the module of the rules (docs/abi.md): no database, and no compiler but the Wasm engine's.

It equals `wasmverse duel` of the same modules, names, seed and sizes. `duel_process` plays it for strangers, confined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import wasmtime
from numpy.typing import NDArray

import wasmverse
from wasmverse.strategies.contract import strategy_layout
from wasmverse.strategies.duel_start import Sizes
from wasmverse.strategies.tally import AT_END, TALLY
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.hosting import AnyGuest
from wasmverse.wasm.limits import Limits

RULES = Path(wasmverse.__file__).with_name("bundled") / "rules.wasm"
WORDS = {
    name: at
    for at, name in enumerate(
        ("row_kind", "row_x", "row_y", "row_energy", "row_shield", "row_blasters", "row_thrusters", "row_harvesters",
         "row_last_plan", "row_list", "row_list_bytes", "row_plan", "row_called", "row_of_ship", "row_starts", "lists", "order",
         "is_dealt", "tally", "event"),
        start=30,
    )
} | {"ships": 7}  # fmt: skip
"""Where these words are in the header; docs/abi.md lists all of them."""

_HEADER_WORDS = 50
_ROWS = {
    "row_kind": "u1", "row_x": "u1", "row_y": "u1", "row_energy": "u2", "row_shield": "u1", "row_blasters": "u1",
    "row_thrusters": "u1", "row_harvesters": "u1", "row_last_plan": "u8",
}  # fmt: skip
_FAULTED = 1


class _Rules:
    """An instance of the rules, with a duel in it."""

    def __init__(self, module: bytes, sizes: Sizes, strategies: int) -> None:
        engine = wasmtime.Engine()
        self._store = wasmtime.Store(engine)
        instance = wasmtime.Instance(self._store, wasmtime.Module(engine, module), [])
        self._exports: Any = instance.exports(self._store)
        begin: Any = self._exports["begin"]
        self._at: int = begin(
            self._store, sizes.seed, sizes.systems, sizes.ships, sizes.nodes, strategies, sizes.turns
        )

    def call(self, name: str) -> int:
        function: Any = self._exports[name]
        result: int = function(self._store, self._at)
        return result

    def word(self, name: str) -> int:
        return int(self._view(self._at, _HEADER_WORDS, "i8")[WORDS[name]])

    def array(self, name: str, dtype: str, count: int) -> NDArray[Any]:
        """An array of the duel, as a view that holds until the next call."""
        return self._view(self.word(name), count, dtype)

    def _view(self, at: int, count: int, dtype: str) -> NDArray[Any]:
        length = count * np.dtype(dtype).itemsize
        return np.frombuffer(self._exports["memory"].get_buffer_ptr(self._store, length, at), dtype)


def play(guests: Mapping[str, AnyGuest], sizes: Sizes, limits: Limits) -> list[dict[str, Any]]:
    """Play a duel of guests, given by their strategies' names.

    Returns
    -------
    For each strategy its ``name``, `TALLY` and ``last_fault`` (why its newest call that failed did; None), the one with the most
    ships first (ties: the most energy, then the name).
    """
    names = list(guests)
    rules = _Rules(RULES.read_bytes(), sizes, len(names))
    rules.array("order", "i8", len(names))[:] = sorted(range(len(names)), key=names.__getitem__)
    rules.call("populate")
    frame = Frame(strategy_layout(), sizes.systems * sizes.ships)
    totals = np.zeros((len(names), len(TALLY)), np.int64)
    faults: dict[str, str] = {}
    for _ in range(sizes.turns):
        _decide(rules, list(guests.items()), frame, limits, faults)
        rules.call("resolve")
        tally = rules.array("tally", "i8", totals.size).reshape(totals.shape)
        totals[:, len(AT_END) :] += tally[:, len(AT_END) :]
        totals[:, : len(AT_END)] = tally[:, : len(AT_END)]
    rows = [
        {"name": name, **dict(zip(TALLY, row, strict=True)), "last_fault": faults.get(name)}
        for name, row in zip(names, totals.tolist(), strict=True)
    ]
    return sorted(rows, key=lambda row: (-row["ships"], -row["energy"], row["name"]))


def _decide(
    rules: _Rules,
    guests: Sequence[tuple[str, AnyGuest]],
    frame: Frame,
    limits: Limits,
    faults: dict[str, str],
) -> None:
    """Ask every strategy for the plans of its ships."""
    seen = 4 * rules.call("observe")
    ships = rules.word("ships")
    frame.fit(ships, seen)
    frame.begin()
    *told, list_address, list_bytes, plan = frame.columns
    for column, (name, dtype) in zip(told, _ROWS.items(), strict=True):
        column[:ships] = rules.array(name, dtype, ships)
    lists = rules.word("lists")
    frame.tail(np.uint8)[:seen] = rules.array("lists", "u1", seen)
    list_address[:ships] = (
        rules.array("row_list", "u4", ships) - np.uint32(lists) + np.uint32(frame.tail_address)
    )
    list_bytes[:ships] = rules.array("row_list_bytes", "u4", ships)
    starts = rules.array("row_starts", "i8", len(guests) + 1).tolist()
    called = rules.array("row_called", "u1", ships)
    called[:] = 0
    for (name, guest), start, stop in zip(guests, starts[:-1], starts[1:], strict=True):
        if start == stop:
            continue
        outcome = guest.run(frame, start, stop, limits)
        called[outcome.faulted] = _FAULTED
        called[slice(*outcome.uncalled)] = _FAULTED
        if outcome.reason is not None:
            faults[name] = outcome.reason
    rules.array("row_plan", "u8", ships)[:] = plan[:ships]
