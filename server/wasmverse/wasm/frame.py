"""Host memory, and the columns of rows in it: what the driver reads arguments from and writes results to."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np
import wasmtime
from numpy.typing import NDArray
from wasmtime import _ffi as ffi

from wasmverse.wasm.abi import aligned
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.layout import HEADER_BYTES, Column, Layout

PAGE_BYTES = 65_536

COLUMN_BYTES = 64
"""A column's address is a multiple of this, a line of the processor's cache."""

_INITIAL_BYTES = 1 << 20
_LIST_BYTES = 8 << 20
"""What the lists of a result have to begin with: room that is not written to costs no memory, but counts where a process may have
no more than so much. What is moved to larger room later costs fuel."""


class _SharedMemory(wasmtime.SharedMemory):
    """wasmtime-py 50.0.1 wraps a shared memory's pointer once too often when it is imported; this passes it as it is."""

    def _as_extern(self) -> ffi.wasmtime_extern_t:
        union = ffi.wasmtime_extern_union(sharedmemory=self.ptr())
        return ffi.wasmtime_extern_t(ffi.WASMTIME_EXTERN_SHAREDMEMORY, union)


class HostMemory:
    """Linear memory of the host: the driver reads arguments from it and writes results to it.

    It is a shared memory, the one kind that outlives a store: so a fresh store for every run costs no new pages.
    Its base never moves, so arrays over it stay valid when it grows. One thread uses it at a time.

    base : where it lies in the process.
    used_by : the frame that has begun a run in it last.
    span : shape (2,), uint32, in the header: the first row that the driver runs, and the one after the last.
    """

    def __init__(self, bytes_initial: int = _INITIAL_BYTES, bytes_max: int = (1 << 32) - PAGE_BYTES) -> None:
        pages = -(-bytes_initial // PAGE_BYTES)
        limits = wasmtime.Limits(pages, bytes_max // PAGE_BYTES)
        self.memory = _SharedMemory(flight_engine(), wasmtime.MemoryType(limits, shared=True))
        self.bytes_max = bytes_max
        self.base = ctypes.addressof(self.memory.data_ptr().contents)
        self.used_by: Frame | None = None
        self.span: NDArray[np.uint32] = self.array(0, np.uint32, 2)

    @property
    def size_bytes(self) -> int:
        """What it has grown to."""
        return self.memory.data_len()

    def reserve(self, size_bytes: int) -> None:
        """Grow to at least this size. Raises MemoryError past ``bytes_max``, and where the system gives no more."""
        missing = size_bytes - self.size_bytes
        if missing <= 0:
            return
        if size_bytes > self.bytes_max:
            raise MemoryError(
                f"a block needs {size_bytes} bytes of host memory; {self.bytes_max} is the most"
            )
        try:
            self.memory.grow(-(-missing // PAGE_BYTES))
        except wasmtime.WasmtimeError as error:
            raise MemoryError(f"there is no room for {size_bytes} bytes of host memory") from error

    def header(self) -> NDArray[np.uint32]:
        """All of the header, as numbers."""
        return self.array(0, np.uint32, HEADER_BYTES // 4)

    def array(
        self, start_byte: int, dtype: np.dtype[np.generic] | type[np.generic], length: int
    ) -> NDArray[Any]:
        """A view of ``length`` elements at an address; valid as long as this object lives."""
        item = np.dtype(dtype)
        end = start_byte + item.itemsize * length
        assert start_byte >= 0 and end <= self.size_bytes, (start_byte, end, self.size_bytes)
        raw: Any = (ctypes.c_ubyte * (item.itemsize * length)).from_address(self.base + start_byte)
        return np.frombuffer(raw, dtype=item, count=length) if length else np.empty(0, dtype=item)


class Frame:
    """Rows of a layout in host memory. In this order: the columns with an element for each row; room for the lists of the
    result; the tail, with what lists of arguments consist of; and behind it what is free. One thread uses it at a time.

    Attributes
    ----------
    columns : the layout's ``rows`` columns, arrays of ``rows`` elements each; the result's last.
    by_number : the same by the columns' numbers.
    tail_address : where the tail begins, as addresses in columns count.

    Arrays over it, ``columns`` too, are of no more use once `fit` has made room for more rows.
    """

    def __init__(
        self,
        layout: Layout,
        rows: int = 0,
        tail_bytes: int = 0,
        *,
        grows: bool = True,
        memory: HostMemory | None = None,
        result_bytes_max: int = 0,
        argument_bytes_max: int = 1 << 32,
    ) -> None:
        """Room for so much to begin with; for no more ever unless it ``grows``: then less is reserved of the process's
        address space, of which 4 GiB are needed otherwise.

        Parameters
        ----------
        memory : to be used in turn with other frames: then `lay` must be called before every use.
        result_bytes_max : what the lists of the result may take in a run; a part of it is shared out among them beforehand.
        argument_bytes_max : what may be taken of the tail.
        """
        assert result_bytes_max or not layout.has_lists
        self.layout = layout
        self._result_bytes_max = result_bytes_max
        self._argument_bytes_max = argument_bytes_max
        shared = min(result_bytes_max // 2, _LIST_BYTES)
        self._lists = {
            domain: max(1, shared // (len(layout.lists) * sum(column.width for column in columns)))
            for domain, columns in layout.lists.items()
        }
        addresses, end = self._placed(rows)
        needed = aligned(end + tail_bytes, PAGE_BYTES)
        if memory is None:
            memory = (
                HostMemory(max(needed, _INITIAL_BYTES)) if grows else HostMemory(needed, needed + PAGE_BYTES)
            )
        self.memory = memory
        self._lay(rows, addresses, end)
        self.begin()

    def _placed(self, rows: int) -> tuple[dict[Column, int], int]:
        """The address of each column of so many rows, and of those of the result's lists, and where the last one ends."""
        addresses, at = {}, HEADER_BYTES
        for column in self.layout.rows:
            addresses[column] = at
            at = aligned(at + rows * column.width, COLUMN_BYTES)
        for domain, columns in self.layout.lists.items():
            for column in columns:
                addresses[column] = at
                at = aligned(at + self._lists[domain] * column.width, COLUMN_BYTES)
        return addresses, at

    def _lay(self, rows: int, addresses: Mapping[Column, int], end: int) -> None:
        self.memory.reserve(end)
        self._header = self.memory.header()
        self._addresses = dict(addresses)
        self.rows, self.tail_address = rows, end
        self._beginning = self._words()
        self._free = self.layout.free_at // 4
        self.columns: tuple[NDArray[Any], ...] = tuple(
            self.memory.array(addresses[column], np.dtype(column.code), rows) for column in self.layout.rows
        )
        numbers = (column.number for column in self.layout.rows)
        self.by_number: dict[int, NDArray[Any]] = dict(zip(numbers, self.columns, strict=True))

    def fit(self, rows: int, tail_bytes: int) -> None:
        """Make room for at least so many rows and bytes. More rows than before: what the columns held is lost.

        Raises
        ------
        MemoryError : it may not grow so far.
        """
        if rows > self.rows:
            self._lay(rows, *self._placed(rows))
            self.begin()
        self.memory.reserve(self.tail_address + tail_bytes)

    def tail(self, dtype: np.dtype[np.generic] | type[np.generic]) -> NDArray[Any]:
        """All of the room after the columns, as elements of one type."""
        room = self.memory.size_bytes - self.tail_address
        return self.memory.array(self.tail_address, dtype, room // np.dtype(dtype).itemsize)

    def begin(self) -> None:
        """Prepare for a run: the tail is empty, and so are the lists of the result."""
        self.memory.used_by = self
        first, words = self._beginning
        self._header[first : first + len(words)] = words

    def _words(self) -> tuple[int, NDArray[np.uint32]]:
        """What stands in the header when a run begins, from which word on."""
        words: dict[int, int] = {}
        for column, address in self._addresses.items():
            words[column.address_at // 4] = address
        for domain, at in self.layout.count_at.items():
            words[at // 4], words[at // 4 + 1] = 0, self._lists[domain]
        taken = sum(
            self._lists[domain] * column.width
            for domain, columns in self.layout.lists.items()
            for column in columns
        )
        at = self.layout.free_at // 4
        words[at], words[at + 1] = self.tail_address, max(0, self._result_bytes_max - taken)
        first = min(words)
        # Between them stand the addresses of the arguments' lists, which `take_column` gives.
        return first, np.array([words.get(place, 0) for place in range(first, max(words) + 1)], np.uint32)

    def take(self, dtype: np.dtype[np.generic] | type[np.generic], length: int) -> tuple[int, NDArray[Any]]:
        """Room in the tail for so many elements: its address and an array over it.

        Raises
        ------
        MemoryError : there is no more.
        """
        start = self.take_bytes(np.dtype(dtype).itemsize * length)
        return start, self.memory.array(start, dtype, length)

    def take_bytes(self, size_bytes: int) -> int:
        """The address of room in the tail for so many bytes.

        Raises
        ------
        MemoryError : there is no more.
        """
        free = self._free
        start = int(self._header[free])
        end = aligned(start + size_bytes, COLUMN_BYTES)
        if end - self.tail_address > self._argument_bytes_max:
            raise MemoryError(
                f"{end - self.tail_address:,} bytes of strings and lists; {self._argument_bytes_max:,} are allowed"
            )
        self.memory.reserve(end)
        self._header[free] = end
        return start

    def take_column(self, column: Column, length: int) -> NDArray[Any]:
        """Room in the tail for a column of the items of an argument's lists."""
        address, values = self.take(np.dtype(column.code), length)
        self._header[column.address_at // 4] = address
        return values

    def items(self, domain: int) -> int:
        """How many items the lists of a domain of the result have, in all rows that were finished."""
        return int(self._header[self.layout.count_at[domain] // 4])

    def item_column(self, column: Column) -> NDArray[Any]:
        """A column of the result's lists, as long as they have items."""
        address = int(self._header[column.address_at // 4])
        return self.memory.array(address, np.dtype(column.code), self.items(column.domain))
