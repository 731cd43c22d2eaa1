"""What is in a component, and what is refused: always with a reason, whatever the bytes are."""

import random
import tracemalloc
from dataclasses import replace

import pytest

from wasmverse.errors import ModuleRefused
from wasmverse.wasm.component.binary import PREAMBLE, is_component, section
from wasmverse.wasm.component.inspect import UNLIMITED, ComponentLimits, compile_component, inspect_component
from wasmverse.wasm.component.single import single_module
from wasmverse.wasm.stack import NATIVE

from .builder import LIFTED, MEMORY, component, functions_of, of_one_module, of_two_modules, strategy

LIMITS = ComponentLimits(1 << 20, 20, 1_000, 50, 1 << 22)


def refusal(data: bytes, limits: ComponentLimits = LIMITS) -> str:
    with pytest.raises(ModuleRefused) as refused:
        inspect_component(data, limits)
    message = refused.value.message
    assert "\n" not in message
    assert len(message) < 1_000
    return message


def test_a_component_is_told_by_its_first_bytes() -> None:
    assert is_component(component(""))
    assert not is_component(b"\0asm\1\0\0\0")
    assert not is_component(b"")


def test_functions_are_found_with_their_types() -> None:
    data = component(
        f"""
      (core module $m {MEMORY} (func (export "f") (param i32 i32 i32) (result i32) (i32.const 8)))
      (core instance $main (instantiate $m))
      (type $p0 (record (field "a" u8) (field "b" (list string)))) (export $p "pair" (type $p0))
      (type $v0 (variant (case "none-of-it") (case "some" f32))) (export $v "either" (type $v0))
      (type $e0 (enum "red" "green")) (export $e "colour" (type $e0))
      (type $g0 (flags "x" "y")) (export $g "marks" (type $g0))
      (func (export "f") (param "p" $p) (result (tuple $v $e $g (option char) (result s8 (error bool))))
        (canon lift (core func $main "f") {LIFTED}))"""
    )
    assert {path: str(function) for path, function in functions_of(data).items()} == {
        "f": "func(p: record { a: u8, b: list<string> }) -> tuple<variant { none-of-it, some(f32) }, enum { red, green }, "
        "flags { x, y }, option<char>, result<s8, bool>>"
    }


def test_functions_of_exported_interfaces_have_paths() -> None:
    data = component("""
      (core module $m (func (export "f") (param i32) (result i32) (local.get 0)))
      (core instance $main (instantiate $m))
      (func $f (param "n" u32) (result u32) (canon lift (core func $main "f")))
      (component $shim (import "import-f" (func $g (param "n" u32) (result u32))) (export "f" (func $g)))
      (instance $i (instantiate $shim (with "import-f" (func $f))))
      (export "my:own/interface@1.2.3" (instance $i))""")
    assert list(functions_of(data)) == ["my:own/interface@1.2.3#f"]


def test_functions_of_resources_are_seen_and_cannot_be_called() -> None:
    data = component("""
      (import "wasi:io/streams@0.2.0" (instance $s (export "input-stream" (type (sub resource)))))
      (alias export $s "input-stream" (type $stream))
      (core module $m (func (export "f") (param i32)))
      (core instance $main (instantiate $m))
      (func (export "f") (param "s" (own $stream)) (canon lift (core func $main "f")))""")
    assert inspect_component(data, LIMITS).functions == {"f": None}


def test_the_language_is_that_of_the_interpreter_or_of_the_first_core_module_that_tells_it() -> None:
    def language(text: str) -> str:
        return inspect_component(component(text), LIMITS).language

    rust = '(core module (@producers (language "Rust" "1.96") (processed-by "rustc" "1")))'
    assert language(rust) == "Rust"
    assert language(f'(core module (@producers (processed-by "wit-component" "1"))) {rust}') == "Rust"
    assert language(f'(@custom "component-name" "libpython3.14.so") {rust}') == "Python"
    assert language("(core module)") == "unknown"


