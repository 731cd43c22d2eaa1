"""Components of any shape as functions of the catalogue, called in SQL."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reader.catalogued import POWER, Given, of_component
from tests.reader.test_functions import SETTINGS
from tests.reader.test_wasm_functions import Catalogued, failure
from tests.wasm.component.builder import component, of_two_modules

CORE = """(global $calls (mut i32) (i32.const 0))
  (func (export "calls") (param i32) (result i32)
    (if (i32.eq (local.get 0) (i32.const 666)) (then (unreachable)))
    (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (global.get $calls))
  (func (export "fail") (param i32) (result i32)
    (i32.store8 (i32.const 16) (i32.gt_u (local.get 0) (i32.const 9)))
    (i32.store (i32.const 20) (local.get 0)) (i32.store (i32.const 24) (i32.const 4))
    (i32.store (i32.const 40) (i32.const 0x21676962))
    (if (i32.gt_u (local.get 0) (i32.const 9)) (then (i32.store (i32.const 20) (i32.const 40))))
    (i32.const 16))"""
TYPES = {
    "calls": '(param "n" u32) (result u32)',
    "fail": '(param "n" u32) (result (result u32 (error string)))',
}
MODULES = of_two_modules(CORE, TYPES)

MEAN = """(global $count (mut i32) (i32.const 0)) (global $merges (mut i32) (i32.const 0))
  (func (export "begin") (result i32) (global.set $count (i32.add (global.get $count) (i32.const 16)))
    (i64.store (global.get $count) (i64.const 0)) (i64.store offset=8 (global.get $count) (i64.const 0)) (global.get $count))
  (func (export "step") (param i32 f64) (result i32)
    (f64.store (local.get 0) (f64.add (f64.load (local.get 0)) (local.get 1)))
    (f64.store offset=8 (local.get 0) (f64.add (f64.load offset=8 (local.get 0)) (f64.const 1)))
    (if (f64.eq (local.get 1) (f64.const -1)) (then (unreachable))) (local.get 0))
  (func (export "both") (param i32 i32) (result i32)
    (f64.store (local.get 0) (f64.add (f64.load (local.get 0)) (f64.load (local.get 1))))
    (f64.store offset=8 (local.get 0) (f64.add (f64.load offset=8 (local.get 0)) (f64.load offset=8 (local.get 1))))
    (local.get 0))
  (func (export "end") (param i32) (result f64) (global.set $count (i32.const 0))
    (f64.div (f64.load (local.get 0)) (f64.load offset=8 (local.get 0))))"""
"""The mean, with its states in a memory of the component."""


def mean(merge: str | None = None) -> Given:
    core = MEAN
    types = {
        "begin": "(result u32)",
        "step": '(param "state" u32) (param "x" f64) (result u32)',
        "both": '(param "a" u32) (param "b" u32) (result u32)',
        "end": '(param "state" u32) (result f64)',
    }
    return of_component(
        "balance",
        of_two_modules(core, types),
        "aggregate",
        is_handle=True,
        steps=("begin", "step", merge, "end"),
    )


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Catalogued]:
    asked = Catalogued(tmp_path, SETTINGS)
    yield asked
    asked.writer.close()


def test_two_functions_of_one_component_beside_one_of_a_module(asked: Catalogued) -> None:
    asked.have(1, of_component("calls", MODULES), of_component("fail", MODULES), POWER)
    assert asked.rows("select calls(5), fail(3), try_fail(10), boost(3, 1)") == [[1, 3, None, 9.0]]
    assert failure(asked, "select fail(10)").message.endswith("(10): big!")
    failed = failure(asked, "select calls(665 + range) from range(3)")
    assert (failed.code, failed.message.partition(" failed")[0]) == (3200, "FUNCTION calls")
    assert failed.message.endswith("trapped: unreachable")


def test_rows_are_run_by_instances_of_their_own_batch(asked: Catalogued) -> None:
    asked.have(1, of_component("calls", MODULES))
    counted = asked.rows(
        "select max(c) from (select calls(range) c from range(600, 5000) where range <> 666)"
    )
    assert 256 < counted[0][0] <= 2_048
    values = asked.rows("select try_calls(range) from range(664, 669)")
    assert [value is None for (value,) in values] == [False, False, True, False, False]


def test_a_table_function(asked: Catalogued) -> None:
    text = """(core module $o) (core instance (instantiate $o))
      (core module $m (memory (export "memory") 1)
        (func (export "f") (param i32) (result i32)
          (i32.store (i32.const 32) (local.get 0)) (i32.store (i32.const 36) (i32.mul (local.get 0) (local.get 0)))
          (i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) (i32.const 1)) (i32.const 16)))
      (core instance $main (instantiate $m))
      (type $row (record (field "k" u32) (field "square" u32))) (export $r "row" (type $row))
      (func (export "f") (param "n" u32) (result (list $r)) (canon lift (core func $main "f")
        (memory (core memory $main "memory"))))"""
    asked.have(1, of_component("squares", component(text), "table", export="f"))
    assert asked.rows("select s.* from range(3) t(n), squares(n) s order by k") == [[0, 0], [1, 1], [2, 4]]


@pytest.mark.parametrize("merge", [None, "both"])
def test_an_aggregate_over_groups_short_and_long(
    asked: Catalogued, merge: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wasmverse.reader.callee.CHUNK", 1_000)
    asked.have(1, mean(merge))
    groups = {0: range(3), 1: range(3, 5_003), 2: range(5_003, 5_010)}
    case = "case when range < 3 then 0 when range < 5003 then 1 else 2 end"
    rows = asked.rows(f"select {case} k, balance(range) from range(5010) group by k order by k")
    assert rows == [[key, statistics.mean(group)] for key, group in groups.items()]
    assert failure(asked, "select balance(x) from (values (1), (-1)) t (x)").message.startswith(
        "AGGREGATE balance failed"
    )
    assert asked.rows("select try_balance(x) from (values (1), (-1)) t (x)") == [[None]]
