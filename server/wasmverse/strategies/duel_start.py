"""How a duel of strangers' modules is played in a process of its own (`duel_process`), and what its answer is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from wasmverse.checks.start import Bounds, Check
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import CheckSettings
from wasmverse.strategies.limits import module_limits
from wasmverse.strategies.names import check_name
from wasmverse.wasm.inspect import check_header

MODULES_MAX = 4
TALLY = ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults")
"""The columns of the tally; ships and energy are those at the end, the others are added up over the turns."""


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
        _read,
        (StrategyError,),
        (json.dumps(wanted),),
    )


def _read(answer: dict[str, Any], _: bytes) -> list[dict[str, Any]]:
    # The process has run strangers' code: only what can be an account is believed, and only to those who asked.
    try:
        return [
            {
                "name": str(row["name"]),
                **{name: int(row[name]) for name in TALLY},
                "last_fault": None if row["last_fault"] is None else str(row["last_fault"]),
            }
            for row in answer["strategies"]
        ]
    except (KeyError, TypeError, ValueError):
        raise ModuleRefused("the duel's answer is not understood: send the modules again") from None
