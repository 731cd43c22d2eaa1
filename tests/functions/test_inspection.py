"""What the inspection of a function's module refuses that no signature shows."""

import pytest
import wasmtime

from wasmverse.errors import FunctionError, ModuleRefused
from wasmverse.functions.grammar import parse_declaration
from wasmverse.functions.inspection import inspect_function
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import Settings

STEPS = ("initialize", "iterate", None, "terminate")
SUM = """(module (func (export "initialize") (result f64) (f64.const 0))
  (func (export "iterate") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
  (func (export "terminate") (param f64) (result f64) (local.get 0)))"""


def test_an_aggregate_of_numbers_needs_no_memory() -> None:
    wanted = parse_declaration(Wanted("total", "aggregate", steps=STEPS), "DOUBLE", "DOUBLE", "DOUBLE")
    made, machine_code = inspect_function(wasmtime.wat2wasm(SUM), wanted, Settings())
    assert made.kind == "aggregate" and machine_code


def test_an_aggregate_whose_rows_cannot_be_folded_is_refused() -> None:
    """Sixteen numbers of a row and the state: no two of the steps are wrong by themselves, as one takes them in memory."""
    many = ", ".join(["DOUBLE"] * 16)
    wat = """(module (memory (export "memory") 1)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func (export "initialize") (result f64) (f64.const 0))
      (func (export "iterate") (param i32) (result f64) (f64.const 0))
      (func (export "terminate") (param f64) (result f64) (local.get 0)))"""
    wanted = parse_declaration(Wanted("total", "aggregate", steps=STEPS), many, "DOUBLE", "DOUBLE")
    with pytest.raises(ModuleRefused, match="are 17 values"):
        inspect_function(wasmtime.wat2wasm(wat), wanted, Settings())


def test_types_that_are_long_when_they_are_written_out_are_refused() -> None:
    """A WIT of a kilobyte, which would be stored and published as a megabyte."""
    record = f"record r {{ {'long-' * 200}name: u8 }}"
    wit = f"world w {{ {record} type t = tuple<{', '.join(['r'] * 100)}>; export f: func(x: f64) -> t; }}"
    wat = '(module (memory (export "memory") 1) (func (export "f") (param f64) (result i32) (i32.const 0)))'
    with pytest.raises(FunctionError, match=r"characters when they are written out; 32,000 are allowed"):
        inspect_function(wasmtime.wat2wasm(wat), Wanted("f", wit=wit), Settings())
