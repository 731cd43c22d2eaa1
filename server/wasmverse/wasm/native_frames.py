"""What the frames of compiled functions take of the native stack, read from the compiler's output.

wasmtime's output is an ELF file with a symbol ``wasm[M]::function[N]`` for each function of its module, or of a
component's modules. On x86-64 a function
begins by comparing the stack pointer with the stack's limit and all that its frame will take, return address and saved
registers included: that number is read. Other processors' code is not read; they have more registers, and so smaller frames.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence

from wasmverse.errors import ModulePlace, ModuleRefused

_X86_64 = 62
_SYMBOL_TABLE = 2
_FUNCTION = re.compile(rb"wasm\[(\d+)\]::function\[(\d+)\]")
_PROLOGUE = re.compile(
    rb"\x55\x48\x89\xe5"  # push rbp; mov rbp, rsp
    rb"\x4c\x8b[\x56\x57].\x4d\x8b\x52."  # mov r10, [rdi + ..], or rsi behind a place for results; mov r10, [r10 + ..]: the limit
    rb"(?:\x4c\x3b\xd4\x0f\x87....)?"  # large frames: cmp r10, rsp; ja
    rb"(?:\x49\x83\xc2(?P<byte>.)|\x49\x81\xc2(?P<word>....))"  # add r10, size
    rb"\x4c\x3b\xd4\x0f\x87",  # cmp r10, rsp; ja
    re.DOTALL,
)


def check_frames(compiled: bytes, costs: Sequence[int], native: float, module: int = 0) -> None:
    """Make sure that no function's frame takes more than ``native`` bytes for each unit of its cost.

    Parameters
    ----------
    compiled : a serialised module or component.
    costs : what each function's frame costs; see ``stack``.
    module : of a component, the number of the core module.

    Raises
    ------
    ModuleRefused : one does.
    """
    for index, size in native_frames(compiled, module):
        if size > native * costs[index]:
            raise ModuleRefused(
                f"function {index} of the module takes {size:,} bytes of stack when it is compiled; its parameters, locals "
                f"and operands allow {int(native * costs[index]):,}: split it",
                ModulePlace("function", index=index),
            )


def native_frames(compiled: bytes, module: int = 0) -> Iterator[tuple[int, int]]:
    """Of a core module, each function's index and the bytes that its frame takes; nothing on other processors than x86-64."""
    (machine,) = struct.unpack_from("<H", compiled, 18)
    if machine != _X86_64:
        return
    (sections_at,) = struct.unpack_from("<Q", compiled, 40)
    entry_bytes, count = struct.unpack_from("<HH", compiled, 58)
    # Of each section: name, type, flags, address, offset, size, link, info, alignment, size of an entry.
    sections = [
        struct.unpack_from("<IIQQQQIIQQ", compiled, sections_at + entry_bytes * number)
        for number in range(count)
    ]
    for _name, kind, _flags, _address, offset, size, link, _info, _align, _entry in sections:
        if kind != _SYMBOL_TABLE:
            continue
        names = sections[link]
        for name, _how, _other, section, value, _size in struct.iter_unpack(
            "<IBBHQQ", compiled[offset : offset + size]
        ):
            function = _FUNCTION.match(compiled, names[4] + name)
            if function is not None and int(function[1]) == module:
                yield int(function[2]), _frame(compiled, sections[section][4] + value)


def _frame(compiled: bytes, at: int) -> int:
    found = _PROLOGUE.match(compiled, at)
    if found is None:
        raise ModuleRefused(
            f"the compiled code begins with {compiled[at : at + 32].hex(' ')}; how much stack it takes cannot be read there: "
            "tell the authors of Wasmverse"
        )
    if found["byte"] is not None:
        return struct.unpack("<b", found["byte"])[0]  # type: ignore[no-any-return]
    return struct.unpack("<i", found["word"])[0]  # type: ignore[no-any-return]
