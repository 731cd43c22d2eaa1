"""The types of WIT by their names in SQL, as DuckDB has them; `type_reader` reads such names.

What has no name of its own in SQL is shown as what carries it: a character as VARCHAR, bytes as BLOB, a tuple and flags as
STRUCT, a variant as UNION. An option is the type itself, which may be NULL; a result is what it is asked for. So several types
have one name.
"""

from __future__ import annotations

import re

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
    Enum,
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

BYTES = List(U8)
UNION_MAX = 127
"""Members that a UNION may have: their numbers are bytes with a sign."""

NAMES: dict[ValueType, str] = {
    BOOL: "BOOLEAN", CHAR: "VARCHAR", String(): "VARCHAR", BYTES: "BLOB",
    U8: "UTINYINT", U16: "USMALLINT", U32: "UINTEGER", U64: "UBIGINT",
    S8: "TINYINT", S16: "SMALLINT", S32: "INTEGER", S64: "BIGINT", F32: "FLOAT", F64: "DOUBLE",
}  # fmt: skip

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
    if type_ in NAMES:
        return NAMES[type_]
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


def is_number(type_: ValueType | None) -> bool:
    """Whether a type is a number and no more, which can travel by ABI BASIC."""
    return isinstance(type_, Scalar) and type_ not in {BOOL, CHAR}
