"""The process of a dry run; see `dry_run` and `checks.process`.

It reads a line of JSON, the machine code that our compiler made, and rows in Arrow's IPC stream. Only what its confinement needs
is imported before that.
"""

from __future__ import annotations

from wasmverse.checks.process import Inspector, serve


def _load(_arguments: list[str], settings_json: str, sent: bytes) -> Inspector:
    import json  # noqa: PLC0415 - all of it confined
    from typing import Any  # noqa: PLC0415

    from wasmverse.functions.compare import compare  # noqa: PLC0415
    from wasmverse.functions.definition import Definition  # noqa: PLC0415
    from wasmverse.settings import FunctionCheckSettings  # noqa: PLC0415

    settings = FunctionCheckSettings.model_validate_json(settings_json)

    def inspect() -> tuple[dict[str, Any], bytes]:
        head, _, rest = sent.partition(b"\n")
        told = json.loads(head)
        definition = Definition.of_row(told["definition"])
        compiled, rows = rest[: told["compiled"]], rest[told["compiled"] :]
        return compare(definition, compiled, rows, settings, is_compared=told["is_compared"]), b""

    return Inspector(
        settings.function_compile_seconds_max,
        settings.function_compile_memory_bytes_max,
        settings.function_guest_memory_bytes_max,
        settings.confinement_required,
        inspect,
    )


def main() -> None:
    """Run, and say what it came to."""
    serve(_load)


if __name__ == "__main__":
    main()
