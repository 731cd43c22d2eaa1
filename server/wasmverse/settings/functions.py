"""Functions of SQL: what a call may use, how large their modules may be, and how many there may be."""

from __future__ import annotations

from pydantic import Field

from wasmverse.settings.confinement import ConfinementSettings
from wasmverse.settings.group import Group


class FunctionSettings(Group):
    """The limits of a Wasm function's calls in a query."""

    function_budget_fuel: int = Field(
        1_000_000,
        ge=100,
        le=10_000_000_000,
        description="Fuel for one call of a function in SQL, or for one row of an aggregate, pooled over rows of a batch.",
    )
    function_start_fuel: int = Field(
        5_000_000,
        ge=100,
        le=10_000_000_000,
        description="Fuel for what an instance of a function's module does before its first call.",
    )
    function_guest_memory_bytes_max: int = Field(
        64 << 20,
        ge=1 << 16,
        le=1 << 30,
        description="Linear memory that one instance of a function's module may grow to, in bytes.",
    )
    function_guest_table_elements_max: int = Field(
        10_000, ge=1, description="Elements that a table of a function's module may grow to."
    )
    function_component_table_elements_max: int = Field(
        20_000, ge=1, description="Elements that a table of a function's component may grow to."
    )
    function_values_bytes_max: int = Field(
        64 << 20,
        ge=1 << 16,
        le=1 << 29,
        description="What strings and lists may take in the arguments of 2,048 calls of a function, and in their results.",
    )


class FunctionUploadSettings(Group):
    """How much may be stored of functions, by one owner and by all, and how large one module may be."""

    function_module_bytes_max: int = Field(
        8 << 20, ge=1 << 10, description="Size of a function's module, in bytes."
    )
    function_module_functions_max: int = Field(
        20_000, ge=1, description="WebAssembly functions in the module of a function."
    )
    function_module_exports_max: int = Field(1_000, ge=2, description="Exports of a function's module.")
    function_component_bytes_max: int = Field(
        24 << 20,
        ge=1 << 10,
        description="Size of a function's component, in bytes; never more than `upload_bytes_max`.",
    )
    function_component_functions_max: int = Field(
        60_000, ge=1, description="WebAssembly functions in all core modules of a function's component."
    )
    function_component_compile_seconds_max: float = Field(
        120.0, gt=0, description="Time for checking and compiling a function's component, in seconds."
    )
    function_component_compiled_bytes_max: int = Field(
        96 << 20, ge=1 << 16, description="Size of the machine code of a function's component, in bytes."
    )
    function_compile_seconds_max: float = Field(
        20.0, gt=0, description="Time for checking and compiling a function's module, in seconds."
    )
    function_compile_memory_bytes_max: int = Field(
        1 << 30, ge=1 << 26, description="Memory for checking and compiling a function's module, in bytes."
    )
    function_compiled_bytes_max: int = Field(
        32 << 20, ge=1 << 16, description="Size of the machine code of a function's module, in bytes."
    )
    functions_max: int = Field(
        256, ge=1, description="Functions that can be called, each of a signature of its own."
    )
    functions_max_per_owner: int = Field(64, ge=1, description="Functions of one owner.")
    function_versions_kept: int = Field(
        8, ge=1, description="Versions kept of each function, the present one among them."
    )
    function_stored_bytes_max_per_owner: int = Field(
        64 << 20,
        ge=1 << 10,
        description="Bytes of the modules of one owner's functions, kept versions included.",
    )
    function_stored_bytes_max: int = Field(
        256 << 20, ge=1 << 10, description="Bytes of the modules of all functions, kept versions included."
    )
    function_compiled_bytes_max_stored: int = Field(
        512 << 20,
        ge=1 << 16,
        description="Bytes of the machine code of all functions, kept versions included.",
    )


class FunctionCheckSettings(ConfinementSettings, FunctionUploadSettings, FunctionSettings):
    """All that the check of a function's module goes by."""
