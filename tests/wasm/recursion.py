"""Guests that call themselves, each ``f: func(n: u32) -> u64`` with the depth that it came to."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import wasmtime

from wasmverse.wasm import driver, engine, flight, frame, guest
from wasmverse.wasm.wasi import functions, world

BASELINE = "x86_64-unknown-linux-gnu"
"""A target by its name has none of the features of this machine's processor."""

# n calls deep; the sum of ones is the depth.
_DEEPER = "(i64.add (i64.const 1) (call $deep (i32.sub (local.get $n) (i32.const 1))))"
_AT_BOTTOM = "(if (i32.eqz (local.get $n)) (then (return (i64.const 0))))"
_CALL = "(call $deep (local.get $n))"


def _v128_locals(count: int) -> str:
    """Vectors that are loaded before the call, where no compiler can put that off, and used behind it."""
    names = [f"$v{k}" for k in range(count)]
    made = "".join(
        f"(local.set {v} (v128.load offset={16 * k} (i32.and (local.get $n) (i32.const 0xff))))"
        for k, v in enumerate(names)
    )
    used = "".join(f"(global.set $sum (v128.xor (global.get $sum) (local.get {v})))" for v in names)
    declared = "".join(f"(local {v} v128)" for v in names)
    return f"""(global $sum (mut v128) (v128.const i64x2 0 0))
      (func $deep (param $n i32) (result i64) {declared} (local $deeper i64) {_AT_BOTTOM} {made}
        (local.set $deeper {_DEEPER}) {used} (local.get $deeper))"""


def _rounded(count: int) -> str:
    """Vectors held while others are rounded, for which a processor without SSE 4.1 calls a function: then all have to be kept."""
    held = "".join(
        f"(v128.load offset={16 * k} (i32.and (local.get $n) (i32.const 0xff)))" for k in range(count)
    )
    return f"""(global $sum (mut v128) (v128.const i64x2 0 0))
      (func $deep (param $n i32) (result i64) {_AT_BOTTOM}
        {held} (f32x4.nearest (v128.load offset=512 (i32.const 0))) {"(v128.xor)" * count} (global.set $sum) {_DEEPER})"""


def _i64_locals(count: int) -> str:
    made = "".join(
        f"(local.set $v{k} (i64.load offset={8 * k} (i32.and (local.get $n) (i32.const 0xff))))"
        for k in range(count)
    )
    used = "".join(f"(global.set $sum (i64.xor (global.get $sum) (local.get $v{k})))" for k in range(count))
    declared = "".join(f"(local $v{k} i64)" for k in range(count))
    return f"""(global $sum (mut i64) (i64.const 0))
      (func $deep (param $n i32) (result i64) {declared} (local $deeper i64) {_AT_BOTTOM} {made}
        (local.set $deeper {_DEEPER}) {used} (local.get $deeper))"""


def _operands(count: int) -> str:
    values = "".join(
        f"(i64.load offset={8 * k} (i32.and (local.get $n) (i32.const 0xff)))" for k in range(count)
    )
    return f"(func $deep (param $n i32) (result i64) {_AT_BOTTOM} {values} {_DEEPER} {'(i64.add)' * count})"


_PLAIN = f"(func $deep (param $n i32) (result i64) {_AT_BOTTOM} {_DEEPER})"
_THROUGH_TABLE = _DEEPER.replace("(call $deep (i32.sub (local.get $n) (i32.const 1)))",
    "(call_indirect (param i32) (result i64) (i32.sub (local.get $n) (i32.const 1)) (i32.const 1))")  # fmt: skip

KINDS: dict[str, str] = {
    "direct": _PLAIN,
    "mutual": f"""(func $deep (param $n i32) (result i64) {_AT_BOTTOM} {_DEEPER.replace("$deep", "$other")})
      (func $other (param $n i32) (result i64) (local $k i64) {_AT_BOTTOM} {_DEEPER})""",
    "table": f"""(table funcref (elem $none $deep)) (func $none)
      (func $deep (param $n i32) (result i64) {_AT_BOTTOM} {_THROUGH_TABLE})""",
    "table filled in flight": f"""(table $t 2 funcref) (elem declare func $deep) (func $deep (param $n i32) (result i64)
      {_AT_BOTTOM} (table.set $t (i32.const 1) (ref.func $deep)) {_THROUGH_TABLE})""",
    "vectors": _v128_locals(12),
    "many vectors": _v128_locals(400),
    "rounded vectors": _rounded(12),
    "locals": _i64_locals(200),
    "operands": _operands(150),
    "helpers": f"""(func $deep (param $n i32) (result i64) {_AT_BOTTOM} (i64.add (call $a (local.get $n)) {_DEEPER}))
      (func $a (param $n i32) (result i64) (call $b (local.get $n))) (func $b (param i32) (result i64) (i64.const 0))""",
    "several results": f"""(func $deep (param $n i32) (result i64) (local $k i64)
        (call $pair (local.get $n)) (local.set $k) (drop) (local.get $k))
      (func $pair (param $n i32) (result f32 i64)
        (if (i32.eqz (local.get $n)) (then (f32.const 1) (i64.const 0) (return)))
        (f32.const 2) {_DEEPER})""",
    "results in memory": f"""(func $deep (param $n i32) (result i64) (local $k i64)
        (call $many (local.get $n)) {"(drop)" * 19} (local.set $k) {"(drop)" * 20} (local.get $k))
      (func $many (param $n i32) (result {"v128 " * 20} i64 {"f64 " * 19})
        {"(v128.const i64x2 0 0)" * 20}
        (if (result i64) (local.get $n) (then {_DEEPER}) (else (i64.const 0))) {"(f64.const 0)" * 19})""",
    "many ways out": f"""(func $deep (param $n i32) (result i64)
        (block $a (block $b (loop $c
          (i64.const 0) (br_if 3 (i32.eqz (local.get $n))) (drop)
          (br_table $a $b 1 (i32.and (local.get $n) (i32.const 1)))))
          (return {_DEEPER}))
        (br 0 {_DEEPER}))""",
}  # fmt: skip


def module_of(kind: str, times: int = 50) -> str:
    """The module of a kind: its row n goes ``n * times`` calls deep."""
    return f"""(module (memory (export "memory") 1) {KINDS[kind]}
      (func (export "f") (param $row i32) (result i64) (call $deep (i32.mul (local.get $row) (i32.const {times})))))"""


def _forget() -> None:
    driver.driver_module.cache_clear()
    functions.functions_module.cache_clear()
    world._local.__dict__.clear()


@contextmanager
def other_engine(target: str | None, stack_bytes: int) -> Iterator[wasmtime.Engine]:
    """Fly with the code that another processor would get, on a native stack of another size."""
    config = engine.flight_config()
    if target is not None:
        config.target = target
    engine.set_native_stack(config, stack_bytes)
    other = wasmtime.Engine(config)
    _forget()
    try:
        with (
            patch.object(engine, "flight_engine", lambda: other),
            patch.object(guest, "flight_engine", lambda: other),
            patch.object(flight, "flight_engine", lambda: other),
            patch.object(functions, "flight_engine", lambda: other),
            patch.object(driver, "flight_engine", lambda: other),
            patch.object(frame, "flight_engine", lambda: other),
        ):
            yield other
    finally:
        _forget()
