"""Modules to be inspected, and how they are refused."""

import pytest
import wasmtime

from tests.wasm.builder import strategy_wat
from wasmverse.errors import ModuleRefused
from wasmverse.settings import Settings
from wasmverse.strategies.inspection import inspect_module

BLANK = strategy_wat("(i64.const 0)")


SETTINGS = Settings()


def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def refusal(module: bytes, settings: Settings = SETTINGS, name: str = "mine") -> str:
    with pytest.raises(ModuleRefused) as refused:
        inspect_module(module, name, settings)
    message = refused.value.message
    assert "\n" not in message
    assert len(message) < 1200
    return message