FUNCTION = '(func (export "f") (param i32) (result i64) (i64.const 1))'
TYPE = {"f": '(param "n" u32) (result u64)'}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('(import "wasi:clocks/monotonic-clock@0.3.0" (instance (export "now" (func (result u64)))))', "WASI 0.3"),
        ('(import "wasi:http/types@0.2.0" (instance))', "imports wasi:http/types@0.2.0"),
        ('(import "wasi:nn/tensor@0.2.0" (instance))', "imports wasi:nn/tensor@0.2.0"),
        ('(import "my:own/thing" (instance))', "imports my:own/thing"),
        ('(import "abort" (func))', "imports abort"),
        ('(import "r" (type (sub resource)))', "imports r"),
        ('(import "m" (core module))', "imports m"),
        ('(import "c" (component))', "imports c"),
        ('(type $r (resource (rep i32))) (core func (canon resource.new $r))', "resources of its own"),
        ('(core module (memory 1 1 shared))', "core module is not valid"),
        ('(core module (memory i64 1))', "core module is not valid"),
        ('(core module (memory 1) (memory 1))', "core module is not valid"),
        ('(core module (type (struct)))', "core module is not valid"),
        ('(core module (tag))', "core module is not valid"),
        ('(core module (func (result i32) (return_call 0)))', "core module is not valid"),
        ('(component (core module (memory i64 1)))', "core module is not valid"),
        ('(core module $m (import "a" "b" (func))) (core instance (instantiate $m))', "the component is not valid"),
        ('(core module $m (func (export "f"))) (core instance $i (instantiate $m))'
         '(func (export "f") async (canon lift (core func $i "f")))', "async"),
        ('(core module $m (func (export "f") (result i32) (i32.const 0))) (core instance $i (instantiate $m))'
         '(func (export "f") async (canon lift (core func $i "f") async (callback (core func $i "f"))))', "async"),
        ('(core func (canon task.return))', "async"),
        ('(core func (canon waitable-set.new))', "async"),
        ('(type (stream u8))', "not valid"),
        ('(type (future u8))', "not valid"),
        ('(core module $m) (core module (import "a" "b" (memory 1)))' + '(component)' * 5, ""),
    ],
)  # fmt: skip
def test_what_is_not_offered_is_refused_by_name(text: str, part: str) -> None:
    if part:
        assert part in refusal(component(text))
    else:
        assert inspect_component(component(text), LIMITS).functions == {}


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"bytes_max": 100}, "100 are allowed"),
        ({"modules_max": 1}, "2 core modules; 1 are allowed"),
        ({"functions_max": 1}, "2 functions; 1 are allowed"),
        ({"exports_max": 1}, "2 functions; 1 are allowed"),
    ],
)
def test_there_may_be_only_so_much(changed: dict[str, int], part: str) -> None:
    data = of_two_modules(FUNCTION, {**TYPE, "f": TYPE["f"]})
    if "exports_max" in changed:
        data = of_one_module(FUNCTION + FUNCTION.replace('"f"', '"g"'), {"f": TYPE["f"], "g": TYPE["f"]})
    inspect_component(data, LIMITS)
    assert part in refusal(data, replace(LIMITS, **changed))


def nested(depth: int) -> bytes:
    inner = PREAMBLE
    for _ in range(depth):
        inner = PREAMBLE + section(4, inner)
    return inner


def test_components_may_not_lie_too_deep_in_each_other() -> None:
    inspect_component(nested(16), LIMITS)
    for depth in (17, 1_000, 5_000):
        assert "16 deep" in refusal(nested(depth))


def test_sections_are_counted() -> None:
    assert "20,000 sections" in refusal(PREAMBLE + b"\0\1\0" * 20_001)


