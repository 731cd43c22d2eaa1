"""The checker of functions: the process that inspects one module that is to be one, and ends; see `checks.process`.

Its argument is, as JSON, the hash and the size of each compiled core module that ends what it reads: a line with what is wanted
(`wanted.Wanted`), the module, and these. Only what its confinement needs is imported before that.
"""

from __future__ import annotations

from wasmverse.checks.process import Inspector, serve


def _load(arguments: list[str], settings_json: str, sent: bytes) -> Inspector:
    import json  # noqa: PLC0415 - all of it confined
    from typing import Any  # noqa: PLC0415

    from wasmverse.checks.parts import split_input  # noqa: PLC0415
    from wasmverse.functions.inspection import inspect_function  # noqa: PLC0415
    from wasmverse.functions.limits import check_seconds  # noqa: PLC0415
    from wasmverse.functions.wanted import Wanted  # noqa: PLC0415
    from wasmverse.settings import FunctionCheckSettings  # noqa: PLC0415

    settings = FunctionCheckSettings.model_validate_json(settings_json)
    (sizes,) = arguments
    uploaded, known = split_input(sent, json.loads(sizes))
    wanted, _, module = uploaded.partition(b"\n")

    def inspect() -> tuple[dict[str, Any], bytes]:
        definition, compiled = inspect_function(module, Wanted.of_json(wanted), settings, known)
        return {"definition": definition.to_row()}, compiled

    return Inspector(
        check_seconds(module, settings),
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
