"""Functions of wasmtime's C API as they are called for every batch of rows: by addresses, past the checks of wasmtime-py.

Those take longer than what the functions do. A store, an export and a place for a result are given as the number that their
address is. Functions that return at once keep Python's interpreter lock; a call of a guest gives it up.
"""

from __future__ import annotations

import ctypes

from wasmtime import _ffi as ffi

_keeping, _giving_up = ctypes.PyDLL(ffi.dll._name), ctypes.CDLL(ffi.dll._name)
_ADDRESS, _SIZE = ctypes.c_void_p, ctypes.c_size_t

set_fuel = _keeping.wasmtime_context_set_fuel
"""(store, fuel) -> error"""
set_fuel.argtypes, set_fuel.restype = (_ADDRESS, ctypes.c_uint64), _ADDRESS

get_fuel = _keeping.wasmtime_context_get_fuel
"""(store, place of 64 bits) -> error"""
get_fuel.argtypes, get_fuel.restype = (_ADDRESS, _ADDRESS), _ADDRESS

memory_bytes = _keeping.wasmtime_memory_data_size
"""(store, memory) -> bytes"""
memory_bytes.argtypes, memory_bytes.restype = (_ADDRESS, _ADDRESS), _SIZE

call = _giving_up.wasmtime_func_call_unchecked
"""(store, function, values, how many of them, place of a trap) -> error; the function must be of that type."""
call.argtypes, call.restype = (_ADDRESS, _ADDRESS, _ADDRESS, _SIZE, _ADDRESS), _ADDRESS


def address_of(pointer: object) -> int:
    """Where a pointer of ctypes points."""
    value: int = ctypes.cast(pointer, _ADDRESS).value or 0  # type: ignore[arg-type]
    return value
