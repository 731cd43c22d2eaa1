"""Functions of components over rows: the same results and faults as of core modules, whatever the component is made of."""

import numpy as np
import pytest

from tests.wasm.builder import Table, function_of, limits_of
from wasmverse.wasm.component.guest import ComponentGuest
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.limits import Limits

from .builder import LIMITS, component, functions_of, guest_in, of_one_module, of_two_modules, run, wrapped

NUMBER = function_of("func(n: u32) -> u64")
TYPE = '(param "n" u32) (result u64)'


def number_guest(body: str, extra: str = "") -> ComponentGuest:
    """``f: func(n: u32) -> u64`` of two core modules."""
    data = of_two_modules(f'{extra} (func (export "f") (param $n i32) (result i64) {body})', {"f": TYPE})
    guest = guest_in(data, "f")
    assert isinstance(guest, ComponentGuest)
    return guest


def rows(count: int) -> list[tuple[int]]:
    return [(n,) for n in range(count)]


def test_every_row_is_called_with_its_arguments() -> None:
    guest = number_guest("(i64.mul (i64.const 3) (i64.extend_i32_u (local.get $n)))")
    results, outcome = run(guest, NUMBER, rows(1_500))
    assert results == [3 * n for n in range(1_500)]
    assert (outcome.faults, outcome.reason) == (0, None)
    assert 0 < outcome.made_seconds < outcome.seconds
    assert outcome.fuel > 1_500 * 3


def test_core_modules_call_each_other() -> None:
    data = of_two_modules(
        """(import "other" "twice" (func $twice (param i32) (result i32)))
        (func (export "f") (param i32) (result i64) (i64.extend_i32_u (call $twice (local.get 0))))""",
        {"f": TYPE},
        '(func (export "twice") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))',
    )
    assert run(guest_in(data, "f"), NUMBER, rows(5))[0] == [0, 2, 4, 6, 8]


def test_only_the_rows_asked_for_are_run_and_their_neighbours_stay() -> None:
    function = function_of("func(n: u8) -> u8")
    body = '(func (export "f") (param $n i32) (result i32) (i32.add (local.get $n) (i32.const 100)))'
    guest = guest_in(of_two_modules(body, {"f": '(param "n" u8) (result u8)'}), "f")
    table = Table.of(function, rows(50))
    table.results[:] = 7
    assert guest.run(table.frame, 3, 38, LIMITS).faults == 0
    assert table.results.tolist() == [7] * 3 + [n + 100 for n in range(3, 38)] + [7] * 12


def test_a_trap_is_a_fault_of_its_row_alone() -> None:
    guest = number_guest("(if (i32.eq (local.get $n) (i32.const 700)) (then (unreachable))) (i64.const 1)")
    results, outcome = run(guest, NUMBER, rows(1_000))
    assert outcome.faulted == [700]
    assert outcome.reason == "trapped: unreachable"
    assert results == [1] * 700 + [0] + [1] * 299


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("(unreachable)", "trapped: unreachable"),
        ("(i64.load (i32.const -1))", "trapped: memory access out of bounds"),
        ("(i64.div_u (i64.const 1) (i64.const 0))", "trapped: integer division by zero"),
        ("(i64.div_s (i64.const 0x8000000000000000) (i64.const -1))", "trapped: integer overflow"),
        ("(i64.trunc_f64_s (f64.const nan))", "trapped: a float that no integer can hold"),
        ("(loop $l (br $l)) (i64.const 0)", "ran out of fuel"),
        ("(call_indirect (i32.const 0)) (i64.const 0)", "trapped: call of an empty table element"),
        ("(call_indirect (i32.const 99)) (i64.const 0)", "trapped: table access out of bounds"),
        ("(call_indirect (param i32) (i32.const 0) (i32.const 1)) (i64.const 0)",
         "trapped: indirect call with the wrong signature"),
    ],
)  # fmt: skip
def test_reasons_are_those_of_core_modules(body: str, reason: str) -> None:
    extra = "(table 2 funcref) (elem (i32.const 1) func $nothing) (func $nothing)"
    guest = number_guest(body, extra)
    limits = limits_of(budget_fuel=10_000, faults_max=1)
    assert run(guest, NUMBER, rows(1), limits)[1].reason == reason


def test_after_too_many_faults_the_rest_is_not_called() -> None:
    guest = number_guest("(if (i32.ge_u (local.get $n) (i32.const 10)) (then (unreachable))) (i64.const 1)")
    results, outcome = run(guest, NUMBER, rows(600), limits_of(budget_fuel=10_000, faults_max=4))
    assert outcome.faulted == [10, 11, 12, 13]
    assert outcome.uncalled == (14, 600)
    assert results == [1] * 10 + [0] * 590


