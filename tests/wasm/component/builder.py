"""Components in WAT, in the shapes in which tools write them, and their functions as guests."""

from collections.abc import Mapping, Sequence
from typing import Any

import wasmtime

from tests.wasm.builder import Table, limits_of
from wasmverse.wasm.component.code import Code
from wasmverse.wasm.component.inspect import UNLIMITED, compile_component, inspect_component
from wasmverse.wasm.component.types import PATH
from wasmverse.wasm.component.wrapper import wrapper
from wasmverse.wasm.engine import component_engine
from wasmverse.wasm.guest import Outcome
from wasmverse.wasm.hosting import AnyGuest, guest_of
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.stack import NATIVE
from wasmverse.wasm.types import Function
from wasmverse.wasm.wasi.world import NOWHERE, World

LIMITS = limits_of(budget_fuel=1_000_000)

MEMORY = """(memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))
  (func $realloc (export "cabi_realloc") (param $old i32) (param $held i32) (param i32 i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (if (i32.gt_u (global.get $free) (i32.shl (memory.size) (i32.const 16)))
      (then (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get 3) (i32.const 16)))))))
    (memory.copy (local.get $at) (local.get $old) (select (local.get $held) (local.get 3)
      (i32.lt_u (local.get $held) (local.get 3))))
    (local.get $at))"""
"""Of a core module: its memory and an allocator that never gives anything back."""

LIFTED = '(memory (core memory $main "memory")) (realloc (core func $main "cabi_realloc"))'
"""How a function of the core instance ``$main`` is lifted."""

ENTITY = (
    '(type $record (record (field "kind" u8) (field "x" u32) (field "y" u32) (field "energy" u16) (field "shield" u8) '
    '(field "blasters" u8) (field "thrusters" u8) (field "harvesters" u8))) (export $entity "entity" (type $record))'
)
DECIDE = '(param "me" $entity) (param "last-plan" u64) (param "system" (list u8)) (result u64)'
CORE_DECIDE = (
    "(param $kind i32) (param $x i32) (param $y i32) (param $energy i32) (param $shield i32) (param $blasters i32) "
    "(param $thrusters i32) (param $harvesters i32) (param $last i64) (param $list i32) (param $length i32) (result i64)"
)


def component(text: str) -> bytes:
    """A component from its text."""
    return bytes(wasmtime.wat2wasm(f"(component {text})"))


def of_one_module(core: str, functions: Mapping[str, str], options: str = "") -> bytes:
    """A component around one core module with a memory; of each function its type, and the core function of the same name."""
    lifts = "".join(
        f'(func (export "{name}") {type_} (canon lift (core func $main "{name}") {LIFTED} {options}))'
        for name, type_ in functions.items()
    )
    return component(f"(core module $m {MEMORY} {core}) (core instance $main (instantiate $m)) {lifts}")


def of_two_modules(core: str, functions: Mapping[str, str], other: str = "", options: str = "") -> bytes:
    """The same with a second core module, which the first one's functions may call."""
    lifts = "".join(
        f'(func (export "{name}") {type_} (canon lift (core func $main "{name}") {LIFTED} {options}))'
        for name, type_ in functions.items()
    )
    return component(
        f"""(core module $o {other}) (core instance $other (instantiate $o))
        (core module $m {core} {MEMORY}) (core instance $main (instantiate $m (with "other" (instance $other)))) {lifts}"""
    )


def strategy(body: str, extra: str = "", *, imports: str = "", other: str | None = None) -> bytes:
    """A component that exports ``decide``, around a core module or two. Parameters: $kind, $x, ..., $last, $list, $length."""
    core = f'(core module $m {imports} {MEMORY} {extra} (func (export "decide") {CORE_DECIDE} {body}))'
    given = ""
    if other is not None:
        core = f"(core module $o {other}) (core instance $other (instantiate $o)) {core}"
        given = '(with "other" (instance $other))'
    return component(
        f"""{core} (core instance $main (instantiate $m {given})) {ENTITY}
        (func (export "decide") {DECIDE} (canon lift (core func $main "decide") {LIFTED}))"""
    )


def functions_of(data: bytes) -> dict[str, Function]:
    """The functions of a component that can be called."""
    found = inspect_component(data, UNLIMITED).functions
    return {path: function for path, function in found.items() if function is not None}


def guest_in(data: bytes, path: str) -> AnyGuest:
    """A function of a component, ready to be run: as a core module if it can be."""
    found = inspect_component(data, UNLIMITED)
    return guest_of(compile_component(found, [path], {}, NATIVE), path)


def wrapped(data: bytes, path: str) -> AnyGuest:
    """The same, but as a component in any case."""
    found = inspect_component(data, UNLIMITED)
    function = found.functions[path]
    assert function is not None
    text = wrapper(found.outline, found.types, path.split(PATH), function)
    parts = tuple(
        (str(number), wasmtime.Module(component_engine(), data[start:end]))
        for number, (start, end) in enumerate(found.outline.modules)
    )
    imports = tuple(item.name for item in found.outline.imports if not item.is_value_type)
    return guest_of(
        Code({path: wasmtime.component.Component(component_engine(), text)}, imports, parts), path
    )


def run(
    guest: AnyGuest,
    function: Function,
    rows: Sequence[Sequence[Any]],
    limits: Limits = LIMITS,
    world: World = NOWHERE,
) -> tuple[list[Any], Outcome]:
    """Run all rows; the results and what became of them."""
    table = Table.of(function, rows)
    outcome = guest.run(table.frame, 0, len(rows), limits, world)
    return table.results.tolist(), outcome
