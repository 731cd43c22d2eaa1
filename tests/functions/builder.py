"""Functions for tests, in WebAssembly's text, and the commands that store them."""

import hashlib
from typing import Any

import wasmtime

from wasmverse.commands import Author, CreateFunction
from wasmverse.functions.definition import Definition
from wasmverse.wasm.engine import compile_for_flight
from wasmverse.wasm.types import F64, Field, Function, ValueType

GAIN = """(module (func (export "gain") (param f64 f64) (result f64)
    (f64.mul (local.get 0) (f64.add (local.get 1) (f64.const {plus})))))"""


def function_command(
    name: str,
    params: tuple[ValueType, ...] = (F64, F64),
    result: ValueType | None = F64,
    text: str = "",
    *,
    plus: float = 0.0,
    author: Author | str = "ada",
    may_replace: bool = True,
    **definition: Any,
) -> CreateFunction:
    """A command to store a function; ``plus`` makes modules differ. The module is not checked against the types."""
    module = bytes(wasmtime.wat2wasm(text or GAIN.format(plus=plus)))
    fields = tuple(Field(f"a{place}", type_) for place, type_ in enumerate(params))
    made = Definition(
        **{
            "name": name,
            "kind": "scalar",
            "function": Function(fields, result),
            "abi": "canonical",
            "sha256": hashlib.sha256(module).hexdigest(),
            "language": "WAT",
            "export": "gain",
            **definition,
        }
    )
    compiled = bytes(compile_for_flight(module).serialize())
    who = author if isinstance(author, Author) else Author.named(author)
    return CreateFunction(made.to_row(), module, compiled, may_replace, who)
