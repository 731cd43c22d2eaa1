"""The checker of functions: the process that inspects one module that is to be one, and ends; see `checks.process`.

It reads a line with what is wanted (`wanted.Wanted`), then the module. Only what its confinement needs is imported before that.
"""

from __future__ import annotations

from wasmverse.checks.process import Inspector, serve


def _load(_arguments: list[str], settings_json: str, sent: bytes) -> Inspector:
    from typing import Any  # noqa: PLC0415 - all of it closed in

    from wasmverse.functions.inspection import inspect_function  # noqa: PLC0415
    from wasmverse.functions.wanted import Wanted  # noqa: PLC0415
    from wasmverse.settings import FunctionCheckSettings  # noqa: PLC0415

    settings = FunctionCheckSettings.model_validate_json(settings_json)

    def inspect() -> tuple[dict[str, Any], bytes]:
        wanted, _, module = sent.partition(b"\n")
        definition, compiled = inspect_function(module, Wanted.of_json(wanted), settings)
        return {"definition": definition.to_row()}, compiled

    return Inspector(
        settings.function_compile_seconds_max,
        settings.function_compile_memory_bytes_max,
        settings.function_guest_memory_bytes_max,
        settings.confinement_required,
        inspect,
    )


def main() -> None:
    """Inspect, and say what was found."""
    serve(_load)


if __name__ == "__main__":
    main()
