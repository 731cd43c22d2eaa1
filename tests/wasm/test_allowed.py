"""What a guest may import and how it is started, and how the refusal of anything else is worded."""

import pytest
import wasmtime

from wasmverse.errors import ModuleRefused
from wasmverse.wasm.allowed import check_imports, check_is_reactor, check_start
from wasmverse.wasm.sections import Imported, imports_of
from wasmverse.wasm.wasi.signatures import MODULE, SIGNATURES


@pytest.mark.parametrize(
    ("imported", "shown", "remedy"),
    [
        ('(import "env" "now" (func))', "env.now", "define the function or do not call it (C, C++, Zig"),
        ('(import "env" "abort" (func))', "env.abort", "AssemblyScript: --use abort= --runtime stub"),
        ('(import "env" "memory" (memory 1))', "env.memory", "have the module make and export its memory"),
        ('(import "gojs" "runtime.wasmExit" (func))', "gojs.runtime.wasmExit", "Go: GOOS=wasip1"),
        ('(import "wbg" "x" (func))', "wbg.x", "Rust: build a cdylib without wasm-bindgen"),
        (
            '(import "wasi_unstable" "fd_write" (func))',
            "wasi_unstable.fd_write",
            "build for wasi_snapshot_pre",
        ),
        ('(import "wasi" "thread-spawn" (func))', "wasi.thread-spawn", "build without threads"),
        ('(import "wasi:io/poll@0.2.0" "poll" (func))', "wasi:io/poll@0.2.0.poll", "this is WASI 0.2"),
        (
            f'(import "{MODULE}" "path_find" (func))',
            f"{MODULE}.path_find",
            "WASI preview 1 has no function of",
        ),
        ('(import "a\\nb" "c" (global i32))', "a\\nb.c", "remove the import"),
    ],
)
def test_an_import_is_refused_by_its_name_with_the_remedy(imported: str, shown: str, remedy: str) -> None:
    module = bytes(wasmtime.wat2wasm(f'(module {imported} (func (export "decide")))'))
    with pytest.raises(ModuleRefused) as refused:
        check_imports(imports_of(module))
    told = refused.value.message
    assert told.startswith(
        f"the module imports {shown}; a guest may import the functions of WASI preview 1 (wasi_snapshot_preview1) "
        f"and nothing else: {remedy}"
    )
    assert told.isprintable()


def test_wasi_may_be_imported_as_what_it_is() -> None:
    check_imports([])
    check_imports(Imported(MODULE, name, "function", 0, str(type_)) for name, type_ in SIGNATURES.items())
    for declared, shown in (
        ("(func (param i32))", r"as \(i32\) -> nothing"),
        ("(global i32)", "as a global"),
    ):
        module = bytes(wasmtime.wat2wasm(f'(module (import "{MODULE}" "sched_yield" {declared}))'))
        with pytest.raises(
            ModuleRefused,
            match=rf"imports {MODULE}\.sched_yield {shown}; it is a function \(\) -> i32: declare it so",
        ):
            check_imports(imports_of(module))


def test_names_in_a_refusal_are_short_and_printable() -> None:
    wanted = [Imported("env", "now", "function", 0), Imported("x" * 100, "\x1b[2J", "memory", None)]
    with pytest.raises(
        ModuleRefused, match=r"the module imports env\.now; a strategy may import the functions"
    ):
        check_imports(wanted, "strategy")
    with pytest.raises(ModuleRefused, match=rf"the module imports {'x' * 64}\.\.\.\.\\x1b\[2J; "):
        check_imports(wanted[1:])


def test_a_command_is_told_to_become_a_reactor() -> None:
    check_is_reactor({"_start": "() -> nothing", "_initialize": "() -> nothing"})
    check_is_reactor({"f": "() -> nothing"})
    with pytest.raises(
        ModuleRefused, match=r"exports _start and no _initialize: it is a command, .*buildmode=c-shared"
    ):
        check_is_reactor({"_start": "() -> nothing", "memory": "memory"}, "strategy")


def test_initialize_takes_and_gives_nothing() -> None:
    check_start({"_initialize": "() -> nothing"})
    check_start({})
    for kind in ("(i32) -> nothing", "() -> i32", "memory"):
        with pytest.raises(ModuleRefused, match=r"_initialize has the signature .*: export it as a function"):
            check_start({"_initialize": kind})
