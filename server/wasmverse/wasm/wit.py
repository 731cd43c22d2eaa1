"""Signatures of guest functions: read from WIT, lowered by the Canonical ABI.

The part of WIT that strategies and SQL functions need: a world with records of scalars and exported functions over
bool, char, u8..u64, s8..s64, f32, f64, string, list<u8> and those records. Sources: the WIT grammar
(component-model, design/mvp/WIT.md) and the Canonical ABI's flattening rules (design/mvp/CanonicalABI.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from wasmverse.errors import WasmverseError

CORE_TYPES = {
    **dict.fromkeys(("bool", "char", "u8", "u16", "u32", "s8", "s16", "s32"), "i32"),
    **dict.fromkeys(("u64", "s64"), "i64"),
    "f32": "f32",
    "f64": "f64",
}
"""The core WebAssembly type that carries each scalar."""

BYTE_SEQUENCES = ("string", "list<u8>")
"""Types that are lowered to a pointer and a length in bytes."""

FLAT_PARAMS_MAX = 16
"""The Canonical ABI passes more core values than this through memory, which no driver here does."""
RECORD_DEPTH_MAX = 8


class WitError(WasmverseError):
    """A WIT text is outside the part that is understood here."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One column of arguments: a scalar, or a byte sequence. ``path`` is its name, e.g. ``me.x``."""

    path: str
    type: str

    @property
    def is_bytes(self) -> bool:
        """Whether it is lowered to a pointer and a length."""
        return self.type in BYTE_SEQUENCES

    @property
    def core(self) -> tuple[str, ...]:
        """The core parameters it is lowered to."""
        return ("i32", "i32") if self.is_bytes else (CORE_TYPES[self.type],)


@dataclass(frozen=True, slots=True)
class Signature:
    """A function: its parameters flattened to leaves, and a scalar result."""

    name: str
    leaves: tuple[Leaf, ...]
    result: str

    @property
    def core_params(self) -> tuple[str, ...]:
        """The core types of all parameters."""
        return tuple(core for leaf in self.leaves for core in leaf.core)

    @property
    def core_result(self) -> str:
        """The core type of the result."""
        return CORE_TYPES[self.result]

    @property
    def takes_bytes(self) -> bool:
        """Whether any parameter is a byte sequence."""
        return any(leaf.is_bytes for leaf in self.leaves)

    def __str__(self) -> str:
        return f"({', '.join(self.core_params)}) -> {self.core_result}"


_SKIPPED = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TOKEN = re.compile(r"->|[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*|[{}()<>:;,]")
_PACKAGE = re.compile(r"package\s+[a-z][a-z0-9-]*(?::[a-z][a-z0-9-]*)+(?:@[0-9a-z.+-]+)?\s*;")
_PUNCTUATION = frozenset("{}()<>:;,") | {"->"}


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
                    f"WIT: cannot read {text[at : at + 20].strip()!r}: only records and functions are understood"
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

    def end(self) -> None:
        """Nothing may follow."""
        if self.peek():
            raise WitError(f"WIT: found {self.peek()!r} behind the world; one world is understood")

    def type(self) -> str:
        name = self.take()
        if name == "list":
            self.take("<")
            item = self.take()
            self.take(">")
            return f"list<{item}>"
        return name

    def fields(self, closing: str) -> list[tuple[str, str]]:
        """``name: type, ...`` up to the closing token."""
        fields: dict[str, str] = {}
        while self.peek() != closing:
            name = self.take()
            self.take(":")
            if name in fields:
                raise WitError(f"WIT: {name!r} stands twice in one list: names must differ")
            fields[name] = self.type()
            if self.peek() != closing:
                self.take(",")
        self.take(closing)
        return list(fields.items())


def _skip(text: str, at: int) -> int:
    """Where the next token begins, behind white space and comments."""
    match = _SKIPPED.match(text, at)
    assert match is not None
    return match.end()


def parse_world(text: str) -> dict[str, Signature]:
    """Read a WIT package with one world and return its exported functions by name.

    Raises
    ------
    WitError : the text holds something outside the part described at the top.
    """
    reader = _Reader(text)
    records: dict[str, list[tuple[str, str]]] = {}
    functions: dict[str, tuple[list[tuple[str, str]], str]] = {}
    reader.take("world")
    reader.take()
    reader.take("{")
    while reader.peek() != "}":
        match reader.take():
            case "record":
                name = reader.take()
                if name in records or name in CORE_TYPES or name in ("list", "string"):
                    raise WitError(f"WIT: the name of the record {name!r} is taken: choose another")
                reader.take("{")
                records[name] = reader.fields("}")
                if not records[name]:
                    raise WitError(f"WIT: the record {name!r} has no field; a record has one or more")
            case "export":
                name = reader.take()
                if name in functions:
                    raise WitError(f"WIT: {name!r} is exported twice: choose another name")
                reader.take(":")
                reader.take("func")
                reader.take("(")
                parameters = reader.fields(")")
                reader.take("->")
                result = reader.type()
                reader.take(";")
                functions[name] = (parameters, result)
            case other:
                raise WitError(f"WIT: {other!r} is not understood in a world; use record and export")
    reader.take("}")
    reader.end()
    return {name: _signature(name, *function, records) for name, function in functions.items()}


def _signature(
    name: str, parameters: list[tuple[str, str]], result: str, records: dict[str, list[tuple[str, str]]]
) -> Signature:
    """Flatten a function's parameters."""
    if result not in CORE_TYPES:
        raise WitError(
            f"WIT: {name} returns {result}; a function returns one scalar: {', '.join(CORE_TYPES)}"
        )
    leaves: list[Leaf] = []
    for parameter in parameters:
        for leaf in _flatten(*parameter, records):
            leaves.append(leaf)
            if sum(len(known.core) for known in leaves) > FLAT_PARAMS_MAX:
                raise WitError(
                    f"WIT: {name} takes more than {FLAT_PARAMS_MAX} values, records taken apart and lists counted "
                    "twice; the Canonical ABI passes no more as they are: take fewer"
                )
    return Signature(name, tuple(leaves), result)


def _flatten(path: str, type_: str, records: dict[str, list[tuple[str, str]]]) -> Iterator[Leaf]:
    if type_ in records:
        if path.count(".") >= RECORD_DEPTH_MAX:
            raise WitError(f"WIT: the records in {path[:80]} are nested more than {RECORD_DEPTH_MAX} deep")
        for name, inner in records[type_]:
            yield from _flatten(f"{path}.{name}", inner, records)
    elif type_ in CORE_TYPES or type_ in BYTE_SEQUENCES:
        yield Leaf(path, type_)
    else:
        raise WitError(
            f"WIT: {path} has the type {type_}; understood are scalars, string, list<u8> and records of scalars"
        )


@cache
def strategy_signature() -> Signature:
    """The signature of a strategy, from ``strategy.wit`` beside this file."""
    return parse_world(Path(__file__).with_name("strategy.wit").read_text())["decide"]
