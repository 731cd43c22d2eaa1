"""Rows of arguments: from Arrow arrays into the columns of host memory.

What lies in an array as the driver wants it is copied as a whole: numbers, the bytes of texts, the items of lists. Arrays may be
slices of others, and in any encoding that Arrow has for their type.

A null is not passed to a guest, unless the type is an option; nor is a text that should be a character or a label and is none.
The rows in which there is one are not called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wasmverse.functions.sql_types import arrow_type
from wasmverse.text import printable
from wasmverse.wasm.abi import codes_of
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.layout import Column, Node, item_of
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

_SHOWN = 40
"""Characters of a value that a message shows."""

Bools = NDArray[np.bool_]


@dataclass(slots=True)
class Unfit:
    """Elements of a domain that cannot be passed: where a null is (None: nowhere), and why others cannot."""

    null: Bools | None = None
    wrong: dict[int, str] = field(default_factory=dict)

    def add(self, other: Unfit) -> None:
        """Those of another part of the same elements, too."""
        if other.null is not None:
            self.null = other.null if self.null is None else self.null | other.null
        self.wrong.update(other.wrong)

    def only(self, there: Bools) -> Unfit:
        """Those among the elements that are there."""
        null = None if self.null is None else self.null & there
        return Unfit(null, {index: why for index, why in self.wrong.items() if there[index]})

    def of_lists(self, starts: NDArray[Any]) -> Unfit:
        """The lists that have such items; ``starts`` counts from the first item, and ends with the number of them."""
        null = None
        lists = len(starts) - 1
        if self.null is not None and self.null.any():
            null = np.zeros(lists, np.bool_)
            null[_owners(np.flatnonzero(self.null), starts)] = True
        wrong = {int(_owners(np.array([index]), starts)[0]): why for index, why in self.wrong.items()}
        return Unfit(null, wrong)


def _owners(items: NDArray[Any], starts: NDArray[Any]) -> NDArray[Any]:
    """Which list each of some items is in."""
    return np.searchsorted(starts, items, "right") - 1


def put_arguments(frame: Frame, arrays: list[Any], rows: int) -> Unfit:
    """Fill the columns of a frame that has begun; the rows that are not to be called.

    Raises
    ------
    MemoryError : they need more room than the frame may have.
    """
    params = frame.layout.params
    unfit = Unfit()
    if params is not None:
        writer = _Writer(frame, lambda column: frame.by_number[column.number][:rows])
        for part, array in zip(params.parts, arrays, strict=True):
            assert part is not None
            unfit.add(writer.put(part, array))
    return unfit


class _Writer:
    """Fills the columns of one domain; ``column`` gives the room for one."""

    def __init__(self, frame: Frame, column: Callable[[Column], NDArray[Any]]) -> None:
        self._frame = frame
        self._column = column

    def put(self, node: Node, array: Any) -> Unfit:
        match node.type:
            case Scalar() | Enum() | Flags():
                values, unfit = plain_values(node.path, node.type, array)
                self._column(node.columns[0])[:] = values
                return unfit
            case Record() | Tuple():
                unfit = Unfit(_nulls(array))
                for number, part in enumerate(node.parts):
                    assert part is not None
                    unfit.add(self.put(part, array.field(number)))
                return unfit
            case String() | List():
                return self._list(node, node.type, array)
            case Option():
                return self._option(node, array)
            case Result():
                return self._result(node, array)
            case Variant():
                return self._variant(node, _sparse(array))

    def _option(self, node: Node, array: Any) -> Unfit:
        null, some = _nulls(array), node.parts[1]
        assert some is not None
        there = self._column(node.columns[0])
        there[:] = 1 if null is None else ~null
        return self.put(some, array).only(there != 0)

    def _result(self, node: Node, array: Any) -> Unfit:
        """What is passed as a result is what was asked for, never an error."""
        self._column(node.columns[0])[:] = 0
        ok = node.parts[0]
        return Unfit(_nulls(array)) if ok is None else self.put(ok, array)

    def _variant(self, node: Node, array: Any) -> Unfit:
        numbers = _codes(array)
        codes = array.type.type_codes
        if codes != list(range(len(codes))):
            numbers = np.searchsorted(np.sort(codes), numbers)
            numbers = np.argsort(codes)[numbers]
        self._column(node.columns[0])[:] = numbers
        unfit = Unfit()
        for number, part in enumerate(node.parts):
            payload = array.field(number)
            found = Unfit(_nulls(payload)) if part is None else self.put(part, payload)
            unfit.add(found.only(numbers == number))
        return unfit

    def _list(self, node: Node, type_: String | List, array: Any) -> Unfit:
        offsets, items = _items(type_, array)
        count = len(offsets) - 1
        starts = offsets - offsets[0]
        item_type = item_of(type_)
        if node.items:
            inner = _Writer(self._frame, lambda column: self._frame.take_column(column, len(items)))
            unfit, scale, address = inner.put(node.item, items), 1, 0
        else:
            path = f"{node.path}.item"
            values, unfit = (
                plain_values(path, item_type, items) if isinstance(items, pa.Array) else (items, Unfit())
            )
            address, room = self._frame.take(np.dtype(codes_of(item_type)[0]), len(values))
            room[:] = values
            scale = room.itemsize
        start, length = map(self._column, node.columns)
        if count:
            np.multiply(starts[:-1], scale, out=start, casting="unsafe")
            if address:
                start += np.uint32(address)
            np.subtract(starts[1:], starts[:-1], out=length, casting="unsafe")
        found = unfit.of_lists(starts)
        found.add(Unfit(_nulls(array)))
        return found


def _items(type_: String | List, array: Any) -> tuple[NDArray[Any], Any]:
    """Where the items of each list begin, and the items that lists have: an Arrow array, or of texts and bytes their bytes."""
    kind = arrow_type(type_)
    if pa.types.is_list(kind):
        if not pa.types.is_list(array.type):
            array = array.cast(pa.list_(array.type.value_type))
        offsets = _primitive(array.offsets, np.dtype(np.int32))
        return offsets, array.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    if not array.type.equals(kind):
        array = array.cast(kind)
    _, where, data = array.buffers()
    if where is None or not len(array):
        return np.zeros(len(array) + 1, np.int32), np.empty(0, np.uint8)
    offsets = np.frombuffer(where, np.int32, len(array) + 1, 4 * array.offset)
    first, last = int(offsets[0]), int(offsets[-1])
    if data is None or first == last:
        return offsets, np.empty(0, np.uint8)
    return offsets, np.frombuffer(data, np.uint8, last - first, first)


def plain_values(path: str, type_: ValueType, array: Any) -> tuple[NDArray[Any], Unfit]:
    """The values of a scalar, an enum or flags as they lie in a column; anything where they are unfit."""
    match type_:
        case Enum(labels):
            return _enum_values(path, labels, array)
        case Flags(labels):
            return _flags_values(labels, array)
    null = _nulls(array)
    if type_ == CHAR:
        return _char_values(path, array, null)
    kind = pa.uint8() if type_ == BOOL else arrow_type(type_)
    if not array.type.equals(kind):
        array = array.cast(kind)
    return _primitive(array, np.dtype(codes_of(type_)[0])), Unfit(null)


def _char_values(path: str, array: Any, null: Bools | None) -> tuple[NDArray[Any], Unfit]:
    array = array.cast(pa.string())
    is_char = np.asarray(pc.fill_null(pc.utf8_length(array), 0)) == 1
    wrong = {}
    if not is_char.all():
        there = ~is_char if null is None else ~(is_char | null)
        wrong = {
            int(index): f"{path} is {_shown(array[int(index)].as_py())}; it must be one character"
            for index in np.flatnonzero(there)
        }
        array = pc.if_else(pa.array(is_char), array, "?")
    _, text = _items(String(), array)
    return np.frombuffer(bytes(text).decode().encode("utf-32-le"), np.uint32), Unfit(null, wrong)


def _enum_values(path: str, labels: tuple[str, ...], array: Any) -> tuple[NDArray[Any], Unfit]:
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    known = pc.index_in(array.dictionary.cast(pa.string()), value_set=pa.array(labels, pa.string()))
    numbers = np.asarray(pc.fill_null(known, -1), np.int64)
    indices = array.indices
    null = _nulls(indices)
    places = np.asarray(pc.fill_null(indices, 0) if null is not None else indices)
    found = numbers[places] if len(numbers) else np.zeros(len(array), np.int64)
    unknown = found < 0 if null is None else (found < 0) & ~null
    wrong = {
        int(index): f"{path} is {_shown(array[int(index)].as_py())}; it must be one of "
        f"{printable(', '.join(labels), 200)}"
        for index in np.flatnonzero(unknown)
    }
    return found, Unfit(null, wrong)


def _flags_values(labels: tuple[str, ...], array: Any) -> tuple[NDArray[Any], Unfit]:
    unfit = Unfit(_nulls(array))
    bits = np.zeros(len(array), np.uint32)
    for number in range(len(labels)):
        values, found = plain_values("", BOOL, array.field(number))
        bits |= (values != 0).astype(np.uint32) << np.uint32(number)
        unfit.add(found)
    return bits, unfit


def _nulls(array: Any) -> Bools | None:
    """Where an array is null; None for nowhere. A union has no nulls of its own, and is null where the member is."""
    if not array.null_count and not pa.types.is_union(array.type):
        return None
    return np.asarray(array.is_null(), np.bool_)


def _primitive(array: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values of an array of numbers, in place."""
    if not len(array):
        return np.empty(0, dtype)
    return np.frombuffer(array.buffers()[1], dtype, len(array), dtype.itemsize * array.offset)


def _codes(array: Any) -> NDArray[Any]:
    """The codes of a union's elements; ``type_codes`` passes over where a slice begins."""
    if not len(array):
        return np.empty(0, np.int8)
    return np.frombuffer(array.buffers()[1], np.int8, len(array), array.offset)


def _sparse(array: Any) -> Any:
    """A union whose members all have an element for each of its own."""
    if array.type.mode == "sparse" or not len(array):
        return array
    codes = _codes(array)
    offsets = np.frombuffer(array.buffers()[2], np.int32, len(array), 4 * array.offset)
    members = [
        array.field(number).take(pa.array(offsets, mask=codes != code))
        for number, code in enumerate(array.type.type_codes)
    ]
    names = [array.type.field(number).name for number in range(array.type.num_fields)]
    return pa.UnionArray.from_sparse(pa.array(codes), members, names, array.type.type_codes)


def _shown(value: str) -> str:
    return printable(repr(value), _SHOWN)
