"""The checker: the process that inspects one uploaded module and ends.

Started as ``inside.py wasmverse.strategies.checker NAME KNOWN SETTINGS``, with the module on standard input, it writes a line of
JSON, then the compiled bytes. KNOWN lists, as JSON, the hash and the size of each compiled core module that follows the uploaded
one on standard input. It compiles and runs what a stranger sent, so it is confined before it loads an engine. With
``--layers`` in place of the name it only says which layers hold, as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict

from wasmverse.confinement import inits, privileges
from wasmverse.confinement.layers import refusal
from wasmverse.confinement.processes import confine_checker
from wasmverse.confinement.users import checker_user


def main() -> None:
    """Inspect, and say what was found."""
    privileges.end_with_parent(inits.starter())
    settings_json = sys.argv[-1]
    outcomes = confine_checker(checker_user(json.loads(settings_json)["user_ids_first"]))
    if sys.argv[1] == "--layers":
        print(json.dumps(outcomes | privileges.refuse_core_files()))
        return

    from wasmverse.errors import ModuleRefused, StrategyError  # noqa: PLC0415 - imports engines, closed in
    from wasmverse.settings import CheckSettings  # noqa: PLC0415
    from wasmverse.strategies.inspection import inspect_module  # noqa: PLC0415
    from wasmverse.strategies.limits import check_seconds  # noqa: PLC0415
    from wasmverse.strategies.parts import split_input  # noqa: PLC0415
    from wasmverse.wasm.engine import set_thread_stacks  # noqa: PLC0415

    name = sys.argv[1]
    settings = CheckSettings.model_validate_json(settings_json)
    set_thread_stacks()
    known_sizes = json.loads(sys.argv[2])
    module, known = split_input(sys.stdin.buffer.read(), known_sizes)
    seconds = int(check_seconds(module, settings)) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # Not the address space: an instance reserves gigabytes of it that are never touched.
    memory_bytes = max(settings.guest_memory_bytes_max, settings.component_memory_bytes_max)
    outcomes |= privileges.limit_resources(settings.compile_memory_bytes_max, memory_bytes)
    lacking = refusal(settings.confinement_required, {"checker": outcomes})
    try:
        if lacking is not None:
            raise ModuleRefused(
                f"this server checks no module with less confinement than it must have: {lacking}"
            )
        inspection = inspect_module(module, name, settings, known)
    except (ModuleRefused, StrategyError) as error:
        answer = {"refused": error.message, "kind": type(error).__name__}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        return
    header = asdict(inspection)
    compiled = header.pop("compiled")
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + compiled)


if __name__ == "__main__":
    main()
