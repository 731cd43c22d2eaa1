"""Components as strategies: found by their type, tried, and made again from the bytes that the universe keeps."""

import subprocess
import sys

import pytest

from tests.wasm.component.builder import CORE_DECIDE, DECIDE, ENTITY, LIFTED, MEMORY, component, strategy
from wasmverse.checks.parts import Parts, sizes_of, split_input
from wasmverse.errors import ModuleRefused
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import inspect_module_apart
from wasmverse.strategies.guests import Guests
from wasmverse.strategies.inspection import inspect_module
from wasmverse.wasm.binary import unsigned
from wasmverse.wasm.component.binary import IMPORT, PREAMBLE, Reader, section
from wasmverse.wasm.component.code import is_code, parts_of
from wasmverse.wasm.component.guest import ComponentGuest
from wasmverse.wasm.component.parts import hash_of
from wasmverse.wasm.guest import Guest

from .inspected import SETTINGS, refusal

PLAN = "(i64.add (i64.const 0x40) (i64.extend_i32_u (local.get $length)))"
SINGLE, DOUBLE = strategy(PLAN), strategy(PLAN, other="")


def library(length: int) -> str:
    """The text of a core module that compiles to many bytes."""
    stores = "".join(f"(i64.store (i32.const {8 * n}) (i64.const {n * 1_000_003}))" for n in range(length))
    return f'(memory 1) (func (export "x") {stores})'


def interface(*names: str) -> bytes:
    """A component that exports strategies in an interface."""
    lifts = "".join(
        f'(func ${name} {DECIDE} (canon lift (core func $main "decide") {LIFTED}))' for name in names
    )
    shim = "".join(f'(import "import-{name}" (func ${name} {DECIDE}))' for name in names)
    shim = shim.replace("$entity", "$given")
    exports = "".join(f'(export "{name}" (func ${name}))' for name in names)
    given = "".join(f'(with "import-{name}" (func ${name}))' for name in names)
    record = ENTITY.partition(" (export")[0]
    return component(
        f"""(core module $m {MEMORY} (func (export "decide") {CORE_DECIDE} {PLAN}))
        (core instance $main (instantiate $m)) {ENTITY} {lifts}
        (component $shim {record} (import "import-entity" (type $given (eq $record))) {shim}
          (export $entity "entity" (type $given)) {exports})
        (instance $i (instantiate $shim (with "import-entity" (type $entity)) {given}))
        (export "wasmverse:strategy/pilot@1.0.0" (instance $i))"""
    )


def test_decide_of_the_world_flies_under_the_uploaded_name() -> None:
    for data, is_component in ((SINGLE, False), (DOUBLE, True)):
        found = inspect_module(data, "mine", SETTINGS)
        assert found.strategies == {"mine": "decide"}
        assert found.trials["mine"].fault is None
        assert found.costs["mine"].instance_seconds > 0
        assert is_code(found.compiled) is is_component


BESIDE_A_POOL = """
import sys
from tests.strategies.test_components import DOUBLE
from tests.strategies.inspected import SETTINGS
from wasmverse.strategies.inspection import inspect_module
from wasmverse.universe.turn import TurnPlayer
from wasmverse.wasm.hosting import load

player = TurnPlayer(1)  # of a process that plays: it takes memories from a pool, in which no module may have a shared one
found = inspect_module(DOUBLE, "mine", SETTINGS)
assert found.trials["mine"].fault is None
load(found.compiled)
"""


