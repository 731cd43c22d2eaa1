"""Reads WIT: a world with named types and exported functions, as values of `types`.

Understood is a package with one world, in it ``record``, ``variant``, ``enum``, ``flags``, ``type`` and ``export NAME: func``,
over all value types. Imports, interfaces, resources, futures and streams are refused, and types that are too large to be meant.
Source: component-model, design/mvp/WIT.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from wasmverse.errors import WasmverseError
from wasmverse.wasm.types import (
    FLAGS_MAX,
    SCALARS,
    Case,
    Enum,
    Field,
    Flags,
    Function,
    List,
    Option,
    Record,
    Result,
    String,
    Tuple,
    ValueType,
    Variant,
)

TYPE_DEPTH_MAX = 16
TYPE_PARTS_MAX = 4_096
"""How deep a type may be nested, and of how many types it may be made, one that is named several times counted as often: with
records in records a short text could name more than any machine can count."""

_TAKEN = frozenset({*SCALARS, "string", "list", "tuple", "option", "result"})


class WitError(WasmverseError):
    """A WIT text is wrong, or outside the part that is understood here."""


_SKIPPED = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TOKEN = re.compile(r"->|[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*|[{}()<>:;,=_]")
_PACKAGE = re.compile(r"package\s+[a-z][a-z0-9-]*(?::[a-z][a-z0-9-]*)+(?:@[0-9a-z.+-]+)?\s*;")
_PUNCTUATION = frozenset("{}()<>:;,=_") | {"->"}

_T = TypeVar("_T")


def parse_world(text: str) -> dict[str, Function]:
    """Read a WIT package with one world and return its exported functions by name.

    Raises
    ------
    WitError : the text holds something outside the part described at the top.
    """
    world = _World(_Reader(text))
    return {
        name: Function(
            tuple(Field(parameter, world.type(type_)) for parameter, type_ in parameters),
            None if result is None else world.type(result),
        )
        for name, (parameters, result) in world.functions.items()
    }


class _Reader:
    """Tokens of a WIT text, read from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = _skip(text, 0)
        package = _PACKAGE.match(text, at)
        if package is not None:
            at = _skip(text, package.end())
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise WitError(
                    f"WIT: cannot read {text[at : at + 20].strip()!r}: only named types and functions are understood"
                )
            self.tokens.append(match[0])
            at = _skip(text, match.end())
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (token != expected if expected else token in _PUNCTUATION):
            raise WitError(f"WIT: found {token or 'the end'!r} where {expected or 'a name'!r} must stand")
        self.at += 1
        return token

    def takes(self, token: str) -> bool:
        """Take the next token if it is this one."""
        if self.peek() != token:
            return False
        self.at += 1
        return True

    def end(self) -> None:
        """Nothing may follow."""
        if self.peek():
            raise WitError(f"WIT: found {self.peek()!r} after the world; one world is understood")

    def separated(self, closing: str, part: Callable[[], _T]) -> list[_T]:
        """Parts with commas between them, and one after the last if you like, up to the closing token."""
        parts = []
        while self.peek() != closing:
            parts.append(part())
            if self.peek() != closing:
                self.take(",")
        self.take(closing)
        return parts


def _skip(text: str, at: int) -> int:
    """Where the next token begins, after white space and comments."""
    match = _SKIPPED.match(text, at)
    assert match is not None
    return match.end()


_Written = tuple[str, tuple["_Written | None", ...]]
"""A type as it stands in the text: a name, and what stands in its angle brackets; None for ``_``."""
_Parameters = list[tuple[str, _Written]]


