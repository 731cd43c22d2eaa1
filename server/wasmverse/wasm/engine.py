"""The two wasmtime engines, and the memory that host and driver share.

The *strict* engine is what a guest must be valid for: no threads, no further memories, nothing whose result could differ
from machine to machine. The *flight* engine compiles and runs what passed; it also knows shared and multiple memories,
because the driver needs both.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import wasmtime
from numpy.typing import NDArray
from wasmtime import _ffi as ffi

PAGE_BYTES = 65_536

HEADER_BYTES = 4_096
"""The beginning of host memory, where the driver is told what to do; columns lie behind it."""


def _config() -> wasmtime.Config:
    config = wasmtime.Config()
    config.consume_fuel = True
    config.cranelift_nan_canonicalization = True
    config.wasm_relaxed_simd = False
    config.wasm_memory64 = False
    config.wasm_threads = False
    config.wasm_multi_memory = False
    config.wasm_gc = False
    config.wasm_exceptions = False
    config.wasm_component_model = False
    config.parallel_compilation = False
    return config


@cache
def strict_engine() -> wasmtime.Engine:
    """The engine whose rules an uploaded module must obey."""
    return wasmtime.Engine(_config())


@cache
def flight_engine() -> wasmtime.Engine:
    """The engine that compiles and runs guests and drivers."""
    config = _config()
    config.wasm_threads = True
    config.wasm_multi_memory = True
    config.shared_memory = True
    return wasmtime.Engine(config)


class _SharedMemory(wasmtime.SharedMemory):
    """wasmtime-py 50.0.1 wraps a shared memory's pointer once too often when it is imported; this passes it as it is."""

    def _as_extern(self) -> ffi.wasmtime_extern_t:
        union = ffi.wasmtime_extern_union(sharedmemory=self.ptr())
        return ffi.wasmtime_extern_t(ffi.WASMTIME_EXTERN_SHAREDMEMORY, union)


class HostMemory:
    """Linear memory of the host: the driver reads arguments from it and writes results to it.

    It is a shared memory, the one kind that outlives a store: a fresh store for every (block, strategy, turn) costs no new pages.
    Its base never moves, so arrays over it stay valid when it grows. One thread uses it at a time.

    span : shape (2,), uint32, in the header: the first row that the driver runs, and the one behind the last.
    """

    def __init__(self, bytes_initial: int = 1 << 20, bytes_max: int = (1 << 32) - PAGE_BYTES) -> None:
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
