"""How a duel of strangers' modules is played in a process of its own (`duel_process`), and what its answer is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from wasmverse.checks.start import Bounds, Check
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import CheckSettings
from wasmverse.strategies.limits import module_limits
from wasmverse.strategies.names import check_name, is_name
from wasmverse.strategies.tally import TALLY
from wasmverse.text import printable
from wasmverse.wasm.inspect import check_header

MODULES_MAX = 4
_FAULT_SHOWN = 1_000
_NUMBER_MAX = 1 << 53
"""What JSON can say exactly; no duel comes near it."""


class Sizes(NamedTuple):
    """Of a duel; ``ships`` and ``nodes`` are the minimum of a system, and there are as many at the beginning."""

    turns: int
    seed: int = 1
    systems: int = 1
    ships: int = 32
    nodes: int = 64


def duel_check(
    modules: Mapping[str, bytes], sizes: Sizes, seconds_max: float, settings: CheckSettings
) -> Check[list[dict[str, Any]]]:
    """The duel of 2 to `MODULES_MAX` modules by name; its answer are the rows of `duel.play`.

    Raises
    ------
    StrategyError : a name is no strategy's, or there are too few or too many.
    ModuleRefused : one is no module (a component flies in `wasmverse duel` only).
    """
    if not 2 <= len(modules) <= MODULES_MAX:
        raise StrategyError(f"a duel has 2 to {MODULES_MAX} modules, not {len(modules)}: name others")
    for name, module in modules.items():
        check_name(name)
        check_header(module, module_limits(settings))
    wanted = {
        "modules": [(name, len(module)) for name, module in modules.items()],
        "sizes": sizes,
        "seconds": seconds_max,
    }
    bounds = Bounds(seconds_max, settings.compile_memory_bytes_max, settings.process_threads_max, 0)
    return Check(
        "wasmverse.strategies.duel_process",
        settings.part(CheckSettings).model_dump_json(),
        tuple(modules.values()),
        bounds,
        partial(_read, len(modules), len(modules) * settings.strategies_max_per_module),
        (StrategyError,),
        (json.dumps(wanted),),
    )


def _read(fewest: int, most: int, answer: dict[str, Any], _: bytes) -> list[dict[str, Any]]:
    # The process has run strangers' code: only what can be an account is believed, and only to those who asked.
    try:
        rows = answer["strategies"]
        if not (isinstance(rows, list) and fewest <= len(rows) <= most):
            raise TypeError("each module flies at least one strategy, and no more than it may")
        if len({row["name"] for row in rows}) < len(rows):
            raise ValueError("two strategies of one name")
        return list(map(_row, rows))
    except (KeyError, TypeError, ValueError):
        raise ModuleRefused("the duel's answer is not understood: send the modules again") from None


def _row(row: dict[str, Any]) -> dict[str, Any]:
    name, fault, numbers = row["name"], row["last_fault"], [row[column] for column in TALLY]
    if not (isinstance(name, str) and is_name(name)):
        raise ValueError("no strategy is called this")
    if not all(type(number) is int and 0 <= number < _NUMBER_MAX for number in numbers):
        raise ValueError("a tally's numbers are whole and not negative")
    if not (fault is None or isinstance(fault, str)):
        raise TypeError("a fault is a text or nothing")
    told = fault if fault is None else printable(fault, _FAULT_SHOWN)
    return {"name": name, **dict(zip(TALLY, numbers, strict=True)), "last_fault": told}
