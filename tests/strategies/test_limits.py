"""The limits of guests are those of the settings, for whoever flies them."""

import dataclasses

from wasmverse.settings import GuestSettings, Settings
from wasmverse.strategies.limits import (
    check_seconds,
    compiled_bytes_max,
    component_limits,
    guest_limits,
    module_limits,
    upload_bytes_max,
)
from wasmverse.wasm.component.binary import PREAMBLE
from wasmverse.wasm.component.inspect import ComponentLimits
from wasmverse.wasm.inspect import ModuleLimits
from wasmverse.wasm.limits import POOL_ROWS, Limits

GUEST = {
    "budget_fuel": 1_234,
    "guest_memory_bytes_max": 3 << 20,
    "guest_table_elements_max": 77,
    "block_faults_max": 9,
    "start_fuel": 5_678,
    "guest_log_bytes_max": 333,
    "strategy_log_lines_max": 55,
    "strategy_log_line_characters_max": 66,
    "component_memory_bytes_max": 5 << 20,
    "component_table_elements_max": 88,
}


def test_each_limit_is_the_setting_of_that_name() -> None:
    expected = Limits(
        budget_fuel=1_234,
        memory_bytes_max=3 << 20,
        table_elements_max=77,
        faults_max=9,
        start_fuel=5_678,
        log_bytes_max=333,
        log_lines_max=55,
        log_line_characters_max=66,
        component_memory_bytes_max=5 << 20,
        component_table_elements_max=88,
    )
    assert guest_limits(GuestSettings(**GUEST)) == guest_limits(Settings(**GUEST)) == expected
    assert Limits.of({**GUEST, "threads": 2}) == expected
    assert set(GUEST.values()) == set(dataclasses.astuple(expected)) - {POOL_ROWS, 64 << 20}


def test_each_limit_of_a_module_is_the_setting_of_that_name() -> None:
    settings = Settings(
        module_bytes_max=2_000, module_functions_max=3, module_exports_max=4, compiled_bytes_max=5 << 20
    )
    assert module_limits(settings) == ModuleLimits(
        bytes_max=2_000, functions_max=3, exports_max=4, compiled_bytes_max=5 << 20
    )


def test_each_limit_of_a_component_is_the_setting_of_that_name() -> None:
    settings = Settings(
        component_bytes_max=5_000,
        component_modules_max=6,
        component_functions_max=7,
        module_exports_max=8,
        component_compiled_bytes_max=99_999,
        component_compile_seconds_max=3,
    )
    assert component_limits(settings) == ComponentLimits(5_000, 6, 7, 8, 99_999)
    for upload, is_component in ((PREAMBLE, True), (b"\0asm\1\0\0\0", False)):
        assert (upload_bytes_max(upload, settings) == 5_000) is is_component
        assert (compiled_bytes_max(upload, settings) == 99_999) is is_component
        assert (check_seconds(upload, settings) == 3) is is_component
