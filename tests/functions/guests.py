"""Guests of functions in WAT, and what runs them over Python values."""

from typing import Any

import pyarrow as pa

from tests.wasm.builder import NO_FAULTS, compile_wat, function_of
from wasmverse.functions.run import Ran, Runner
from wasmverse.functions.sql_types import arrow_type
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.hosting import AnyGuest
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.types import Function


def guest_of(text: str) -> Guest:
    """A guest whose function is exported as ``f``."""
    return Guest.of(compile_wat(text), "f")


POWER = """(module (func (export "f") (param f64 f64) (result f64)
  (f64.mul (local.get 0) (f64.mul (local.get 0) (local.get 1)))))"""

ECHO = """(module (memory (export "memory") 1) (func (export "f") (param i32 i32) (result i32)
  (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16)))"""
"""A list or a string as it came."""


def run(
    function: str | Function,
    guest: str | AnyGuest,
    *columns: Any,
    limits: Limits = NO_FAULTS,
    rows: int | None = None,
    **options: Any,
) -> Ran:
    """Call a guest with a column of values for each parameter: a list of Python values, or an Arrow array."""
    type_ = function_of(function) if isinstance(function, str) else function
    arrays = [
        pa.array(column, arrow_type(field.type)) if isinstance(column, list) else column
        for field, column in zip(type_.params, columns, strict=True)
    ]
    count = len(arrays[0]) if rows is None else rows
    guest = guest_of(guest) if isinstance(guest, str) else guest
    return Runner(type_, **options).run(guest, arrays, count, limits)
