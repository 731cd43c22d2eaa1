"""What an upload is measured by: how many strategies it has, and what their instances and calls cost."""

import pytest
import wasmtime

from tests.wasm.builder import strategy_wat
from wasmverse.commands import Inspection
from wasmverse.errors import ModuleRefused
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import inspect_module_apart
from wasmverse.strategies.inspection import inspect_module

SETTINGS = Settings()


def strategies_wat(count: int) -> str:
    """One function under so many names."""
    names = "".join(f'(export "strategy_{n}")' for n in range(count))
    return strategy_wat("(i64.const 0)").replace('(export "decide")', names)


def inspect(wat: str) -> Inspection:
    return inspect_module(bytes(wasmtime.wat2wasm(wat)), "mine", SETTINGS)


def test_a_module_exports_a_few_strategies_at_most() -> None:
    assert len(inspect(strategies_wat(8)).strategies) == 8
    module = bytes(wasmtime.wat2wasm(strategies_wat(9)))
    with pytest.raises(ModuleRefused, match="the module exports 9 strategies; 8 are allowed: export fewer"):
        inspect_module_apart(module, "mine", SETTINGS)


def test_instances_and_calls_are_measured_apart() -> None:
    idle = inspect(strategy_wat("(i64.const 0)")).costs["mine"]
    loop = """(local $n i32) (loop $again (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 2500)))) (i64.const 0)"""
    busy = inspect(strategy_wat(loop)).costs["mine"]
    globals_ = "".join("(global (mut i64) (i64.const 7))" for _ in range(200_000))
    large = inspect(strategy_wat("(i64.const 0)", globals_)).costs["mine"]
    assert busy[1] > 1e-6 > idle[1]
    assert large[0] > 3 * max(idle[0], busy[0])
