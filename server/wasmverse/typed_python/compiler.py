"""From a strategy's file to its module."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from types import FunctionType

import llvmlite
import numba
from llvmlite import ir
from numba.core.errors import NumbaError

from wasmverse.errors import Complaint, SourceRefused
from wasmverse.typed_python import source
from wasmverse.typed_python.explain import explain, explain_missing, plain
from wasmverse.typed_python.linker import HEAP, link, missing_functions
from wasmverse.typed_python.sight import ARGUMENTS, entry_of
from wasmverse.typed_python.target import WASI, compile_function, export, returned

REALLOC = f"""
@{HEAP} = external global i8
declare i32 @llvm.wasm.memory.size.i32(i32)
declare i32 @llvm.wasm.memory.grow.i32(i32, i32)
declare void @llvm.trap()

define i32 @cabi_realloc(i32 %old, i32 %old_size, i32 %align, i32 %size) {{
  %room = ptrtoint ptr @{HEAP} to i32
  %end = add nuw i32 %room, %size
  %last = add nuw i32 %end, 65535
  %needed = lshr i32 %last, 16
  %pages = call i32 @llvm.wasm.memory.size.i32(i32 0)
  %short = icmp ugt i32 %needed, %pages
  br i1 %short, label %grow, label %done
grow:
  %more = sub i32 %needed, %pages
  %before = call i32 @llvm.wasm.memory.grow.i32(i32 0, i32 %more)
  %failed = icmp eq i32 %before, -1
  br i1 %failed, label %trap, label %done
trap:
  call void @llvm.trap()
  unreachable
done:
  ret i32 %room
}}
"""
"""Room for the list: always the same, since the list of one ship is of no use to the next."""

_CORE = ir.FunctionType(
    ir.IntType(64), (ir.IntType(32),) * 8 + (ir.IntType(64), ir.IntType(32), ir.IntType(32))
)


def compile_strategy(path: Path) -> bytes:
    """The module of a strategy's file: exports ``decide``, ``cabi_realloc`` and its memory.

    It imports nothing, or WASI's ``fd_write`` if it can raise: what is raised is printed, and so gets into the fault's reason.

    The same file, and the same versions of Python, numba and LLVM, give the same bytes.

    Raises
    ------
    SourceRefused : the file cannot be run or compiled; every complaint has its line.
    """
    decide = source.load(path)
    source.check(decide)
    try:
        result = compile_function(entry_of(decide), ARGUMENTS)
    except (NumbaError, NotImplementedError) as error:
        # numba raises the second for Python that it has no code for.
        raise SourceRefused([explain(error, decide)]) from error
    _check_result(returned(result), decide)
    object_file = export(result, "decide", _CORE, REALLOC)
    if missing := missing_functions(object_file, WASI):
        raise SourceRefused(explain_missing(missing, source.needed(decide)))
    return link(object_file, ("decide", "cabi_realloc"), _producers(), WASI)


def _check_result(type_: str, decide: FunctionType) -> None:
    """``type_`` is numba's name for the type of what decide returns."""
    if type_ in {"int64", "uint64"}:
        return
    is_open = type_ == "none" or type_.startswith("Optional")
    found = "decide may end without a plan" if is_open else f"decide returns {plain(type_)}"
    told = f"{found}; return what hold, move, move_toward or upgrade gives, on every way through it"
    path, line = Path(decide.__code__.co_filename), decide.__code__.co_firstlineno
    raise SourceRefused([Complaint(path, line, 0, told)])


def _producers() -> dict[str, dict[str, str]]:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert platform.python_implementation() == "CPython"
    return {
        "language": {"Python": version},
        "processed-by": {"numba": numba.__version__, "llvmlite": llvmlite.__version__},
    }