class _World:
    """What stands in a world. Names are looked up when all of it was read, for types may be used before they stand."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._named: dict[str, Callable[[], tuple[ValueType, int, int]]] = {}
        self._made: dict[str, tuple[ValueType, int, int]] = {}
        self._under_way: list[str] = []
        self.functions: dict[str, tuple[_Parameters, _Written | None]] = {}
        reader.take("world")
        reader.take()
        reader.take("{")
        while not reader.takes("}"):
            match reader.take():
                case "record" | "variant" | "enum" | "flags" as kind:
                    self._name_type(kind)
                case "type":
                    name = self._new_name()
                    reader.take("=")
                    self._named[name] = partial(self._resolve, self._written())
                    reader.take(";")
                case "export":
                    self._export()
                case other:
                    raise WitError(
                        f"WIT: {other!r} is not understood in a world; use record, variant, enum, flags, type and export"
                    )
        reader.end()
        for name in self._named:
            self._look_up(name)

    def type(self, written: _Written) -> ValueType:
        """A type with all names in it looked up."""
        return self._resolve(written)[0]

    # Reading

    def _new_name(self) -> str:
        name = self._reader.take()
        if name in self._named or name in _TAKEN:
            raise WitError(f"WIT: the name of the type {name!r} is taken: choose another")
        return name

    def _name_type(self, kind: str) -> None:
        reader, name = self._reader, self._new_name()
        reader.take("{")
        part: Callable[[], tuple[str, _Written | None]]
        part = {"record": self._field, "variant": self._case}.get(kind, self._label)
        parts = reader.separated("}", part)
        _distinct([label for label, _ in parts])
        if not parts:
            raise WitError(f"WIT: the {kind} {name!r} is empty; it has one part or more")
        if kind == "flags" and len(parts) > FLAGS_MAX:
            raise WitError(
                f"WIT: {name!r} has {len(parts)} flags; there may be {FLAGS_MAX}: make several of it"
            )
        self._named[name] = partial(self._of_kind, kind, parts)

    def _export(self) -> None:
        reader, name = self._reader, self._reader.take()
        if name in self.functions:
            raise WitError(f"WIT: {name!r} is exported twice: choose another name")
        for token in (":", "func", "("):
            reader.take(token)
        parameters = reader.separated(")", self._field)
        _distinct([parameter for parameter, _ in parameters])
        result = self._written() if reader.takes("->") else None
        reader.take(";")
        self.functions[name] = (parameters, result)

    def _field(self) -> tuple[str, _Written]:
        name = self._reader.take()
        self._reader.take(":")
        return name, self._written()

    def _case(self) -> tuple[str, _Written | None]:
        name = self._reader.take()
        if not self._reader.takes("("):
            return name, None
        payload = self._written()
        self._reader.take(")")
        return name, payload

    def _label(self) -> tuple[str, None]:
        return self._reader.take(), None

    def _written(self, depth: int = 1) -> _Written:
        if depth > TYPE_DEPTH_MAX:
            raise WitError(f"WIT: a type is nested more than {TYPE_DEPTH_MAX} deep: take it apart")
        reader, name = self._reader, self._reader.take()
        if not reader.takes("<"):
            return name, ()
        return name, tuple(
            reader.separated(">", lambda: None if reader.takes("_") else self._written(depth + 1))
        )

    # Looking up: each type with how many types it is made of and how deep it is nested

    def _look_up(self, name: str) -> tuple[ValueType, int, int]:
        if name not in self._made:
            if name in self._under_way:
                raise WitError(
                    f"WIT: the type {name!r} contains itself, which WIT does not allow: refer to it by a number"
                )
            if len(self._under_way) >= TYPE_DEPTH_MAX:
                raise WitError(f"WIT: {name!r} is nested more than {TYPE_DEPTH_MAX} deep: take it apart")
            self._under_way.append(name)
            self._made[name] = self._named[name]()
            self._under_way.pop()
        return self._made[name]

    def _resolve(self, written: _Written) -> tuple[ValueType, int, int]:
        name, arguments = written
        if name in SCALARS and not arguments:
            return SCALARS[name], 1, 1
        if name == "string" and not arguments:
            return String(), 1, 1
        if name in self._named and not arguments:
            return self._look_up(name)
        if name not in ("list", "tuple", "option", "result"):
            raise WitError(
                f"WIT: the type {name!r} is not known here: name a type of this world or of WIT itself"
            )
        found = [None if argument is None else self._resolve(argument) for argument in arguments]
        types = [each and each[0] for each in found]
        made: ValueType
        match name, types:
            case "list", [item] if item is not None:
                made = List(item)
            case "option", [some] if some is not None:
                made = Option(some)
            case "tuple", [_, *_] if None not in types:
                made = Tuple(tuple(item for item in types if item is not None))
            case "result", []:
                made = Result()
            case "result", [ok] if ok is not None:
                made = Result(ok)
            case "result", [ok, error] if error is not None:
                made = Result(ok, error)
            case _:
                raise WitError(
                    f"WIT: {name} cannot have {len(types)} types within < and >, or no '_' there: "
                    "list<T>, option<T>, tuple<T, ...>, result<T>, result<T, E> and result<_, E> are understood"
                )
        return self._measured(made, found)

    def _of_kind(self, kind: str, parts: list[tuple[str, _Written | None]]) -> tuple[ValueType, int, int]:
        found = [None if written is None else self._resolve(written) for _, written in parts]
        typed = [(name, each and each[0]) for (name, _), each in zip(parts, found, strict=True)]
        made: ValueType
        match kind:
            case "record":
                made = Record(tuple(Field(name, type_) for name, type_ in typed if type_ is not None))
            case "variant":
                made = Variant(tuple(Case(name, type_) for name, type_ in typed))
            case "enum":
                made = Enum(tuple(name for name, _ in typed))
            case _:
                made = Flags(tuple(name for name, _ in typed))
        return self._measured(made, found)

    def _measured(
        self, made: ValueType, inner: list[tuple[ValueType, int, int] | None]
    ) -> tuple[ValueType, int, int]:
        parts = 1 + sum(1 if each is None else each[1] for each in inner)
        depth = 1 + max((each[2] for each in inner if each is not None), default=0)
        if parts > TYPE_PARTS_MAX:
            raise WitError(
                f"WIT: a type is made of {parts:,} types; there may be {TYPE_PARTS_MAX:,}: take it apart"
            )
        if depth > TYPE_DEPTH_MAX:
            raise WitError(f"WIT: a type is nested {depth} deep; {TYPE_DEPTH_MAX} is the most: take it apart")
        return made, parts, depth


def _distinct(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise WitError(f"WIT: {name!r} stands twice in one list: names must differ")
        seen.add(name)
