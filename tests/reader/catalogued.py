"""Functions of the catalogue for tests of readers: guests in WAT, as a snapshot publishes them."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from tests.query.builder import snapshot_tables
from tests.wasm.builder import compile_wat
from wasmverse.functions.definition import Definition, Kind
from wasmverse.functions.inspection import inspect_function
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import Settings
from wasmverse.simulation.catalogue import Catalogue
from wasmverse.snapshots.modules import Modules, function_files
from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema
from wasmverse.wasm.types import F64, U32, Field, Function, List, String, ValueType
from wasmverse.wasm.wit import parse_world


@dataclass(frozen=True)
class Given:
    """A function and the text of its module; of a component what it was compiled to."""

    definition: Definition
    wat: str
    compiled: bytes = b""


def given(
    name: str, signature: str, wat: str, *, types: str = "", kind: Kind = "scalar", **values: Any
) -> Given:
    """A function of a signature in WIT, such as ``func(x: f64) -> f64``; ``types`` declares the types that it names."""
    function = parse_world(f"world w {{ {types} export f: {signature}; }}")["f"]
    return Given(_definition(name, kind, function, wat, export="f", **values), wat)


def aggregate(
    name: str, signature: str, state: ValueType, wat: str, *, merge: str | None = None, **values: Any
) -> Given:
    """An aggregate whose steps are exported as ``initialize``, ``iterate`` and ``terminate``."""
    function = parse_world(f"world w {{ export f: {signature}; }}")["f"]
    steps = {"initialize": "initialize", "iterate": "iterate", "terminate": "terminate", "merge": merge}
    return Given(_definition(name, "aggregate", function, wat, state=state, **steps, **values), wat)


def _definition(name: str, kind: Kind, function: Function, wat: str, **values: Any) -> Definition:
    sha256 = hashlib.sha256(wat.encode()).hexdigest()
    return Definition(name, kind, function, "canonical", sha256, "WAT", **values)


def _row(definition: Definition, refusal: str | None) -> dict[str, Any]:
    counted = dict.fromkeys(("calls", "rows", "faults", "fuel", "bytes"), 0)
    return {
        **definition.to_row(),
        **counted,
        "seconds": 0.0,
        "signature": definition.signature,
        "parameters": definition.parameters,
        "is_current": True,
        "author": "somebody",
        "created_at": datetime.datetime(2030, 1, 1),
        "refusal": refusal,
    }


def _no_module(sha256: str) -> bytes:
    raise AssertionError(f"{sha256} was compiled before")


def of_component(name: str, data: bytes, kind: Kind = "scalar", **wanted: Any) -> Given:
    """A function that is made of a component."""
    definition, compiled = inspect_function(data, Wanted(name, kind, **wanted), Settings())
    return Given(definition, "", compiled)


def function_table(functions: Sequence[Given], refusal: str | None = None) -> tuple[pa.Table, Modules]:
    """The snapshot's table of some functions, and their modules."""
    rows = [_row(one.definition, refusal) for one in functions]
    catalogue = Catalogue()
    for one, row in zip(functions, rows, strict=True):
        catalogue.add(row, one.compiled or bytes(compile_wat(one.wat).serialize()))
    catalogue.load([SimpleNamespace(**row) for row in rows], _no_module)
    modules = catalogue.modules
    return pa.Table.from_pylist(rows, schema=arrow_schema(schema.published_function)), function_files(modules)


def tables_with(
    tid: int, functions: Sequence[Given], refusal: str | None = None
) -> tuple[dict[str, pa.Table], Modules]:
    """The tables of a turn that has these functions, and their modules."""
    table, modules = function_table(functions, refusal)
    return snapshot_tables(tid) | {"wasm_function": table}, modules


def newer(one: Given, wat: str) -> Given:
    """The next version of a function."""
    sha256 = hashlib.sha256(wat.encode()).hexdigest()
    return Given(replace(one.definition, sha256=sha256, version=one.definition.version + 1), wat)


REALLOC = """
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))
  (func $realloc (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (block $fits (loop $more
      (br_if $fits (i32.le_u (global.get $free) (i32.shl (memory.size) (i32.const 16))))
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))
      (br $more)))
    (memory.copy (local.get $at) (local.get $old) (local.get $had))
    (local.get $at))"""
