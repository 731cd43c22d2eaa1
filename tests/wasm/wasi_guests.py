"""Guests in WAT that import WASI."""

import re
import struct

from tests.wasm.builder import compile_wat, limits_of, numbered
from wasmverse.wasm.abi import CoreFunction
from wasmverse.wasm.guest import Guest, Outcome
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.wasi.signatures import MODULE, SIGNATURES
from wasmverse.wasm.wasi.world import World

BADF, INVAL, NOTDIR, NOTSOCK, SPIPE, NOTCAPABLE, NOTSUP = 8, 28, 54, 57, 70, 76, 58
OUT_OF_BOUNDS = "trapped: memory access out of bounds"
LIMITS = limits_of(budget_fuel=1_000_000)
NOWHERE = World()
FOREVER = "(loop $again (br $again))"


def wasi_wat(body: str, extra: str = "", *, imports_all: bool = False) -> str:
    """A guest ``f: func(n: u32) -> u64`` that imports the functions that it names, at least one, or all of them."""
    named = [name for name in SIGNATURES if imports_all or re.search(rf"\${name}\b", body + extra)]
    imports = "".join(
        f'(import "{MODULE}" "{name}" (func ${name} (param {" ".join(SIGNATURES[name].params)}) {_result(SIGNATURES[name])}))'
        for name in named or ["sched_yield"]
    )
    return f"""(module {imports} (memory (export "memory") 1) {extra}
      (func (export "f") (param $n i32) (result i64) {body}))"""


def _result(type_: CoreFunction) -> str:
    return "(result i32)" if type_.results else ""


def guest_of(body: str, extra: str = "") -> Guest:
    return Guest.of(compile_wat(wasi_wat(body, extra)), "f")


def flown(
    body: str, extra: str = "", *, rows: int = 1, world: World = NOWHERE, limits: Limits = LIMITS
) -> tuple[Outcome, list[int]]:
    table = numbered(rows)
    outcome = guest_of(body, extra).run(table.frame, 0, rows, limits, world)
    return outcome, table.results.tolist()


def called(name: str, *arguments: int, then: str = "", extra: str = "", world: World = NOWHERE) -> int:
    """What a function answers; or, with ``then``, that: a value of 64 bits."""
    params = SIGNATURES[name].params
    assert len(params) == len(arguments)
    values = " ".join(f"({type_}.const {value})" for type_, value in zip(params, arguments, strict=True))
    call = f"(call ${name} {values})"
    body = f"(drop {call}) {then}" if then else f"(i64.extend_i32_u {call})"
    outcome, (result,) = flown(body, extra, world=world)
    assert outcome.reason is None
    return result


def load(address: int) -> str:
    return f"(i64.load (i32.const {address}))"


HELLO = '(data (i32.const 16) "\\30\\00\\00\\00\\06\\00\\00\\00\\36\\00\\00\\00\\06\\00\\00\\00hello world\\n")'.replace(
    "\\00\\00\\00hello", '\\00\\00\\00") (data (i32.const 48) "hello'
)
PRINT = "(drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 2) (i32.const 8)))"


def vectors(*pairs: tuple[int, int]) -> str:
    data = "".join(f"\\{byte:02x}" for pair in pairs for byte in struct.pack("<II", *pair))
    return f'(data (i32.const 16) "{data}")'
