"""What a guest may import, and how the refusal of anything else is worded."""

import pytest
import wasmtime

from tests.wasm.builder import compile_wat, limits_of
from wasmverse.errors import ModuleRefused
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.linker import check_imports, instantiate
from wasmverse.wasm.sections import Imported, imports_of


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
    module = bytes(wasmtime.wat2wasm(f'(module {imported} (func (export "decide")))'))
    with pytest.raises(ModuleRefused) as refused:
        check_imports(imports_of(module))
    told = refused.value.message
    assert told.startswith(f"the module imports {shown}; a guest may import nothing: remove the import")
    assert told.isprintable()


def test_what_is_provided_may_be_imported_and_nothing_else() -> None:
    check_imports([])
    wanted = [Imported("env", "now", "function", 0), Imported("x" * 100, "\x1b[2J", "memory", None)]
    with pytest.raises(ModuleRefused, match=r"the module imports env\.now; a strategy may import nothing"):
        check_imports(wanted, "strategy")
    with pytest.raises(ModuleRefused, match=rf"the module imports {'x' * 64}\.\.\.\.\\x1b\[2J; "):
        check_imports(wanted[1:])


def test_an_instance_begins_with_its_start_function() -> None:
    module = compile_wat(
        '(module (global (export "g") (mut i32) (i32.const 1)) (start $s) (func $s (global.set 0 (i32.const 2))))'
    )
    store = limits_of().store(flight_engine())
    store.set_fuel(1_000)
    assert instantiate(store, module).exports(store)["g"].value(store) == 2