HOSTILE = {
    "thousands of types": lambda: component("(type (record (field \"a\" u8)))" * 9_000),
    "a type of 2^40 parts": lambda: component(
        "(type $t0 (tuple u8 u8))" + "".join(f"(type $t{n} (tuple $t{n - 1} $t{n - 1}))" for n in range(1, 40))
    ),
    "a deep type": lambda: component("(type $t0 (list u8))" + "".join(f"(type $t{n} (list $t{n - 1}))" for n in range(1, 800))),
    "thousands of exports": lambda: component('(core module $m (func (export "f"))) (core instance $i (instantiate $m))'
        '(func $f (canon lift (core func $i "f")))' + "".join(f'(export "e{n}" (func $f))' for n in range(3_000))),
    "thousands of instances": lambda: component('(component $c)' + "(instance (instantiate $c))" * 3_000),
    "a count past the end": lambda: PREAMBLE + section(10, b"\xff\xff\xff\xff\x0f"),
    "a number that is too long": lambda: PREAMBLE + section(10, b"\xff" * 20),
    "a name past the end": lambda: PREAMBLE + section(10, b"\1\0\x7fabc"),
    "a section past the end": lambda: PREAMBLE + b"\1\x7f",
    "an unknown section": lambda: PREAMBLE + b"\x20\0",
    "nothing but its first bytes cut": lambda: PREAMBLE[:7],
    "a core module that is none": lambda: PREAMBLE + section(1, b"\0asm"),
    "a core module that is a component": lambda: PREAMBLE + section(1, PREAMBLE),
    "imports after what they need": lambda: component(
        '(component $c) (instance $i (instantiate $c)) (import "wasi:io/poll@0.2.0" (instance))'
    ),
    "a hundred imports": lambda: component("".join(f'(import "wasi:io/i{n}@0.2.0" (instance))' for n in range(101))),
    "many core modules": lambda: component("(core module)" * 21),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_components_get_a_verdict_and_memory_returns(name: str) -> None:
    data = HOSTILE[name]()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        try:
            found = inspect_component(data, LIMITS)
        except ModuleRefused as refused:
            assert 20 < len(refused.message) < 1_000
        else:
            compile_component(found, [], {}, NATIVE)
            del found
        assert tracemalloc.get_traced_memory()[0] - before < 3 << 20
    finally:
        tracemalloc.stop()


def test_a_type_of_too_many_parts_can_be_called_by_nobody() -> None:
    types = "(type $t0 (list u8))" + "".join(f"(type $t{n} (list $t{n - 1}))" for n in range(1, 60))
    data = component(f"""{types} (core module $m {MEMORY} (func (export "f") (param i32 i32)))
      (core instance $main (instantiate $m))
      (func (export "f") (param "a" $t59) (canon lift (core func $main "f") (memory (core memory $main "memory"))
        (realloc (core func $main "cabi_realloc"))))""")
    assert inspect_component(data, LIMITS).functions == {"f": None}


@pytest.mark.parametrize(
    "data", [strategy("(i64.const 1)"), strategy("(i64.const 1)", other="")], ids=["one", "two"]
)
def test_damaged_components_get_a_verdict(data: bytes) -> None:
    chance = random.Random(len(data))
    verdicts = {"taken": 0, "refused": 0}
    for n in range(400):
        damaged = bytearray(data)
        if n % 4 == 0:
            del damaged[chance.randrange(len(data)) :]
        else:
            for _ in range(chance.choice((1, 1, 2, 8))):
                damaged[chance.randrange(8, len(data))] ^= 1 << chance.randrange(8)
        try:
            found = inspect_component(bytes(damaged), LIMITS)
            paths = [path for path, function in found.functions.items() if function is not None]
            compile_component(found, paths, {}, NATIVE)
            verdicts["taken"] += 1
        except ModuleRefused:
            verdicts["refused"] += 1
    assert verdicts["taken"] > 20
    assert verdicts["refused"] > 200


def test_recursion_over_many_large_modules_has_no_room_on_the_stack() -> None:
    body = "(drop (i64.const 1))" * 200_000
    module = f'(core module (func (export "f") {body}))'
    found = inspect_component(component(module * 5), UNLIMITED)
    with pytest.raises(ModuleRefused, match="bytes of stack when they call each other"):
        compile_component(found, [], {}, NATIVE)


def test_what_no_core_module_can_say_stays_a_component() -> None:
    def is_single(data: bytes) -> bool:
        found = inspect_component(data, LIMITS)
        return single_module(found.outline, found.functions, list(found.functions)) is not None

    text = '(func (export "f") (param i32 i32) (result i64) (i64.const 1))'
    of_text = {"f": '(param "s" string) (result u64)'}
    assert is_single(of_one_module(FUNCTION, TYPE))
    assert is_single(of_one_module(text, of_text))
    assert is_single(of_one_module(FUNCTION, TYPE, "string-encoding=utf16"))
    assert not is_single(of_one_module(text, of_text, "string-encoding=utf16"))
    assert not is_single(of_two_modules(FUNCTION, TYPE))
    imports = f"""(import "wasi:io/poll@0.2.0" (instance)) (core module $m {FUNCTION})
      (core instance $main (instantiate $m)) (func (export "f") {TYPE["f"]} (canon lift (core func $main "f")))"""
    assert not is_single(component(imports))
    assert is_single(component(imports.partition("(instance))")[2]))
