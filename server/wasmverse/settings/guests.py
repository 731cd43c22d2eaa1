"""Guests: the limits of a strategy's calls, of a module, and of uploads."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from wasmverse.errors import SettingsError
from wasmverse.settings.confinement import ConfinementSettings
from wasmverse.settings.group import Group


class GuestSettings(Group):
    """The limits of a module and of its calls."""

    budget_fuel: int = Field(
        20_000,
        ge=100,
        le=10_000_000_000,
        description="Fuel for one call of a strategy, pooled over ships of a block.",
    )
    start_fuel: int = Field(
        5_000_000,
        ge=100,
        le=10_000_000_000,
        description="Fuel for what an instance does before its first call: its start function and `_initialize`.",
    )
    guest_log_bytes_max: int = Field(
        1 << 14,
        ge=0,
        le=1 << 24,
        description="Bytes that a strategy's calls for one block and turn may write to WASI's output.",
    )
    strategy_log_lines_max: int = Field(
        100,
        ge=0,
        le=10_000,
        description="Lines of one strategy and turn that `strategy_log` keeps; the others are counted.",
    )
    strategy_log_line_characters_max: int = Field(
        200, ge=1, le=10_000, description="Characters of such a line; a longer one is cut."
    )
    guest_memory_bytes_max: int = Field(
        16 << 20,
        ge=1 << 16,
        le=1 << 30,
        description="Linear memory that one instance of a guest may grow to, in bytes.",
    )
    guest_table_elements_max: int = Field(
        10_000, ge=1, le=1 << 20, description="Elements that a guest's table may grow to."
    )
    module_bytes_max: int = Field(4 << 20, ge=1 << 10, description="Size of an uploaded module, in bytes.")
    module_functions_max: int = Field(20_000, ge=1, description="Functions in an uploaded module.")
    module_exports_max: int = Field(
        1_000,
        ge=2,
        description="Exports of an uploaded module; the universe reads each when a strategy is taken up.",
    )
    component_bytes_max: int = Field(
        24 << 20,
        ge=1 << 10,
        description="Size of an uploaded component, in bytes; never more than `upload_bytes_max`.",
    )
    component_modules_max: int = Field(
        100, ge=1, le=150, description="Core modules in an uploaded component, in components within it too."
    )
    component_functions_max: int = Field(
        60_000, ge=1, description="Functions in all core modules of an uploaded component."
    )
    component_memory_bytes_max: int = Field(
        64 << 20,
        ge=1 << 16,
        le=1 << 30,
        description="Linear memory that each core module of a component may grow to, in bytes.",
    )
    component_table_elements_max: int = Field(
        20_000, ge=1, le=1 << 20, description="Elements that a table of a component may grow to."
    )
    component_compile_seconds_max: float = Field(
        120.0, gt=0, description="Time for checking and compiling a component, in seconds."
    )
    compile_seconds_max: float = Field(
        20.0, gt=0, description="Time for checking and compiling a module, in seconds."
    )
    compile_memory_bytes_max: int = Field(
        1 << 30, ge=1 << 26, description="Memory for checking and compiling a module, in bytes."
    )
    block_faults_max: int = Field(
        4,
        ge=1,
        description="Faults of a strategy in one block and turn before its other ships there hold uncalled.",
    )
    grounded_after_turns: int = Field(
        10, ge=1, description="Turns in a row in which most calls of a strategy fault, until it is grounded."
    )


class UploadSettings(Group):
    """How much may be uploaded, by one client, by one owner and by all."""

    budget_fuel_max: int = Field(
        1_000_000,
        ge=100,
        le=10_000_000_000,
        description="Fuel that an upload may declare for one call; `budget_fuel` may always be declared.",
    )
    strategies_max_per_module: int = Field(
        8, ge=1, description="Strategies that one uploaded module may export."
    )
    strategies_max_per_owner: int = Field(
        32, ge=1, description="Strategies of one owner, removed ones whose ships still live included."
    )
    strategies_max: int = Field(
        256,
        ge=1,
        le=15_000,
        description="Strategies that fly or are grounded; with removed ones whose ships still live four times as many.",
    )
    stored_bytes_max_per_owner: int = Field(
        64 << 20,
        ge=1 << 10,
        description="Bytes of the modules that one owner's strategies fly, and of replaced versions as far as there is room.",
    )
    stored_bytes_max: int = Field(
        256 << 20,
        ge=1 << 10,
        description="Bytes of the modules that all strategies fly, and of replaced versions as far as there is room.",
    )
    strategy_versions_kept: int = Field(
        5,
        ge=0,
        le=100,
        description="Replaced versions kept of each strategy, to which it can be rolled back.",
    )
    compiled_bytes_max_per_owner: int = Field(
        128 << 20, ge=1 << 16, description="Bytes of the machine code of one owner's strategies."
    )
    compiled_bytes_max_stored: int = Field(
        512 << 20, ge=1 << 16, description="Bytes of the machine code of all strategies."
    )
    upload_share_max: float = Field(
        0.25,
        gt=0,
        le=1,
        description="Part of the period that an upload may add to a turn, by what was measured when it was checked.",
    )
    strategy_cost_times_max: float = Field(
        10.0,
        ge=0,
        description="How many times what ships cost otherwise those of a strategy may take before a late turn grounds it; "
        "0 grounds none for its time.",
    )
    uploads_max: int = Field(
        16,
        ge=1,
        description="Uploads that arrive, wait or are checked at the same time; further ones are refused.",
    )
    uploads_max_per_client: int = Field(
        4, ge=1, description="As many of these from one client: an owner with a token, or an address."
    )
    upload_bytes_max: int = Field(
        64 << 20, ge=1 << 10, description="Bytes of all these uploads together; further ones are refused."
    )
    module_checks_max: int = Field(
        2, ge=1, le=64, description="Uploads that are checked at the same time, each by a process."
    )
    compiled_bytes_max: int = Field(
        32 << 20, ge=1 << 16, description="Size of a module's machine code, in bytes."
    )
    component_compiled_bytes_max: int = Field(
        96 << 20, ge=1 << 16, description="Size of a component's machine code, in bytes."
    )
    parts_kept_bytes_max: int = Field(
        96 << 20,
        ge=0,
        description="Machine code of components' core modules kept for the next component that has the same, in bytes.",
    )


class CheckSettings(ConfinementSettings, UploadSettings, GuestSettings):
    """All that the check of an uploaded module goes by."""

    @model_validator(mode="after")
    def _check_one_module_has_room(self) -> Self:
        if self.upload_bytes_max < self.module_bytes_max:
            raise SettingsError(
                f"upload_bytes_max is {self.upload_bytes_max}, module_bytes_max {self.module_bytes_max}: "
                "one module must have room; raise upload_bytes_max"
            )
        return self
