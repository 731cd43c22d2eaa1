"""What a component may import: WASI 0.2, and of that what can be answered; everything else is refused, or traps by its name.

Clocks, random numbers and standard output are answered from a `World`, as those of preview 1 are. The rest of WASI 0.2 (files,
sockets, the environment's other doors) can be imported, since languages' runtimes do, but not called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from wasmverse.errors import ModuleRefused
from wasmverse.text import printable
from wasmverse.wasm.component.binary import INSTANCES
from wasmverse.wasm.component.outline import Import

NAME_SHOWN = 80
IMPORTS_MAX = 100

_WASI = re.compile(
    r"wasi:(?P<package>[a-z-]+)/(?P<interface>[a-z0-9-]+)@(?P<version>\d+\.\d+)(?P<rest>[.\w-]*)"
)
PACKAGES = ("cli", "clocks", "filesystem", "io", "random", "sockets")


def check_component_imports(imports: Iterable[Import], kind: str = "guest") -> None:
    """Make sure that a component imports nothing but WASI 0.2; ``kind`` is what its authors call it.

    Raises
    ------
    ModuleRefused : it does; the first such import is named.
    """
    imports = [wanted for wanted in imports if not wanted.is_value_type]
    if len(imports) > IMPORTS_MAX:
        raise ModuleRefused(
            f"the component has {len(imports):,} imports; all of WASI 0.2 has fewer than {IMPORTS_MAX}: remove those that are "
            "not used"
        )
    for wanted in imports:
        shown = printable(wanted.name, NAME_SHOWN)
        found = _WASI.fullmatch(wanted.name)
        if found is not None and found["version"] == "0.3":
            raise ModuleRefused(
                f"the component imports {shown}; WASI 0.3 and its async functions are not offered, a {kind} answers at once: "
                "build it for WASI 0.2 (componentize-py: a world without async; Rust: --target wasm32-wasip2)"
            )
        if found is None or found["version"] != "0.2" or found["package"] not in PACKAGES:
            raise ModuleRefused(
                f"the component imports {shown}; a {kind} may import nothing, or of WASI 0.2 wasi:{', wasi:'.join(PACKAGES)}: "
                "remove the import from its world (componentize-py: --stub-wasi imports nothing at all)"
            )
        if wanted.sort != INSTANCES:
            raise ModuleRefused(
                f"the component imports {shown} as something else than an interface; WASI is imported by interfaces: build it "
                "with released tools"
            )


def interface_of(name: str) -> str:
    """The interface that an import is, without its version: ``cli/stdout``."""
    found = _WASI.fullmatch(name)
    assert found is not None, name
    return f"{found['package']}/{found['interface']}"
