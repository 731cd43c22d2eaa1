"""Columns of rows in host memory: where they lie, how they grow, and that nothing overlaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wasm.builder import function_of
from wasmverse.wasm.frame import COLUMN_BYTES, PAGE_BYTES, Frame
from wasmverse.wasm.layout import HEADER_BYTES, Layout

LAYOUT = Layout.natural(function_of("func(a: u8, b: string, c: f64) -> s16"))


def spans(frame: Frame) -> list[tuple[int, int]]:
    """The bytes of each column, as addresses in host memory."""
    addresses = frame.memory.array(8, np.uint32, len(frame.columns)).tolist()
    return [(at, at + column.nbytes) for at, column in zip(addresses, frame.columns, strict=True)]


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 200_000)), min_size=1, max_size=4))
@settings(deadline=None)
def test_columns_and_tail_have_room_and_overlap_nowhere(sizes: list[tuple[int, int]]) -> None:
    frame = Frame(LAYOUT)
    most = 0
    for rows, tail_bytes in sizes:
        frame.fit(rows, tail_bytes)
        most = max(most, rows)
        assert frame.rows == most
        assert [column.dtype for column in frame.columns] == ["u1", "u4", "u4", "f8", "i2"]
        assert {len(column) for column in frame.columns} == {most}
        ends = [HEADER_BYTES, *(end for _, end in spans(frame))]
        starts = [*(start for start, _ in spans(frame)), frame.tail_address]
        assert all(end <= start for end, start in zip(ends, starts, strict=True))
        assert all(start % COLUMN_BYTES == 0 for start in starts)
        assert len(frame.tail(np.uint8)) >= tail_bytes
        base = frame.memory.array(0, np.uint8, 1).ctypes.data
        assert all(
            column.ctypes.data == base + start
            for column, (start, _) in zip(frame.columns, spans(frame), strict=True)
            if len(column)
        )


def test_more_room_behind_the_columns_leaves_them_as_they_are() -> None:
    frame = Frame(LAYOUT, 100)
    for number, column in enumerate(frame.columns):
        column[:] = number
    frame.fit(100, 5 << 20)
    frame.tail(np.uint8)[:] = 255
    assert [set(column.tolist()) for column in frame.columns] == [{0}, {1}, {2}, {3}, {4}]


def test_one_that_does_not_grow_has_what_was_asked_for_and_no_more() -> None:
    frame = Frame(LAYOUT, 100, 3 * PAGE_BYTES, grows=False)
    assert len(frame.tail(np.uint8)) >= 3 * PAGE_BYTES
    frame.fit(50, 3 * PAGE_BYTES)
    assert frame.memory.bytes_max <= 6 * PAGE_BYTES
    with pytest.raises(MemoryError, match="bytes of host memory"):
        frame.fit(100, 6 * PAGE_BYTES)