"""Memory and an allocator that never frees."""

POWER = given(
    "boost",
    "func(x: f64, y: f64) -> f64",
    """(module (func (export "f") (param f64 f64) (result f64)
      (f64.mul (local.get 0) (f64.mul (local.get 0) (local.get 1)))))""",
)

CHARACTERS = given(
    "characters",
    "func(text: string) -> u32",
    f"""(module {REALLOC} (func (export "f") (param $at i32) (param $length i32) (result i32)
      (local $end i32) (local $count i32)
      (local.set $end (i32.add (local.get $at) (local.get $length)))
      (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $count (i32.add (local.get $count)
          (i32.ne (i32.and (i32.load8_u (local.get $at)) (i32.const 0xc0)) (i32.const 0x80))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
      (local.get $count)))""",
)

SHOUT = given(
    "shout",
    "func(text: string) -> string",
    f"""(module {REALLOC} (func (export "f") (param $at i32) (param $length i32) (result i32)
      (local $k i32) (local $letter i32)
      (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $k) (local.get $length)))
        (local.set $letter (i32.load8_u (i32.add (local.get $at) (local.get $k))))
        (if (i32.lt_u (i32.sub (local.get $letter) (i32.const 97)) (i32.const 26)) (then
          (i32.store8 (i32.add (local.get $at) (local.get $k)) (i32.sub (local.get $letter) (i32.const 32)))))
        (local.set $k (i32.add (local.get $k) (i32.const 1)))
        (br $next)))
      (i32.store (i32.const 16) (local.get $at)) (i32.store (i32.const 20) (local.get $length))
      (i32.const 16)))""",
)

WORDS = given(
    "words",
    "func(text: string) -> list<word>",
    f"""(module {REALLOC} (func (export "f") (param $at i32) (param $length i32) (result i32)
      (local $from i32) (local $k i32) (local $out i32) (local $count i32)
      (local.set $out (call $realloc (i32.const 0) (i32.const 0) (i32.const 4)
        (i32.mul (i32.const 12) (i32.add (local.get $length) (i32.const 1)))))
      (block $done (loop $next
        (if (i32.or (i32.eq (local.get $k) (local.get $length))
              (i32.eq (i32.load8_u (i32.add (local.get $at) (local.get $k))) (i32.const 32))) (then
          (if (i32.gt_u (local.get $k) (local.get $from)) (then
            (i32.store (i32.add (local.get $out) (i32.mul (i32.const 12) (local.get $count))) (local.get $count))
            (i32.store offset=4 (i32.add (local.get $out) (i32.mul (i32.const 12) (local.get $count)))
              (i32.add (local.get $at) (local.get $from)))
            (i32.store offset=8 (i32.add (local.get $out) (i32.mul (i32.const 12) (local.get $count)))
              (i32.sub (local.get $k) (local.get $from)))
            (local.set $count (i32.add (local.get $count) (i32.const 1)))))
          (local.set $from (i32.add (local.get $k) (i32.const 1)))))
        (local.set $k (i32.add (local.get $k) (i32.const 1)))
        (br_if $next (i32.le_u (local.get $k) (local.get $length)))))
      (i32.store (i32.const 16) (local.get $out)) (i32.store (i32.const 20) (local.get $count))
      (i32.const 16)))""",
    types="record word { place: u32, text: string }",
    kind="table",
)

TOTAL = aggregate(
    "total",
    "func(x: f64) -> f64",
    F64,
    f"""(module {REALLOC}
      (func (export "initialize") (result f64) (f64.const 0))
      (func (export "iterate") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
      (func (export "merge") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
      (func (export "terminate") (param f64) (result f64) (local.get 0)))""",
    merge="merge",
)

WEIGHTED_WAT = f"""(module {REALLOC}
  (func (export "initialize") (result i32) (i64.store (i32.const 16) (i64.const 0)) (f64.store (i32.const 24) (f64.const 0))
    (i32.const 16))
  (func (export "iterate") (param $weight i64) (param $sum f64) (param $x f64) (param $w i32) (result i32)
    (i64.store (i32.const 32) (i64.add (local.get $weight) (i64.extend_i32_u (local.get $w))))
    (f64.store (i32.const 40) (f64.add (local.get $sum)
      (f64.mul (local.get $x) (f64.convert_i32_u (local.get $w)))))
    (i32.const 32))
  (func (export "terminate") (param $weight i64) (param $sum f64) (result i32)
    (i32.store8 (i32.const 64) (i64.ne (local.get $weight) (i64.const 0)))
    (f64.store (i32.const 72) (f64.div (local.get $sum) (f64.convert_i64_u (local.get $weight))))
    (i32.const 64)))"""
