"""The driver: a small module, generated from a signature, that calls a guest once a row without leaving Wasm.

Calling from Python costs 13 microseconds and 12 more for each argument, a call from Wasm to Wasm a few nanoseconds; so the loop
over the rows is Wasm too, and takes no arguments: the header of host memory says which rows. The driver imports the host's
memory, where arguments lie in columns, and the guest's memory, function and allocator. For each row it loads the scalars, asks
the guest for room for each byte sequence and copies it there, calls, and stores the result. The exported global ``row`` says
which row was under way when something trapped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import wasmtime

from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.wit import Signature

_WIT_STORAGE = {
    "bool": "u1", "char": "u4", "u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8",
    "s8": "i1", "s16": "i2", "s32": "i4", "s64": "i8", "f32": "f4", "f64": "f8",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """How a signature's columns are stored in host memory.

    ``storage`` has one NumPy type code per scalar leaf (a narrower one than WIT's is allowed: a u32 that is known to fit a byte)
    and None for a byte sequence, which has two u32 columns: the address of its bytes, and their number.
    The header of host memory holds the rows to run and then the address of each column, in this order, the result's last.
    """

    signature: Signature
    storage: tuple[str | None, ...]
    result: str

    @classmethod
    def natural(cls, signature: Signature, narrower: dict[str, str] | None = None) -> Layout:
        """WIT's own widths, but for the leaves whose path is in ``narrower``."""
        narrower = narrower or {}
        storage = tuple(
            None if leaf.is_bytes else narrower.get(leaf.path, _WIT_STORAGE[leaf.type])
            for leaf in signature.leaves
        )
        return cls(signature, storage, _WIT_STORAGE[signature.result])

    @property
    def columns(self) -> int:
        """How many columns there are, the result's included."""
        return sum(2 if code is None else 1 for code in self.storage) + 1


def _access(core: str, code: str, verb: str) -> str:
    """The load or store instruction between a storage type and a core type, e.g. ``i32.load8_u``."""
    kind, width = np.dtype(code).kind, np.dtype(code).itemsize
    full = {"i32": 4, "i64": 8, "f32": 4, "f64": 8}[core]
    if width == full:
        return f"{core}.{verb}"
    sign = ("_s" if kind == "i" else "_u") if verb == "load" else ""
    return f"{core}.{verb}{8 * width}{sign}"


def _address(column: int, code: str, row: str = "(local.get $row)") -> str:
    shift = np.dtype(code).itemsize.bit_length() - 1
    offset = row if shift == 0 else f"(i32.shl {row} (i32.const {shift}))"
    return f"(i32.add (local.get $column{column}) {offset})"


def driver_wat(layout: Layout, *, has_realloc: bool) -> str:
    """The driver's text for a layout.

    Without an allocator in the guest, the driver adds pages to the guest's memory and puts the bytes there.
    """
    signature = layout.signature
    columns = range(layout.columns)
    params = " ".join(signature.core_params)
    lines = [
        "(module",
        '  (import "host" "memory" (memory $host 0 65536 shared))',
        '  (import "guest" "memory" (memory $guest 0))' if signature.takes_bytes else "",
        '  (import "guest" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))'
        if has_realloc and signature.takes_bytes
        else "",
        f'  (import "guest" "function" (func $function (param {params}) (result {signature.core_result})))',
        '  (global $current (export "row") (mut i32) (i32.const 0))',
        _room(has_realloc) if signature.takes_bytes else "",
        _CHAR if signature.result == "char" else "",
        '  (func (export "run")',
        "    (local $row i32) (local $to i32)" + "".join(f" (local $column{k} i32)" for k in columns),
    ]
    prepare: list[str] = []
    arguments: list[str] = []
    column = 0
    for number, (leaf, code) in enumerate(zip(signature.leaves, layout.storage, strict=True)):
        if code is None:
            lines.append(f"    (local $pointer{number} i32) (local $length{number} i32)")
            start = f"(i32.load $host {_address(column, 'u4')})"
            prepare += [
                f"        (local.set $length{number} (i32.load $host {_address(column + 1, 'u4')}))",
                f"        (local.set $pointer{number} (call $room (local.get $length{number})))",
                f"        (memory.copy $guest $host (local.get $pointer{number}) {start} (local.get $length{number}))",
            ]
            arguments += [f"(local.get $pointer{number})", f"(local.get $length{number})"]
            column += 2
        else:
            load = _access(leaf.core[0], code, "load")
            arguments.append(f"({load} $host {_address(column, code)})")
            column += 1
    lines += [
        f"    (local.set $column{k} (i32.load $host offset={8 + 4 * k} (i32.const 0)))" for k in columns
    ]
    reset = "        (global.set $used (i32.const 0))" if signature.takes_bytes and not has_realloc else ""
    store = _access(signature.core_result, layout.result, "store")
    lines += [
        "    (local.set $row (i32.load $host (i32.const 0)))",
        "    (local.set $to (i32.load $host offset=4 (i32.const 0)))",
        "    (block $done",
        "      (loop $next",
        "        (br_if $done (i32.ge_u (local.get $row) (local.get $to)))",
        "        (global.set $current (local.get $row))",
        reset,
        *prepare,
        f"        ({store} $host {_address(column, layout.result)}",
        *_lifted(signature.result, ["(call $function", *(f"  {argument}" for argument in arguments), ")"]),
        "        )",
        "        (local.set $row (i32.add (local.get $row) (i32.const 1)))",
        "        (br $next)))))",
    ]
    return "\n".join(line for line in lines if line)


def _room(has_realloc: bool) -> str:
    """``$room``: where the guest wants the next bytes; lists of bytes are aligned to 1."""
    if has_realloc:
        return (
            "  (func $room (param $length i32) (result i32)\n"
            "    (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (local.get $length)))"
        )
    # Pages once added stay. They are asked for with all that the row has needed so far, so the next such row needs no more.
    # A guest at its limit traps, which is a fault like any other.
    return """  (global $base (mut i32) (i32.const 0))
  (global $capacity (mut i32) (i32.const 0))
  (global $used (mut i32) (i32.const 0))
  (func $room (param $length i32) (result i32) (local $pages i32)
    (if (i32.gt_u (local.get $length) (i32.sub (global.get $capacity) (global.get $used)))
      (then
        (local.set $pages
          (i32.shr_u (i32.add (i32.add (global.get $used) (local.get $length)) (i32.const 65535)) (i32.const 16)))
        (global.set $base (i32.shl (memory.grow $guest (local.get $pages)) (i32.const 16)))
        (if (i32.eq (global.get $base) (i32.const 0xffff0000)) (then (unreachable)))
        (global.set $capacity (i32.shl (local.get $pages) (i32.const 16)))
        (global.set $used (i32.const 0))))
    (i32.add (global.get $base) (global.get $used))
    (global.set $used (i32.add (global.get $used) (local.get $length))))"""


def _lifted(result: str, call: list[str]) -> list[str]:
    """The call, and what the Canonical ABI makes of its result: any number but 0 is true, not every number is a char."""
    indented = [f"          {line}" for line in call]
    if result == "bool":
        return ["          (i32.ne (i32.const 0)", *indented, "          )"]
    if result == "char":
        return ["          (call $char", *indented, "          )"]
    return indented


# A Unicode scalar value: below 0x110000, and no surrogate.
_CHAR = """  (func $char (param $code i32) (result i32)
    (if (i32.or (i32.ge_u (local.get $code) (i32.const 0x110000))
          (i32.eq (i32.shr_u (local.get $code) (i32.const 11)) (i32.const 27)))
      (then (unreachable)))
    (local.get $code))"""


@cache
def driver_module(layout: Layout, has_realloc: bool) -> wasmtime.Module:
    """The compiled driver for a layout; made once per process."""
    wat = driver_wat(layout, has_realloc=has_realloc)
    return wasmtime.Module(flight_engine(), bytes(wasmtime.wat2wasm(wat)))
