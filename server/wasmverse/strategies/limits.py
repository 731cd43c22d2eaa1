"""What guests may use, as the settings have it: and how large a module may be."""

from __future__ import annotations

from wasmverse.errors import StrategyError
from wasmverse.settings import CheckSettings, GuestSettings
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.inspect import ComponentLimits
from wasmverse.wasm.inspect import ModuleLimits
from wasmverse.wasm.limits import Limits

FUEL_MIN = 100
"""The least that can be declared for a call."""


def guest_limits(settings: GuestSettings) -> Limits:
    """Of a strategy that flies."""
    return Limits.of(dict(settings))


def declared(settings: CheckSettings, budget_fuel: int | None) -> CheckSettings:
    """What an upload is checked by that declares so much fuel for a call; None: it declares nothing.

    Raises
    ------
    StrategyError : it may not declare that.
    """
    if budget_fuel is None:
        return settings
    most = max(settings.budget_fuel_max, settings.budget_fuel)
    if not FUEL_MIN <= budget_fuel <= most:
        raise StrategyError(
            f"budget_fuel is {budget_fuel:,}; an upload may declare {FUEL_MIN:,} to {most:,} for a call (budget_fuel_max): "
            "declare what `wasmverse strategy check` says a call takes, and some more"
        )
    return settings.model_copy(update={"budget_fuel": budget_fuel})


def module_limits(settings: CheckSettings) -> ModuleLimits:
    """Of a module that is uploaded."""
    return ModuleLimits(
        settings.module_bytes_max,
        settings.module_functions_max,
        settings.module_exports_max,
        settings.compiled_bytes_max,
    )


def component_limits(settings: CheckSettings) -> ComponentLimits:
    """Of a component that is uploaded."""
    return ComponentLimits(
        settings.component_bytes_max,
        settings.component_modules_max,
        settings.component_functions_max,
        settings.module_exports_max,
        settings.component_compiled_bytes_max,
    )


def check_seconds(upload: bytes, settings: CheckSettings) -> float:
    """Time for checking and compiling it, by what it is."""
    return settings.component_compile_seconds_max if is_component(upload) else settings.compile_seconds_max


def upload_bytes_max(upload: bytes, settings: CheckSettings) -> int:
    """Its size, by what it is."""
    return settings.component_bytes_max if is_component(upload) else settings.module_bytes_max


def compiled_bytes_max(upload: bytes, settings: CheckSettings) -> int:
    """Size of its machine code, by what it is."""
    return settings.component_compiled_bytes_max if is_component(upload) else settings.compiled_bytes_max
