"""How a module is inspected in a process of its own (`checker`), with bounded time and memory, and what its answer is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from wasmverse.checks.parts import sizes_of
from wasmverse.checks.start import Bounds, Check
from wasmverse.commands import Cost, Inspection, Trial
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import CheckSettings
from wasmverse.strategies.limits import check_seconds, compiled_bytes_max, component_limits, module_limits
from wasmverse.strategies.names import check_name, is_name
from wasmverse.text import printable
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.inspect import check_component_bytes
from wasmverse.wasm.inspect import check_header

FAULT_SHOWN = 200
"""Characters of a fault's reason."""


def strategy_check(
    module: bytes, name: str, settings: CheckSettings, known: Mapping[str, bytes] | None = None
) -> Check[Inspection]:
    """The check of what is uploaded with a name. What is ``known`` (`parts.Parts.known`) is not compiled again."""
    known = known or {}
    bounds = Bounds(
        check_seconds(module, settings),
        settings.compile_memory_bytes_max,
        settings.process_threads_max,
        compiled_bytes_max(module, settings),
    )
    return Check(
        "wasmverse.strategies.checker",
        settings.part(CheckSettings).model_dump_json(),
        (module, *known.values()),
        bounds,
        partial(_read, module),
        (StrategyError,),
        (name, json.dumps(sizes_of(known))),
    )


def precheck(module: bytes, name: str, settings: CheckSettings) -> None:
    """What needs no process; raises ModuleRefused or StrategyError."""
    check_name(name)
    if is_component(module):
        check_component_bytes(module, component_limits(settings))
    else:
        check_header(module, module_limits(settings))


def _read(module: bytes, answer: dict[str, Any], compiled: bytes) -> Inspection:
    # The universe keeps what the process says, so that is compared with what is known here.
    try:
        inspection = Inspection(
            answer["sha256"],
            answer["language"],
            answer["strategies"],
            trials={name: _trial(trial) for name, trial in answer["trials"].items()},
            costs={name: Cost(*cost) for name, cost in answer["costs"].items()},
            compiled=compiled,
        )
        is_ours = inspection.sha256 == hashlib.sha256(module).hexdigest()
        is_whole = inspection.trials.keys() == inspection.strategies.keys()
        if is_ours and is_whole and all(map(is_name, inspection.strategies)):
            return inspection
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    raise ModuleRefused(
        "the checker's answer does not belong to this module: send it again, or build it again"
    )


def _trial(values: list[Any]) -> Trial:
    """A trial as the checker tells of it, which is shown to people and decides nothing; raises TypeError if it is none."""
    if len(values) != len(Trial._fields):
        raise TypeError("a trial has as many values as fields")
    *numbers, fault, is_cut = values
    if not all(type(number) is int and 0 <= number < 1 << 53 for number in numbers):
        raise TypeError("a trial's numbers are whole and not negative, and JSON can say them exactly")
    if not (fault is None or isinstance(fault, str)) or type(is_cut) is not bool:
        raise TypeError("a trial's last values are a text or nothing, and whether it was cut")
    return Trial._make([*numbers, fault if fault is None else printable(fault, FAULT_SHOWN), is_cut])


def inspect_module_apart(module: bytes, name: str, settings: CheckSettings) -> Inspection:
    """`inspection.inspect_module` in a process of its own with limits on time and memory; blocks until it is done.

    Raises
    ------
    ModuleRefused, StrategyError : as there, or when the process ran past a limit.
    """
    precheck(module, name, settings)
    return strategy_check(module, name, settings).run()
