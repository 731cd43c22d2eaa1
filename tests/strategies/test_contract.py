"""Which exports of a module are strategies, and what a module is told that does not keep the contract."""

import pytest

from tests.strategies.inspected import BLANK, SETTINGS, refusal, wasm
from tests.wasm.builder import Table, module_of_exports, strategy_wat
from wasmverse.errors import ModuleRefused
from wasmverse.strategies.contract import export_of, strategy_function, strategy_layout, strategy_signature
from wasmverse.strategies.inspection import inspect_module
from wasmverse.wasm.guest import Guest

SIGNATURE = "(i32, i32, i32, i32, i32, i32, i32, i32, i64, i32, i32) -> i64"


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


def test_what_is_called_after_a_strategy_takes_what_that_returned() -> None:
    for export in (
        "(func (export NAME))",
        "(func (export NAME) (param i32))",
        "(global (export NAME) i32 (i32.const 0))",
    ):
        wrong = export.replace("NAME", '"cabi_post_decide"')
        assert refusal(wasm(strategy_wat("(i64.const 0)", wrong))) == (
            "cabi_post_decide is called after decide with what that returned: it must be a function with the signature "
            "(i64) -> nothing: correct it, or leave it out"
        )
    right = '(func (export "cabi_post_decide") (param i64)) (func (export "cabi_post_other"))'
    assert inspect_module(wasm(strategy_wat("(i64.const 0)", right)), "mine", SETTINGS).strategies == {
        "mine": "decide"
    }


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


def strategies_wat(count: int) -> str:
    """One function under so many names."""
    names = "".join(f'(export "strategy_{n}")' for n in range(count))
    return strategy_wat("(i64.const 0)").replace('(export "decide")', names)


def test_a_module_exports_a_few_strategies_at_most() -> None:
    assert len(inspect_module(wasm(strategies_wat(8)), "mine", SETTINGS).strategies) == 8
    module = wasm(strategies_wat(9))
    with pytest.raises(ModuleRefused, match="the module exports 9 strategies; 8 are allowed: export fewer"):
        inspect_module(module, "mine", SETTINGS)


def test_a_module_without_any_function_is_told_what_to_export() -> None:
    told = refusal(b"\0asm\1\0\0\0")
    assert told.startswith("the module exports no function; a strategy exports decide")
    assert told.endswith(f"signature {SIGNATURE}: export it so")


def test_the_strategy_s_signature_is_the_published_one() -> None:
    assert strategy_signature() == SIGNATURE
    assert [argument.path for argument in strategy_layout().arguments] == [
        *(
            f"me.{name}"
            for name in ("kind", "x", "y", "energy", "shield", "blasters", "thrusters", "harvesters")
        ),
        "last-plan",
        "system",
    ]


def test_a_stored_module_says_which_export_flies_under_a_name() -> None:
    module = module_of_exports("decide", "fly-2-far")
    assert export_of(module, "fly_2_far") == "fly-2-far"
    assert export_of(module, "mine") == "decide"
