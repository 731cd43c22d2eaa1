"""The two wasmtime engines.

The *strict* engine is what a guest must be valid for: no threads, no further memories, nothing whose result could differ
from machine to machine. The *flight* engine compiles and runs what passed; it also knows shared and multiple memories,
because the driver needs both.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import resource
import threading
from functools import cache

import wasmtime
from wasmtime import _ffi as ffi

from wasmverse.wasm.native_frames import check_frames
from wasmverse.wasm.stack import NATIVE, NATIVE_BYTES, prepare


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
    config = _config()
    config.wasm_tail_call = False
    config.wasm_function_references = False
    config.wasm_wide_arithmetic = False
    return wasmtime.Engine(config)


def set_native_stack(config: wasmtime.Config, size_bytes: int) -> None:
    """The native stack of guests, whose end none reaches: they count their calls."""
    # Nothing here is asynchronous, but no other stack may be smaller; wasmtime-py has no property for that one.
    ffi.wasmtime_config_async_stack_size_set(config.ptr(), 2 * size_bytes)
    config.max_wasm_stack = size_bytes


def flight_config() -> wasmtime.Config:
    """What the flight engine is made with."""
    config = _config()
    config.wasm_threads = True
    config.wasm_multi_memory = True
    config.shared_memory = True
    config.wasm_component_model = True
    for later in (
        "map",
        "implements",
        "canonical_names",
        "accessors",
        "async",
        "more_async_builtins",
        "async_stackful",
    ):
        getattr(ffi, f"wasmtime_config_wasm_component_model_{later}_set")(config.ptr(), False)
    set_native_stack(config, NATIVE_BYTES)
    return config


POOL_MEMORIES, POOL_TABLES, POOL_INSTANCES = 500, 2_000, 8_000
"""What flights of a process that pools may have at the same time: one flies on each of a processor's threads."""
POOL_TABLE_ELEMENTS = 1 << 20
"""Elements of a table there; the settings allow no more."""
POOL_RESIDENT_BYTES = 1 << 16
"""Of a memory and of a table that is free, so much is set to zero and kept, and the rest given back to the system. To set 64 KiB
to zero takes less time than to give them back and to be given them again."""

_MAP_NORESERVE, _MAP_FAILED = 0x4000, ctypes.c_void_p(-1).value
"""Of Linux."""

_pools = threading.Event()


def pool_flights() -> None:
    """Have flights of this process take memories and tables from a pool, and give them back to it. That takes half the time of
    mapping and unmapping them (``tests/bench/bench_flight.py``). They come out of it as they come out of the system: empty.

    To be called before `flight_engine`. A pool takes terabytes of addresses, and some GB of what ``RLIMIT_DATA`` counts; neither
    is memory. Where a process may not have so much, there is no pool.
    """
    _pools.set()


@cache
def flight_engine() -> wasmtime.Engine:
    """The engine that compiles and runs guests and drivers. What it compiles is the same with and without a pool."""
    config = flight_config()
    if _pools.is_set() and _has_addresses():
        _set_pool(config)
    return wasmtime.Engine(config)


@cache
def component_engine() -> wasmtime.Engine:
    """The flight engine of components, which never has a pool: there is no shared memory in it, and each component's wrapper has
    one. What it compiles is the same."""
    return wasmtime.Engine(flight_config()) if _pools.is_set() else flight_engine()


def _has_addresses() -> bool:
    """Whether the process may have what a pool takes: wasmtime ends the process if it may not."""
    memories = POOL_MEMORIES * (5 << 30)  # 4 GiB each, and what is left free around it
    tables = 2 * POOL_TABLES * POOL_TABLE_ELEMENTS * ctypes.sizeof(ctypes.c_void_p)
    libc = ctypes.CDLL(None)
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    libc.mmap.restype = ctypes.c_void_p
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
    taken = []
    for size, may in ((memories, 0), (tables, mmap.PROT_READ | mmap.PROT_WRITE)):
        at = libc.mmap(None, size, may, flags, -1, 0)
        if at != _MAP_FAILED:
            taken.append((at, size))
    for at, size in taken:
        libc.munmap(at, size)
    return len(taken) == 2


def _set_pool(config: wasmtime.Config) -> None:
    pool = ffi.wasmtime_pooling_allocation_config_new()
    for name, value in {
        "total_memories": POOL_MEMORIES,
        "total_tables": POOL_TABLES,
        "total_core_instances": POOL_INSTANCES,
        "total_component_instances": POOL_INSTANCES,
        "total_stacks": 0,
        "total_gc_heaps": 0,
        # How large they may be, and how many of one instance, is for the limits of each flight to say.
        "max_memory_size": 1 << 32,
        "max_core_instance_size": 1 << 30,
        "max_component_instance_size": 1 << 30,
        "max_memories_per_module": POOL_MEMORIES,
        "max_tables_per_module": POOL_TABLES,
        "table_elements": POOL_TABLE_ELEMENTS,
        "linear_memory_keep_resident": POOL_RESIDENT_BYTES,
        "table_keep_resident": POOL_RESIDENT_BYTES,
    }.items():
        getattr(ffi, f"wasmtime_pooling_allocation_config_{name}_set")(pool, value)
    ffi.wasmtime_pooling_allocation_strategy_set(config.ptr(), pool)
    ffi.wasmtime_pooling_allocation_config_delete(pool)


def compile_for_flight(uploaded: bytes, native: float = NATIVE, *, is_part: bool = False) -> wasmtime.Module:
    """Compile a module that has been found valid, with its calls counted: the only way in which guests are compiled.

    Parameters
    ----------
    is_part : whether it is a core module of a component, which others of it may call back; see `stack.prepare`.
    native : the most bytes of native stack that a frame may take for each unit of its cost; see ``stack``.

    Raises
    ------
    ModuleRefused : its calls cannot be counted, or a function takes more stack than it costs.
    WasmtimeError : the compiler cannot take it.
    """
    prepared = prepare(uploaded, is_part=is_part)
    module = wasmtime.Module(component_engine() if is_part else flight_engine(), prepared.module)
    check_frames(bytes(module.serialize()), prepared.frames, native)
    return module


THREAD_STACK_BYTES = 16 << 20
"""What a thread needs in which guests run: their stack, and that of everything above them."""


def set_thread_stacks() -> None:
    """Have the main thread, and all that are started from here on by whomever, get a stack that is large enough for guests.

    Without it that depends on the limit under which the process was started.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    if soft != resource.RLIM_INFINITY and soft < THREAD_STACK_BYTES:
        most = THREAD_STACK_BYTES if hard == resource.RLIM_INFINITY else min(THREAD_STACK_BYTES, hard)
        with contextlib.suppress(OSError):  # a process that is confined already
            resource.setrlimit(resource.RLIMIT_STACK, (most, hard))
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = ctypes.create_string_buffer(256)  # of pthread_attr_t, which has 56 on Linux
    size = ctypes.c_size_t()
    if libc.pthread_getattr_default_np(attributes) != 0:
        return
    libc.pthread_attr_getstacksize(attributes, ctypes.byref(size))
    if size.value < THREAD_STACK_BYTES:
        libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(THREAD_STACK_BYTES))
        libc.pthread_setattr_default_np(attributes)
    libc.pthread_attr_destroy(attributes)
