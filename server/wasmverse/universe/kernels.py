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


def _base_folder() -> Path:
    """NUMBA_CACHE_DIR; else beside the sources, as Python's own cache; else, where one may not write, the user's."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"])
    beside = _FOLDER / "__pycache__"
    if os.access(beside if beside.exists() else _FOLDER, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wasmverse"


_CACHE = cache_folder(_base_folder(), _FOLDER)
cast("Any", numba.config).CACHE_DIR = str(_CACHE)


def are_compiled() -> bool:
    """Whether an earlier process has left machine code of these very kernels."""
    return any(_CACHE.rglob("*.nbi"))


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile with numba: ``nogil``, cached; bounds are checked when NUMBA_BOUNDSCHECK=1, as the tests have it."""
    boundscheck = os.environ.get("NUMBA_BOUNDSCHECK") == "1"
    return cast("Callable[P, R]", njit(nogil=True, cache=True, boundscheck=boundscheck)(function))
