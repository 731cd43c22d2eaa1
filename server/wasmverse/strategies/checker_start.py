"""How a module is inspected in a process of its own (`checker`), with bounded time and memory, and what its answer is."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping

from wasmverse.commands import Cost, Inspection, Trial
from wasmverse.confinement import groups
from wasmverse.confinement.processes import bare_environment, inside
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import CheckSettings
from wasmverse.strategies.limits import check_seconds, component_limits, module_limits
from wasmverse.strategies.names import check_name, is_name
from wasmverse.strategies.parts import sizes_of
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.inspect import check_component_bytes
from wasmverse.wasm.inspect import check_header


def checker_start(
    name: str, settings: CheckSettings, known: Mapping[str, bytes] | None = None
) -> tuple[list[str], dict[str, str], groups.Group]:
    """How a checker is started: its command, its environment and its group.

    The group is to be removed when the process has ended. What is ``known`` (`parts.Parts.known`) is to follow the module on its
    standard input, in the same order.
    """
    group = groups.ours().group("checker", settings.process_threads_max, settings.compile_memory_bytes_max)
    sizes = json.dumps(sizes_of(known or {}))
    command = [
        *inside("wasmverse.strategies.checker"), name, sizes, settings.part(CheckSettings).model_dump_json()
    ]  # fmt: skip
    return command, bare_environment() | group.environment(), group


def precheck(module: bytes, name: str, settings: CheckSettings) -> None:
    """What needs no process; raises ModuleRefused or StrategyError."""
    check_name(name)
    if is_component(module):
        check_component_bytes(module, component_limits(settings))
    else:
        check_header(module, module_limits(settings))


def inspection_of(status: int, output: bytes, module: bytes, settings: CheckSettings) -> Inspection:
    """What a checker found out about a module, by its exit status and all that it wrote.

    Raises
    ------
    ModuleRefused, StrategyError : as `inspection.inspect_module`, or when the process ran past a limit.
    """
    header, _, compiled = output.partition(b"\n")
    if status != 0 or not header:
        raise ModuleRefused(
            f"the compiler ended with {status} on this module (limits: {check_seconds(module, settings):g} s, "
            f"{settings.compile_memory_bytes_max:,} bytes): make it smaller or simpler"
        )
    answer = json.loads(header)
    if "refused" in answer:
        kind = StrategyError if answer["kind"] == "StrategyError" else ModuleRefused
        raise kind(answer["refused"])
    inspection = Inspection(
        answer["sha256"],
        answer["language"],
        answer["strategies"],
        trials={name: Trial(*trial) for name, trial in answer["trials"].items()},
        costs={name: Cost(*cost) for name, cost in answer["costs"].items()},
        compiled=compiled,
    )
    # The process has run a stranger's code. The universe keeps what it says, so that is compared with what is known here.
    if inspection.sha256 != hashlib.sha256(module).hexdigest() or not all(
        map(is_name, inspection.strategies)
    ):
        raise ModuleRefused(
            "the checker's answer does not belong to this module: send it again, or build it again"
        )
    return inspection


def took_too_long(module: bytes, settings: CheckSettings) -> ModuleRefused:
    """The refusal of a module whose process was ended for its time."""
    return ModuleRefused(
        f"checking the module took more than {check_seconds(module, settings):g} s: make it smaller or simpler"
    )


def inspect_module_apart(module: bytes, name: str, settings: CheckSettings) -> Inspection:
    """`inspection.inspect_module` in a process of its own with limits on time and memory; blocks until it is done.

    Raises
    ------
    ModuleRefused, StrategyError : as there, or when the process ran past a limit.
    """
    precheck(module, name, settings)
    command, environment, group = checker_start(name, settings)
    try:
        done = subprocess.run(
            command,
            input=module,
            capture_output=True,
            timeout=check_seconds(module, settings),
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise took_too_long(module, settings) from error
    finally:
        group.remove()
    return inspection_of(done.returncode, done.stdout, module, settings)
