"""The driver: a small module, generated from a signature, that calls a guest once a row without leaving Wasm.

Calling from Python costs 13 microseconds and 12 more for each argument, a call from Wasm to Wasm a few nanoseconds; so the loop
over the rows is Wasm too, and takes no arguments: the header of host memory says which rows. The driver imports the host's
memory, where arguments lie in columns, and the guest's memory, function and allocator. For each row it loads the scalars, asks
the guest for room for each byte sequence and copies it there, calls, and stores the result. The exported global ``row`` says
which row was under way when something trapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import wasmtime

from wasmverse.errors import WasmverseError
from wasmverse.text import printable
from wasmverse.wasm import abi
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.types import BOOL, CHAR, Function, List, Scalar, String


class SignatureError(WasmverseError):
    """No driver can call a function with these parameters or this result."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A part of the parameters that lies in columns of its own.

    Attributes
    ----------
    path : its name, such as ``me.x``.
    type : a scalar has one column; a string and a list of bytes have two: the address of the bytes, and their number.
    codes : NumPy type codes of the columns.
    cores : the core parameters that carry it, as many as columns.
    """

    path: str
    type: Scalar | String | List
    codes: tuple[str, ...]
    cores: tuple[str, ...]

    @property
    def is_bytes(self) -> bool:
        """Whether it is a pointer to bytes and their number."""
        return not isinstance(self.type, Scalar)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns of host memory a function's rows lie in.

    The header of host memory holds the rows to run and then the address of each column: those of the arguments in their order,
    then the result's.
    """

    arguments: tuple[Argument, ...]
    result: Scalar

    @classmethod
    def natural(cls, function: Function, narrower: Mapping[str, str] | None = None) -> Layout:
        """A column for each scalar, as wide as it is in WIT, unless ``narrower`` has a type code for its path: a u32 that is
        known to fit a byte, for example, may lie in one.

        This is where a signature becomes a driver, and the only place that says which signatures can.

        Raises
        ------
        SignatureError : a parameter or the result is of a type that is not carried row by row; it names which.
        """
        arguments = tuple(_arguments(function, narrower or {}))
        passed = sum(len(argument.cores) for argument in arguments)
        if passed > abi.FLAT_PARAMS_MAX:
            raise SignatureError(
                f"the function takes {passed} values, records taken apart and byte sequences counted twice; "
                f"{abi.FLAT_PARAMS_MAX} are passed one by one, and no driver passes more through memory: take fewer"
            )
        if not isinstance(function.result, Scalar):
            raise SignatureError(
                f"the function returns {printable(function.result or 'nothing', 80)}; a driver stores one scalar a row: "
                "return a number, a bool or a char"
            )
        return cls(arguments, function.result)

    @property
    def codes(self) -> tuple[str, ...]:
        """NumPy type codes of all columns, the result's last."""
        columns = tuple(code for argument in self.arguments for code in argument.codes)
        return (*columns, *abi.codes_of(self.result))

    @property
    def takes_bytes(self) -> bool:
        """Whether any argument is a byte sequence."""
        return any(argument.is_bytes for argument in self.arguments)


def _arguments(function: Function, narrower: Mapping[str, str]) -> Iterator[Argument]:
    params = abi.params_of(function)
    for leaf in () if params is None else abi.leaves(params):
        match leaf.type:
            case Scalar():
                codes: tuple[str, ...] = (narrower.get(leaf.path, leaf.codes[0]),)
            case String() | List(Scalar("u8")):
                codes = leaf.codes
            case _:
                raise SignatureError(
                    f"{printable(leaf.path, 80)} is a {printable(leaf.type, 80)}; a driver loads scalars, string and list<u8>, "
                    "and records and tuples of these: use one of them"
                )
        yield Argument(leaf.path, leaf.type, codes, leaf.cores)


def _address(column: int, code: str, row: str = "(local.get $row)") -> str:
    shift = np.dtype(code).itemsize.bit_length() - 1
    offset = row if shift == 0 else f"(i32.shl {row} (i32.const {shift}))"
    return f"(i32.add (local.get $column{column}) {offset})"


def driver_wat(layout: Layout, *, has_realloc: bool) -> str:
    """The driver's text for a layout.

    Without an allocator in the guest, the driver adds pages to the guest's memory and puts the bytes there.
    """
    codes, takes_bytes = layout.codes, layout.takes_bytes
    columns = range(len(codes))
    params = " ".join(core for argument in layout.arguments for core in argument.cores)
    (result,) = abi.flatten(layout.result)
    lines = [
        "(module",
        '  (import "host" "memory" (memory $host 0 65536 shared))',
        '  (import "guest" "memory" (memory $guest 0))' if takes_bytes else "",
        '  (import "guest" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))'
        if has_realloc and takes_bytes
        else "",
        f'  (import "guest" "function" (func $function (param {params}) (result {result})))',
        '  (global $current (export "row") (mut i32) (i32.const 0))',
        _room(has_realloc) if takes_bytes else "",
        _CHAR if layout.result == CHAR else "",
        '  (func (export "run")',
        "    (local $row i32) (local $to i32)" + "".join(f" (local $column{k} i32)" for k in columns),
    ]
    prepare: list[str] = []
    values: list[str] = []
    column = 0
    for number, argument in enumerate(layout.arguments):
        loads = [
            f"({abi.instruction(core, code, 'load')} $host {_address(column + k, code)})"
            for k, (core, code) in enumerate(zip(argument.cores, argument.codes, strict=True))
        ]
        column += len(loads)
        if not argument.is_bytes:
            values += loads
            continue
        start, length = loads
        lines.append(f"    (local $pointer{number} i32) (local $length{number} i32)")
        prepare += [
            f"        (local.set $length{number} {length})",
            f"        (local.set $pointer{number} (call $room (local.get $length{number})))",
            f"        (memory.copy $guest $host (local.get $pointer{number}) {start} (local.get $length{number}))",
        ]
        values += [f"(local.get $pointer{number})", f"(local.get $length{number})"]
    lines += [
        f"    (local.set $column{k} (i32.load $host offset={8 + 4 * k} (i32.const 0)))" for k in columns
    ]
    reset = "        (global.set $used (i32.const 0))" if takes_bytes and not has_realloc else ""
    store = abi.instruction(result, codes[-1], "store")
    lines += [
        "    (local.set $row (i32.load $host (i32.const 0)))",
        "    (local.set $to (i32.load $host offset=4 (i32.const 0)))",
        "    (block $done",
        "      (loop $next",
        "        (br_if $done (i32.ge_u (local.get $row) (local.get $to)))",
        "        (global.set $current (local.get $row))",
        reset,
        *prepare,
        f"        ({store} $host {_address(columns[-1], codes[-1])}",
        *_lifted(layout.result, ["(call $function", *(f"  {value}" for value in values), ")"]),
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


def _lifted(result: Scalar, call: list[str]) -> list[str]:
    """The call, and what the Canonical ABI makes of its result: any number but 0 is true, not every number is a char."""
    indented = [f"          {line}" for line in call]
    if result == BOOL:
        return ["          (i32.ne (i32.const 0)", *indented, "          )"]
    if result == CHAR:
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
