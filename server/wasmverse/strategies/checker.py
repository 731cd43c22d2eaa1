"""The checker of strategies: the process that inspects one uploaded module or component and ends; see `checks.process`.

Its arguments are the name that it is uploaded with, and, as JSON, the hash and the size of each compiled core module that follows
the upload on standard input. Only what its confinement needs is imported before that.
"""

from __future__ import annotations

from wasmverse.checks.process import Inspector, serve


def _load(arguments: list[str], settings_json: str, sent: bytes) -> Inspector:
    import json  # noqa: PLC0415 - all of it confined
    from dataclasses import asdict  # noqa: PLC0415
    from typing import Any  # noqa: PLC0415

    from wasmverse.checks.parts import split_input  # noqa: PLC0415
    from wasmverse.settings import CheckSettings  # noqa: PLC0415
    from wasmverse.strategies.inspection import inspect_module  # noqa: PLC0415
    from wasmverse.strategies.limits import check_seconds  # noqa: PLC0415

    name, sizes = arguments
    settings = CheckSettings.model_validate_json(settings_json)
    module, known = split_input(sent, json.loads(sizes))

    def inspect() -> tuple[dict[str, Any], bytes]:
        header = asdict(inspect_module(module, name, settings, known))
        compiled = header.pop("compiled")
        return header, compiled

    return Inspector(
        check_seconds(module, settings),
        settings.compile_memory_bytes_max,
        max(settings.guest_memory_bytes_max, settings.component_memory_bytes_max),
        settings.confinement_required,
        inspect,
    )


def main() -> None:
    """Inspect, and say what was found."""
    serve(_load)


if __name__ == "__main__":
    main()
