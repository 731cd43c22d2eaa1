"""The Arrow types in which values of WIT's types travel between the engine and host memory.

They are those of the SQL types in ``type_names``: an option is the type itself, a result what it is asked for, a tuple has fields
f0, f1, ..., and a case without a payload is a truth value. An enum is a dictionary, but a text within a list: the engine cannot
read lists of dictionaries if all of them are empty.
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
def arrow_type(type_: ValueType, *, is_in_list: bool = False) -> pa.DataType:
    """The Arrow type of a WIT type, or of that within the items of a list.

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
            return pa.binary() if type_ == BYTES else pa.list_(arrow_type(item, is_in_list=True))
        case Option(some):
            return arrow_type(some, is_in_list=is_in_list)
        case Result(ok, _):
            return arrow_type(ok or BOOL, is_in_list=is_in_list)
        case Enum() if is_in_list:
            return pa.string()
        case Enum(labels):
            indices: Any = index_type(len(labels))
            return pa.dictionary(indices, pa.string())
        case Variant(cases):
            if len(cases) > UNION_MAX:
                raise SignatureError(
                    f"a variant has {len(cases)} cases; a UNION of SQL has at most {UNION_MAX}: make several of it"
                )
            return pa.sparse_union(
                [
                    pa.field(sql_name(case.name), arrow_type(case.type or BOOL, is_in_list=is_in_list))
                    for case in cases
                ]
            )
        case Record() | Tuple() | Flags():
            parts = [
                (sql_name(name), arrow_type(part, is_in_list=is_in_list)) for name, part in fields_of(type_)
            ]
            return pa.struct(parts)


def index_type(labels: int) -> pa.DataType:
    """Of the numbers of so many labels."""
    return pa.uint8() if labels <= 1 << 8 else pa.uint16() if labels <= 1 << 16 else pa.uint32()


def is_text(type_: ValueType) -> bool:
    """Whether values are texts in Arrow, or bytes: a row of offsets and one of bytes."""
    return isinstance(type_, String) or type_ in (CHAR, BYTES)
