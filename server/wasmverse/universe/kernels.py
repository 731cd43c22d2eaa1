"""How every kernel is compiled: to machine code that is free of the interpreter lock, and kept on disk where `cache` says.

To import kernels compiles nothing, writes nothing and leaves numba's configuration as it is: it also happens in processes
that are not ours, for example in a database server.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit
from numba.core import caching

from wasmverse.universe.cache import kept_in

P = ParamSpec("P")
R = TypeVar("R")


class _Cache(caching.NullCache):
    """numba's cache of one kernel, in the folder that is kept when the kernel is compiled, which is when it is first called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._folder: Path | None = None
        self._cache: Any = caching.NullCache()

    def _current(self) -> Any:
        folder = kept_in()
        if folder != self._folder:
            self._folder = folder
            self._cache = caching.NullCache() if folder is None else _on_disk(self._function, folder)
        return self._cache

    @property
    def cache_path(self) -> str | None:
        return cast("str | None", self._current().cache_path)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        return self._current().load_overload(sig, target_context)

    def save_overload(self, sig: Any, cres: Any) -> None:
        self._current().save_overload(sig, cres)

    def flush(self) -> None:
        self._current().flush()


def _on_disk(function: Callable[..., Any], folder: Path) -> Any:
    """numba's cache of a kernel in a folder; one that keeps nothing where the folder cannot be written."""

    class Locator(caching.UserProvidedCacheLocator):
        """Takes the folder from here: numba's own setting is for the whole process. Its name says of which sources the kernels
        are, so they are the same wherever the package is installed, and numba's part for that place is left out."""

        def __init__(self, py_func: Any, py_file: str) -> None:
            self._py_file = py_file
            self._lineno = py_func.__code__.co_firstlineno
            self._cache_path = str(folder / Path(py_file).parent.name)

        @classmethod
        def from_function(cls, py_func: Any, py_file: str) -> Any:
            return super(caching.UserProvidedCacheLocator, cls).from_function(py_func, py_file)  # type: ignore[no-untyped-call]

    class Implementation(caching.CompileResultCacheImpl):
        _locator_classes = [Locator]  # noqa: RUF012

    class Kept(caching.FunctionCache):
        _impl_class = Implementation

    try:
        return Kept(function)  # type: ignore[no-untyped-call]
    except RuntimeError:  # numba found no place for it
        return caching.NullCache()


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile with numba when first called: ``nogil``; bounds are checked where NUMBA_BOUNDSCHECK=1, as the tests have it."""
    compiled: Any = njit(nogil=True)(function)
    compiled._cache = _Cache(function)
    return cast("Callable[P, R]", compiled)
