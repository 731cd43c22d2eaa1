"""Results of rows: from the columns of host memory into Arrow arrays, which keep what they hold when the memory is used again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wasmverse.functions.sql_types import arrow_type, index_type, is_text
from wasmverse.functions.type_names import sql_name
from wasmverse.text import printable
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.layout import Column, Node
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

ERROR_SHOWN = 1_000
"""Characters of a guest's error that are kept."""

Bools = NDArray[np.bool_]


def take_result(frame: Frame, rows: int, dead: Bools | None) -> tuple[Any, dict[int, str]]:
    """The results of the first rows, null in those that are dead, whose columns are mutated; and the errors that guests
    answered, by row. A row with an error is null as well."""
    result = frame.layout.result
    assert result is not None
    by_number = frame.by_number
    if dead is not None:
        # What a row that trapped had begun is no result, and its lists have no items: they end where those before it end.
        for column in result.within_domain():
            by_number[column.number][:rows][dead] = 0
        for column in _ends(result):
            ends = by_number[column.number][:rows]
            np.maximum.accumulate(ends, out=ends)
    reader = _Reader(frame, lambda column: by_number[column.number][:rows], rows, lambda index: index)
    array = reader.take(result, None if dead is None else ~dead)
    if reader.errors and not isinstance(result.type, Result):
        # An error deep within a value: the row has no result, though the rest of it is there.
        keep = np.ones(rows, np.bool_)
        keep[list(reader.errors)] = False
        array = array.take(pa.array(np.arange(rows), mask=~keep))
    return array, reader.errors


def _ends(node: Node) -> Iterator[Column]:
    """The columns of a domain that say where lists end."""
    if node.items:
        yield from node.columns
        return
    for part in node.parts:
        if part is not None:
            yield from _ends(part)


