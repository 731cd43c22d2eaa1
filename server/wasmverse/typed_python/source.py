"""A strategy's file: run as plain Python, and looked through for what cannot be compiled."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from wasmverse.errors import Complaint, SourceRefused
from wasmverse.pilot.plans import Plan

DECIDE = "decide"
MODULES = {"math", "wasmverse.pilot"}
"""Modules whose functions a compiled function may call."""

ALLOWED = "numbers, tuples, IntEnum, NamedTuple, if, while, for, and functions of your own, math and wasmverse.pilot"
"""What compiled Python consists of."""

_MODULE = "__strategy__"
"""What the file's module is called while it is compiled."""

_BUILTINS = {
    "abs", "all", "any", "bool", "divmod", "enumerate", "float", "int", "len", "max", "min", "pow", "range", "reversed",
    "round", "sum", "tuple", "zip", "True", "False", "None",
}  # fmt: skip

_SYNTAX: dict[type[ast.AST], str] = {
    ast.List: "a list needs memory of its own: use a tuple, or go over the system again",
    ast.ListComp: "a list needs memory of its own: use a for loop",
    ast.Set: "a set needs memory of its own: compare with `in (1, 2)` or use bits of a number",
    ast.SetComp: "a set needs memory of its own: use a for loop",
    ast.Dict: "a dict needs memory of its own: use a tuple, or if and elif",
    ast.DictComp: "a dict needs memory of its own: use a for loop",
    ast.GeneratorExp: "a generator expression cannot be compiled: use a for loop",
    ast.JoinedStr: "there are no strings in compiled code: return a number",
    ast.Try: "exceptions cannot be caught: one that is raised is a fault, and the ship holds; test the condition before",
    ast.With: "`with` cannot be compiled: a strategy has nothing to open or close",
    ast.Yield: "a generator cannot be compiled: use a for loop",
    ast.YieldFrom: "a generator cannot be compiled: use a for loop",
    ast.Await: "a strategy cannot wait: it decides and returns",
    ast.ClassDef: "a class belongs to the top of the file, where it may be an IntEnum or a NamedTuple",
    ast.FunctionDef: "a function inside a function cannot be compiled: write it at the top of the file",
    ast.Lambda: "a lambda cannot be compiled: write a function at the top of the file",
    ast.Global: "nothing is kept between calls but what is in the plan: return it as memory",
    ast.Nonlocal: "nothing is kept between calls but what is in the plan: return it as memory",
    ast.Import: "import at the top of the file",
    ast.ImportFrom: "import at the top of the file",
    ast.Delete: "`del` cannot be compiled: leave it out",
    ast.Match: "`match` cannot be compiled: use if and elif",
}

_REMEDIES = {
    "print": "a compiled strategy has nowhere to print: print in a test, or under `if __name__ == '__main__'`",
    "sorted": "there are no lists in compiled code: keep the best one in a for loop",
    "random": "a strategy has no chance to draw from: compute one from ship.x, ship.y, ship.energy and ship.memory",
    "numpy": "there are no arrays in compiled code: use numbers and tuples",
    "time": "a strategy has no clock: count turns in ship.memory",
}


def load(path: Path) -> FunctionType:
    """Run a file as a module, with its folder's modules importable, and find its ``decide``.

    Raises
    ------
    SourceRefused : it cannot be read or run, or has no such function of two parameters.
    """
    try:
        text = path.read_bytes()
        code = compile(text, str(path), "exec", dont_inherit=True)
    except OSError as error:
        raise SourceRefused(
            [Complaint(path, 0, 0, f"the file cannot be read: {error.strerror or error}")]
        ) from error
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", 0) or 0, getattr(error, "offset", 0) or 0
        raise SourceRefused([Complaint(path, line, column, getattr(error, "msg", str(error)))]) from error
    module = _run(path, code)
    decide = getattr(module, DECIDE, None)
    if not isinstance(decide, FunctionType):
        raise SourceRefused(
            [
                Complaint(
                    path,
                    0,
                    0,
                    "there is no function decide; write: def decide(ship: Ship, system: System) -> Plan",
                )
            ]
        )
    line = decide.__code__.co_firstlineno
    if (
        decide.__code__.co_argcount != 2
        or decide.__code__.co_kwonlyargcount
        or decide.__code__.co_flags & 0x0C
    ):
        raise SourceRefused(
            [
                Complaint(
                    path,
                    line,
                    0,
                    "decide takes two parameters: def decide(ship: Ship, system: System) -> Plan",
                )
            ]
        )
    return decide


