"""How a guest's imports of WASI become functions of its own.

The functions of WASI need the guest's memory, and a guest needs them to be instantiated: so one of the two must come first. Each
function that a module imports is replaced by one of its own, in the same place, that calls through a table which is filled
afterwards. Since the imported functions come first in the numbering of all, no number changes. What a start function does may
need WASI too: it is taken out of its section and exported, for the host to call once the table is filled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wasmverse.errors import ModuleRefused
from wasmverse.wasm.binary import append, export, signed, unsigned
from wasmverse.wasm.sections import (
    CODE_SECTION,
    EXPORT_SECTION,
    FUNCTION_SECTION,
    IMPORT_SECTION,
    START_SECTION,
    TABLE_SECTION,
    Imported,
    leb128,
)
from wasmverse.wasm.wasi.signatures import MODULE, PLACES, SIGNATURES

TABLE = "wasmverse:wasi"
"""The export by which the functions of WASI find the table."""
START = "wasmverse:start"
"""The export by which the host calls the start function."""

IMPORT_COST = 1024
"""What a call of an imported function costs of the call stack (``stack``): the trampoline's frame and all that it comes to."""


def is_linked(imports: Sequence[Imported]) -> bool:
    """Whether a module imports functions of WASI, and nothing else."""
    return bool(imports) and all(
        found.module == MODULE and found.name in PLACES and found.signature == str(SIGNATURES[found.name])
        for found in imports
    )


def with_trampolines(
    contents: Mapping[int, bytes], imports: Sequence[Imported], exports: Mapping[str, str]
) -> dict[int, bytes]:
    """The sections of a module that change; an empty one is left out.

    Parameters
    ----------
    contents : the content of each section.
    imports : of which `is_linked` is true, with the numbers of their types.
    exports : of the module.

    Raises
    ------
    ModuleRefused : it exports no memory.
    """
    if exports.get("memory") != "memory":
        raise ModuleRefused(
            "the module imports WASI and exports no memory; WASI's functions read and write there: export it as 'memory'"
        )
    tables = contents.get(TABLE_SECTION, b"\0")
    table = unsigned(leb128(tables, 0)[0])
    types = [unsigned(found.type_index) for found in imports if found.type_index is not None]
    size = unsigned(len(SIGNATURES))
    bodies = [_body(found, type_, table) for found, type_ in zip(imports, types, strict=True)]
    exported = [export(TABLE, 1, table)]
    if contents.get(START_SECTION):
        exported.append(export(START, 0, contents[START_SECTION]))
    return {
        IMPORT_SECTION: b"",
        START_SECTION: b"",
        FUNCTION_SECTION: append(contents.get(FUNCTION_SECTION, b"\0"), types, first=True),
        TABLE_SECTION: append(tables, [b"\x70\x01" + size + size]),
        EXPORT_SECTION: append(contents.get(EXPORT_SECTION, b"\0"), exported),
        CODE_SECTION: append(contents.get(CODE_SECTION, b"\0"), bodies, first=True),
    }


def _body(found: Imported, type_: bytes, table: bytes) -> bytes:
    """Hands all parameters on, and calls through the table."""
    params = len(SIGNATURES[found.name].params)
    hands_on = b"".join(b"\x20" + unsigned(number) for number in range(params))
    body = b"\0" + hands_on + b"\x41" + signed(PLACES[found.name]) + b"\x11" + type_ + table + b"\x0b"
    return unsigned(len(body)) + body
