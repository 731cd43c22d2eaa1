"""Every refusal at upload: the value, the rule and the remedy; and that nothing else ever comes out of a check."""

import contextlib
import hashlib
from functools import cache

import numpy as np
import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.guest import BUNDLED_FOLDER
from tests.wasm.binary import compile_bomb, custom, leb128, named, producers, section, strategy_module, vector
from tests.wasm.builder import Table, strategy_wat
from wasmverse.commands import Inspection
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import inspect_module_apart
from wasmverse.strategies.contract import strategy_function
from wasmverse.strategies.inspection import inspect_module
from wasmverse.strategies.names import check_name
from wasmverse.wasm.guest import Guest

BLANK = strategy_wat("(i64.const 0)")
SIGNATURE = "(i32, i32, i32, i32, i32, i32, i32, i32, i64, i32, i32) -> i64"
SETTINGS = Settings()


def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def refusal(module: bytes, settings: Settings = SETTINGS, name: str = "mine") -> str:
    with pytest.raises(ModuleRefused) as refused:
        inspect_module(module, name, settings)
    message = refused.value.message
    assert "\n" not in message
    assert len(message) < 1200
    return message


# What is accepted


def test_a_blank_strategy_passes_and_everything_about_it_is_known() -> None:
    module = wasm(BLANK)
    found = inspect_module(module, "mine", SETTINGS)
    assert found.sha256 == hashlib.sha256(module).hexdigest()
    assert found.strategies == {"mine": "decide"}
    assert found.language == "unknown"
    assert inspect_module(module, "mine", SETTINGS) == found
    assert inspect_module_apart(module, "mine", SETTINGS) == found


@pytest.mark.parametrize("name", ["strategy_default", "strategy_flee", "strategy_battle", "strategy_blank"])
def test_the_bundled_strategies_pass(name: str) -> None:
    found = inspect_module((BUNDLED_FOLDER / f"{name}.wasm").read_bytes(), name, SETTINGS)
    assert found.strategies == {name: "decide"}


def test_a_module_built_for_the_original_demo_loads_unchanged() -> None:
    """Its exports are named as its WIT has them, its allocator as the ABI had it then; other exports do not matter."""
    parameters = "(param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i64)"
    module = wasm(f"""(module (memory (export "memory") 1)
      (func (export "strategy-battle") {parameters} (i64.extend_i32_u (local.get 10)))
      (func (export "strategy-flee") {parameters} (i64.load32_u (local.get 9)))
      (func (export "canonical_abi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 256))
      (func (export "canonical_abi_free") (param i32 i32 i32))
      (func (export "_start")) (global (export "__heap_base") i32 (i32.const 0)))""")
    found = inspect_module(module, "demo", SETTINGS)
    assert found.strategies == {"strategy_battle": "strategy-battle", "strategy_flee": "strategy-flee"}
    table = Table.of(strategy_function(), [(1, 0, 0, 1, 1, 1, 1, 1, 0, b"\7\0\0\0" * 2)])
    for export, expected in (("strategy-battle", 8), ("strategy-flee", 7)):
        assert table.run(Guest.load(found.compiled, export)).faults == 0
        assert table.results.tolist() == [expected]


def test_one_module_may_hold_several_strategies() -> None:
    second = (
        BLANK.replace("(module", "").rsplit(")", 1)[0].split("\n", 1)[1].replace('"decide"', '"fly-2-far"')
    )
    module = wasm(BLANK.rsplit(")", 1)[0] + second + ")")
    assert inspect_module(module, "mine", SETTINGS).strategies == {"mine": "decide", "fly_2_far": "fly-2-far"}


@pytest.mark.parametrize("name", ["a", "a_1", "z" * 63])
def test_good_names(name: str) -> None:
    assert check_name(name) == name


def test_a_call_that_traps_at_the_check_is_the_author_s_own_affair() -> None:
    for body in ("(unreachable)", "(loop $l (br $l)) (i64.const 0)"):
        assert inspect_module(wasm(strategy_wat(body)), "mine", SETTINGS).strategies == {"mine": "decide"}


# What is refused