def _run(path: Path, code: CodeType) -> ModuleType:
    module = ModuleType(_MODULE)
    module.__file__ = str(path)
    folder = str(path.parent)
    sys.path.insert(0, folder)
    sys.modules[_MODULE] = module  # where numba looks for a function's module
    try:
        exec(code, module.__dict__)
    except Exception as error:
        at = error.__traceback__
        line = 0
        while at is not None:
            if at.tb_frame.f_code.co_filename == str(path):
                line = at.tb_lineno
            at = at.tb_next
        raise SourceRefused(
            [Complaint(path, line, 0, f"running the file fails: {type(error).__name__}: {error}")]
        ) from error
    finally:
        sys.path.remove(folder)
    return module


def check(decide: FunctionType) -> None:
    """Make sure that a function, and each function of the author's that it needs, has nothing that is known not to compile.

    Raises
    ------
    SourceRefused : with all that was found, in the order of the files' lines.
    """
    found = [complaint for function in needed(decide) for complaint in _complaints(function)]
    if found:
        raise SourceRefused(sorted(found, key=lambda it: (str(it.file), it.line, it.column)))


def needed(function: FunctionType) -> list[FunctionType]:
    """A function and the author's functions that it refers to, directly or through others."""
    seen: list[FunctionType] = []
    waiting = [function]
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.append(at)
        for name in _names(at.__code__):
            value = at.__globals__.get(name)
            if isinstance(value, FunctionType) and not value.__module__.startswith("wasmverse."):
                waiting.append(value)
    return seen


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


@cache
def _functions(path: str, _changed: int) -> dict[int, ast.FunctionDef]:
    tree = ast.parse(Path(path).read_bytes())
    made = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            made[first] = node
    return made


def definition(function: FunctionType) -> tuple[Path, ast.FunctionDef | None]:
    """The file of a function, and its definition there."""
    path = Path(function.__code__.co_filename)
    try:
        found = _functions(str(path), path.stat().st_mtime_ns)
    except OSError:
        return path, None
    return path, found.get(function.__code__.co_firstlineno)


def _complaints(function: FunctionType) -> Iterator[Complaint]:
    path, defined = definition(function)
    if defined is None:
        return
    if defined.decorator_list:
        yield Complaint(path, defined.lineno, 0, "a compiled function has no decorator: leave it out")
    known = function.__globals__
    bound = {*function.__code__.co_varnames, *function.__code__.co_cellvars}
    waiting: list[ast.AST] = [*defined.body]
    while waiting:
        node = waiting.pop()
        text = _SYNTAX.get(type(node))
        if isinstance(node, ast.Name) and node.id not in bound:
            text = _of_name(node.id, known)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            text = (
                "nothing can be stored into a tuple or a system: keep it in a variable, or make a new tuple"
            )
        if text is None:
            waiting += ast.iter_child_nodes(node)
        else:
            yield Complaint(path, getattr(node, "lineno", 0), getattr(node, "col_offset", -1) + 1, text)


def _of_name(name: str, known: dict[str, object]) -> str | None:
    """What is wrong with a name that a compiled function uses, if anything is."""
    if name in known:
        value = known[name]
        if isinstance(value, ModuleType) and value.__name__ not in MODULES:
            return _remedy(value.__name__, f"the module {value.__name__} cannot be compiled")
        if isinstance(value, list | dict | set | str | bytes):
            return f"{name} is a {type(value).__name__}, which cannot be compiled: make it a tuple of numbers"
        if isinstance(value, type) and not issubclass(value, IntEnum | tuple | Plan | BaseException):
            return f"{name} is a class, which cannot be compiled: it may be an IntEnum or a NamedTuple"
        if isinstance(value, FunctionType) or not callable(value) or isinstance(value, type):
            return None
        if getattr(value, "__module__", None) not in MODULES:
            return _remedy(name, f"{name} cannot be compiled")
        return None
    if not hasattr(builtins, name):
        return f"{name} is not defined: import it, or write it"
    if name not in _BUILTINS and not _is_exception(name):
        return _remedy(name, f"{name} cannot be compiled")
    return None


def _is_exception(name: str) -> bool:
    value = getattr(builtins, name)
    return isinstance(value, type) and issubclass(value, BaseException)


def _remedy(name: str, wrong: str) -> str:
    return _REMEDIES.get(name, f"{wrong}; allowed are {ALLOWED}")
