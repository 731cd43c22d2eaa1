"""What a guest may import, how it may be started, and what its allocator is: the one place that decides it.

It may import WASI preview 1 (``wasi``), and nothing else. A refusal names the import and how to build without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wasmverse.errors import ModulePlace, ModuleRefused
from wasmverse.text import printable
from wasmverse.wasm.sections import Imported
from wasmverse.wasm.wasi.signatures import MODULE, SIGNATURES

NAME_SHOWN = 64
"""Characters of a name from a module that a refusal shows: the name may be megabytes of anything."""

INITIALIZE = "_initialize"
"""What a reactor has called once before anything else."""
REALLOC_NAMES = ("cabi_realloc", "canonical_abi_realloc")
"""What an allocator is exported as: the first of these that a module has."""
_REALLOC_SIGNATURE = "(i32, i32, i32, i32) -> i32"
_COMMAND = "_start"
_NO_VALUES = "() -> nothing"

_ALLOWED = f"a guest may import the functions of WASI preview 1 ({MODULE}) and nothing else"

_REMEDIES = {
    ("env", "abort"): "AssemblyScript: --use abort= --runtime stub",
    ("env", "seed"): "AssemblyScript: --use seed=, or write no Math.random",
    ("env", "trace"): "AssemblyScript: remove trace(), or --use trace=",
    (
        "env",
        "memory",
    ): "have the module make and export its memory (wasm-ld and AssemblyScript: without --import-memory)",
    ("wasi", "thread-spawn"): "build without threads (Rust: wasm32-wasip1, C: without -pthread)",
}
_REMEDIES_OF_MODULE = {
    "env": "define the function or do not call it (C, C++, Zig: wasm-ld without --allow-undefined says who does; "
    "Emscripten: -sSTANDALONE_WASM; AssemblyScript: without @external)",
    "gojs": "Go: GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared",
    "go": "Go: GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared",
    "wbg": "Rust: build a cdylib without wasm-bindgen and what needs it (js-sys, getrandom with its feature js)",
    "__wbindgen_placeholder__": "Rust: build a cdylib without wasm-bindgen and what needs it (js-sys, getrandom with its "
    "feature js)",
    "a": "Emscripten: -sSTANDALONE_WASM --no-entry",
    "wasi_unstable": f"build for {MODULE}, which came after it",
    "wasi": "build without threads and for wasip1",
    "GOT.mem": "link statically (C: without -shared and -fPIC)",
    "GOT.func": "link statically (C: without -shared and -fPIC)",
    "$root": "this is the inside of a component: send the component itself, or build for wasip1",
}
_REMEDY = "remove the import"


def check_imports(imports: Iterable[Imported], kind: str = "guest") -> None:
    """Make sure that a module can be given all that it imports; ``kind`` is what its authors call it.

    Raises
    ------
    ModuleRefused : it cannot; the first import that is not provided is named.
    """
    for wanted in imports:
        module, name = printable(wanted.module, NAME_SHOWN), printable(wanted.name, NAME_SHOWN)
        shown, place = f"{module}.{name}", ModulePlace("import", name, module)
        if wanted.module != MODULE or wanted.name not in SIGNATURES:
            raise ModuleRefused(
                f"the module imports {shown}; {_ALLOWED.replace('guest', kind)}: {_remedy(wanted)}", place
            )
        signature = str(SIGNATURES[wanted.name])
        if wanted.signature != signature:
            raise ModuleRefused(
                f"the module imports {shown} as {printable(wanted.signature or f'a {wanted.kind}', 200)}; it is a function "
                f"{signature}: declare it so",
                place,
            )


def _remedy(wanted: Imported) -> str:
    if wanted.module == MODULE:
        return (
            "WASI preview 1 has no function of that name: build for wasip1, without extensions of other hosts"
        )
    if wanted.module.startswith("wasi:"):
        return "this is WASI 0.2, which components import: send the component itself, or build for wasip1"
    special = _REMEDIES.get((wanted.module, wanted.name))
    return special or _REMEDIES_OF_MODULE.get(wanted.module, _REMEDY)


def check_start(exports: Mapping[str, str]) -> None:
    """Make sure that what is called before the first call can be.

    Parameters
    ----------
    exports : all that a module exports, with their signatures.

    Raises
    ------
    ModuleRefused : it cannot.
    """
    initialize = exports.get(INITIALIZE, _NO_VALUES)
    if initialize != _NO_VALUES:
        raise ModuleRefused(
            f"{INITIALIZE} has the signature {printable(initialize, 200)}; it is called once for every instance, with nothing: "
            f"export it as a function {_NO_VALUES}, or leave it out",
            ModulePlace("export", INITIALIZE),
        )


def check_realloc(exports: Mapping[str, str]) -> None:
    """Make sure that what is exported as an allocator is one.

    Raises
    ------
    ModuleRefused : it is not.
    """
    for realloc in REALLOC_NAMES:
        if exports.get(realloc, _REALLOC_SIGNATURE) != _REALLOC_SIGNATURE:
            raise ModuleRefused(
                f"{realloc} must be a function with the signature {_REALLOC_SIGNATURE} "
                "(old pointer, old size, alignment, new size): correct it, or leave it out",
                ModulePlace("export", realloc),
            )


def check_is_reactor(exports: Mapping[str, str], kind: str = "guest") -> None:
    """Tell the author of a module in which nothing was found to call that it is a command; ``kind`` is what it was to be.

    Raises
    ------
    ModuleRefused : it is one: a program that runs once and ends.
    """
    if _COMMAND in exports and INITIALIZE not in exports:
        raise ModuleRefused(
            f"the module exports {_COMMAND} and no {INITIALIZE}: it is a command, a program that runs once and ends; a {kind} is "
            "a reactor, whose functions are called again and again: build it so, with the function exported (C, C++, Zig: "
            "-mexec-model=reactor, or without WASI -Wl,--no-entry; Rust: crate-type cdylib; Go: -buildmode=c-shared)",
            ModulePlace("export", _COMMAND),
        )
