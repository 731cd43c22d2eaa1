"""The short way for functions of numbers alone, whose columns in Arrow and in host memory are the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wasmverse.functions.sql_types import arrow_type
from wasmverse.wasm.abi import codes_of
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.types import BOOL, CHAR, Function, Scalar, ValueType

_Column = tuple[NDArray[Any], pa.DataType, np.dtype[Any]]


class Numbers:
    """Copies the columns of a frame whose arguments and result are numbers, without a NULL among them."""

    def __init__(self, params: list[_Column], result: _Column) -> None:
        self._params = params
        self._result = result

    @classmethod
    def of(cls, function: Function, frame: Frame) -> Self | None:
        """Of a frame with these columns: one for each parameter, the mask, the result; None if something is no number."""
        types = [*(field.type for field in function.params), function.result]
        if not all(map(_is_number, types)):
            return None
        *params, result = (
            _column(type_, frame, place)
            for type_, place in zip(types, [*range(len(types) - 1), -1], strict=True)
        )
        return cls(params, result)

    def put(self, arrays: Sequence[Any], rows: int) -> bool:
        """Fill the columns of the arguments; False if that takes the long way."""
        for (column, kind, dtype), array in zip(self._params, arrays, strict=True):
            if array.null_count or array.type != kind or not rows:
                return False
            data = array.buffers()[1]
            column[:rows] = np.frombuffer(data, dtype, rows, array.offset * dtype.itemsize)
        return True

    def take(self, rows: int) -> Any:
        """The results, none of them null."""
        column, kind, _ = self._result
        return pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(column[:rows].tobytes())])


def _is_number(type_: ValueType | None) -> bool:
    return isinstance(type_, Scalar) and type_ not in (BOOL, CHAR)


def _column(type_: ValueType | None, frame: Frame, place: int) -> _Column:
    assert type_ is not None
    return frame.columns[place], arrow_type(type_), np.dtype(codes_of(type_)[0])
