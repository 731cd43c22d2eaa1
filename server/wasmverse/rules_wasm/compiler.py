"""From the rules' sources to the module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

import llvmlite
import numba
from llvmlite import ir
from numba.core import types

from wasmverse.rules_wasm import turn
from wasmverse.rules_wasm.memory import PRODUCT, RUNTIME
from wasmverse.typed_python.linker import link, missing_functions
from wasmverse.typed_python.target import compile_function, export_all, returned

_WORD = ir.IntType(64)

EXPORTS: dict[str, tuple[Callable[..., Any], int]] = {
    "begin": (turn.begin, 6),
    "populate": (turn.populate, 1),
    "observe": (turn.observe, 1),
    "resolve": (turn.resolve, 1),
}
"""What the module exports, and how many arguments of 64 bits each takes."""


def compile_rules() -> bytes:
    """The module: exports `EXPORTS` and its memory, imports nothing.

    The same sources, and the same versions of Python, numba and LLVM, give the same bytes.
    """
    functions: dict[str, tuple[Any, ir.FunctionType]] = {}
    for name, (function, arguments) in EXPORTS.items():
        result = compile_function(cast(FunctionType, function), (types.int64,) * arguments, has_heap=True)
        to = ir.VoidType() if returned(result) == "none" else _WORD
        functions[name] = result, ir.FunctionType(to, (_WORD,) * arguments)
    object_file = export_all(functions, RUNTIME, {PRODUCT})
    missing = missing_functions(object_file)
    assert not missing, f"the compiled rules call what the module does not have: {', '.join(missing)}"
    return link(object_file, tuple(EXPORTS), _producers())


def _producers() -> dict[str, dict[str, str]]:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        "language": {"Python": version},
        "processed-by": {"numba": numba.__version__, "llvmlite": llvmlite.__version__},
    }
