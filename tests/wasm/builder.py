"""Guests in WAT, and columns of arguments for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import wasmtime

from wasmverse.wasm.driver import Layout
from wasmverse.wasm.engine import HEADER_BYTES, HostMemory, compile_for_flight
from wasmverse.wasm.guest import Guest, Limits, Outcome
from wasmverse.wasm.wit import Signature, parse_world

NO_FAULTS = Limits(budget_fuel=1_000_000)

BUMP_REALLOC = """
  (global $free (mut i32) (i32.const 1024))
  (func (export "REALLOC") (param i32 i32 i32 i32) (result i32)
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get 3)))
    (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.const 1))))))"""


def compile_wat(text: str) -> wasmtime.Module:
    """The module, as the universe has it."""
    return compile_for_flight(bytes(wasmtime.wat2wasm(text)))


def signature_of(function: str) -> Signature:
    """From the WIT of one function, such as ``func(a: u8) -> u32``."""
    return parse_world(f"world w {{ export f: {function}; }}")["f"]


def strategy_wat(body: str, extra: str = "", *, name: str = "decide", pages: str = "1") -> str:
    """A module with one strategy. Parameters: $kind, $x, ..., $last, $list, $length."""
    return f"""(module (memory (export "memory") {pages}) {extra}
      (func (export "{name}")
        (param $kind i32) (param $x i32) (param $y i32) (param $energy i32) (param $shield i32) (param $blasters i32)
        (param $thrusters i32) (param $harvesters i32) (param $last i64) (param $list i32) (param $length i32)
        (result i64) {body}))"""


@dataclass
class Table:
    """Columns of arguments in host memory, filled from rows of Python values."""

    signature: Signature
    layout: Layout
    memory: HostMemory
    results: np.ndarray

    @classmethod
    def of(
        cls, signature: Signature, rows: Sequence[Sequence[Any]], narrower: dict[str, str] | None = None
    ) -> "Table":
        layout = Layout.natural(signature, narrower)
        memory = HostMemory()
        at = HEADER_BYTES
        addresses: list[int] = []

        def column(code: str, values: Sequence[Any]) -> np.ndarray:
            nonlocal at
            at = -(-at // 8) * 8
            dtype = np.dtype(code)
            memory.reserve(at + dtype.itemsize * len(values))
            array = memory.array(at, dtype, len(values))
            array[:] = values
            addresses.append(at)
            at += dtype.itemsize * len(values)
            return array

        for number, (leaf, code) in enumerate(zip(signature.leaves, layout.storage, strict=True)):
            values = [row[number] for row in rows]
            if code is not None:
                column(code, [ord(value) if leaf.type == "char" else value for value in values])
                continue
            texts = [value.encode() if isinstance(value, str) else value for value in values]
            starts = []
            for text in texts:
                memory.reserve(at + len(text))
                memory.array(at, np.uint8, len(text))[:] = np.frombuffer(text, np.uint8)
                starts.append(at)
                at += len(text)
            column("u4", starts)
            column("u4", [len(text) for text in texts])
        results = column(layout.result, [0] * len(rows))
        memory.place(addresses)
        return cls(signature, layout, memory, results)

    def run(
        self, guest: Guest, limits: Limits = NO_FAULTS, start: int = 0, stop: int | None = None
    ) -> Outcome:
        return guest.run(self.memory, self.layout, start, len(self.results) if stop is None else stop, limits)


def numbered(count: int) -> Table:
    """``func(n: u32) -> u64`` over the numbers 0 to count - 1."""
    return Table.of(signature_of("func(n: u32) -> u64"), [(n,) for n in range(count)])


def guest_of_number(body: str, extra: str = "") -> Guest:
    """A guest ``f: func(n: u32) -> u64`` with this body; its parameter is $n."""
    text = f'(module {extra} (func (export "f") (param $n i32) (result i64) {body}))'
    return Guest.of(compile_wat(text), "f")
