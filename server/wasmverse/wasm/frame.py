"""Host memory, and the columns of rows in it: what the driver reads arguments from and writes results to."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import wasmtime
from numpy.typing import NDArray
from wasmtime import _ffi as ffi

from wasmverse.wasm.abi import aligned
from wasmverse.wasm.driver import Layout
from wasmverse.wasm.engine import flight_engine

PAGE_BYTES = 65_536

HEADER_BYTES = 4_096
"""The beginning of host memory, where the driver is told what to do; the columns follow it."""

COLUMN_BYTES = 64
"""A column's address is a multiple of this, a line of the processor's cache."""

_INITIAL_BYTES = 1 << 20


class _SharedMemory(wasmtime.SharedMemory):
    """wasmtime-py 50.0.1 wraps a shared memory's pointer once too often when it is imported; this passes it as it is."""

    def _as_extern(self) -> ffi.wasmtime_extern_t:
        union = ffi.wasmtime_extern_union(sharedmemory=self.ptr())
        return ffi.wasmtime_extern_t(ffi.WASMTIME_EXTERN_SHAREDMEMORY, union)


class HostMemory:
    """Linear memory of the host: the driver reads arguments from it and writes results to it.

    It is a shared memory, the one kind that outlives a store: so a fresh store for every run costs no new pages.
    Its base never moves, so arrays over it stay valid when it grows. One thread uses it at a time.

    span : shape (2,), uint32, in the header: the first row that the driver runs, and the one after the last.
    """

    def __init__(self, bytes_initial: int = _INITIAL_BYTES, bytes_max: int = (1 << 32) - PAGE_BYTES) -> None:
        pages = -(-bytes_initial // PAGE_BYTES)
        limits = wasmtime.Limits(pages, bytes_max // PAGE_BYTES)
        self.memory = _SharedMemory(flight_engine(), wasmtime.MemoryType(limits, shared=True))
        self.bytes_max = bytes_max
        self.span: NDArray[np.uint32] = self.array(0, np.uint32, 2)

    @property
    def size_bytes(self) -> int:
        """What it has grown to."""
        return self.memory.data_len()

    def reserve(self, size_bytes: int) -> None:
        """Grow to at least this size. Raises MemoryError past ``bytes_max``."""
        missing = size_bytes - self.size_bytes
        if missing <= 0:
            return
        if size_bytes > self.bytes_max:
            raise MemoryError(
                f"a block needs {size_bytes} bytes of host memory; {self.bytes_max} is the most"
            )
        self.memory.grow(-(-missing // PAGE_BYTES))

    def place(self, addresses: Sequence[int]) -> None:
        """Tell the driver where its columns are, in the order of its layout."""
        self.array(self.span.nbytes, np.uint32, len(addresses))[:] = addresses

    def array(
        self, start_byte: int, dtype: np.dtype[np.generic] | type[np.generic], length: int
    ) -> NDArray[Any]:
        """A view of ``length`` elements at an address; valid as long as this object lives."""
        item = np.dtype(dtype)
        end = start_byte + item.itemsize * length
        assert start_byte >= 0 and end <= self.size_bytes, (start_byte, end, self.size_bytes)
        base = ctypes.addressof(self.memory.data_ptr().contents)
        raw: Any = (ctypes.c_ubyte * (item.itemsize * length)).from_address(base + start_byte)
        return np.frombuffer(raw, dtype=item, count=length) if length else np.empty(0, dtype=item)


class Frame:
    """Rows of a layout in host memory: a column for each part of an argument, one for the results, and after them the tail,
    room for the bytes that arguments point to. One thread uses it at a time.

    Attributes
    ----------
    columns : arrays of ``rows`` elements each, in the layout's order, the results last.
    tail_address : where the tail begins, as addresses in columns count.

    Arrays over it, ``columns`` too, are of no more use once `fit` has made room for more rows.
    """

    def __init__(self, layout: Layout, rows: int = 0, tail_bytes: int = 0, *, grows: bool = True) -> None:
        """Room for so much to begin with; for no more ever unless it ``grows``: then less is reserved of the process's
        address space, of which 4 GiB are needed otherwise."""
        self.layout = layout
        addresses, end = _placed(layout, rows)
        needed = aligned(end + tail_bytes, PAGE_BYTES)
        self.memory = (
            HostMemory(max(needed, _INITIAL_BYTES)) if grows else HostMemory(needed, needed + PAGE_BYTES)
        )
        self._lay(rows, addresses, end)

    def _lay(self, rows: int, addresses: Sequence[int], end: int) -> None:
        self.memory.place(addresses)
        self.rows, self.tail_address = rows, end
        self.columns: tuple[NDArray[Any], ...] = tuple(
            self.memory.array(address, np.dtype(code), rows)
            for address, code in zip(addresses, self.layout.codes, strict=True)
        )

    def fit(self, rows: int, tail_bytes: int) -> None:
        """Make room for at least so many rows and bytes. More rows than before: what the columns held is lost.

        Raises
        ------
        MemoryError : it may not grow so far.
        """
        if rows > self.rows:
            addresses, end = _placed(self.layout, rows)
            self.memory.reserve(end)
            self._lay(rows, addresses, end)
        self.memory.reserve(self.tail_address + tail_bytes)

    def tail(self, dtype: np.dtype[np.generic] | type[np.generic]) -> NDArray[Any]:
        """All of the room after the columns, as elements of one type."""
        room = self.memory.size_bytes - self.tail_address
        return self.memory.array(self.tail_address, dtype, room // np.dtype(dtype).itemsize)


def _placed(layout: Layout, rows: int) -> tuple[list[int], int]:
    """The address of each column of so many rows, and where the last one ends."""
    addresses, at = [], HEADER_BYTES
    for code in layout.codes:
        addresses.append(at)
        at = aligned(at + rows * np.dtype(code).itemsize, COLUMN_BYTES)
    return addresses, at
