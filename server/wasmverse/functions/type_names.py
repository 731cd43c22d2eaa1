"""The types of WIT by their names in SQL, and back: DuckDB's names out, SingleStore's and DuckDB's in.

What has no name of its own in SQL is shown as what carries it: a character as VARCHAR, bytes as BLOB, a tuple and flags as
STRUCT, a variant as UNION. An option is the type itself, which may be NULL; a result is what it is asked for. So several types
have one name, and a name that is read gives the plainest of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from wasmverse.errors import CommandError
from wasmverse.functions.tokens import Tokens
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
    Flags,
    List,
    Option,
    Record,
    Result,
    Scalar,
    String,
    Tuple,
    ValueType,
    Variant,
)
from wasmverse.wasm.wit import TYPE_DEPTH_MAX, TYPE_PARTS_MAX

BYTES = List(U8)

_NAMES: dict[ValueType, str] = {
    BOOL: "BOOLEAN", CHAR: "VARCHAR", String(): "VARCHAR", BYTES: "BLOB",
    U8: "UTINYINT", U16: "USMALLINT", U32: "UINTEGER", U64: "UBIGINT",
    S8: "TINYINT", S16: "SMALLINT", S32: "INTEGER", S64: "BIGINT", F32: "FLOAT", F64: "DOUBLE",
}  # fmt: skip

_TYPES: dict[str, ValueType] = {
    **{name: type_ for type_, name in _NAMES.items() if type_ != CHAR},
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
_UNSIGNED: dict[ValueType, ValueType] = {S8: U8, S16: U16, S32: U32, S64: U64}
_FOREIGN = {
    **dict.fromkeys(("DECIMAL", "NUMERIC", "DEC"), "DOUBLE"),
    **dict.fromkeys(("HUGEINT", "UHUGEINT", "BIGNUM"), "BIGINT or DOUBLE"),
    **dict.fromkeys(("DATE", "TIME", "DATETIME", "TIMESTAMP", "TIMESTAMPTZ", "INTERVAL"), "BIGINT (epoch_us) or VARCHAR"),
    **dict.fromkeys(("UUID", "BIT", "GEOGRAPHY", "GEOMETRY", "VECTOR", "MAP", "YEAR"), "VARCHAR, BLOB or a list"),
}  # fmt: skip
"""Types that have no counterpart in WIT, and what to declare and cast to instead."""

_RESERVED_WORDS = """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    default deferrable desc describe distinct do else end except false fetch for foreign from group having in
    initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer
    pivot_wider placing primary qualify references returning select show some summarize symmetric table then to
    trailing true union unique unpivot using variadic when where window with
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
"""DuckDB's words that no name can be without quotes."""
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")


def sql_type(type_: ValueType) -> str:
    """DuckDB's name of a type. DuckDB itself understands it; parts of records have their names in SQL, see `sql_name`."""
    if type_ in _NAMES:
        return _NAMES[type_]
    match type_:
        case List(item):
            return f"{sql_type(item)}[]"
        case Option(some):
            return sql_type(some)
        case Result(ok, _):
            return "BOOLEAN" if ok is None else sql_type(ok)
        case Enum(labels):
            return f"ENUM({', '.join(map(quoted_text, labels))})"
        case Variant(cases):
            named = [(case.name, BOOL if case.type is None else case.type) for case in cases]
            return f"UNION({_parts(named)})"
        case _:
            return f"STRUCT({_parts(fields_of(type_))})"


def fields_of(type_: ValueType) -> list[tuple[str, ValueType]]:
    """The parts of what is a STRUCT in SQL, under their names in WIT; those of a tuple are numbered: f0, f1, ..."""
    match type_:
        case Record(fields):
            return [(field.name, field.type) for field in fields]
        case Tuple(items):
            return [(f"f{place}", item) for place, item in enumerate(items)]
        case Flags(labels):
            return [(label, BOOL) for label in labels]
    raise AssertionError(type_)


def sql_name(name: str) -> str:
    """A name of WIT as SQL has it: '-' would be a minus sign there."""
    return name.replace("-", "_")


def wit_name(name: str) -> str:
    """A name of SQL as WIT has it."""
    return name.replace("_", "-")


def quoted_name(name: str) -> str:
    """A name in quotes."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """A text in quotes."""
    return "'" + text.replace("'", "''") + "'"


def _parts(named: list[tuple[str, ValueType]]) -> str:
    return ", ".join(f"{shown_name(sql_name(name))} {sql_type(type_)}" for name, type_ in named)


def shown_name(name: str) -> str:
    """A name in quotes if a statement needs them."""
    return name if _PLAIN_NAME.fullmatch(name) and name not in _RESERVED else quoted_name(name)


def value_type(text: str) -> ValueType:
    """The type that a name of SQL means; raises CommandError."""
    tokens = Tokens(text)
    type_ = read_type(tokens)
    tokens.end()
    return type_


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


def is_number(type_: ValueType) -> bool:
    """Whether a type can travel by ABI BASIC: a number, no more."""
    return isinstance(type_, Scalar) and type_ not in {BOOL, CHAR}
