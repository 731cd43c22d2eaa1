"""Guests for tests of turns, in WAT."""

from functools import cache

import wasmtime

from wasmverse.wasm.engine import compile_for_flight
from wasmverse.wasm.guest import Guest

PARAMETERS = """(param $kind i32) (param $x i32) (param $y i32) (param $energy i32) (param $shield i32)
  (param $blasters i32) (param $thrusters i32) (param $harvesters i32) (param $last i64) (param $list i32)
  (param $length i32) (result i64)"""


def guest_from_wat(body: str, extra: str = "") -> Guest:
    """A guest whose `decide` has this body and whose list always lies at address 1024."""
    text = f"""(module (memory (export "memory") 2)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      {extra}
      (func (export "decide") {PARAMETERS} {body}))"""
    return Guest.of(compile_for_flight(bytes(wasmtime.wat2wasm(text))), "decide")


# FNV-1a over everything the guest is told: any byte that differs gives another plan.
_HASH = """
  (local $hash i64) (local $i i32)
  (local.set $hash (i64.const 0xcbf29ce484222325))
  (local.set $hash (call $fold (local.get $hash) (i64.extend_i32_u (local.get $kind))))
  (local.set $hash (call $fold (local.get $hash) (i64.extend_i32_u (local.get $x))))
  (local.set $hash (call $fold (local.get $hash) (i64.extend_i32_u (local.get $y))))
  (local.set $hash (call $fold (local.get $hash) (i64.extend_i32_u (local.get $energy))))
  (local.set $hash (call $fold (local.get $hash) (i64.extend_i32_u (local.get $shield))))
  (local.set $hash (call $fold (local.get $hash) (i64.extend_i32_u (local.get $blasters))))
  (local.set $hash (call $fold (local.get $hash) (i64.extend_i32_u (local.get $thrusters))))
  (local.set $hash (call $fold (local.get $hash) (i64.extend_i32_u (local.get $harvesters))))
  (local.set $hash (call $fold (local.get $hash) (local.get $last)))
  (local.set $hash (call $fold (local.get $hash) (i64.const SALT)))
  (block $done (loop $next
    (br_if $done (i32.ge_u (local.get $i) (local.get $length)))
    (local.set $hash (call $fold (local.get $hash) (i64.load8_u (i32.add (local.get $list) (local.get $i)))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next)))
  (local.set $hash (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 29))))
  FAULTS
  (local.get $hash)"""
_FOLD = """(func $fold (param i64 i64) (result i64)
  (i64.mul (i64.xor (local.get 0) (local.get 1)) (i64.const 0x100000001b3)))"""
_FAULTS = """
  (if (i64.eqz (i64.rem_u (i64.shr_u (local.get $hash) (i64.const 8)) (i64.const 29))) (then (unreachable)))
  (if (i64.eqz (i64.rem_u (i64.shr_u (local.get $hash) (i64.const 8)) (i64.const 31))) (then (loop $forever (br $forever))))"""


@cache
def chaotic_guest(salt: int, *, faults: bool) -> Guest:
    """Returns a hash of all its arguments as the plan; one call in 29 traps and one in 31 never ends, if `faults`."""
    body = _HASH.replace("SALT", str(salt)).replace("FAULTS", _FAULTS if faults else "")
    return guest_from_wat(body, _FOLD)


_M = (1 << 64) - 1


def chaotic_plan(salt: int, me: tuple[int, ...], last_plan: int, seen: bytes, *, faults: bool) -> int | None:
    """What `chaotic_guest` returns, in Python; None for a fault. `me` is kind, x, y, energy, shield, blasters, ..."""
    value = 0xCBF29CE484222325
    for part in (*me, last_plan, salt, *seen):
        value = ((value ^ part) * 0x100000001B3) & _M
    value ^= value >> 29
    if faults and ((value >> 8) % 29 == 0 or (value >> 8) % 31 == 0):
        return None
    return value
