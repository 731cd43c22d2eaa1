"""How large the module of a function may be, and what an instance of it may use, as the settings have it."""

from __future__ import annotations

from wasmverse.settings import FunctionCheckSettings, FunctionUploadSettings
from wasmverse.wasm.component.inspect import ComponentLimits
from wasmverse.wasm.inspect import ModuleLimits
from wasmverse.wasm.limits import Limits

_CORE_MODULES_MAX = 100
"""That a component is looked at with: only one with a single core module is taken in the end."""


def function_limits(settings: FunctionCheckSettings) -> Limits:
    """Of an instance that is tried."""
    return Limits(
        settings.function_budget_fuel,
        settings.function_guest_memory_bytes_max,
        settings.function_guest_table_elements_max,
        faults_max=1,
        start_fuel=settings.function_start_fuel,
    )


def module_limits(settings: FunctionUploadSettings) -> ModuleLimits:
    """Of a module that is sent."""
    return ModuleLimits(
        settings.function_module_bytes_max,
        settings.function_module_functions_max,
        settings.function_module_exports_max,
        settings.function_compiled_bytes_max,
    )


def component_limits(settings: FunctionUploadSettings) -> ComponentLimits:
    """Of a component that is sent: what its core module may have."""
    return ComponentLimits(
        settings.function_module_bytes_max,
        _CORE_MODULES_MAX,
        settings.function_module_functions_max,
        settings.function_module_exports_max,
        settings.function_compiled_bytes_max,
    )