def test_an_endless_loop_costs_some_pools_and_the_rows_after_it_fly() -> None:
    guest = number_guest(
        "(if (i32.eq (local.get $n) (i32.const 300)) (then (loop $l (br $l)))) (i64.extend_i32_u (local.get $n))"
    )
    results, outcome = run(guest, NUMBER, rows(900), limits_of(budget_fuel=1_000))
    assert outcome.faulted == [300]
    assert outcome.reason == "ran out of fuel"
    assert results == [*range(300), 0, *range(301, 900)]
    assert outcome.fuel < 320_000


def test_a_fresh_instance_goes_on_after_a_fault() -> None:
    count = "(global $calls (mut i64) (i64.const 0))"
    guest = number_guest(
        """(if (i32.eq (local.get $n) (i32.const 2)) (then (unreachable)))
        (global.set $calls (i64.add (global.get $calls) (i64.const 1))) (global.get $calls)""",
        count,
    )
    assert run(guest, NUMBER, rows(6))[0] == [1, 2, 0, 1, 2, 3]


def test_what_counts_is_what_a_row_does_when_it_is_run_again() -> None:
    """An instance has 20 calls in it: 16 rows are run, then 24 more, of which the fifth traps; run again, they have a new one."""
    guest = number_guest(
        """(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.gt_u (global.get $calls) (i32.const 20)) (then (unreachable))) (i64.const 1)""",
        "(global $calls (mut i32) (i32.const 0))",
    )
    results, outcome = run(guest, NUMBER, rows(40))
    assert outcome.faulted == [36]
    assert sum(results) == 39


def test_verdicts_are_the_same_every_time() -> None:
    guest = number_guest(
        "(if (i32.eqz (i32.rem_u (local.get $n) (i32.const 97))) (then (unreachable))) (i64.const 5)"
    )
    limits = limits_of(budget_fuel=5_000, faults_max=9)
    outcomes = [run(guest, NUMBER, rows(800), limits) for _ in range(3)]
    assert len({(tuple(results), tuple(found.faulted), found.fuel) for results, found in outcomes}) == 1


def test_a_memory_bomb_is_a_fault() -> None:
    guest = number_guest(
        "(if (i32.eq (memory.grow (i32.const 2000)) (i32.const -1)) (then (unreachable))) (i64.const 1)"
    )
    limits = Limits(100_000, 1 << 20, 100, 1, component_memory_bytes_max=16 << 20)
    assert run(guest, NUMBER, rows(1), limits)[1].reason == "trapped: unreachable"


def test_post_return_is_called_after_every_row() -> None:
    core = """(global $open (mut i32) (i32.const 0))
      (func (export "f") (param $n i32) (result i64)
        (if (global.get $open) (then (unreachable)))
        (global.set $open (i32.const 1)) (i64.extend_i32_u (local.get $n)))
      (func (export "done") (param i64) (global.set $open (i32.const 0)))"""
    data = of_one_module(core, {"f": TYPE}, '(post-return (core func $main "done"))')
    single = guest_in(data, "f")
    assert isinstance(single, Guest)
    for guest in (single, wrapped(data, "f")):
        results, outcome = run(guest, NUMBER, rows(300))
        assert (results, outcome.faults) == (list(range(300)), 0)


def test_without_post_return_nothing_of_that_name_is_called() -> None:
    """The name that tools give it decides nothing: how the function was lifted does."""
    core = """(func (export "f") (param $n i32) (result i64) (i64.const 1))
      (func (export "cabi_post_f") (param i64) (unreachable))"""
    data = of_one_module(core, {"f": TYPE})
    for guest in (guest_in(data, "f"), wrapped(data, "f")):
        assert run(guest, NUMBER, rows(3))[1].faults == 0


def test_a_guest_that_is_wrapped_does_as_its_core_module_does() -> None:
    core = """(func (export "f") (param $at i32) (param $length i32) (param $key i64) (result i64) (local $sum i64)
      (block $done (loop $next
        (br_if $done (i32.eqz (local.get $length)))
        (local.set $sum (i64.add (i64.mul (local.get $sum) (local.get $key)) (i64.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $next)))
      (if (i64.eq (i64.rem_u (local.get $sum) (i64.const 31)) (i64.const 3)) (then (unreachable)))
      (local.get $sum))"""
    data = of_one_module(core, {"f": '(param "s" (list u8)) (param "key" u64) (result u64)'})
    (function,) = functions_of(data).values()
    random = np.random.default_rng(1)
    table = [(random.bytes(int(random.integers(40))), int(key)) for key in random.integers(0, 1 << 63, 700)]
    limits = limits_of(budget_fuel=100_000, faults_max=1_000)
    found = []
    for guest in (guest_in(data, "f"), wrapped(data, "f")):
        results, outcome = run(guest, function, table, limits)
        found.append((results, outcome.faulted, outcome.reason))
    assert isinstance(guest_in(data, "f"), Guest)
    assert found[0] == found[1]
    assert len(found[0][1]) > 10