class _Reader:
    """Makes arrays of the columns of one domain.

    ``column`` gives the values of one, ``count`` says how many there are, ``row`` which row an element belongs to.
    """

    def __init__(
        self,
        frame: Frame,
        column: Callable[[Column], NDArray[Any]],
        count: int,
        row: Callable[[int], int],
        errors: dict[int, str] | None = None,
        is_in_list: bool = False,
    ) -> None:
        self.errors: dict[int, str] = {} if errors is None else errors
        self._frame = frame
        self._column = column
        self._count = count
        self._row = row
        self._is_in_list = is_in_list

    def take(self, node: Node, valid: Bools | None) -> Any:
        """An array, null where it is not valid."""
        match node.type:
            case Scalar():
                return self._scalar(node, node.type, valid)
            case String() | List():
                return self._list(node, node.type, valid)
            case Record() | Tuple():
                children = [self.take(part, None) for part in node.parts if part is not None]
                return self._of(node.type, [validity(valid)], children)
            case Flags(labels):
                bits = self._column(node.columns[0])
                children = [
                    pa.Array.from_buffers(pa.bool_(), self._count, [None, packed((bits >> number) & 1)])
                    for number in range(len(labels))
                ]
                return self._of(node.type, [validity(valid)], children)
            case Enum(labels):
                kind = index_type(len(labels))
                numbers = self._column(node.columns[0]).astype(kind.to_pandas_dtype())
                indices: Any = pa.Array.from_buffers(kind, self._count, [validity(valid), buffer_of(numbers)])
                if self._is_in_list:
                    return pa.array(labels, pa.string()).take(indices)
                return pa.DictionaryArray.from_arrays(indices, pa.array(labels, pa.string()))
            case Option():
                some = node.parts[1]
                assert some is not None
                return self.take(some, _both(valid, self._column(node.columns[0]) != 0))
            case Result():
                return self._result(node, valid)
            case Variant(cases):
                return self._variant(node, cases, valid)

    def _of(self, type_: ValueType, buffers: list[Any], children: list[Any] | None = None) -> Any:
        kind = arrow_type(type_, is_in_list=self._is_in_list)
        return pa.Array.from_buffers(kind, self._count, buffers, children=children)

    def _scalar(self, node: Node, type_: Scalar, valid: Bools | None) -> Any:
        values = self._column(node.columns[0])
        if type_ == CHAR:
            text = values.tobytes().decode("utf-32-le").encode()
            lengths = 1 + (values >= 0x80).astype(np.int32) + (values >= 0x800) + (values >= 0x10000)
            offsets = np.zeros(self._count + 1, np.int32)
            np.cumsum(lengths, out=offsets[1:])
            return self._of(type_, [validity(valid), buffer_of(offsets), buffer_of(text)])
        data = packed(values) if type_ == BOOL else copied(values)
        return self._of(type_, [validity(valid), data])

    def _list(self, node: Node, type_: String | List, valid: Bools | None) -> Any:
        where, offsets = room_for(np.dtype(np.int32), self._count + 1)
        offsets[0] = 0
        offsets[1:] = self._column(node.columns[0]).view(np.int32)
        count = self._frame.items(node.items)
        assert offsets[-1] == count, (offsets[-1], count)
        if is_text(type_):
            data = self._frame.item_column(node.item.columns[0])
            return self._of(type_, [validity(valid), where, copied(data)])
        row = self._row
        inner = _Reader(
            self._frame,
            self._frame.item_column,
            count,
            lambda index: row(int(np.searchsorted(offsets, index, "right")) - 1),
            self.errors,
            is_in_list=True,
        )
        return self._of(type_, [validity(valid), where], [inner.take(node.item, None)])

    def _result(self, node: Node, valid: Bools | None) -> Any:
        is_error = self._column(node.columns[0]) == 1
        there = _both(valid, ~is_error)
        wrong = np.flatnonzero(is_error if valid is None else is_error & valid)
        ok, error = node.parts
        if len(wrong):
            texts = ["error"] * len(wrong)
            if error is not None:
                texts = [
                    _told(value) for value in self.take(error, is_error).take(pa.array(wrong)).to_pylist()
                ]
            self.errors.update(zip(map(self._row, wrong.tolist()), texts, strict=True))
        if ok is None:
            return self._of(BOOL, [validity(there), packed(~is_error)])
        return self.take(ok, there)

    def _variant(self, node: Node, cases: tuple[Any, ...], valid: Bools | None) -> Any:
        numbers = self._column(node.columns[0])
        members = []
        for number, part in enumerate(node.parts):
            there = _both(valid, numbers == number)
            if part is None:
                members.append(self._of(BOOL, [validity(there), packed(numbers == number)]))
            else:
                members.append(self.take(part, there))
        names = [sql_name(case.name) for case in cases]
        codes: Any = pa.array(numbers.astype(np.int8))
        return pa.UnionArray.from_sparse(codes, members, names)


def buffer_of(data: NDArray[Any] | bytes) -> Any:
    """A buffer over an array of our own."""
    whole: Any = data
    return pa.py_buffer(whole)


def room_for(dtype: np.dtype[Any], length: int) -> tuple[Any, NDArray[Any]]:
    """A buffer of Arrow's own memory, and an array over it.

    Arrow keeps what is given back for the next one. Fresh pages for every batch would cost more than all else: 9 ns a record of
    21 bytes (``tests/bench/bench_functions.py``).
    """
    buffer = pa.allocate_buffer(dtype.itemsize * length)
    whole: Any = buffer
    return buffer, np.frombuffer(whole, dtype)


def copied(values: NDArray[Any]) -> Any:
    """A buffer with what an array holds."""
    buffer, room = room_for(values.dtype, len(values))
    room[:] = values
    return buffer


def validity(valid: Bools | None) -> Any:
    """The buffer that says which elements are not null; None when none is."""
    return None if valid is None or valid.all() else packed(valid)


def packed(bits: NDArray[Any]) -> Any:
    """Truth values as Arrow has them, eight in a byte."""
    return buffer_of(np.packbits(bits, bitorder="little"))


def _both(a: Bools | None, b: Bools) -> Bools:
    return b if a is None else a & b


def _told(value: Any) -> str:
    """A guest's error as a text in one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)
    return printable(text, ERROR_SHOWN)


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else str(value)