@pytest.mark.parametrize(
    "name",
    ["", "A", "1a", "_a", "a-b", "a b", "a" * 64, "ä", "a\n", "a.b", "a/b", "drop table;", "a\0", "\ud800"],
)
def test_bad_names_are_refused_before_the_module_is_looked_at(name: str) -> None:
    for check in (inspect_module, inspect_module_apart):
        with pytest.raises(
            StrategyError, match="cannot be a strategy's name: a strategy's name is a lower-case"
        ) as no:
            check(b"", name, SETTINGS)
        assert "\n" not in no.value.message


@pytest.mark.parametrize(
    "export", ["Fly", "fly high", "_fly", "9", "", "f\nly", "é", "f" * 64, "f" * 100_000]
)
def test_an_export_that_cannot_be_a_name_is_refused(export: str) -> None:
    marked = wasm(strategy_wat("(i64.const 0)", name="XXXX"))
    old = section(7, vector([named("memory") + b"\2\0", named("XXXX") + b"\0\0"]))
    assert old in marked
    module = marked.replace(old, section(7, vector([named("memory") + b"\2\0", named(export) + b"\0\0"])))
    with pytest.raises(StrategyError, match="cannot be a strategy's name") as refused:
        inspect_module(module, "mine", SETTINGS)
    assert "\n" not in refused.value.message and len(refused.value.message) < 400


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
        (_START, ["the module exports no function; a strategy exports decide", f"signature {SIGNATURE}: export it so"]),
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
    assert inspect_module(wasm(strategy_wat(body)), "mine", SETTINGS).strategies == {"mine": "decide"}


def test_a_wrong_signature_is_spelled_out_beside_the_right_one() -> None:
    told = refusal(
        wasm(
            '(module (memory (export "memory") 1) (func (export "decide") (param i32 f64) (result f32) (f32.const 0)))'
        )
    )
    assert told == (
        "decide has the signature (i32, f64) -> f32; a strategy exports decide with the signature "
        f"{SIGNATURE}: export it so"
    )
    nothing = refusal(wasm('(module (memory (export "memory") 1) (func (export "decide")))'))
    assert "decide has the signature () -> nothing;" in nothing
    names = '(func (export "b")) (func (export "a")) (global (export "decide") i32 (i32.const 0))'
    other = refusal(wasm(f'(module (memory (export "memory") 1) {names})'))
    assert other.startswith("the module exports a, b; a strategy exports decide")


def test_many_long_export_names_still_make_one_short_line() -> None:
    exports = "".join(f'(func (export "{letter * 5000}\\n"))' for letter in "abcdefghijk")
    told = refusal(wasm(f"(module {exports})"))
    assert "a" * 64 + "..." in told and "i" * 5 not in told


@pytest.mark.parametrize(
    ("imported", "shown"),
    [
        ('(import "env" "now" (func))', "env.now"),
        ('(import "wasi_snapshot_preview1" "fd_write" (func))', "wasi_snapshot_preview1.fd_write"),
        ('(import "env" "memory" (memory 1))', "env.memory"),
        ('(import "a\\nb" "c" (global i32))', "a\\nb.c"),
    ],
)
def test_an_import_is_refused_by_its_name(imported: str, shown: str) -> None:
    text = f'(module {imported} (func (export "decide")))'
    told = refusal(wasm(text))
    assert told.startswith(f"the module imports {shown}; a strategy may import nothing: remove the import")


def test_sizes_are_limited() -> None:
    small = Settings(module_bytes_max=1024, module_functions_max=3)
    padded = wasm(BLANK) + custom("padding", b"\0" * 1024)
    assert (
        refusal(padded, small)
        == f"the module has {len(padded):,} bytes; 1,024 are allowed: build it for size, strip names"
    )
    with pytest.raises(ModuleRefused, match="1,024 are allowed"):
        inspect_module_apart(padded, "mine", small)
    fourth = strategy_wat("(i64.const 0)", "(func) (func) (func)")
    assert refusal(wasm(fourth), small) == "the module has 4 functions; 3 are allowed: strip what is not used"
    assert inspect_module(wasm(strategy_wat("(i64.const 0)", "(func) (func)")), "mine", small)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            "(func $s unreachable) (start $s)",
            "the module's start function traps; a fresh instance is made every turn",
        ),
        ("(func $s (loop $l (br $l))) (start $s)", "start function uses more than the fuel of one call;"),
        ("(func $s (call $s)) (start $s)", "start function uses more than the fuel of one call;"),
        ("(func $s (drop (i32.load (i32.const 65536)))) (start $s)", "reaches past its memory or table"),
        (
            '(data (i32.const 65535) "ab")',
            "the module's data or its start function reaches past its memory or table",
        ),
        ("(table 1 funcref) (func $f) (elem (i32.const 1) $f)", "reaches past its memory or table"),
    ],
)
def test_a_start_that_cannot_be_is_refused(extra: str, message: str) -> None:
    told = refusal(wasm(strategy_wat("(i64.const 0)", extra)))
    assert message in told
    assert told.endswith("do nothing at start that can fail or that costs more than 20,000 fuel")


