"""Calls of a wrapper's exports through wasmtime's C API, with lists of 64-bit words as NumPy arrays.

wasmtime-py makes a Python object of every element; here the elements are written into the engine's own array in one go.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import wasmtime
from numpy.typing import NDArray
from wasmtime import _ffi as ffi

_VALUE = np.dtype({
    "names": ["kind", "word"],
    "formats": ["u1", "u8"],
    "offsets": [ffi.wasmtime_component_val_t.kind.offset, ffi.wasmtime_component_val_t.of.offset],
    "itemsize": ctypes.sizeof(ffi.wasmtime_component_val_t),
})  # fmt: skip
_U64, _U32, _LIST = (int(getattr(ffi, f"WASMTIME_COMPONENT_{kind}").value) for kind in ("U64", "U32", "LIST"))


class Exports:
    """The functions that an instance of a wrapper exports. Of no more use once one of them has trapped."""

    def __init__(self, context: Any, instance: Any) -> None:
        self._context = context
        self._instance = instance
        self._functions: dict[bytes, Any] = {}

    def _function(self, name: bytes) -> Any:
        function = self._functions.get(name)
        if function is None:
            index = ffi.wasmtime_component_instance_get_export_index(
                ctypes.byref(self._instance), self._context, None, name, len(name)
            )
            assert index, name
            function = self._functions[name] = ffi.wasmtime_component_func_t()
            found = ffi.wasmtime_component_instance_get_func(
                ctypes.byref(self._instance), self._context, index, ctypes.byref(function)
            )
            ffi.wasmtime_component_export_index_delete(index)
            assert found, name
        return function

    def call(
        self, name: bytes, *numbers: int, words: NDArray[np.uint64] | None = None, gives: bool
    ) -> NDArray[np.uint64]:
        """Call with 32-bit numbers and perhaps words behind them; the words that are given back, if it ``gives`` any.

        Raises
        ------
        WasmtimeError : it traps.
        """
        function = self._function(name)
        count = len(numbers) + (words is not None)
        values = (ffi.wasmtime_component_val_t * count)()
        for place, number in enumerate(numbers):
            values[place].kind = _U32
            values[place].of.u32 = number
        if words is not None:
            held = values[count - 1]
            held.kind = _LIST
            ffi.wasmtime_component_vallist_new_uninit(ctypes.byref(held.of.list), len(words))
            if len(words):
                view = _elements(held.of.list)
                view["kind"] = _U64
                view["word"] = words
        result = ffi.wasmtime_component_val_t()
        error = ffi.wasmtime_component_func_call(
            ctypes.byref(function), self._context, values, count, ctypes.byref(result), int(gives)
        )
        if words is not None:
            ffi.wasmtime_component_val_delete(ctypes.byref(values[count - 1]))
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)
        if not gives:
            return np.empty(0, np.uint64)
        given = _elements(result.of.list)["word"].copy() if result.of.list.size else np.empty(0, np.uint64)
        ffi.wasmtime_component_val_delete(ctypes.byref(result))
        return given


def _elements(values: Any) -> NDArray[Any]:
    """The elements of one of the engine's lists, where they are."""
    raw: Any = (ctypes.c_ubyte * (_VALUE.itemsize * values.size)).from_address(
        ctypes.addressof(values.data.contents)
    )
    return np.frombuffer(raw, _VALUE)
