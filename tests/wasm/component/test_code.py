"""Compiled components as bytes, and the core modules that they share."""

import gc

import pytest

from tests.wasm.builder import function_of
from wasmverse.wasm.component.code import Code, is_code, parts_of, without_parts
from wasmverse.wasm.component.guest import ComponentGuest
from wasmverse.wasm.component.inspect import UNLIMITED, compile_component, inspect_component
from wasmverse.wasm.component.parts import hash_of
from wasmverse.wasm.hosting import files_of, guest_of, load, load_files
from wasmverse.wasm.stack import NATIVE

from .builder import of_two_modules, run

NUMBER = function_of("func(n: u32) -> u64")
TYPES = {"f": '(param "n" u32) (result u64)', "g": '(param "n" u32) (result u64)'}
LIBRARY = '(func (export "shared") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 7)))'
"""A core module that two components hold."""


def sevenfold(plus: int) -> bytes:
    return of_two_modules(
        f"""(import "other" "shared" (func $shared (param i32) (result i32)))
        (func (export "f") (param i32) (result i64)
          (i64.extend_i32_u (i32.add (i32.const {plus}) (call $shared (local.get 0)))))
        (func (export "g") (param i32) (result i64) (i64.const {plus}))""",
        TYPES,
        LIBRARY,
    )


def compiled(data: bytes, known: dict[str, bytes] | None = None) -> Code:
    code = compile_component(inspect_component(data, UNLIMITED), ["f", "g"], known or {}, NATIVE)
    assert isinstance(code, Code)
    return code


def test_code_is_the_same_after_it_was_bytes() -> None:
    raw = compiled(sevenfold(3)).serialize()
    assert is_code(raw)
    assert run(guest_of(load(raw), "f"), NUMBER, [(2,)])[0] == [17]
    assert run(guest_of(load(raw), "g"), NUMBER, [(2,)])[0] == [3]


def test_core_modules_are_told_apart_by_their_hash() -> None:
    data = sevenfold(3)
    found = inspect_component(data, UNLIMITED).outline
    parts = dict(parts_of(compiled(data).serialize()))
    assert list(parts) == [hash_of(data[start:end]) for start, end in found.modules]
    assert len(parts) == 2
    assert list(parts_of(b"\x7fELF")) == []


def test_a_core_module_that_is_known_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(parts_of(compiled(sevenfold(3)).serialize()))
    gc.collect()
    made = []

    def compile_for_flight(module: bytes, native: float, **options: bool) -> object:
        made.append(module)
        return original(module, native, **options)

    from wasmverse.wasm.component import parts

    original = parts.compile_for_flight
    monkeypatch.setattr(parts, "compile_for_flight", compile_for_flight)
    data = sevenfold(4)
    code = compiled(data, known)
    start, end = inspect_component(data, UNLIMITED).outline.modules[1]
    assert made == [data[start:end]]
    assert run(ComponentGuest(code, "f"), NUMBER, [(2,)])[0] == [18]


def test_components_of_one_process_share_their_core_modules() -> None:
    one, other = compiled(sevenfold(1)), compiled(sevenfold(2))
    assert one.parts[0][1] is other.parts[0][1]
    assert one.parts[1][1] is not other.parts[1][1]
    again = Code.load(one.serialize())
    assert [module for _, module in again.parts] == [module for _, module in one.parts]


def test_files_hold_what_components_share_once() -> None:
    guests = {name: ComponentGuest(compiled(sevenfold(plus)), "f") for name, plus in (("a", 5), ("b", 6))}
    files = {}
    for name, guest in guests.items():
        files |= files_of(guest, name)
    assert len(files) == 5
    contents = {name: bytes(read()) for name, read in files.items()}
    del guests, guest, files
    gc.collect()
    assert run(guest_of(load_files(contents.__getitem__, "a"), "f"), NUMBER, [(1,)])[0] == [12]
    assert run(guest_of(load_files(contents.__getitem__, "b"), "f"), NUMBER, [(1,)])[0] == [13]


def test_code_without_its_core_modules_is_what_is_written_so() -> None:
    code = compiled(sevenfold(5))
    assert without_parts(code.serialize()) == code.serialize(with_parts=False)
    assert [size for _, part in parts_of(without_parts(code.serialize())) for size in [len(part)]] == [0, 0]


def test_files_of_a_core_module_are_one() -> None:
    from tests.wasm.builder import guest_of_number

    guest = guest_of_number("(i64.const 4)")
    files = files_of(guest, "c")
    assert list(files) == ["c"]
    assert run(guest_of(load_files(lambda name: bytes(files[name]()), "c"), "f"), NUMBER, [(1,)])[0] == [4]
