"""A component's core modules, compiled one by one, and kept by their hash for the next component that holds the same.

All that a language brings, an interpreter for example, is the same module in everything that is written in it, and takes
seconds to compile; what an author wrote takes milliseconds. An engine compiles a component as a whole and keeps nothing of it;
so the modules are compiled as modules, and given to the component as its imports.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from weakref import WeakValueDictionary

import wasmtime

from wasmverse.wasm.engine import compile_for_flight, component_engine

_LIVING: WeakValueDictionary[str, wasmtime.Module] = WeakValueDictionary()
_LOCK = threading.Lock()
"""The compiled modules that something in this process still uses, by their hash."""


def hash_of(module: bytes) -> str:
    """By what a core module is known: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(module).hexdigest()


def part(module: bytes, known: Mapping[str, bytes], native: float) -> tuple[str, wasmtime.Module]:
    """A core module that has been validated, compiled, and its hash; ``known`` has what our compiler made of some before.

    Raises
    ------
    ModuleRefused : as `engine.compile_for_flight`.
    WasmtimeError : the compiler cannot take it.
    """
    sha256 = hash_of(module)
    with _LOCK:
        found = _LIVING.get(sha256)
    if found is None and sha256 in known:
        return sha256, loaded(sha256, lambda: known[sha256])
    if found is None:
        found = compile_for_flight(module, native, is_part=True)
        with _LOCK:
            found = _LIVING.setdefault(sha256, found)
    return sha256, found


def loaded(sha256: str, compiled: Callable[[], bytes]) -> wasmtime.Module:
    """A core module of this hash; ``compiled`` gives what our own compiler made of it, which is trusted, if it is needed."""
    with _LOCK:
        found = _LIVING.get(sha256)
        if found is None:
            found = _LIVING[sha256] = wasmtime.Module.deserialize(component_engine(), compiled())
    return found
