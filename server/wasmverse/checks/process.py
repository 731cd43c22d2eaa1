"""The inside of a checker: a process that inspects one module and ends.

It is a program of its own for each kind of guest, started as ``inside.py PROGRAM ... SETTINGS`` with what was sent on standard
input; it writes a line of JSON, then the compiled bytes. It compiles and runs what a stranger sent, so it is confined before it
loads an engine. With ``--layers`` in front of the settings it only says which layers hold, as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wasmverse.confinement import inits, privileges
from wasmverse.confinement.layers import refusal
from wasmverse.confinement.processes import confine_checker
from wasmverse.confinement.users import checker_user

LAYERS = "--layers"


@dataclass(frozen=True, slots=True)
class Inspector:
    """What is done in the process once it is confined.

    Attributes
    ----------
    seconds, memory_bytes, guest_memory_bytes : of processor time, of memory, and what an instance may have in addition.
    required : layers without which nothing is checked.
    inspect : what was found, as plain values, and the compiled bytes.
    """

    seconds: float
    memory_bytes: int
    guest_memory_bytes: int
    required: Any
    inspect: Callable[[], tuple[dict[str, Any], bytes]]


def serve(load: Callable[[list[str], str, bytes], Inspector]) -> None:
    """The whole process.

    ``load`` is called once it is confined, with the arguments, the settings as JSON and what was sent, and imports engines.
    """
    privileges.end_with_parent(inits.starter())
    *arguments, settings = sys.argv[1:]
    outcomes = confine_checker(checker_user(json.loads(settings)["user_ids_first"]))
    if LAYERS in arguments:
        print(json.dumps(outcomes | privileges.refuse_core_files()))
        return

    from wasmverse.errors import ModuleRefused, WasmverseError  # noqa: PLC0415 - confined
    from wasmverse.wasm.engine import set_thread_stacks  # noqa: PLC0415

    set_thread_stacks()
    inspector = load(arguments, settings, sys.stdin.buffer.read())
    seconds = int(inspector.seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # Not the address space: an instance reserves gigabytes of it that are never touched.
    outcomes |= privileges.limit_resources(inspector.memory_bytes, inspector.guest_memory_bytes)
    lacking = refusal(inspector.required, {"checker": outcomes})
    try:
        if lacking is not None:
            raise ModuleRefused(
                f"this server checks no module with less confinement than it must have: {lacking}"
            )
        header, compiled = inspector.inspect()
    except WasmverseError as error:
        place = error.place.plain() if isinstance(error, ModuleRefused) and error.place else None
        header, compiled = {"refused": error.message, "kind": type(error).__name__, "place": place}, b""
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + compiled)