def test_components_fly_where_memories_come_from_a_pool() -> None:
    done = subprocess.run([sys.executable, "-c", BESIDE_A_POOL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_strategies_of_an_interface_fly_too() -> None:
    found = inspect_module(interface("decide", "battle-hard"), "mine", SETTINGS)
    path = "wasmverse:strategy/pilot@1.0.0#"
    assert found.strategies == {"mine": f"{path}decide", "battle_hard": f"{path}battle-hard"}
    assert all(trial.fault is None for trial in found.trials.values())


def test_names_of_fields_do_not_matter_and_types_do() -> None:
    renamed = component(
        f"""(core module $m {MEMORY} (func (export "decide") {CORE_DECIDE} {PLAN})) (core instance $main (instantiate $m))
        {ENTITY.replace('"energy"', '"fuel"')}
        (func (export "decide") {DECIDE.replace("last-plan", "before")} (canon lift (core func $main "decide") {LIFTED}))"""
    )
    assert inspect_module(renamed, "mine", SETTINGS).strategies == {"mine": "decide"}
    text = component(
        f"""(core module $m {MEMORY} (func (export "decide") {CORE_DECIDE} {PLAN})) (core instance $main (instantiate $m))
        {ENTITY} (func (export "decide") {DECIDE.replace("(list u8)", "string")}
        (canon lift (core func $main "decide") {LIFTED}))"""
    )
    message = refusal(text)
    assert "system: string" in message
    assert "system: list<u8>" in message


def test_a_component_without_strategies_is_refused_with_what_it_exports() -> None:
    assert "exports no function; a strategy exports decide: func(me: record" in refusal(component(""))
    other = component(
        '(core module $m (func (export "f"))) (core instance $i (instantiate $m))'
        '(func (export "greet") (canon lift (core func $i "f")))'
    )
    assert "the component exports greet: func(); a strategy exports decide" in refusal(other)


def test_a_start_that_never_ends_is_refused() -> None:
    for other in (None, ""):
        message = refusal(strategy(PLAN, "(func $loop (loop $l (br $l))) (start $loop)", other=other))
        assert "fuel" in message
    assert "no instance of the component can be made" in message


def test_memory_past_the_limit_is_refused() -> None:
    data = strategy(PLAN, other="(memory 2000)")
    settings = Settings(component_memory_bytes_max=1 << 20)
    assert "1,048,576 bytes for each memory" in refusal(data, settings)


def test_what_a_memory_begins_with_may_be_more_than_a_modules_memory_may_have() -> None:
    """The engine keeps it in an unnamed file, and the checker may only write files of so many bytes."""
    data = strategy(PLAN, f'(data (i32.const 4096) "{"x" * 3_000_000}")', other="")
    data = data.replace(b"\x05\x03\x01\x00\x01", b"\x05\x03\x01\x00\x40", 1)
    settings = Settings(guest_memory_bytes_max=1 << 20)
    assert inspect_module_apart(data, "mine", settings).trials["mine"].fault is None


def test_machine_code_past_the_limit_is_refused() -> None:
    settings = Settings(component_compiled_bytes_max=1 << 16)
    assert "65,536 are allowed" in refusal(strategy(PLAN, other=library(7_000)), settings)


def test_larger_components_than_modules_are_let_in() -> None:
    data = strategy(PLAN, f'(data (i32.const 2048) "{"x" * 5_000}")', other="")
    settings = Settings(module_bytes_max=4_096)
    assert inspect_module(data, "mine", settings).strategies
    assert "4,096 are allowed" in refusal(data, Settings(component_bytes_max=4_096))


@pytest.mark.parametrize("data", [SINGLE, DOUBLE], ids=["core", "component"])
def test_guests_are_made_of_machine_code_and_of_the_bytes_that_are_kept(data: bytes) -> None:
    found = inspect_module(data, "mine", SETTINGS)
    known, fresh = Guests(), Guests()
    known.add(found.sha256, found.compiled)
    guests = [
        known.find(found.sha256, "decide", lambda: pytest.fail("it is known")),
        fresh.find(found.sha256, "decide", lambda: data),
    ]
    assert {type(guest) for guest in guests} == {ComponentGuest if data == DOUBLE else Guest}
    assert fresh.compiled_bytes[found.sha256] > 1_000


def test_the_checker_takes_components_and_what_is_known_of_them() -> None:
    one, other = (strategy(f"(i64.const {n})", other=library(7_000)) for n in (1, 2))
    parts = Parts(10 << 20)
    assert parts.known(one) == {}
    parts.keep(inspect_module_apart(one, "mine", SETTINGS).compiled)
    known = parts.known(other)
    assert len(known) == 1
    found = inspect_module(other, "mine", SETTINGS, known)
    assert dict(parts_of(found.compiled)).items() >= known.items()


def test_kept_parts_are_bounded_and_the_last_used_stay() -> None:
    uploads = [strategy(PLAN, other=library(length)) for length in (7_000, 7_100, 7_200)]
    compiled = [inspect_module(upload, "mine", SETTINGS).compiled for upload in uploads]
    sizes = [sorted(len(part) for _, part in parts_of(code))[-1] for code in compiled]
    parts = Parts(sum(sizes[:2]) + 100)
    for code in compiled:
        parts.keep(code)
    assert 0 < parts.bytes <= parts.bytes_max
    assert [len(parts.known(upload)) for upload in uploads] == [0, 0, 1]
    assert Parts(0).known(DOUBLE) == {}
    parts.keep(b"\x7fELF")
    assert parts.known(b"\0asm\1\0\0\0") == parts.known(DOUBLE[:40]) == {}


def test_what_is_known_of_an_upload_is_found_without_reading_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway looks for it, between two answers: a component of many imports would take it seconds to read."""
    parts = Parts(10 << 20)
    one = strategy(PLAN, other=library(7_000))
    parts.keep(inspect_module(one, "mine", SETTINGS).compiled)
    imports = PREAMBLE + section(IMPORT, unsigned(2_000) + b"\0\0\1\0" * 2_000)
    monkeypatch.setattr(Reader, "extern_name", lambda _reader: pytest.fail("an import is read"))
    assert parts.known(imports) == {}
    assert len(parts.known(one)) == 1


def test_what_a_checker_reads_is_split_by_sizes() -> None:
    known = {hash_of(b"a"): b"first", hash_of(b"b"): b"", hash_of(b"c"): b"third"}
    data = b"module" + b"".join(known.values())
    assert split_input(data, sizes_of(known)) == (b"module", known)
    assert split_input(b"module", []) == (b"module", {})


def test_wrong_imports_are_refused_by_name() -> None:
    with pytest.raises(ModuleRefused, match="a strategy may import nothing, or of WASI"):
        inspect_module(component('(import "my:own/thing" (instance))'), "mine", SETTINGS)