def test_more_memory_or_table_than_allowed_is_refused() -> None:
    told = refusal(wasm(strategy_wat("(i64.const 0)", pages="257")))
    assert told.startswith("the module cannot be instantiated: ")
    assert (
        "an instance may have 16,777,216 bytes of memory, 8 tables and 10,000 table elements: ask for less"
        in told
    )
    assert "10,000 table elements" in refusal(wasm(strategy_wat("(i64.const 0)", "(table 10001 funcref)")))
    assert "8 tables" in refusal(wasm(strategy_wat("(i64.const 0)", "(table 1 funcref)" * 9)))
    for fits in (
        strategy_wat("(i64.const 0)", "(table 1 funcref)" * 8),
        strategy_wat("(i64.const 0)", pages="256"),
        strategy_wat("(i64.const 0)", "(table 10000 funcref)"),
    ):
        assert inspect_module(wasm(fits), "mine", SETTINGS)


def test_a_memory_must_be_exported() -> None:
    for text in (BLANK.replace('(export "memory") ', ""), BLANK.replace('"memory"', '"heap"')):
        assert refusal(wasm(text)) == (
            "the module exports no memory; what a ship sees is put there: export it as 'memory'"
        )


@pytest.mark.parametrize("name", ["cabi_realloc", "canonical_abi_realloc"])
@pytest.mark.parametrize(
    "export",
    [
        "(func (export NAME))",
        "(func (export NAME) (param i32 i32 i32) (result i32) (i32.const 0))",
        "(global (export NAME) i32 (i32.const 0))",
    ],
)
def test_an_allocator_must_have_its_signature(name: str, export: str) -> None:
    told = refusal(wasm(strategy_wat("(i64.const 0)", export.replace("NAME", f'"{name}"'))))
    assert told.startswith(f"{name} must be a function with the signature (i32, i32, i32, i32) -> i32")


@pytest.mark.parametrize("type_", ["v128", "funcref", "externref"])
def test_any_type_may_stand_in_the_signature_of_another_export(type_: str) -> None:
    """wasmtime's C API ends the process when it is asked for a v128."""
    helper = f'(func (export "helper") (param {type_}) (result {type_}) (local.get 0))'
    held = '(global (export "held") v128 (v128.const i64x2 0 0)) (table (export "t") 1 externref)'
    module = wasm(strategy_wat("(i64.const 0)", helper + held))
    assert inspect_module(module, "mine", SETTINGS).strategies == {"mine": "decide"}
    wrong = wasm(f'(module (memory (export "memory") 1) {helper.replace("helper", "decide")})')
    assert f"decide has the signature ({type_}) -> {type_};" in refusal(wrong)


def test_two_exports_that_would_fly_under_one_name_are_refused() -> None:
    def pair(first: str, second: str) -> bytes:
        two = strategy_wat("(i64.const 0)", name=second).split("\n", 1)[1]
        return wasm(strategy_wat("(i64.const 0)", name=first).rsplit(")", 1)[0] + two)

    assert "would both fly as a_b; every strategy needs a name of its own: rename one" in refusal(
        pair("a-b", "a_b")
    )
    assert "would both fly as mine;" in refusal(pair("decide", "mine"))
    assert inspect_module(pair("decide", "mine"), "other", SETTINGS).strategies == {
        "other": "decide",
        "mine": "mine",
    }


# The check in a process of its own


def test_refusals_are_the_same_from_the_process_apart() -> None:
    for module in (_START, wasm(strategy_wat("(i64.const 0)", "(func $s unreachable) (start $s)"))):
        with pytest.raises(ModuleRefused) as apart:
            inspect_module_apart(module, "mine", SETTINGS)
        assert apart.value.message == refusal(module)
    with pytest.raises(StrategyError, match="'Fly' cannot be"):
        inspect_module_apart(wasm(strategy_wat("(i64.const 0)", name="Fly")), "mine", SETTINGS)


