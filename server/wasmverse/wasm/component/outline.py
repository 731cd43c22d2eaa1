"""What a component is made of: its core modules, what it imports, the components in it; read off the binary, nothing validated.

Only the outermost component's core modules are told one by one: they are compiled apart (``parts``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from wasmverse.errors import ModuleRefused
from wasmverse.wasm.component import binary
from wasmverse.wasm.component.binary import (
    CANON,
    COMPONENT,
    COMPONENTS,
    CORE_MODULE,
    CORE_MODULES,
    CORE_TYPE,
    CORE_TYPES,
    CUSTOM,
    FUNCTIONS,
    IMPORT,
    INSTANCES,
    TYPES,
    Reader,
    section,
    sections_of,
)

DEPTH_MAX = 16
"""How deep components may lie in each other."""
SECTIONS_MAX = 20_000
"""Sections of a component and all that lie in it; tools write a few hundred."""


@dataclass(frozen=True, slots=True)
class Import:
    """Something that a component imports: its name, its sort, its number in it, and whether it is a resource."""

    name: str
    sort: bytes
    index: int
    is_resource: bool = False

    @property
    def is_value_type(self) -> bool:
        """Whether it only names a type of values, which the component tells itself: nothing that could be provided."""
        return self.sort == TYPES and not self.is_resource


@dataclass(slots=True)
class Outline:
    """What is in a component.

    Attributes
    ----------
    data : its bytes.
    modules : (start, end) of each core module that lies in the outermost component, in order.
    inner_modules : the same of those in components within it.
    imports : what it imports; the core modules that are put in place of its own are none of it.
    prefix : the sections by which it declares its imports, so that another component can import the same.
    declared : how many of each sort these sections define.
    canons : (start, end) of the sections of canonical definitions, of all components within it too.
    has_core_types : whether the outermost component defines types of core modules or functions itself.
    """

    data: bytes
    modules: list[tuple[int, int]] = field(default_factory=list)
    inner_modules: list[tuple[int, int]] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    prefix: bytes = b""
    declared: Counter[bytes] = field(default_factory=Counter)
    has_core_types: bool = False
    canons: list[tuple[int, int]] = field(default_factory=list)
    sections: list[tuple[int, int, int, int]] = field(default_factory=list)


def core_modules_of(data: bytes) -> list[tuple[int, int]]:
    """(start, end) of each core module in the outermost component, as far as `SECTIONS_MAX` sections go; nothing else is read, so
    it takes milliseconds whatever the bytes are.

    Raises
    ------
    ModuleRefused : its sections cannot be read.
    """
    sections = islice(sections_of(data, 0, len(data)), SECTIONS_MAX)
    return [(content, end) for kind, _, content, end in sections if kind == CORE_MODULE]


def outline_of(data: bytes) -> Outline:
    """Read a component.

    Raises
    ------
    ModuleRefused : it cannot be read; it is deeper or has more sections than allowed; or it defines other things before its last
        import, so that another component could not import the same.
    """
    found = Outline(data)
    left = SECTIONS_MAX
    # (where it begins, where it ends, how deep it lies); the outermost first.
    todo = [(0, len(data), 0)]
    while todo:
        start, end, depth = todo.pop()
        if depth > DEPTH_MAX:
            raise ModuleRefused(
                f"components lie in each other more than {DEPTH_MAX} deep; no tool nests them so: compose them flatter"
            )
        for kind, begins, content, ends in sections_of(data, start, end):
            left -= 1
            if left < 0:
                raise ModuleRefused(
                    f"the component has more than {SECTIONS_MAX:,} sections; that is enough for any that tools build: build it "
                    "again"
                )
            if depth == 0:
                found.sections.append((kind, begins, content, ends))
            if kind == CORE_MODULE:
                (found.inner_modules if depth else found.modules).append((content, ends))
            elif kind == CANON:
                found.canons.append((content, ends))
            elif kind == COMPONENT:
                todo.append((content, ends, depth + 1))
    found.inner_modules.sort()
    found.has_core_types = any(kind == CORE_TYPE for kind, *_ in found.sections)
    _read_imports(found)
    return found


def _read_imports(found: Outline) -> None:
    last = max((n for n, (kind, *_) in enumerate(found.sections) if kind == IMPORT), default=-1)
    prefix = []
    for kind, _begins, content, ends in found.sections[: last + 1]:
        if kind in (CUSTOM, CORE_MODULE, COMPONENT):
            continue
        reader = Reader(found.data, content, ends)
        match kind:
            case binary.TYPE:
                found.declared[TYPES] += reader.count()
            case binary.CORE_TYPE:
                found.declared[CORE_TYPES] += reader.count()
            case binary.ALIAS:
                for sort in _alias_sorts(reader):
                    found.declared[sort] += 1
            case binary.IMPORT:
                for _ in range(reader.count()):
                    name = reader.extern_name()
                    sort, is_resource = reader.extern_type()
                    found.imports.append(Import(name, sort, found.declared[sort], is_resource))
                    found.declared[sort] += 1
            case _:
                raise ModuleRefused(
                    "the component defines something before its last import that its imports may depend on; tools declare "
                    "imports first: build it with released tools (wasm-tools component new)"
                )
        prefix.append(section(kind, found.data[content:ends]))
    found.prefix = b"".join(prefix)


def _alias_sorts(reader: Reader) -> Iterator[bytes]:
    """The sorts of a section of aliases, each of an export of an instance."""
    for _ in range(reader.count()):
        sort = reader.sort()
        if reader.byte() != 0 or sort not in (TYPES, INSTANCES, FUNCTIONS, COMPONENTS, CORE_MODULES):
            reader.at -= 1
            raise reader.refusal()
        reader.number()
        reader.name()
        yield sort
