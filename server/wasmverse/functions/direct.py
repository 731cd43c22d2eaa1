"""The short way for functions of numbers, texts and bytes, which lie in Arrow as they do in host memory: copied as a whole.

Between one call of the engine and the next the processor forgets what it had at hand, so that every further piece of code costs
several times what it does in a loop of its own. Hence addresses instead of arrays, and results that are slices of a table made
beforehand, which is what the engine makes of an array otherwise (``tests/bench/bench_function_queries.py``).
"""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wasmverse.functions.sql_types import arrow_type, is_text
from wasmverse.functions.type_names import is_number
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.layout import Node
from wasmverse.wasm.types import CHAR, ValueType

BLOCK_BYTES = 1 << 18
"""Of a table whose slices are results: it stays as long as one of them does."""

_copy = ctypes.PyDLL(None).memmove
_copy.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_copy.restype = None
_ZERO = (ctypes.c_int32 * 1)()
_ZERO_AT = ctypes.addressof(_ZERO)


class Direct:
    """Copies the columns of a frame whose arguments and result are numbers, texts or bytes, without a NULL among them."""

    def __init__(self, frame: Frame, mask: NDArray[np.uint8], nodes: Sequence[Node], result: Node) -> None:
        self._frame = frame
        self._mask = mask
        self._called = 0
        self._params = [_Argument(frame, node) for node in nodes]
        self._has_texts = any(not argument.width for argument in self._params) or is_text(result.type)
        self._result = (_TextResult if is_text(result.type) else _NumberResult)(frame, result)

    @classmethod
    def of(cls, frame: Frame, mask: NDArray[np.uint8]) -> Self | None:
        """Of a frame with a mask; None if something is of another type."""
        function, result = frame.layout.function, frame.layout.result
        types = [*(field.type for field in function.params), function.result]
        if result is None or not all(map(_is_direct, types)):
            return None
        nodes = () if frame.layout.params is None else frame.layout.params.parts
        return cls(frame, mask, [node for node in nodes if node is not None], result)

    def put(self, arrays: Sequence[Any], rows: int) -> bool:
        """Have the frame begin and fill the columns of the arguments, all of whose rows are to be called. False if that takes the
        long way, for which the frame must begin again."""
        if not rows:
            return False
        frame = self._frame
        if frame.memory.used_by is not frame:
            self._called = 0
            frame.begin()
        elif self._has_texts:
            frame.begin()
        for argument, array in zip(self._params, arrays, strict=True):
            if array.null_count or array.type != argument.kind or len(array) != rows:
                return False
            width = argument.width
            if width:
                _copy(argument.at, array.buffers()[1].address + array.offset * width, rows * width)
            elif not argument.put_texts(array, rows):
                return False
        if self._called < rows:
            self._mask[:rows] = 1
            self._called = rows
        return True

    def spoil(self) -> None:
        """The mask is to be used otherwise."""
        self._called = 0

    def take(self, rows: int) -> Any:
        """The results, none of them null: an array."""
        return self._result.take(rows)

    def give(self, rows: int) -> Any:
        """The same in the form in which the engine has the least to do with it: an array, or a table with one column."""
        return self._result.give(rows)


class _Argument:
    """The columns that one parameter's array is copied to.

    kind : the array's type; at, width : where a column of numbers lies in the process, and the bytes of one; 0 of texts.
    """

    def __init__(self, frame: Frame, node: Node) -> None:
        self.kind = arrow_type(node.type)
        self._frame = frame  # it keeps what the addresses point to
        self._columns = [frame.by_number[column.number] for column in node.columns]
        self.at = self._columns[0].ctypes.data
        self.width = 0 if is_text(node.type) else self._columns[0].itemsize

    def put_texts(self, array: Any, rows: int) -> bool:
        """Copy the texts, and where they are; False if there is no room."""
        _, where, data = array.buffers()
        offsets = np.frombuffer(where, np.uint32, rows + 1, 4 * array.offset)
        first = int(offsets[0])
        size = int(offsets[-1]) - first
        try:
            at = self._frame.take_bytes(size)
        except MemoryError:
            return False
        if size:
            _copy(self._frame.memory.base + at, data.address + first, size)
        start, length = self._columns
        ends, begins = offsets[1:], offsets[:-1]
        np.add(
            begins, np.uint32((at - first) & 0xFFFF_FFFF), out=start[:rows]
        )  # it may begin below where the texts do
        np.subtract(ends, begins, out=length[:rows])
        return True


class _Result(ABC):
    def __init__(self, frame: Frame, node: Node) -> None:
        self._kind = arrow_type(node.type)
        self._frame = frame
        self._node = node
        (self._values,) = (frame.by_number[column.number] for column in node.columns)
        self._at, self._width = self._values.ctypes.data, self._values.itemsize

    @abstractmethod
    def take(self, rows: int) -> Any: ...

    @abstractmethod
    def give(self, rows: int) -> Any: ...


class _NumberResult(_Result):
    def __init__(self, frame: Frame, node: Node) -> None:
        super().__init__(frame, node)
        self._block_rows = max(frame.rows, BLOCK_BYTES // self._width)
        self._used = self._block_rows
        self._block_at = 0
        self._table: Any = None

    def take(self, rows: int) -> Any:
        buffer = pa.allocate_buffer(rows * self._width)
        _copy(buffer.address, self._at, rows * self._width)
        return pa.Array.from_buffers(self._kind, rows, [None, buffer])

    def give(self, rows: int) -> Any:
        used = self._used
        if used + rows > self._block_rows:
            used = 0
            buffer = pa.allocate_buffer(self._block_rows * self._width)
            block = pa.Array.from_buffers(self._kind, self._block_rows, [None, buffer])
            self._block_at, self._table = buffer.address, pa.Table.from_arrays([block], names=["result"])
        _copy(self._block_at + used * self._width, self._at, rows * self._width)
        self._used = used + rows
        return self._table.slice(used, rows)


class _TextResult(_Result):
    def take(self, rows: int) -> Any:
        data = self._frame.item_column(self._node.item.columns[0])
        assert int(self._values[rows - 1]) == len(data)
        offsets, room = pa.allocate_buffer(4 * (rows + 1)), pa.allocate_buffer(len(data))
        _copy(offsets.address, _ZERO_AT, 4)
        _copy(offsets.address + 4, self._at, 4 * rows)
        _copy(room.address, data.ctypes.data, len(data))
        return pa.Array.from_buffers(self._kind, rows, [None, offsets, room])

    give = take


def _is_direct(type_: ValueType | None) -> bool:
    return type_ is not None and type_ != CHAR and (is_number(type_) or is_text(type_))
