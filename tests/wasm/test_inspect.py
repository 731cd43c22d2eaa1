"""What is in a module, and every refusal of one that is no module as allowed: the value, the rule and the remedy."""

import hashlib
from dataclasses import replace

import pytest
import wasmtime

from tests.wasm.binary import custom, leb128, producers
from tests.wasm.builder import strategy_wat
from wasmverse.errors import ModuleRefused
from wasmverse.wasm.inspect import Contents, ModuleLimits, compile_inspected, inspect
from wasmverse.wasm.sections import Imported

LIMITS = ModuleLimits(bytes_max=1 << 20, functions_max=100, exports_max=100, compiled_bytes_max=1 << 20)
BLANK = strategy_wat("(i64.const 0)")


def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def refusal(module: bytes, limits: ModuleLimits = LIMITS) -> str:
    with pytest.raises(ModuleRefused) as refused:
        inspect(module, limits)
    message = refused.value.message
    assert message.isprintable()
    assert len(message) < 1200
    return message


def test_everything_about_a_module_is_told_once() -> None:
    module = wasm("""(module (import "a" "b" (func (param i64))) (func (export "c") (result f32) (f32.const 1))
      (memory (export "memory") 1) (export "b" (func 0)))""")
    assert inspect(module, LIMITS) == Contents(
        hashlib.sha256(module).hexdigest(),
        "unknown",
        (Imported("a", "b", "function", 0, "(i64) -> nothing"),),
        {"c": "() -> f32", "memory": "memory", "b": "(i64) -> nothing"},
    )


_START = b"\0asm\1\0\0\0"


@pytest.mark.parametrize(
    ("module", "messages"),
    [
        (b"", ["the upload is empty", "send the bytes of a WebAssembly module"]),
        (b"\0", ["begins with 00;", "begins with 00 61 73 6d"]),
        (b"\x7fELF\2\1\1\0", ["begins with 7f 45 4c 46", "not its source or text form"]),
        (BLANK.encode(), ["begins with 28 6d 6f 64", "send the .wasm file that your compiler made"]),
        (b"export function decide() {}", ["begins with 65 78 70 6f", "not its source or text form"]),
        (b"\0asm\x0d\0\1\0", ["this is a WebAssembly component; a core module is needed", "without the component step"]),
        (b"\0asm", ["the module has version ;", "01 00 00 00 is understood"]),
        (b"\0asm\2\0\0\0", ["the module has version 02 00 00 00; version 01 00 00 00 is understood: rebuild it"]),
        (_START + b"\1\0", ["the module is not valid: ", "build it without them"]),
        (_START + b"\xff\0", ["the module is not valid: "]),
    ],
)  # fmt: skip
def test_what_is_no_module_is_refused(module: bytes, messages: list[str]) -> None:
    told = refusal(module)
    for message in messages:
        assert message in told


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        (BLANK.replace('(memory (export "memory") 1)', '(memory (export "memory") 1 2 shared)'), "threads"),
        (strategy_wat("(i64.atomic.load (i32.const 0))"), "threads"),
        (strategy_wat("(i64.const 0)", "(memory 1)"), "multiple memories|multi-memory"),
        (BLANK.replace('(memory (export "memory") 1)', '(memory (export "memory") i64 1)'), "memory64"),
        (strategy_wat("(i64.const 0)", "(tag $t)"), "exceptions"),
        (strategy_wat("(i64.const 0)", "(type (struct (field i32)))"), "gc"),
        (strategy_wat("(drop (f32x4.relaxed_min (v128.const i64x2 0 0) (v128.const i64x2 0 0))) (i64.const 0)"), "relaxed SIMD"),
    ],
    ids=["shared memory", "atomics", "several memories", "64-bit memory", "exceptions", "garbage collection", "relaxed SIMD"],
)  # fmt: skip
def test_features_that_differ_between_machines_are_refused(text: str, feature: str) -> None:
    told = refusal(wasm(text))
    assert told.startswith("the module is not valid: ")
    assert "allowed is WebAssembly 2.0 with SIMD, without threads, several memories" in told
    assert any(word in told for word in feature.split("|")), told


def test_fixed_simd_and_the_rest_of_webassembly_2_are_allowed() -> None:
    body = """(drop (i32x4.add (v128.const i64x2 1 2) (v128.const i64x2 3 4))) 
      (memory.fill (i32.const 0) (i32.const 0) (i32.const 9))
      (i64.extend8_s (i64.trunc_sat_f64_s (f64.const nan)))"""
    assert "decide" in inspect(wasm(strategy_wat(body)), LIMITS).exports


def test_sizes_are_limited() -> None:
    small = ModuleLimits(bytes_max=1024, functions_max=3, exports_max=2, compiled_bytes_max=1024)
    padded = wasm(BLANK) + custom("padding", b"\0" * 1024)
    assert (
        refusal(padded, small)
        == f"the module has {len(padded):,} bytes; 1,024 are allowed: build it for size, strip names"
    )
    fourth = strategy_wat("(i64.const 0)", "(func) (func) (func)")
    assert refusal(wasm(fourth), small) == "the module has 4 functions; 3 are allowed: strip what is not used"
    assert inspect(wasm(strategy_wat("(i64.const 0)", "(func) (func)")), small)
    third = strategy_wat("(i64.const 0)", '(func (export "third"))')
    assert (
        refusal(wasm(third), small) == "the module has 3 exports; 2 are allowed: export what is called only"
    )


def test_what_it_compiles_to_is_limited() -> None:
    module = wasm(BLANK)
    _, compiled = compile_inspected(module, LIMITS)
    exact = replace(LIMITS, compiled_bytes_max=len(compiled))
    assert compile_inspected(module, exact)[1] == compiled
    with pytest.raises(
        ModuleRefused, match=f"compiles to {len(compiled):,} bytes; .* are allowed: build it smaller"
    ):
        compile_inspected(module, replace(LIMITS, compiled_bytes_max=len(compiled) - 1))


@pytest.mark.parametrize(
    ("fields", "language"),
    [
        ({"language": ["Rust", "C11"]}, "Rust"),
        ({"processed-by": ["clang", "lld"]}, "clang"),
        ({"processed-by": ["rustc"], "language": ["Rust"]}, "Rust"),
        ({"sdk": ["Emscripten"]}, "unknown"),
        ({}, "unknown"),
        ({"language": ["L" * 100]}, "L" * 40 + "..."),
    ],
)
def test_the_language_is_what_the_compiler_says(fields: dict[str, list[str]], language: str) -> None:
    module = wasm(BLANK) + custom("name", b"\0") + producers(fields)
    assert inspect(module, LIMITS).language == language


@pytest.mark.parametrize(
    "content",
    [b"", b"\1", b"\xff" * 9, b"\1\x08language", b"\1\x08language\1", b"\1\x08language\1\xff\xff\xff\xff\x0fRust", leb128(2**32)],
)  # fmt: skip
def test_a_damaged_producers_section_does_no_harm(content: bytes) -> None:
    assert isinstance(inspect(wasm(BLANK) + custom("producers", content), LIMITS).language, str)


def test_a_module_with_more_imports_than_any_guest_needs_is_refused() -> None:
    text = "(module" + '(import "env" "now" (func))' * 1_001 + ")"
    assert refusal(wasm(text)).startswith("the module has more than 1,000 imports, the first env.now; ")
