"""Functions of any type in a component, called with Arrow columns: as in a core module, whatever it lifts them with."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from tests.wasm.builder import NO_FAULTS
from tests.wasm.component.builder import LIFTED, MEMORY, component, of_one_module, of_two_modules, wrapped
from wasmverse.errors import ModuleRefused
from wasmverse.functions.called import called
from wasmverse.functions.definition import Definition
from wasmverse.functions.inspection import inspect_function
from wasmverse.functions.run import Ran, Runner
from wasmverse.functions.sql_types import arrow_type
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import Settings
from wasmverse.simulation.catalogue import Catalogue
from wasmverse.snapshots.modules import function_files
from wasmverse.wasm.component.code import is_code
from wasmverse.wasm.fold import FIRST, LAST
from wasmverse.wasm.guest import Guest, Seat
from wasmverse.wasm.hosting import AnyGuest, load, load_files
from wasmverse.wasm.types import U32, Field, Function
from wasmverse.wasm.wasi.world import World

from .guests import run


def test_text_and_lists_come_and_go() -> None:
    core = """(func (export "f") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))"""
    data = of_two_modules(core, {"f": '(param "s" string) (result string)'})
    texts = ["", "a", "grüße", "x" * 5_000, None, "end"]
    ran = run("func(s: string) -> string", wrapped(data, "f"), texts)
    assert ran.result.to_pylist() == texts
    lists = of_two_modules(core, {"f": '(param "s" (list u32)) (result (list u32))'})
    values = [[], [1, 2, 3], list(range(3_000)), None, [7]]
    assert run("func(s: list<u32>) -> list<u32>", wrapped(lists, "f"), values).result.to_pylist() == values


def test_many_parameters_and_a_record_go_through_memory() -> None:
    fields = [f"p{n}" for n in range(18)]
    core = """(func (export "f") (param $at i32) (result i32)
      (i32.store (i32.const 16) (i32.load (local.get $at))) (i64.store (i32.const 24) (i64.load offset=8 (local.get $at)))
      (i32.const 16))"""
    params = "".join(
        f'(param "{name}" {"u64" if number == 1 else "u32"})' for number, name in enumerate(fields)
    )
    data = component(
        f"""(core module $m {MEMORY} {core}) (core instance $main (instantiate $m))
        (type $r0 (record (field "a" u32) (field "b" u64))) (export $r "pair" (type $r0))
        (func (export "f") {params} (result $r) (canon lift (core func $main "f") {LIFTED}))"""
    )
    wit = f"func({', '.join(f'{name}: ' + ('u64' if n == 1 else 'u32') for n, name in enumerate(fields))}) -> tuple<u32, u64>"
    columns = [[n, 100 + n] for n in range(18)]
    ran = run(wit, wrapped(data, "f"), *columns)
    assert [tuple(row.values()) for row in ran.result.to_pylist()] == [(0, 1), (100, 101)]


def test_text_of_another_encoding_is_translated() -> None:
    core = """(func (export "f") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))"""
    data = of_two_modules(core, {"f": '(param "s" string) (result string)'}, options="string-encoding=utf16")
    texts = ["", "aß", "\N{ROCKET} up", "y" * 900]
    assert run("func(s: string) -> string", wrapped(data, "f"), texts).result.to_pylist() == texts


@pytest.mark.parametrize(
    ("type_", "body", "part"),
    [
        ("string", "(i32.store (i32.const 16) (i32.const 8)) (i32.store (i32.const 20) (i32.const -1))", "out-of-bounds"),
        ("string", "(i32.store8 (i32.const 8) (i32.const 255)) "
         "(i32.store (i32.const 16) (i32.const 8)) (i32.store (i32.const 20) (i32.const 1))", "utf"),
        ("list<u32>", "(i32.store (i32.const 16) (i32.const 2)) (i32.store (i32.const 20) (i32.const 1))", "unaligned"),
        ("option<u32>", "(i32.store (i32.const 16) (i32.const 2))", "discriminant"),
    ],
)  # fmt: skip
def test_what_a_guest_may_not_return_is_a_fault_of_the_row(type_: str, body: str, part: str) -> None:
    core = f'(func (export "f") (param $n i32) (result i32) (if (local.get $n) (then {body})) (i32.const 16))'
    wat = {"list<u32>": "(list u32)", "option<u32>": "(option u32)"}.get(type_, type_)
    data = of_two_modules(core, {"f": f'(param "n" u32) (result {wat})'})
    ran = run(f"func(n: u32) -> {type_}", wrapped(data, "f"), [0, 1, 0])
    assert ran.outcome.faulted == [1]
    assert part in ran.outcome.reason.lower()
    assert ran.result.to_pylist()[1] is None


def test_a_result_that_is_too_long_is_a_fault() -> None:
    core = """(func (export "f") (param $n i32) (result i32)
      (i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) (local.get $n)) (i32.const 16))"""
    data = of_two_modules(core, {"f": '(param "n" u32) (result (list u8))'})
    ran = run("func(n: u32) -> list<u8>", wrapped(data, "f"), [10, 60_000, 20], values_bytes_max=8_192)
    assert ran.outcome.faulted == [1]
    assert [value and len(value) for value in ran.result.to_pylist()] == [10, None, 20]


def test_many_rows_with_lists_grow_their_columns() -> None:
    core = """(func (export "f") (param $n i32) (result i32)
      (i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) (i32.rem_u (local.get $n) (i32.const 50)))
      (i32.store8 (i32.const 32) (local.get $n)) (i32.const 16))"""
    data = of_two_modules(core, {"f": '(param "n" u32) (result (list u8))'})
    count = 2_000
    ran = run("func(n: u32) -> list<u8>", wrapped(data, "f"), list(range(count)), values_bytes_max=1 << 20)
    assert [len(value) for value in ran.result.to_pylist()] == [n % 50 for n in range(count)]
    assert all(value[0] == n % 256 for n, value in enumerate(ran.result.to_pylist()) if value)


@pytest.mark.parametrize(
    ("wat", "wit", "value"),
    [
        ("(tuple u32 u16 u8)", "tuple<u32, u16, u8>", {"f0": 7, "f1": 8, "f2": 9}),
        ("(list u32)", "list<u32>", [8, 9]),
        ("string", "string", "abc"),
    ],
)
def test_lists_whose_items_have_several_columns_arrive(wat: str, wit: str, value: object) -> None:
    core = """(data (i32.const 32) "\\07\\00\\00\\00\\08\\00\\09\\00")
      (data (i32.const 64) "\\50\\00\\00\\00\\02\\00\\00\\00") (data (i32.const 80) "\\08\\00\\00\\00\\09\\00\\00\\00")
      (data (i32.const 96) "\\70\\00\\00\\00\\03\\00\\00\\00") (data (i32.const 112) "abc")
      (func (export "f") (param $at i32) (result i32)
        (i32.store (i32.const 16) (local.get $at)) (i32.store (i32.const 20) (i32.const 1)) (i32.const 16))"""
    data = of_two_modules(core, {"f": f'(param "at" u32) (result (list {wat}))'})
    at = {"string": 96, "list<u32>": 64}.get(wit, 32)
    ran = run(f"func(at: u32) -> list<{wit}>", wrapped(data, "f"), [at, at], values_bytes_max=1 << 20)
    assert ran.result.to_pylist() == [[value], [value]], ran.outcome.reason


SHOUT = """(func (export "shout") (param $at i32) (param $length i32) (result i32) (local $i i32)
  (block $done (loop $next
    (br_if $done (i32.ge_u (local.get $i) (local.get $length)))
    (i32.store8 (i32.add (local.get $at) (local.get $i))
      (i32.and (i32.load8_u (i32.add (local.get $at) (local.get $i))) (i32.const 0xdf)))
    (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $next)))
  (i32.store (i32.const 16) (local.get $at)) (i32.store (i32.const 20) (local.get $length)) (i32.const 16))
  (func (export "unused") (param i32) (result i32) (local.get 0))"""
SHOUT_TYPES = {"shout": '(param "text" string) (result string)', "unused": '(param "n" u32) (result u32)'}


def test_a_component_around_one_core_module_is_a_function_without_a_word_of_its_types() -> None:
    definition, compiled = inspect_function(of_one_module(SHOUT, SHOUT_TYPES), Wanted("shout"), Settings())
    assert str(definition.function) == "func(text: string) -> string"
    assert (definition.export, definition.abi) == ("shout", "canonical")
    ran = run(definition.function, Guest.load(compiled, "shout"), ["abc", None, "Zed"])
    assert ran.result.to_pylist() == ["ABC", None, "ZED"]


def test_what_is_declared_must_be_the_components_type() -> None:
    wanted = Wanted("shout", params=(Field("text", U32),), has_params=True)
    with pytest.raises(ModuleRefused, match=r"declared is \(UINTEGER\)"):
        inspect_function(of_one_module(SHOUT, SHOUT_TYPES), wanted, Settings())


def _checked(data: bytes, wanted: Wanted) -> tuple[Definition, AnyGuest, Function]:
    """What a component is as a function, and what runs it."""
    definition, compiled = inspect_function(data, wanted, Settings())
    assert is_code(compiled)
    return definition, *called(definition, load(compiled))


def test_a_component_of_several_core_modules_is_a_function() -> None:
    definition, guest, function = _checked(of_two_modules(SHOUT, SHOUT_TYPES), Wanted("shout"))
    assert (definition.signature, definition.export) == ("(text VARCHAR) RETURNS VARCHAR", "shout")
    assert run(function, guest, ["abc", None, "Zed"]).result.to_pylist() == ["ABC", None, "ZED"]


CLOCK = """(import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
  (core func $now (canon lower (func $clock "now")))
  (core module $m (import "clock" "now" (func $now (result i64))) (func (export "f") (result i64) (call $now)))
  (core instance $main (instantiate $m (with "clock" (instance (export "now" (func $now))))))
  (func (export "f") (result u64) (canon lift (core func $main "f")))"""


def test_a_component_that_imports_wasi_has_the_turns_time() -> None:
    _, guest, function = _checked(component(CLOCK), Wanted("f"))
    ran = Runner(function).run(guest, [], 2, NO_FAULTS, World(time_ns=7_000_000_000))
    assert ran.result.to_pylist() == [7_000_000_000] * 2


def test_what_a_component_may_not_import_is_named() -> None:
    with pytest.raises(
        ModuleRefused, match=r"imports wasi:http/types@0\.2\.0; a function may import nothing"
    ):
        text = CLOCK.replace("wasi:clocks/monotonic-clock", "wasi:http/types")
        inspect_function(component(text), Wanted("f"), Settings())


STEPS = Wanted("of_all", kind="aggregate", steps=("begin", "step", None, "end"))
MERGED = replace(STEPS, steps=("begin", "step", "both", "end"))
SUM_CORE = """(global $calls (mut i32) (i32.const 0))
  (func (export "begin") (result f64) (f64.const 0))
  (func (export "step") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
  (func (export "both") (param f64 f64) (result f64) (f64.add (f64.mul (local.get 0) (f64.const 1000)) (local.get 1)))
  (func (export "end") (param f64) (result f64)
    (if (f64.eq (local.get 0) (f64.const 13)) (then (unreachable))) (local.get 0))"""
SUM_TYPES = {
    "begin": "(result f64)",
    "step": '(param "state" f64) (param "x" f64) (result f64)',
    "both": '(param "a" f64) (param "b" f64) (result f64)',
    "end": '(param "state" f64) (result f64)',
}
WHOLE = FIRST | LAST


def folded(
    guest: AnyGuest, function: Function, *parts: tuple[int, list[Any]], seat: Seat | None = None
) -> Ran:
    """Parts of groups, one after the other in one run."""
    limits = replace(NO_FAULTS, faults_max=1)
    columns = [[part for part, _ in parts], [rows for _, rows in parts]]
    arrays = [
        pa.array(column, arrow_type(field.type))
        for column, field in zip(columns, function.params, strict=True)
    ]
    return Runner(function).run(guest, arrays, len(parts), limits, seat=seat)


def test_a_component_is_an_aggregate() -> None:
    definition, guest, function = _checked(of_two_modules(SUM_CORE, SUM_TYPES), STEPS)
    assert definition.signature == "(x DOUBLE) RETURNS DOUBLE"
    ran = folded(guest, function, (WHOLE, [1.0, 2.0]), (WHOLE, []), (FIRST, [4.0]), (0, [5.0]), (LAST, [6.0]))
    assert ran.result.to_pylist() == [3.0, 0.0, 0.0, 0.0, 15.0]


def test_a_components_parts_are_merged() -> None:
    _, guest, function = _checked(of_two_modules(SUM_CORE, SUM_TYPES), MERGED)
    ran = folded(guest, function, (WHOLE, [1.0, 2.0]), (FIRST, [4.0]), (LAST, [6.0]))
    assert ran.result.to_pylist() == [3.0, 0.0, 4006.0]


def test_the_state_of_a_components_aggregate_goes_on_in_its_seat() -> None:
    _, guest, function = _checked(of_two_modules(SUM_CORE, SUM_TYPES), STEPS)
    limits, seat, runner = replace(NO_FAULTS, faults_max=1), Seat(), Runner(function)

    def run_one(part: int, rows: list[float]) -> Ran:
        columns = [pa.array([part], pa.uint8()), pa.array([rows], pa.list_(pa.float64()))]
        return runner.run(guest, columns, 1, limits, seat=seat)

    run_one(FIRST, [1.0] * 9_000)
    assert seat.is_taken
    assert run_one(LAST, [2.0]).result.to_pylist() == [9_002.0]
    ran = run_one(WHOLE, [13.0])
    assert (ran.outcome.faulted, ran.outcome.reason) == ([0], "trapped: unreachable")
    assert not seat.is_taken
    assert 0 < ran.outcome.fuel < limits.budget_fuel
    assert run_one(WHOLE, [5.0]).result.to_pylist() == [5.0]
    seat.clear()


LONGEST = """(func (export "begin") (result i32) (i64.store (i32.const 16) (i64.const 0)) (i32.const 16))
  (func (export "step") (param i32 i32 i32 i32) (result i32)
    (if (i32.ge_u (local.get 1) (local.get 3)) (then
      (i32.store (i32.const 24) (local.get 0)) (i32.store (i32.const 28) (local.get 1)))
    (else (i32.store (i32.const 24) (local.get 2)) (i32.store (i32.const 28) (local.get 3))))
    (i32.const 24))
  (func (export "end") (param i32 i32) (result i32)
    (i32.store (i32.const 32) (local.get 0)) (i32.store (i32.const 36) (local.get 1)) (i32.const 32))"""
LONGEST_TYPES = {
    "begin": "(result string)",
    "step": '(param "state" string) (param "text" string) (result string)',
    "end": '(param "state" string) (result string)',
}


def test_a_state_that_is_text_lasts_from_part_to_part() -> None:
    """It lies in the wrapper's room between two calls, which must not be taken back then."""
    _, guest, function = _checked(of_two_modules(LONGEST, LONGEST_TYPES), STEPS)
    texts = [f"{'x' * (n % 7)}{n}" for n in range(500)]
    longest = next(text for text in texts if len(text) == max(map(len, texts)))
    seat = Seat()
    assert folded(guest, function, (WHOLE, texts), (WHOLE, ["a"]), (WHOLE, [])).result.to_pylist() == [
        longest,
        "a",
        "",
    ]
    ran = folded(
        guest, function, (FIRST, ["as long as it goes"]), (0, ["b" * 5] * 90), (LAST, ["c"]), seat=seat
    )
    assert ran.result.to_pylist()[2] == "as long as it goes"
    seat.clear()


def _row(data: bytes, wanted: Wanted, version: int = 1, *, is_current: bool = True) -> tuple[Any, bytes]:
    definition, compiled = inspect_function(data, wanted, Settings())
    row = {
        **definition.to_row(),
        "version": version,
        "parameters": definition.parameters,
        "is_current": is_current,
    }
    return SimpleNamespace(**row), compiled


@pytest.mark.parametrize("builder", [of_one_module, of_two_modules])
def test_a_functions_component_is_compiled_again_at_a_start(builder: Callable[..., bytes]) -> None:
    row, _ = _row(builder(SHOUT, SHOUT_TYPES), Wanted("shout"))
    catalogue = Catalogue()
    catalogue.load([row], lambda sha256: builder(SHOUT, SHOUT_TYPES))
    assert catalogue.refusals == {}
    files = function_files(catalogue.modules)
    guest, function = called(
        Definition.of_row(vars(row)), load_files(lambda name: files[name](), next(iter(files)))
    )
    assert run(function, guest, ["x"]).result.to_pylist() == ["X"]
    catalogue = Catalogue()
    catalogue.load([row], lambda sha256: b"\0asm\x0d\0\1\0\xff")
    assert "component" in catalogue.refusals[row.sha256]


def test_functions_of_one_component_share_its_core_modules() -> None:
    data = of_two_modules(SHOUT, SHOUT_TYPES)
    catalogue, rows = Catalogue(), []
    for name in ("shout", "unused"):
        row, compiled = _row(data, Wanted(name))
        catalogue.add(vars(row), compiled)
        rows.append(row)
    catalogue.load(rows, lambda sha256: pytest.fail("it was compiled before"))
    names = sorted(function_files(catalogue.modules))
    assert len(names) == 4
    assert [name.partition("-")[0] for name in names] == ["function", "function", "part", "part"]
    whole = len(compiled)
    assert catalogue.compiled_bytes.keys() == {rows[0].sha256}
    assert whole < catalogue.compiled_bytes[rows[0].sha256] < 2 * whole
    catalogue.load(rows[:1], lambda sha256: pytest.fail("it was compiled before"))
    assert len(catalogue.modules) == 3
    catalogue.load([], lambda sha256: pytest.fail("nothing is needed"))
    assert catalogue.modules == {} and catalogue.compiled_bytes == {}


def test_older_versions_are_compiled_when_they_are_called_again() -> None:
    modules = {}
    rows = []
    for version in (1, 2):
        data = of_two_modules(SHOUT + f"(global i32 (i32.const {version}))", SHOUT_TYPES)
        row, _ = _row(data, Wanted("shout"), version, is_current=version == 2)
        modules[row.sha256] = data
        rows.append(row)
    read: list[str] = []

    def read_module(sha256: str) -> bytes:
        read.append(sha256)
        return modules[sha256]

    catalogue = Catalogue()
    catalogue.load(rows, read_module)
    assert read == [rows[1].sha256]
    rows[0].is_current, rows[1].is_current = True, False
    for _ in range(2):
        catalogue.load(rows, read_module)
        assert read == [rows[1].sha256, rows[0].sha256]
        assert next(iter(catalogue.modules)).startswith(rows[0].sha256)