"""The weighted mean of numbers, none of none; its state is a record."""

LONGEST_WAT = f"""(module {REALLOC}
  (func (export "initialize") (result i32) (i64.store (i32.const 16) (i64.const 0)) (i32.const 16))
  (func (export "iterate") (param $at i32) (param $length i32) (param $new i32) (param $new_length i32) (result i32)
    (i32.store (i32.const 16) (select (local.get $new) (local.get $at)
      (i32.gt_u (local.get $new_length) (local.get $length))))
    (i32.store (i32.const 20) (select (local.get $new_length) (local.get $length)
      (i32.gt_u (local.get $new_length) (local.get $length))))
    (i32.const 16))
  (func (export "terminate") (param i32 i32) (result i32)
    (i32.store (i32.const 24) (local.get 0)) (i32.store (i32.const 28) (local.get 1)) (i32.const 24)))"""

LONGEST = aggregate("longest", "func(text: string) -> string", String(), LONGEST_WAT)

MEDIAN_WAT = f"""(module {REALLOC}
  (func (export "initialize") (result i32) (local $at i32)
    (local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 16)))
    (i64.store (local.get $at) (i64.const 0)) (i64.store offset=8 (local.get $at) (i64.const 0)) (local.get $at))
  ;; at 0 the number of values, at 4 for how many there is room, at 8 where they are
  (func (export "iterate") (param $state i32) (param $x f64) (result i32) (local $count i32) (local $room i32) (local $at i32)
    (local.set $count (i32.load (local.get $state)))
    (local.set $room (i32.load offset=4 (local.get $state)))
    (if (i32.eq (local.get $count) (local.get $room)) (then
      (i32.store offset=8 (local.get $state) (call $realloc (i32.load offset=8 (local.get $state))
        (i32.shl (local.get $room) (i32.const 3)) (i32.const 8)
        (i32.add (i32.shl (local.get $room) (i32.const 4)) (i32.const 64))))
      (i32.store offset=4 (local.get $state) (i32.add (i32.shl (local.get $room) (i32.const 1)) (i32.const 8)))))
    ;; kept in order: those that are larger move up
    (local.set $at (i32.add (i32.load offset=8 (local.get $state)) (i32.shl (local.get $count) (i32.const 3))))
    (block $here (loop $down
      (br_if $here (i32.eq (local.get $at) (i32.load offset=8 (local.get $state))))
      (br_if $here (f64.le (f64.load (i32.sub (local.get $at) (i32.const 8))) (local.get $x)))
      (f64.store (local.get $at) (f64.load (i32.sub (local.get $at) (i32.const 8))))
      (local.set $at (i32.sub (local.get $at) (i32.const 8)))
      (br $down)))
    (f64.store (local.get $at) (local.get $x))
    (i32.store (local.get $state) (i32.add (local.get $count) (i32.const 1)))
    (local.get $state))
  (func (export "terminate") (param $state i32) (result f64) (local $count i32)
    (local.set $count (i32.load (local.get $state)))
    (if (result f64) (i32.eqz (local.get $count)) (then (f64.const nan)) (else
      (f64.mul (f64.const 0.5) (f64.add
        (f64.load (i32.add (i32.load offset=8 (local.get $state))
          (i32.shl (i32.shr_u (local.get $count) (i32.const 1)) (i32.const 3))))
        (f64.load (i32.add (i32.load offset=8 (local.get $state))
          (i32.shl (i32.shr_u (i32.sub (local.get $count) (i32.const 1)) (i32.const 1)) (i32.const 3)))))))))
  )"""

MEDIAN = aggregate("middle", "func(x: f64) -> f64", U32, MEDIAN_WAT, is_handle=True)
"""The median; its state is a number that only the instance understands."""

WORD = List(String())
PAIR = (Field("x", F64), Field("w", U32))
