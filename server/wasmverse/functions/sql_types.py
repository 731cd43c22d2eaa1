"""The Arrow types in which values of WIT's types travel between the engine and host memory.

They are those of the SQL types in ``type_names``: an option is the type itself, a result what it is asked for, a tuple has fields
f0, f1, ..., and a case without a payload is a truth value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pyarrow as pa

from wasmverse.functions.type_names import BYTES, UNION_MAX, fields_of, sql_name
from wasmverse.wasm.layout import SignatureError
from wasmverse.wasm.types import (
    BOOL,
    CHAR,
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

_SCALARS: dict[str, pa.DataType] = {
    "bool": pa.bool_(), "char": pa.string(), "f32": pa.float32(), "f64": pa.float64(),
    "u8": pa.uint8(), "u16": pa.uint16(), "u32": pa.uint32(), "u64": pa.uint64(),
    "s8": pa.int8(), "s16": pa.int16(), "s32": pa.int32(), "s64": pa.int64(),
}  # fmt: skip


@lru_cache(maxsize=1024)
def arrow_type(type_: ValueType) -> pa.DataType:
    """The Arrow type of a WIT type.

    Raises
    ------
    SignatureError : a variant has more cases than a union can have members.
    """
    match type_:
        case Scalar(name):
            return _SCALARS[name]
        case String():
            return pa.string()
        case List(item):
            return pa.binary() if type_ == BYTES else pa.list_(arrow_type(item))
        case Option(some):
            return arrow_type(some)
        case Result(ok, _):
            return arrow_type(ok or BOOL)
        case Enum(labels):
            indices: Any = index_type(len(labels))
            return pa.dictionary(indices, pa.string())
        case Variant(cases):
            if len(cases) > UNION_MAX:
                raise SignatureError(
                    f"a variant has {len(cases)} cases; a UNION of SQL has at most {UNION_MAX}: make several of it"
                )
            members = [pa.field(sql_name(case.name), arrow_type(case.type or BOOL)) for case in cases]
            return pa.sparse_union(members)
        case Record() | Tuple() | Flags():
            return pa.struct([(sql_name(name), arrow_type(part)) for name, part in fields_of(type_)])


def index_type(labels: int) -> pa.DataType:
    """Of the numbers of so many labels."""
    return pa.uint8() if labels <= 1 << 8 else pa.uint16() if labels <= 1 << 16 else pa.uint32()


def is_text(type_: ValueType) -> bool:
    """Whether values are texts in Arrow, or bytes: a row of offsets and one of bytes."""
    return isinstance(type_, String) or type_ in (CHAR, BYTES)
