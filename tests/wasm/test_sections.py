"""What is read of a module's sections, beside what the tests of `check` show."""

import pytest
import wasmtime

from tests.wasm.binary import I32, STRATEGY_TYPE, leb128, named, section, vector
from tests.wasm.builder import strategy_wat
from wasmverse.errors import ModuleRefused
from wasmverse.settings import Settings
from wasmverse.strategies.inspection import inspect_module
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.sections import Imported, exports_of, function_types, imports_of

SETTINGS = Settings()


def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


@pytest.mark.parametrize(
    ("type_", "shown"),
    [
        ("(ref null $t)", "(ref null 0)"),
        ("(ref $t)", "(ref 0)"),
        ("(ref func)", "(ref func)"),
        ("(ref extern)", "(ref extern)"),
        ("externref", "externref"),
        ("v128", "v128"),
    ],
)
def test_a_reference_in_one_signature_does_not_shift_the_next(type_: str, shown: str) -> None:
    """A typed reference takes two bytes or more; read as one, it made a strategy of another function."""
    module = wasm(f"""(module (type $t (func)) (memory (export "memory") 1)
      (func (export "first") (param {type_} i32) (result i64) (i64.const 0))
      (func (export "second") (param f32) (result f64) (f64.const 0)))""")
    assert exports_of(module) == {
        "memory": "memory",
        "first": f"({shown}, i32) -> i64",
        "second": "(f32) -> f64",
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('(type $t (func)) (func (export "h") (param (ref null $t)))', "function references required"),
        ('(func (export "h") (param (ref func)))', "function references required"),
        ('(type $t (func)) (table (export "t") 1 (ref null $t))', "function references required"),
        ('(type $t (func)) (func (param funcref) (call_ref $t (ref.null $t)))', "function references"),
        ("(func $f (return_call $f))", "tail calls support is not enabled"),
        ("(func (result i64 i64) (i64.mul_wide_u (i64.const 3) (i64.const 4)))", "wide arithmetic"),
    ],
)  # fmt: skip
def test_what_is_no_part_of_webassembly_2_is_refused(text: str, found: str) -> None:
    with pytest.raises(ModuleRefused) as refused:
        inspect_module(wasm(strategy_wat("(i64.const 0)", text)), "mine", SETTINGS)
    message = refused.value.message
    assert found in message
    assert "allowed is WebAssembly 2.0 with SIMD, without threads" in message
    assert "tail calls, typed references" in message and message.endswith("build it without them")


def test_a_type_that_is_no_function_is_refused_and_no_error() -> None:
    assert [str(type_) for type_ in function_types(vector([STRATEGY_TYPE, b"\x60\0\0"]))][
        1
    ] == "() -> nothing"
    for content in (b"\1\x5f\0", b"\2\x60\0\0", b"\1\x60\5" + I32, b"\xff\xff\xff\xff\x0f"):
        with pytest.raises(
            ModuleRefused, match="the module's types cannot be read; allowed is WebAssembly 2"
        ):
            function_types(content)
    for exports in (vector([named("f") + b"\0\7"]), leb128(9), vector([named("f") + b"\0"])):
        with pytest.raises(ModuleRefused, match="the module's exports cannot be read"):
            exports_of(b"\0asm\1\0\0\0" + section(7, exports))


def test_imports_are_read_whatever_their_type() -> None:
    """wasmtime's own list of imports is not asked: its C API does not know every type."""
    text = """(module (type $t (func)) (import "a" "b" (func (param (ref null $t) v128))) (import "c" "d" (memory 1))
      (import "c" "e" (table 1 9 externref)) (import "" "f" (global (mut v128))) (import "g" "h" (func))
      (func (export "mine") (result f32) (f32.const 0)) (export "theirs" (func 0)) (export "d" (memory 0)))"""
    assert wasmtime.Module(flight_engine(), wasm(text))
    assert list(imports_of(wasm(text))) == [
        Imported("a", "b", "function", 1, "((ref null 0), v128) -> nothing"),
        Imported("c", "d", "memory", None),
        Imported("c", "e", "table", None),
        Imported("", "f", "global", None),
        Imported("g", "h", "function", 0, "() -> nothing"),
    ]
    assert exports_of(wasm(text)) == {
        "mine": "() -> f32",
        "theirs": "((ref null 0), v128) -> nothing",
        "d": "memory",
    }
    assert list(imports_of(wasm("(module)"))) == []


@pytest.mark.parametrize(
    "content", [b"\1", b"\1\0\0", b"\1\0\0\0", b"\1\0\0\7", b"\1\0\0\1\x70", b"\x09\0\0\0\0"]
)
def test_imports_that_cannot_be_read_are_refused(content: bytes) -> None:
    with pytest.raises(ModuleRefused, match="the module's imports cannot be read"):
        list(imports_of(b"\0asm\1\0\0\0" + section(2, content)))
