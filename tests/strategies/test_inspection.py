"""The whole inspection of a module: what passes, and that nothing but refusals ever comes out of it."""

import contextlib
import hashlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.guest import BUNDLED_FOLDER
from tests.strategies.inspected import BLANK, SETTINGS, refusal, wasm
from tests.wasm.binary import producers, section, strategy_module
from tests.wasm.builder import Table, strategy_wat
from wasmverse.commands import Inspection
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import inspect_module_apart
from wasmverse.strategies.contract import strategy_function
from wasmverse.strategies.inspection import inspect_module
from wasmverse.wasm.guest import Guest


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


_START = b"\0asm\1\0\0\0"


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


def test_a_strategy_imports_wasi_and_nothing_else() -> None:
    module = wasm(strategy_wat("(i64.const 0)").replace("(module", '(module (import "env" "abort" (func))'))
    assert refusal(module) == (
        "the module imports env.abort; a strategy may import the functions of WASI preview 1 (wasi_snapshot_preview1) "
        "and nothing else: AssemblyScript: --use abort= --runtime stub"
    )
