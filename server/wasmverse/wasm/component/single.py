"""A component around a single core module: that module, with the exports by which a core module is flown.

Most components are such: a compiler's module, wrapped so that its functions have types. Calling it through the wrapping would
cost several times as much as the function. How each function was lifted is read off the component, and only that counts: which
core function it is, which allocator it uses, and what is called after it returned; the module's own names may say otherwise.

Source: WebAssembly Component Model, Binary.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wasmverse.errors import ModuleRefused
from wasmverse.wasm import abi
from wasmverse.wasm.binary import unsigned
from wasmverse.wasm.component import binary
from wasmverse.wasm.component.binary import (
    CORE_FUNCTION,
    CORE_MEMORY,
    FUNCTIONS,
    INSTANCES,
    TYPES,
    Reader,
    name,
    vector,
)
from wasmverse.wasm.component.canons import LIFT, Canon, canons_of
from wasmverse.wasm.component.outline import Outline
from wasmverse.wasm.component.types import PATH
from wasmverse.wasm.sections import EXPORT_SECTION, sections_of
from wasmverse.wasm.types import Function, List, Option, Record, Result, String, Tuple, ValueType, Variant

MEMORY, REALLOC, POST = "memory", "cabi_realloc", "cabi_post_"


class _OtherShape(Exception):
    """The component is put together in a way that is not followed here."""


@dataclass(slots=True)
class _Shape:
    """What the outermost component defines, as far as it is followed: by sort, in the order of the numbers.

    core_functions, memories : the name by which the core module exports it; None for anything else.
    functions : how it was lifted; None for anything else.
    instances : functions by name.
    shims : of each component within it, by the name of each function it exports that of the one it was given.
    """

    core_functions: list[str | None] = field(default_factory=list)
    memories: list[str | None] = field(default_factory=list)
    functions: list[Canon | None] = field(default_factory=list)
    instances: list[Mapping[str, Canon | None]] = field(default_factory=list)
    shims: list[Mapping[str, str]] = field(default_factory=list)
    exports: dict[str, Canon | Mapping[str, Canon | None] | None] = field(default_factory=dict)
    instantiated: int = 0


def single_module(
    outline: Outline, functions: Mapping[str, Function | None], paths: Iterable[str]
) -> bytes | None:
    """The core module of a component that passed `inspect_component`, exporting some of its functions by their paths.

    Beside each may stand its ``cabi_post_`` function, and there are ``memory`` and ``cabi_realloc`` as they use them. None when
    the component imports something, has another number of core modules, or lifts these functions in a way that a core module
    cannot say: it must be called as a component.
    """
    if (
        len(outline.modules) != 1
        or outline.inner_modules
        or any(not found.is_value_type for found in outline.imports)
    ):
        return None
    (place,) = outline.modules
    module = outline.data[place[0] : place[1]]
    try:
        shape = _shape(outline)
        return _with_exports(module, _exports(shape, functions, paths))
    except (_OtherShape, ModuleRefused, IndexError):
        return None


def _exports(
    shape: _Shape, functions: Mapping[str, Function | None], paths: Iterable[str]
) -> dict[str, tuple[str, int]]:
    """By the name that it shall have, the name that an export of the module has, and its kind."""
    found: dict[str, tuple[str, int]] = {}

    def add(key: str, sort: bytes, names: list[str | None], number: int | None) -> None:
        if number is None:
            return
        exported = names[number]
        if exported is None or found.setdefault(key, (exported, sort[1])) != (exported, sort[1]):
            raise _OtherShape

    for path in paths:
        lifted = _lifted(shape, path)
        function = functions[path]
        if lifted is None or function is None or (lifted.encoding != "utf8" and _has_text(function)):
            raise _OtherShape
        add(path, CORE_FUNCTION, shape.core_functions, lifted.function)
        add(POST + path, CORE_FUNCTION, shape.core_functions, lifted.post_return)
        add(REALLOC, CORE_FUNCTION, shape.core_functions, lifted.realloc)
        add(MEMORY, CORE_MEMORY, shape.memories, lifted.memory)
    return found


def _lifted(shape: _Shape, path: str) -> Canon | None:
    outer, _, inner = path.partition(PATH)
    found = shape.exports.get(outer)
    if inner:
        return found.get(inner) if isinstance(found, Mapping) else None
    return found if isinstance(found, Canon) else None


def _has_text(function: Function) -> bool:
    """Whether strings are passed or returned."""
    return any(map(_is_text, [param.type for param in function.params] + [function.result]))


def _is_text(type_: ValueType | None) -> bool:
    match type_:
        case String():
            return True
        case List(inner) | Option(inner):
            return _is_text(inner)
        case Record() | Tuple():
            return any(_is_text(part.type) for part in abi.fields_of(type_))
        case Variant() | Result():
            return any(_is_text(case.type) for case in abi.cases_of(type_))
        case _:
            return False


def _with_exports(module: bytes, exports: Mapping[str, tuple[str, int]]) -> bytes:
    """The module with these exports in place of its own."""
    known: dict[tuple[str, int], int] = {}
    parts = [module[:8]]
    for kind, content in sections_of(module):
        if kind != EXPORT_SECTION:
            parts.append(binary.section(kind, content))
            continue
        reader = Reader(content)
        for _ in range(reader.count()):
            key = reader.name()
            sort = reader.byte()
            known[key, sort] = reader.number()
        if not all(wanted in known for wanted in exports.values()):
            raise _OtherShape
        items = (name(key) + bytes([wanted[1]]) + unsigned(known[wanted]) for key, wanted in exports.items())
        parts.append(binary.section(EXPORT_SECTION, vector(items)))
    return b"".join(parts)


def _shape(outline: Outline) -> _Shape:
    shape = _Shape()
    for kind, _begins, content, ends in outline.sections:
        reader = Reader(outline.data, content, ends)
        match kind:
            case binary.CUSTOM | binary.CORE_MODULE | binary.TYPE | binary.IMPORT:
                pass
            case binary.COMPONENT:
                shape.shims.append(_shim(outline.data, content, ends))
            case binary.CORE_INSTANCE:
                _core_instances(shape, reader)
            case binary.ALIAS:
                _aliases(shape, reader)
            case binary.CANON:
                _canons(shape, reader)
            case binary.INSTANCE:
                _instances(shape, reader)
            case binary.EXPORT:
                _read_exports(shape, reader)
            case _:
                raise _OtherShape
    return shape


def _core_instances(shape: _Shape, reader: Reader) -> None:
    """The module is instantiated once, and is given nothing."""
    for _ in range(reader.count()):
        if reader.byte() != 0 or reader.number() != 0 or reader.count() != 0:
            raise _OtherShape
        shape.instantiated += 1
    if shape.instantiated != 1:
        raise _OtherShape


def _aliases(shape: _Shape, reader: Reader) -> None:
    for _ in range(reader.count()):
        sort, target = reader.sort(), reader.byte()
        first = reader.number()
        if target == 2:
            if sort != TYPES:
                raise _OtherShape
            reader.number()
            continue
        key = reader.name()
        if target == 1:
            if sort == CORE_FUNCTION:
                shape.core_functions.append(key)
            elif sort == CORE_MEMORY:
                shape.memories.append(key)
        elif sort == FUNCTIONS:
            shape.functions.append(shape.instances[first].get(key))
        elif sort != TYPES:
            raise _OtherShape


def _canons(shape: _Shape, reader: Reader) -> None:
    for canon in canons_of(reader):
        if canon.kind != LIFT:
            raise _OtherShape
        shape.functions.append(canon)


def _instances(shape: _Shape, reader: Reader) -> None:
    for _ in range(reader.count()):
        if reader.byte() == 0:
            shim = shape.shims[reader.number()]
            given = {}
            for _arg in range(reader.count()):
                key, sort, index = reader.name(), reader.sort(), reader.number()
                if sort == FUNCTIONS:
                    given[key] = shape.functions[index]
            shape.instances.append({key: given.get(wanted) for key, wanted in shim.items()})
        else:
            bag = {}
            for _item in range(reader.count()):
                key, sort, index = reader.extern_name(), reader.sort(), reader.number()
                if sort == FUNCTIONS:
                    bag[key] = shape.functions[index]
            shape.instances.append(bag)


def _read_exports(shape: _Shape, reader: Reader) -> None:
    for key, sort, index in _exported(reader):
        if sort == FUNCTIONS:
            shape.functions.append(shape.functions[index])
            shape.exports[key] = shape.functions[index]
        elif sort == INSTANCES:
            shape.instances.append(shape.instances[index])
            shape.exports[key] = shape.instances[index]
        elif sort != TYPES:
            raise _OtherShape


def _exported(reader: Reader) -> Iterable[tuple[str, bytes, int]]:
    for _ in range(reader.count()):
        key, sort, index = reader.extern_name(), reader.sort(), reader.number()
        if reader.byte():
            reader.extern_type()
        yield key, sort, index


def _shim(data: bytes, start: int, end: int) -> Mapping[str, str]:
    """Of a component that only exports what it was given: by the name of each function, the name that it was given by."""
    functions: list[str] = []
    exports: dict[str, str] = {}
    for kind, _begins, content, ends in binary.sections_of(data, start, end):
        reader = Reader(data, content, ends)
        match kind:
            case binary.CUSTOM | binary.TYPE:
                pass
            case binary.IMPORT:
                for _ in range(reader.count()):
                    key = reader.extern_name()
                    sort, _is_resource = reader.extern_type()
                    if sort == FUNCTIONS:
                        functions.append(key)
                    elif sort != TYPES:
                        raise _OtherShape
            case binary.EXPORT:
                for key, sort, index in _exported(reader):
                    if sort == FUNCTIONS:
                        functions.append(functions[index])
                        exports[key] = functions[index]
                    elif sort != TYPES:
                        raise _OtherShape
            case _:
                raise _OtherShape
    return exports
