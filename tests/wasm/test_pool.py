"""Flights whose memories and tables come from a pool find nothing of those before them, and fly where there is none."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FLOWN = """
import json, resource, sys
from tests.wasm.builder import NO_FAULTS, Table, compile_wat, function_of
from wasmverse.wasm import engine
from wasmverse.wasm.guest import Guest

mode = sys.argv[1]
if mode == "bounded":
    resource.setrlimit(resource.RLIMIT_AS, (24 << 30, 24 << 30))
if mode != "plain":
    engine.pool_flights()

# What it finds where it will write: near and far in its memory, in a global, in its table, and how large the memory is.
guest = Guest.of(compile_wat('''(module (memory (export "memory") 1 100) (table $t 2 100 funcref)
  (global $g (mut i64) (i64.const 0))
  (data (i32.const 8) "\\\\05") (elem declare func $f)
  (func $f (export "f") (param $x i64) (result i64) (local $found i64)
    (local.set $found (i64.extend_i32_u (memory.grow (i32.const 60))))
    (local.set $found (i64.add (i64.mul (i64.const 10) (local.get $found)) (i64.load (i32.const 8))))
    (local.set $found (i64.add (i64.mul (i64.const 10) (local.get $found)) (i64.load (i32.const 60000))))
    (local.set $found (i64.add (i64.mul (i64.const 10) (local.get $found)) (i64.load (i32.const 3000000))))
    (local.set $found (i64.add (i64.mul (i64.const 10) (local.get $found)) (global.get $g)))
    (local.set $found (i64.add (i64.mul (i64.const 10) (local.get $found))
      (i64.extend_i32_u (i32.eqz (ref.is_null (table.get $t (i32.const 1)))))))
    (i64.store (i32.const 8) (i64.const 7)) (i64.store (i32.const 60000) (i64.const 7))
    (i64.store (i32.const 3000000) (i64.const 7)) (global.set $g (i64.const 7)) (table.set $t (i32.const 1) (ref.func $f))
    (local.get $found)))'''), "f")
table = Table.of(function_of("func(x: s64) -> s64"), [(1,)] * 3)
found = []
for _ in range(3):
    outcome = guest.run(table.frame, 0, 3, NO_FAULTS)
    assert outcome.reason is None, outcome
    found.append(table.frame.columns[-1].tolist())
with open("/proc/self/status") as status:
    kib = next(int(line.split()[1]) for line in status if line.startswith("VmSize"))
print(json.dumps([found, kib > 1 << 30]))
"""
FOUND = 150_000
"""What a fresh instance finds: one page, and what its data segment has written."""


@pytest.mark.parametrize(("mode", "has_pool"), [("plain", False), ("pooled", True), ("bounded", False)])
def test_a_fresh_instance_finds_nothing_of_another(mode: str, has_pool: bool) -> None:
    done = subprocess.run([sys.executable, "-c", FLOWN, mode], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, is_large = json.loads(done.stdout)
    assert [rows[0] for rows in found] == [FOUND] * 3
    assert all(later != FOUND for rows in found for later in rows[1:])
    assert is_large == has_pool