def test_a_check_past_its_time_is_ended() -> None:
    with pytest.raises(ModuleRefused, match=r"took more than 0\.01 s: make it smaller or simpler"):
        inspect_module_apart(wasm(BLANK), "mine", Settings(compile_seconds_max=0.01))


def test_a_module_that_would_take_all_memory_to_compile_is_refused() -> None:
    limited = Settings(compile_memory_bytes_max=1 << 27)
    bomb = compile_bomb(300, 300, 50)
    assert len(bomb) < 40_000
    with pytest.raises(
        ModuleRefused, match=r"the compiler ended with .* 134,217,728 bytes\): make it smaller"
    ):
        inspect_module_apart(bomb, "mine", limited)
    assert inspect_module_apart(compile_bomb(3, 3, 3), "mine", limited).strategies == {"mine": "decide"}


# The language


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
    assert inspect_module(module, "mine", SETTINGS).language == language


@pytest.mark.parametrize(
    "content",
    [b"", b"\1", b"\xff" * 9, b"\1\x08language", b"\1\x08language\1", b"\1\x08language\1\xff\xff\xff\xff\x0fRust", leb128(2**32)],
)  # fmt: skip
def test_a_damaged_producers_section_does_no_harm(content: bytes) -> None:
    assert isinstance(
        inspect_module(wasm(BLANK) + custom("producers", content), "mine", SETTINGS).language, str
    )


# Whatever is sent

_FEW = Settings(budget_fuel=1_000, module_bytes_max=1 << 16)


@cache
def originals() -> list[bytes]:
    """Real modules: the bundled ones, a blank one, and one with every kind of section."""
    full = strategy_wat(
        "(i64.const 0)",
        """(table 2 funcref) (global $g (mut i32) (i32.const 7)) (func $s) (start $s) (elem (i32.const 0) $s)
        (data (i32.const 8) "data")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (global.get $g))""",
    )
    bundled = [(BUNDLED_FOLDER / f"strategy_{name}.wasm").read_bytes() for name in ("blank", "flee")]
    return [*bundled, wasm(BLANK), wasm(full) + producers({"language": ["C"]})]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real module with some bytes changed, put in, left out or cut off."""
    module = bytearray(draw(st.sampled_from(originals())))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(8, max(8, len(module) - 1)))
        match draw(st.sampled_from(["change", "flip", "put", "leave", "cut"])):
            case "change":
                module[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "flip" if at < len(module):
                module[at] ^= 1 << draw(st.integers(0, 7))
            case "put":
                module[at:at] = draw(st.binary(min_size=1, max_size=4))
            case "leave":
                del module[at : at + draw(st.integers(1, 4))]
            case "cut":
                del module[at:]
    return bytes(module)


@given(damaged())
@settings(max_examples=300, deadline=None)
def test_only_refusals_escape_whatever_is_sent(module: bytes) -> None:
    try:
        found = inspect_module(module, "mine", _FEW)
    except (ModuleRefused, StrategyError) as error:
        assert "\n" not in error.message
        return
    assert isinstance(found, Inspection)
    row = (1, 3, 4, 100, 90, 2, 2, 2, 2**64 - 1, b"\1\2\3\4" * 30)
    table = Table.of(strategy_function(), [row] * 3)
    for export in found.strategies.values():
        outcome = table.run(Guest.load(found.compiled, export))
        assert outcome.faults <= 3


@given(st.lists(st.sampled_from([0, 1, 2, 3, 5, 7, 10, 11]), max_size=6), st.binary(max_size=30))
@settings(max_examples=100, deadline=None)
def test_only_refusals_escape_from_sections_of_anything(kinds: list[int], content: bytes) -> None:
    with contextlib.suppress(ModuleRefused, StrategyError):
        inspect_module(_START + b"".join(section(kind, content) for kind in kinds), "mine", _FEW)


def test_a_module_made_by_hand_is_like_one_from_text() -> None:
    """The builder of the modules above is itself right."""
    found = inspect_module(strategy_module([], []), "mine", SETTINGS)
    table = Table.of(strategy_function(), [(1, 0, 0, 1, 1, 1, 1, 1, 0, b"")])
    assert table.run(Guest.load(found.compiled, "decide")).faults == 0
    assert np.array_equal(table.results, [0])
