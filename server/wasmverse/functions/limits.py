"""How large the module of a function may be, and what an instance of it may use, as the settings have it."""

from __future__ import annotations

from wasmverse.settings import FunctionCheckSettings, FunctionUploadSettings
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.inspect import ComponentLimits
from wasmverse.wasm.inspect import ModuleLimits
from wasmverse.wasm.limits import Limits

_CORE_MODULES_MAX = 100
"""In a component, those in components within it too."""


def function_limits(settings: FunctionCheckSettings) -> Limits:
    """Of an instance that is tried."""
    return Limits(
        settings.function_budget_fuel,
        settings.function_guest_memory_bytes_max,
        settings.function_guest_table_elements_max,
        faults_max=1,
        start_fuel=settings.function_start_fuel,
        component_memory_bytes_max=settings.function_guest_memory_bytes_max,
        component_table_elements_max=settings.function_component_table_elements_max,
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
    """Of a component that is sent."""
    return ComponentLimits(
        settings.function_component_bytes_max,
        _CORE_MODULES_MAX,
        settings.function_component_functions_max,
        settings.function_module_exports_max,
        settings.function_component_compiled_bytes_max,
    )


def largest_upload_bytes(settings: FunctionUploadSettings) -> int:
    """The most that can be sent, whatever it is."""
    return max(settings.function_module_bytes_max, settings.function_component_bytes_max)


def upload_bytes_max(upload: bytes, settings: FunctionUploadSettings) -> int:
    """Its size, by what it is."""
    if is_component(upload):
        return settings.function_component_bytes_max
    return settings.function_module_bytes_max


def check_seconds(upload: bytes, settings: FunctionUploadSettings) -> float:
    """Time for checking and compiling it, by what it is."""
    if is_component(upload):
        return settings.function_component_compile_seconds_max
    return settings.function_compile_seconds_max


def compiled_bytes_max(upload: bytes, settings: FunctionUploadSettings) -> int:
    """Size of its machine code, by what it is."""
    if is_component(upload):
        return settings.function_component_compiled_bytes_max
    return settings.function_compiled_bytes_max
