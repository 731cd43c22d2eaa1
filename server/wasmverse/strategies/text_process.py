"""The process that translates a module's text to its bytes, and ends; see `checks.process`. It compiles and runs nothing."""

from __future__ import annotations

from wasmverse.checks.process import Inspector, serve


def _load(_: list[str], settings_json: str, sent: bytes) -> Inspector:
    from typing import Any  # noqa: PLC0415 - all of it closed in

    import wasmtime  # noqa: PLC0415

    from wasmverse.errors import ModuleRefused  # noqa: PLC0415
    from wasmverse.settings import CheckSettings  # noqa: PLC0415

    settings = CheckSettings.model_validate_json(settings_json)

    def translate() -> tuple[dict[str, Any], bytes]:
        try:
            return {}, bytes(wasmtime.wat2wasm(sent.decode()))
        except wasmtime.WasmtimeError as error:
            raise ModuleRefused(f"the text is no module: {error}") from error

    return Inspector(
        settings.compile_seconds_max,
        settings.compile_memory_bytes_max,
        settings.guest_memory_bytes_max,
        settings.confinement_required,
        translate,
    )


def main() -> None:
    """Translate, and say what was wrong."""
    serve(_load)


if __name__ == "__main__":
    main()
