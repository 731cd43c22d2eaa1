"""Guests in WAT, and columns of arguments for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import wasmtime

from wasmverse.wasm.engine import compile_for_flight
from wasmverse.wasm.frame import Frame, HostMemory
from wasmverse.wasm.guest import Guest, Outcome
from wasmverse.wasm.layout import Layout
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.types import CHAR, Function
from wasmverse.wasm.wit import parse_world


def limits_of(
    budget_fuel: int = 20_000,
    memory_bytes_max: int = 16 << 20,
    table_elements_max: int = 10_000,
    faults_max: int = 4,
) -> Limits:
    """What a guest of a test may use."""
    return Limits(budget_fuel, memory_bytes_max, table_elements_max, faults_max)


NO_FAULTS = limits_of(budget_fuel=1_000_000)

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


def function_of(function: str) -> Function:
    """From the WIT of one function, such as ``func(a: u8) -> u32``."""
    return parse_world(f"world w {{ export f: {function}; }}")["f"]


def strategy_wat(body: str, extra: str = "", *, name: str = "decide", pages: str = "1") -> str:
    """A module with one strategy. Parameters: $kind, $x, ..., $last, $list, $length."""
    return f"""(module (memory (export "memory") {pages}) {extra}
      (func (export "{name}")
        (param $kind i32) (param $x i32) (param $y i32) (param $energy i32) (param $shield i32) (param $blasters i32)
        (param $thrusters i32) (param $harvesters i32) (param $last i64) (param $list i32) (param $length i32)
        (result i64) {body}))"""


def module_of_exports(*names: str) -> bytes:
    """A module with one strategy under all these names."""
    exports = "".join(f'(export "{name}")' for name in names)
    return bytes(wasmtime.wat2wasm(strategy_wat("(i64.const 0)").replace('(export "decide")', exports)))


@dataclass
class Table:
    """Columns of arguments in host memory, filled from rows of Python values: scalars, texts and bytes."""

    frame: Frame

    @classmethod
    def of(
        cls, function: Function, rows: Sequence[Sequence[Any]], narrower: dict[str, str] | None = None
    ) -> "Table":
        layout = Layout.natural(function, narrower)
        texts = [
            [
                value.encode() if isinstance(value, str) else value
                for value in row
                if isinstance(value, str | bytes)
            ]
            for row in rows
        ]
        frame = Frame(layout, len(rows), sum(len(text) for row in texts for text in row))
        columns, at = iter(frame.columns), frame.tail_address
        for number, node in enumerate(layout.arguments):
            values = [row[number] for row in rows]
            if len(node.columns) == 1:
                next(columns)[:] = [ord(value) if node.type == CHAR else value for value in values]
                continue
            addresses, lengths = next(columns), next(columns)
            for row, value in enumerate(values):
                text = value.encode() if isinstance(value, str) else value
                frame.memory.array(at, np.uint8, len(text))[:] = np.frombuffer(text, np.uint8)
                addresses[row], lengths[row] = at, len(text)
                at += len(text)
        return cls(frame)

    @property
    def layout(self) -> Layout:
        return self.frame.layout

    @property
    def memory(self) -> HostMemory:
        return self.frame.memory

    @property
    def results(self) -> np.ndarray:
        return self.frame.columns[-1]

    def run(
        self, guest: Guest, limits: Limits = NO_FAULTS, start: int = 0, stop: int | None = None
    ) -> Outcome:
        return guest.run(self.frame, start, self.frame.rows if stop is None else stop, limits)


def numbered(count: int) -> Table:
    """``func(n: u32) -> u64`` over the numbers 0 to count - 1."""
    return Table.of(function_of("func(n: u32) -> u64"), [(n,) for n in range(count)])


def guest_of_number(body: str, extra: str = "") -> Guest:
    """A guest ``f: func(n: u32) -> u64`` with this body; its parameter is $n."""
    text = f'(module {extra} (func (export "f") (param $n i32) (result i64) {body}))'
    return Guest.of(compile_wat(text), "f")
