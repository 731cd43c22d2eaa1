"""What guests may use, as the settings have it: and how large a module may be."""

from __future__ import annotations

from wasmverse.settings import CheckSettings, GuestSettings
from wasmverse.wasm.inspect import ModuleLimits
from wasmverse.wasm.limits import Limits


def guest_limits(settings: GuestSettings) -> Limits:
    """Of a strategy that flies."""
    return Limits.of(dict(settings))


def module_limits(settings: CheckSettings) -> ModuleLimits:
    """Of a module that is uploaded."""
    return ModuleLimits(
        settings.module_bytes_max,
        settings.module_functions_max,
        settings.module_exports_max,
        settings.compiled_bytes_max,
    )
