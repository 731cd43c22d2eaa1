"""What a guest may import, and how it is instantiated with that: today nothing.

The one place that decides it. Whatever a guest is to be given, a WASI for example, is named in ``PROVIDED`` and put
beside the guest in `instantiate`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import wasmtime

from wasmverse.errors import ModuleRefused
from wasmverse.text import printable
from wasmverse.wasm.sections import Imported

NAME_SHOWN = 64
"""Characters of a name from a module that a refusal shows: the name may be megabytes of anything."""


PROVIDED: Collection[tuple[str, str]] = frozenset()
"""What the host gives to a guest that asks for it, by module and name."""


def check_imports(imports: Iterable[Imported], kind: str = "guest") -> None:
    """Make sure that a module can be given all that it imports; ``kind`` is what its authors call it.

    Raises
    ------
    ModuleRefused : it cannot; the first import that is not provided is named.
    """
    for wanted in imports:
        if (wanted.module, wanted.name) not in PROVIDED:
            shown = f"{printable(wanted.module, NAME_SHOWN)}.{printable(wanted.name, NAME_SHOWN)}"
            raise ModuleRefused(
                f"the module imports {shown}; a {kind} may import nothing: "
                "remove the import (AssemblyScript: --use abort= --runtime stub; C: -nostdlib)"
            )


def instantiate(store: wasmtime.Store, module: wasmtime.Module) -> wasmtime.Instance:
    """A fresh instance of a guest that passed `check_imports`.

    Raises
    ------
    Trap, WasmtimeError : its start function traps, or it asks for more than the store's limits.
    """
    return wasmtime.Instance(store, module, [])
