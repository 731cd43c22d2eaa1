"""What the host and a wrapper hand each other: the bytes of host memory that a run's rows are in, and those of its results.

The rows lie in a frame, in host memory as the driver of a core module reads it. A component's driver has a host memory of its
own, to which nobody else has access: so what it reads is copied there before the first row of a flight, and what it wrote is
copied back after every call, to the same addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from wasmverse.wasm import abi
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.layout import HEADER_BYTES, ROWS, Column, Node, item_of
from wasmverse.wasm.types import List, String

WORD = 8

Span = tuple[int, int]
"""Addresses in host memory, from and to."""

HEADER: Span = (0, HEADER_BYTES)


def in_words(span: Span) -> Span:
    """The words that a span of bytes lies in."""
    return span[0] & -WORD, -(-span[1] // WORD) * WORD


def packed(frame: Frame, spans: Iterable[Span], words_max: int) -> Iterator[NDArray[np.uint64]]:
    """Spans as ``put`` takes them, up to so many words at a time."""
    parts: list[NDArray[np.uint64]] = []
    room = words_max
    for span in spans:
        at, until = in_words(span)
        while at < until:
            if room < 2:
                yield np.concatenate(parts)
                parts, room = [], words_max
            count = min(room - 1, (until - at) // WORD)
            parts += [np.array([at | count << 32], np.uint64), frame.memory.array(at, np.uint64, count)]
            room -= 1 + count
            at += count * WORD
    if parts:
        yield np.concatenate(parts)


def arguments(frame: Frame, start: int, stop: int) -> Iterator[Span]:
    """What the driver reads for some rows: the header, their elements of the columns, and all that these refer to."""
    yield HEADER
    layout = frame.layout
    if layout.mask is not None:
        yield _elements(frame.memory.header(), layout.mask, start, stop)
    if layout.params is not None:
        yield from _read(frame, frame.memory.header(), layout.params, start, stop)
    if layout.has_lists:
        # The driver writes the items of results where the frame has room for them: so much memory must be there.
        yield frame.memory.size_bytes - WORD, frame.memory.size_bytes


def results(frame: Frame, start: int, stop: int) -> list[Span]:
    """What the driver has written for some rows into the columns that have an element for each."""
    result = frame.layout.result
    if result is None:
        return []
    header = frame.memory.header()
    return [
        _elements(header, column, start, stop) for column in result.within_domain() if column.domain == ROWS
    ]


def items(frame: Frame, before: NDArray[np.uint32]) -> Iterator[Span]:
    """What the driver has written into the lists of the result: as the header tells now, and as it told ``before``."""
    for domain, columns in frame.layout.lists.items():
        counted = frame.layout.count_at[domain] // 4
        count, known = frame.items(domain), int(before[counted])
        for column in columns:
            at = column.address_at // 4
            first = (
                known if before[at] == frame.memory.header()[at] else 0
            )  # it moved: all of it is elsewhere
            if count > first:
                yield _elements(frame.memory.header(), column, first, count)


def list_bytes(frame: Frame, start: int, stop: int) -> int:
    """How many bytes the lists and strings in the arguments of some rows have; what is in lists of lists is not counted."""
    params = frame.layout.params
    return 0 if params is None else sum(_list_bytes(frame, node, start, stop) for node in _lists(params))


def _lists(node: Node) -> Iterator[Node]:
    if isinstance(node.type, List | String):
        yield node
        return
    for part in node.parts:
        if part is not None:
            yield from _lists(part)


def _list_bytes(frame: Frame, node: Node, start: int, stop: int) -> int:
    assert isinstance(node.type, List | String)
    lengths = _values(frame, frame.memory.header(), node.columns[1], start, stop)
    return int(lengths.sum(dtype=np.int64)) * abi.size(item_of(node.type))


def end_of_items(frame: Frame) -> int:
    """Where the last of these columns ends, as the header tells."""
    header = frame.memory.header()
    return max(
        int(header[column.address_at // 4]) + frame.items(domain) * column.width
        for domain, columns in frame.layout.lists.items()
        for column in columns
    )


def keep(frame: Frame, span: Span, words: NDArray[np.uint64]) -> None:
    """Copy a span's bytes out of the words that it lies in: its neighbours in them are not the caller's."""
    skipped = span[0] % WORD
    frame.memory.array(span[0], np.uint8, span[1] - span[0])[:] = words.view(np.uint8)[
        skipped : skipped + span[1] - span[0]
    ]


def _elements(header: NDArray[np.uint32], column: Column, start: int, stop: int) -> Span:
    address = int(header[column.address_at // 4])
    return address + start * column.width, address + stop * column.width


def _read(frame: Frame, header: NDArray[np.uint32], node: Node, start: int, stop: int) -> Iterator[Span]:
    """What is read of a value and its parts, in the elements ``start`` to ``stop`` of its domain."""
    for column in node.columns:
        yield _elements(header, column, start, stop)
    if not isinstance(node.type, List | String):
        for part in node.parts:
            if part is not None:
                yield from _read(frame, header, part, start, stop)
        return
    firsts, lengths = (
        _values(frame, header, column, start, stop).astype(np.int64) for column in node.columns
    )
    used = lengths > 0
    if not node.items and not used.all():
        # An empty list has an address too, and only where there is memory can nothing be copied.
        furthest = min(int(firsts[~used].max()), frame.memory.size_bytes)
        if furthest > 0:
            yield furthest - 1, furthest
    if not used.any():
        return
    # Payloads of cases that are not there may refer to anything: what lies outside of memory is nobody's.
    if not node.items:
        width = abi.size(item_of(node.type))
        low = int(firsts[used].min())
        high = min(int((firsts + lengths * width)[used].max()), frame.memory.size_bytes)
        if low < high:
            yield low, high
        return
    low, high = int(firsts[used].min()), int((firsts + lengths)[used].max())
    for column in node.item.within_domain():
        room = frame.memory.size_bytes - int(header[column.address_at // 4])
        high = min(high, room // column.width)
    if low < high:
        yield from _read(frame, header, node.item, low, high)


def _values(
    frame: Frame, header: NDArray[np.uint32], column: Column, start: int, stop: int
) -> NDArray[np.uint32]:
    begin, _ = _elements(header, column, start, stop)
    return frame.memory.array(begin, np.dtype(column.code), stop - start)
