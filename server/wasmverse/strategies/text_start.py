"""How a module's text is translated in a process of its own (`text_process`), and what its answer is."""

from __future__ import annotations

from typing import Any

from wasmverse.checks.start import Bounds, Check
from wasmverse.errors import ModuleRefused
from wasmverse.settings import CheckSettings


def text_check(text: str, settings: CheckSettings) -> Check[bytes]:
    """The translation of WebAssembly text to a module's bytes, which are not checked further."""
    bounds = Bounds(
        settings.compile_seconds_max,
        settings.compile_memory_bytes_max,
        settings.process_threads_max,
        settings.module_bytes_max,
    )
    return Check(
        "wasmverse.strategies.text_process",
        settings.part(CheckSettings).model_dump_json(),
        (text.encode("utf-8", "replace"),),
        bounds,
        _read,
    )


def _read(_: dict[str, Any], module: bytes) -> bytes:
    if not module.startswith(b"\0asm"):
        raise ModuleRefused("the translation is not understood: send the text again")
    return module
