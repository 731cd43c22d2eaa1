"""How large the module of a function may be, and what an instance of it may use, as the settings have it."""

from __future__ import annotations

from wasmverse.settings import FunctionCheckSettings, FunctionUploadSettings
from wasmverse.wasm.inspect import ModuleLimits
from wasmverse.wasm.limits import Limits


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
