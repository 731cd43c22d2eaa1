"""Functions of any type in a component, called with Arrow columns: as in a core module, whatever it lifts them with."""

from types import SimpleNamespace

import pytest

from tests.wasm.component.builder import LIFTED, MEMORY, component, of_one_module, of_two_modules, wrapped
from wasmverse.errors import ModuleRefused
from wasmverse.functions.inspection import inspect_function
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import Settings
from wasmverse.simulation.catalogue import Catalogue
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.types import U32, Field

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


def test_a_component_of_more_is_refused_as_a_function() -> None:
    with pytest.raises(
        ModuleRefused, match="2 core modules and 0 imports; a function of SQL can be a component around one"
    ):
        inspect_function(
            of_two_modules(SHOUT, SHOUT_TYPES), Wanted("shout"), Settings(function_module_exports_max=9)
        )


def test_a_functions_component_is_compiled_again_at_a_start() -> None:
    data = of_one_module(SHOUT, SHOUT_TYPES)
    row = SimpleNamespace(name="shout", parameters="", version=1, sha256="ab", is_current=True)
    catalogue = Catalogue()
    catalogue.load([row], lambda sha256: data)
    assert catalogue.refusals == {}
    compiled = catalogue.modules["ab"]()
    assert run("func(text: string) -> string", Guest.load(compiled, "shout"), ["x"]).result.to_pylist() == [
        "X"
    ]
    catalogue = Catalogue()
    catalogue.load([row], lambda sha256: of_two_modules(SHOUT, SHOUT_TYPES))
    assert "one core module" in catalogue.refusals["ab"]
