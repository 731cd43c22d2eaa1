"""The process that translates a module's text to its bytes, and ends; see `checks.process`. It compiles and runs nothing."""

from __future__ import annotations

import re

from wasmverse.checks.process import Inspector, serve
from wasmverse.text import one_line


def _load(_: list[str], settings_json: str, sent: bytes) -> Inspector:
    from typing import Any  # noqa: PLC0415 - all of it confined

    import wasmtime  # noqa: PLC0415

    from wasmverse.errors import ModuleRefused  # noqa: PLC0415
    from wasmverse.settings import CheckSettings  # noqa: PLC0415

    settings = CheckSettings.model_validate_json(settings_json)

    def translate() -> tuple[dict[str, Any], bytes]:
        try:
            return {}, bytes(wasmtime.wat2wasm(sent.decode()))
        except wasmtime.WasmtimeError as error:
            raise ModuleRefused(_refusal(str(error))) from error

    return Inspector(
        settings.compile_seconds_max,
        settings.compile_memory_bytes_max,
        settings.guest_memory_bytes_max,
        settings.confinement_required,
        translate,
    )


def _refusal(complaint: str) -> str:
    """What the translator says in several lines: the reason, `--> <anon>:LINE:COLUMN`, and the line with a mark below it."""
    reason, _, rest = complaint.partition("\n")
    place = re.search(r":(\d+):(\d+)\n", rest)
    where = f" at line {place[1]}, column {place[2]}" if place else ""
    return f"the text is no module: {one_line(reason, 200)}{where}; correct it there"


def main() -> None:
    """Translate, and say what was wrong."""
    serve(_load)


if __name__ == "__main__":
    main()
