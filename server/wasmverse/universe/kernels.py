"""How every kernel is compiled: machine code, cached on disk, free of the interpreter lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile with numba: ``nogil``, cached; bounds are checked when NUMBA_BOUNDSCHECK=1, as the tests have it."""
    boundscheck = os.environ.get("NUMBA_BOUNDSCHECK") == "1"
    return cast("Callable[P, R]", njit(nogil=True, cache=True, boundscheck=boundscheck)(function))
