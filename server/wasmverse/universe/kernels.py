"""How every kernel is compiled: machine code, cached on disk, free of the interpreter lock."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba import njit
from numba.core.caching import NullCache

from wasmverse.universe.cache import base_folder

P = ParamSpec("P")
R = TypeVar("R")

_FOLDER = Path(__file__).parent


def cache_folder(base: Path, sources: Path) -> Path:
    """The folder in ``base`` for machine code made of these sources; those of other sources are removed.

    numba looks only at the file of the kernel it compiles. One that calls a kernel of another file, or was compiled with
    a constant of another, would be taken from the cache although its rules have changed.
    """
    digest = hashlib.sha256()
    for path in sorted(sources.glob("*.py")):
        text = path.read_bytes()
        if b"@kernel" in text or path.stem in {"kernels", "rules", "records", "outcome"}:
            digest.update(text)
    folder = base / f"kernels-{digest.hexdigest()[:16]}"
    if not folder.exists():
        for old in base.glob("kernels-*"):
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)
    return folder


_CACHE = cache_folder(base_folder(), _FOLDER)
cast("Any", numba.config).CACHE_DIR = str(_CACHE)


_KERNELS: list[Any] = []


def are_compiled() -> bool:
    """Whether an earlier process has left machine code of these very kernels."""
    return any(_CACHE.rglob("*.nbi"))


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile with numba: ``nogil``, cached; bounds are checked when NUMBA_BOUNDSCHECK=1, as the tests have it."""
    boundscheck = os.environ.get("NUMBA_BOUNDSCHECK") == "1"
    compiled = njit(nogil=True, cache=True, boundscheck=boundscheck)(function)
    _KERNELS.append(compiled)
    return cast("Callable[P, R]", compiled)


def keep_no_more() -> None:
    """Leave the cache as it is: what is compiled from here on is for this process alone.

    Machine code that others will run must not come from a process that runs strangers' code, and it may not write there.
    """
    for compiled in _KERNELS:
        compiled._cache = NullCache()