@pytest.mark.parametrize("count", [1, 15, 16, 17, 80, 336, 337, 5_000])
def test_any_number_of_rows(count: int) -> None:
    guest = number_guest("(i64.extend_i32_u (local.get $n))")
    assert run(guest, NUMBER, rows(count))[0] == list(range(count))


def test_long_arguments_are_handed_over_in_pieces() -> None:
    core = '(func (export "f") (param i32 i32) (result i64) (i64.extend_i32_u (local.get 1)))'
    data = of_two_modules(core, {"f": '(param "s" (list u8)) (result u64)'})
    (function,) = functions_of(data).values()
    table = [(bytes(3_000_000),), (b"",), (b"123",)]
    assert run(guest_in(data, "f"), function, table)[0] == [3_000_000, 0, 3]


def test_an_empty_list_may_lie_behind_all_that_a_run_reads() -> None:
    """As that of a ship that sees nothing does, when it is the last of a run."""
    core = '(func (export "f") (param i32 i32) (result i64) (i64.extend_i32_u (local.get 1)))'
    guest = guest_in(of_two_modules(core, {"f": '(param "s" (list u8)) (result u64)'}), "f")
    table = Table.of(function_of("func(s: list<u8>) -> u64"), [(bytes(200_000),), (b"",), (b"1",), (b"",)])
    for start, stop in ((1, 2), (3, 4), (1, 4)):
        table.results[:] = 7
        outcome = guest.run(table.frame, start, stop, LIMITS)
        assert (outcome.faults, outcome.reason) == (0, None)
        assert table.results[start:stop].tolist() == [0, 1, 0][start - 1 : stop - 1]


def test_no_row_is_no_call() -> None:
    outcome = run(number_guest("(unreachable)"), NUMBER, [])[1]
    assert (outcome.faults, outcome.fuel) == (0, 0)


def test_core_modules_of_inner_components_are_run() -> None:
    data = component("""
      (component $inner
        (core module $m (func (export "f") (param i32) (result i64) (i64.extend_i32_u (local.get 0))))
        (core instance $i (instantiate $m))
        (func (export "f") (param "n" u32) (result u64) (canon lift (core func $i "f"))))
      (instance $i (instantiate $inner))
      (export "f" (func $i "f"))""")
    guest = guest_in(data, "f")
    assert isinstance(guest, ComponentGuest)
    assert run(guest, NUMBER, rows(4))[0] == [0, 1, 2, 3]


@pytest.mark.parametrize("is_inner", [False, True])
def test_recursion_ends_with_a_count_and_not_with_the_machines_stack(is_inner: bool) -> None:
    """Two core modules that call each other: each counts its calls, so the depth is the same on every machine."""
    text = """
      (core module $table (table (export "t") 1 funcref))
      (core instance $table (instantiate $table))
      (core module $a (import "t" "t" (table 1 funcref)) (type $f (func (param i32) (result i64)))
        (func (export "f") (param i32) (result i64)
          (i64.add (i64.const 1) (call_indirect (type $f) (i32.add (local.get 0) (i32.const 1)) (i32.const 0)))))
      (core instance $a (instantiate $a (with "t" (instance $table))))
      (core module $b (import "t" "t" (table 1 funcref)) (import "a" "f" (func $f (param i32) (result i64)))
        (elem (i32.const 0) func $g)
        (func $g (param i32) (result i64) (i64.add (i64.const 1) (call $f (local.get 0)))))
      (core instance $b (instantiate $b (with "t" (instance $table)) (with "a" (instance $a))))
      (func (export "f") (param "n" u32) (result u64) (canon lift (core func $a "f")))"""
    data = component(
        f'(component $c {text}) (instance $i (instantiate $c)) (export "f" (func $i "f"))'
        if is_inner
        else text
    )
    outcome = run(guest_in(data, "f"), NUMBER, rows(1), limits_of(budget_fuel=10_000_000, faults_max=1))[1]
    assert outcome.reason == "trapped: unreachable"
    assert outcome.fuel < 100_000
