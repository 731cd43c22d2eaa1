"""A component's canonical definitions: which functions it lifts and lowers, and how; what is not offered is refused by name.

Source: WebAssembly Component Model, Binary.md, ``canon`` and ``canonopt``.
"""

from __future__ import annotations

from dataclasses import dataclass

from wasmverse.errors import ModuleRefused
from wasmverse.wasm.component.binary import Reader

LIFT, LOWER, RESOURCE_NEW, RESOURCE_DROP, RESOURCE_REP = range(5)
_UTF8, _UTF16, _LATIN1, _MEMORY, _REALLOC, _POST_RETURN = range(6)
_ENCODINGS = {_UTF8: "utf8", _UTF16: "utf16", _LATIN1: "latin1+utf16"}


@dataclass(frozen=True, slots=True)
class Canon:
    """One definition.

    Attributes
    ----------
    kind : ``LIFT``, ``LOWER``, or what is done with a resource.
    function : the core function that is lifted, or the function that is lowered, by its number.
    encoding : of strings; memory, realloc, post_return : by their numbers, None when they are not given.
    """

    kind: int
    function: int
    encoding: str = "utf8"
    memory: int | None = None
    realloc: int | None = None
    post_return: int | None = None


def canons_of(reader: Reader) -> list[Canon]:
    """What a section of canonical definitions holds.

    Raises
    ------
    ModuleRefused : it cannot be read, or defines an async function or something for threads.
    """
    return [_canon(reader) for _ in range(reader.count())]


def _canon(reader: Reader) -> Canon:
    kind = reader.byte()
    if kind > RESOURCE_REP:
        raise _is_async()
    if kind > LOWER:
        return Canon(kind, reader.number())
    if reader.byte() != 0:
        reader.at -= 1
        raise reader.refusal()
    function = reader.number()
    encoding = "utf8"
    numbers: dict[int, int] = {}
    for _ in range(reader.count()):
        option = reader.byte()
        if option in _ENCODINGS:
            encoding = _ENCODINGS[option]
        elif option <= _POST_RETURN:
            numbers[option] = reader.number()
        else:
            raise _is_async()
    if kind == LIFT:
        reader.number()  # the type
    return Canon(
        kind, function, encoding, numbers.get(_MEMORY), numbers.get(_REALLOC), numbers.get(_POST_RETURN)
    )


def _is_async() -> ModuleRefused:
    return ModuleRefused(
        "the component has async functions, streams or threads; a guest answers at once, and those of WASI 0.3 are not offered: "
        "declare its functions without async and build it for WASI 0.2"
    )
