"""Reads names of types in SQL: SingleStore's and DuckDB's, as types of WIT. Of several that have one name, the plainest."""

from __future__ import annotations

from collections.abc import Callable

from wasmverse.errors import CommandError
from wasmverse.functions.tokens import Tokens
from wasmverse.functions.type_names import BYTES, NAMES, wit_name
from wasmverse.text import one_line
from wasmverse.wasm.types import (
    BOOL,
    CHAR,
    F32,
    F64,
    S8,
    S16,
    S32,
    S64,
    U8,
    U16,
    U32,
    U64,
    Case,
    Enum,
    Field,
    List,
    Option,
    Record,
    String,
    ValueType,
    Variant,
)
from wasmverse.wasm.wit import TYPE_DEPTH_MAX, TYPE_PARTS_MAX

_TYPES: dict[str, ValueType] = {
    **{name: type_ for type_, name in NAMES.items() if type_ != CHAR},
    **dict.fromkeys(("BOOL", "LOGICAL"), BOOL),
    **dict.fromkeys(("INT", "INT4", "INT32", "MEDIUMINT", "SIGNED"), S32),
    **dict.fromkeys(("INT8", "INT64", "LONG"), S64),
    **dict.fromkeys(("INT2", "INT16", "SHORT"), S16),
    **dict.fromkeys(("INT1",), S8),
    **dict(zip(("UINT8", "UINT16", "UINT32", "UINT64"), (U8, U16, U32, U64), strict=True)),
    **dict.fromkeys(("REAL", "FLOAT4"), F32),
    **dict.fromkeys(("FLOAT8", "DOUBLE PRECISION"), F64),
    **dict.fromkeys(("CHAR", "TEXT", "STRING", "NVARCHAR", "BPCHAR"), String()),
    **dict.fromkeys(("TINYTEXT", "MEDIUMTEXT", "LONGTEXT", "JSON"), String()),
    **dict.fromkeys(("BYTEA", "BINARY", "VARBINARY", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB"), BYTES),
}
_MADE = frozenset({"STRUCT", "RECORD", "ROW", "UNION", "ARRAY", "LIST", "ENUM", "UNSIGNED"})
_UNSIGNED: dict[ValueType, ValueType] = {S8: U8, S16: U16, S32: U32, S64: U64}
_FOREIGN = {
    **dict.fromkeys(("DECIMAL", "NUMERIC", "DEC"), "DOUBLE"),
    **dict.fromkeys(("HUGEINT", "UHUGEINT", "BIGNUM"), "BIGINT or DOUBLE"),
    **dict.fromkeys(("DATE", "TIME", "DATETIME", "TIMESTAMP", "TIMESTAMPTZ", "INTERVAL"), "BIGINT (epoch_us) or VARCHAR"),
    **dict.fromkeys(("UUID", "BIT", "GEOGRAPHY", "GEOMETRY", "VECTOR", "MAP", "YEAR"), "VARCHAR, BLOB or a list"),
}  # fmt: skip
"""Types that have no counterpart in WIT, and what to declare and cast to instead."""


def value_type(text: str) -> ValueType:
    """The type that a name of SQL means; raises CommandError."""
    tokens = Tokens(text)
    type_ = read_type(tokens)
    tokens.end()
    return type_


def is_type(tokens: Tokens) -> bool:
    """Whether a type is next, not a name."""
    return tokens.peek() in _TYPES.keys() | _FOREIGN.keys() | _MADE


def read_type(tokens: Tokens) -> ValueType:
    """Take a type: its name, and after it any number of ``[]``, ``NOT NULL`` or ``NULL``. One that may be NULL is an option.

    Raises
    ------
    CommandError : something else is there, or a type that has no counterpart in WIT.
    """
    return _Reader(tokens).read()


class _Reader:
    """Reads one type with all that is in it, and counts how deep and how large it is."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._parts = 0

    def read(self, depth: int = 1) -> ValueType:
        self._parts += 1
        if depth > TYPE_DEPTH_MAX or self._parts > TYPE_PARTS_MAX:
            raise CommandError(
                f"A type is nested more than {TYPE_DEPTH_MAX} deep, or made of more than {TYPE_PARTS_MAX:,} types: take it apart"
            )
        tokens = self._tokens
        type_ = self._named(depth)
        while tokens.peek() in {"[", "CHARACTER", "CHARSET", "COLLATE"}:
            if tokens.takes("["):
                if not tokens.takes("]"):
                    raise CommandError(
                        "A list of a fixed length has no counterpart in WIT; write the type with [] after it"
                    )
                depth += 1
                if depth > TYPE_DEPTH_MAX:
                    raise CommandError(f"A type is nested more than {TYPE_DEPTH_MAX} deep: take it apart")
                type_ = List(type_)
            else:
                self._character_set()
        if tokens.takes("NOT", "NULL"):
            return type_
        return Option(type_) if tokens.takes("NULL") else type_

    def _named(self, depth: int) -> ValueType:
        tokens = self._tokens
        word = tokens.peek()
        if word in {"STRUCT", "RECORD", "ROW"}:
            return Record(tuple(Field(name, type_) for name, type_ in self._fields(depth)))
        if word == "UNION":
            return Variant(tuple(Case(name, type_) for name, type_ in self._fields(depth)))
        if word in {"ARRAY", "LIST"}:
            tokens.take(word, "(")
            item = self.read(depth + 1)
            tokens.take(")")
            return List(item)
        if word == "ENUM":
            return self._enum()
        is_unsigned = tokens.takes("UNSIGNED")
        word = tokens.peek() if is_unsigned else word
        type_ = _TYPES.get(word)
        if type_ is None:
            if word in _FOREIGN:
                raise CommandError(
                    f"The type {word} has no counterpart in WIT; declare {_FOREIGN[word]}, and cast to that in the query"
                )
            tokens.wrong(
                "a type such as DOUBLE, BIGINT, VARCHAR, BLOB, BOOLEAN, DOUBLE[], STRUCT(...), UNION(...) or ENUM(...)"
            )
        tokens.take(word)
        if tokens.takes("("):  # a length or a number of digits, which changes nothing
            tokens.number("a length")
            tokens.take(")")
        if tokens.takes("UNSIGNED") or is_unsigned:
            if type_ not in _UNSIGNED:
                raise CommandError(f"{word} cannot be UNSIGNED; a whole number such as BIGINT can")
            return _UNSIGNED[type_]
        tokens.takes("SIGNED")
        return type_

    def _fields(self, depth: int) -> list[tuple[str, ValueType]]:
        tokens = self._tokens
        kind = tokens.peek()
        tokens.take(kind, "(")
        fields: list[tuple[str, ValueType]] = []
        while not fields or tokens.takes(","):
            name = tokens.name(f"the name of a field of a {kind}")
            fields.append((wit_name(name), self.read(depth + 1)))
        tokens.take(")")
        check_distinct([name for name, _ in fields], f"a {kind}")
        return fields

    def _enum(self) -> Enum:
        tokens = self._tokens
        tokens.take("ENUM", "(")
        labels: list[str] = []
        while not labels or tokens.takes(","):
            labels.append(tokens.text("a label of an ENUM in quotes"))
        tokens.take(")")
        if len(set(labels)) < len(labels):
            raise CommandError("A label stands twice in an ENUM: labels must differ")
        self._parts += len(labels)
        return Enum(tuple(labels))

    def _character_set(self) -> None:
        tokens = self._tokens
        if not tokens.takes("COLLATE") and not tokens.takes("CHARSET"):
            tokens.take("CHARACTER", "SET")
        tokens.name("the name of a character set or collation")


def check_distinct(names: list[str], what: str, fold: Callable[[str], str] = str.lower) -> None:
    """Refuse names of which two are the same to SQL, which does not regard case."""
    seen: set[str] = set()
    for name in names:
        if fold(name) in seen:
            raise CommandError(f"The name '{one_line(name, 64)}' stands twice in {what}: names must differ")
        seen.add(fold(name))
