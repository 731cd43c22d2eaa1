"""What is in a module that somebody sent: imports, exports, functions, language, hash. Nothing of it is run.

The bytes are hostile. A strict engine validates them first; only then are sections read, of which each number is bounded.
A refusal (``ModuleRefused``) says what was found, what is allowed and how to mend it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import islice

import wasmtime

from wasmverse.errors import ModuleRefused
from wasmverse.text import printable
from wasmverse.wasm.engine import compile_for_flight, strict_engine
from wasmverse.wasm.sections import (
    Imported,
    count_exports,
    count_functions,
    exports_of,
    imports_of,
    language_of,
)

NATIVE_AT_UPLOAD = 1.5
"""As ``stack.NATIVE``, with something left for other processors, whose frames are of other sizes."""

_IMPORTS_MAX = 1_000
_LINE_SHOWN = 200


@dataclass(frozen=True, slots=True)
class ModuleLimits:
    """How much there may be of a module: bytes as it was sent and as it is compiled, functions and exports."""

    bytes_max: int
    functions_max: int
    exports_max: int
    compiled_bytes_max: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a module.

    Attributes
    ----------
    sha256 : of its bytes, in hexadecimal digits.
    language : what it says it was written in, 'unknown' if it does not.
    imports : in the module's order.
    exports : by name the core signature of a function, such as ``(i32) -> i64``, else ``table``, ``memory`` or ``global``.
    """

    sha256: str
    language: str
    imports: tuple[Imported, ...]
    exports: dict[str, str]


def inspect(module: bytes, limits: ModuleLimits) -> Contents:
    """Validate a module and say what is in it.

    Raises
    ------
    ModuleRefused : it is not valid, too large, or cannot be read.
    """
    check_header(module, limits)
    check_valid(module)
    functions = count_functions(module)
    if functions > limits.functions_max:
        raise ModuleRefused(
            f"the module has {functions:,} functions; {limits.functions_max:,} are allowed: strip what is not used"
        )
    exported = count_exports(module)
    if exported > limits.exports_max:
        raise ModuleRefused(
            f"the module has {exported:,} exports; {limits.exports_max:,} are allowed: export what is called only"
        )
    imports = tuple(islice(imports_of(module), _IMPORTS_MAX + 1))
    if len(imports) > _IMPORTS_MAX:
        raise ModuleRefused(
            f"the module has more than {_IMPORTS_MAX:,} imports, the first {printable(imports[0].module, 64)}."
            f"{printable(imports[0].name, 64)}; no guest needs so many: remove those that are not used"
        )
    return Contents(hashlib.sha256(module).hexdigest(), language_of(module), imports, exports_of(module))


def check_valid(module: bytes, what: str = "module") -> None:
    """Make sure that the strict engine takes a core module; ``what`` is what a refusal calls it.

    Raises
    ------
    ModuleRefused : it does not.
    """
    try:
        wasmtime.Module.validate(strict_engine(), module)
    except wasmtime.WasmtimeError as error:
        raise ModuleRefused(
            f"the {what} is not valid: {last_line(error)}; allowed is WebAssembly 2.0 with SIMD, without threads, "
            "several memories, 64-bit memory, tail calls, typed references, exceptions or garbage collection: "
            "build it without them"
        ) from error


def check_header(module: bytes, limits: ModuleLimits) -> None:
    """What is seen without an engine: the number of bytes, and the first eight of them.

    Raises
    ------
    ModuleRefused : these bytes cannot be a module, or there are too many.
    """
    if not module:
        raise ModuleRefused("the upload is empty; send the bytes of a WebAssembly module")
    if len(module) > limits.bytes_max:
        raise ModuleRefused(
            f"the module has {len(module):,} bytes; {limits.bytes_max:,} are allowed: build it for size, strip names"
        )
    if module[:4] != b"\0asm":
        raise ModuleRefused(
            f"the upload begins with {module[:4].hex(' ')}; a WebAssembly module begins with 00 61 73 6d: "
            "send the .wasm file that your compiler made, not its source or text form"
        )
    if module[4:8] == b"\x0d\0\x01\0":
        raise ModuleRefused(
            "this is a WebAssembly component; a core module is needed here: build without the component step "
            "(for example Rust with --target wasm32-unknown-unknown)"
        )
    if module[4:8] != b"\1\0\0\0":
        raise ModuleRefused(
            f"the module has version {module[4:8].hex(' ')}; version 01 00 00 00 is understood: rebuild it"
        )


def compile_inspected(module: bytes, limits: ModuleLimits) -> tuple[wasmtime.Module, bytes]:
    """A module that passed `inspect`, compiled for flight, and that in bytes.

    Raises
    ------
    ModuleRefused : it cannot be compiled, or to too many bytes.
    """
    try:
        compiled = compile_for_flight(module, NATIVE_AT_UPLOAD)
    except wasmtime.WasmtimeError as error:
        raise ModuleRefused(f"the module cannot be compiled: {last_line(error)}: build it smaller") from error
    machine_code = bytes(compiled.serialize())
    if len(machine_code) > limits.compiled_bytes_max:
        raise ModuleRefused(
            f"the module compiles to {len(machine_code):,} bytes; {limits.compiled_bytes_max:,} are allowed: build it smaller"
        )
    return compiled, machine_code


def last_line(error: Exception) -> str:
    """The cause that wasmtime tells last, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return printable(lines[-1], _LINE_SHOWN) if lines else type(error).__name__
