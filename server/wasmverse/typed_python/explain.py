"""numba's errors, which are pages, as one line with the place in the author's file."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType

from wasmverse.errors import Complaint
from wasmverse.text import one_line
from wasmverse.typed_python.source import ALLOWED, definition

_PLACE = re.compile(r'File "([^"]+)", line (\d+)|at (\S+?\.py) \((\d+)\)')
_LENGTH_MAX = 300
_TYPES = [
    (re.compile(pattern), shown)
    for pattern, shown in (
        (r"type\(_Dispatcher\(<function (\w+) at \w+>\)\)", r"the function \1"),
        (r"Literal\[int\]\(-?\d+\)", "int"),
        (r"Literal\[str\]\([^)]*\)|\bunicode_type\b", "str"),
        (r"Literal\[bool\]\([^)]*\)|\bboolean\b", "bool"),
        (r"\bu?int(?:8|16|32|64)\b", "int"),
        (r"\bfloat(?:32|64)\b", "float"),
        (r"\bnone\b", "None"),
        (r"UniTuple\((\w+) x (\d+)\)", r"tuple of \2"),
        (r"(\w+)\(\w+ x \d+\)", r"\1"),
        (r"OptionalType\((\w+)\)|Optional\((\w+)\)", r"\1\2 or None"),
    )
]
_OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "and_": "&", "or_": "|",
    "xor": "^", "lshift": "<<", "rshift": ">>", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
}  # fmt: skip

_MEANINGS = [
    (
        r"Cannot unify (.+?) and (.+?) for '([\w$]+)(?:\.\d+)*'",
        r"\3 is \1 in one place and \2 in another: give it one type, such as -1 for none",
    ),
    (
        r"Can't unify return type from the following types: (.+?) Return of",
        r"a function returns values of different types (\1): return the same type on every way through it",
    ),
    (r"Unknown attribute '(\w+)' of type (\S+)", r"\2 has no \1"),
    (
        r"'NRT' required but not enabled",
        "this needs memory of its own, such as a list or a string: use numbers and tuples",
    ),
    (
        r"No definition for lowering (\w+)\.(\w+) =",
        r"\2 of a \1 cannot be changed: keep it in a variable of your own",
    ),
    (r"missing a required argument: '(\w+)'", r"the argument \1 is missing"),
    (r"got an unexpected keyword argument '(\w+)'", r"there is no argument \1"),
    (r"too many positional arguments", "there are too many arguments"),
]
_UNKNOWN = [
    (r"(?:No implementation of function|Invalid use of) .*?>>> (\w+)\(([^,()]+), ([^,()]+)\) ", r"\2 \1 \3"),
    (r"(?:No implementation of function|Invalid use of) .*?>>> (.+?) (?:There are|\[|$)", r"\1"),
    (r"Untyped global name '(\w+)'", r"\1"),
]
"""What was met that numba does not know, by name only: the message then says what is allowed."""


def explain(error: Exception, decide: FunctionType) -> Complaint:
    """What a failed compilation comes to for the author of ``decide``; the innermost place in the author's files."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    file, line = _place(text, decide)
    return Complaint(file, line, 0, _meaning(text))


def _place(text: str, decide: FunctionType) -> tuple[Path, int]:
    own = Path(decide.__code__.co_filename)
    for match in _PLACE.finditer(text):
        name, line = match[1] or match[3], int(match[2] or match[4])
        path = Path(name)
        found = path if path.is_absolute() else Path.cwd() / path
        try:
            found = found.resolve()
        except OSError:
            continue
        if found.is_relative_to(own.parent.resolve()):
            return (own if found == own.resolve() else found), line
    return own, decide.__code__.co_firstlineno


def _meaning(text: str) -> str:
    flat = plain(" ".join(text.split()))
    for pattern, meaning in _MEANINGS:
        if match := re.search(pattern, flat):
            return one_line(match.expand(meaning), _LENGTH_MAX)
    for pattern, meaning in _UNKNOWN:
        if match := re.search(pattern, flat):
            shown = re.sub(
                r"(?<= )\w+(?= )", lambda word: _OPERATORS.get(word[0], word[0]), match.expand(meaning)
            )
            return f"{one_line(shown, _LENGTH_MAX)} cannot be compiled; allowed are {ALLOWED}"
    lines = (line.strip() for line in text.splitlines())
    said = next((line for line in lines if line and not line.startswith("Failed in nopython")), "this")
    return f"{one_line(plain(said), _LENGTH_MAX)}; allowed are {ALLOWED}"


def plain(text: str) -> str:
    """Types by the names that Python has for them."""
    for pattern, shown in _TYPES:
        text = pattern.sub(shown, text)
    return text


def explain_missing(missing: Sequence[str], functions: Sequence[FunctionType]) -> list[Complaint]:
    """Why functions of C's library that compiled code calls cannot be had, with the places that ask for them."""
    found = []
    for function in functions:
        path, defined = definition(function)
        for node in ast.walk(defined) if defined is not None else ():
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
            is_power = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and "pow" in missing
            if name in missing or is_power:
                shown = "this power" if is_power else f"{name}()"
                line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", -1) + 1
                text = f"{shown} needs a library that a module does not have: of math use sqrt, floor, ceil, fabs, trunc"
                found.append(Complaint(path, line, column, text))
    if not found:
        own = functions[0]
        text = f"compiling it needs {', '.join(sorted(missing))}, which a module does not have; allowed are {ALLOWED}"
        found.append(Complaint(Path(own.__code__.co_filename), own.__code__.co_firstlineno, 0, text))
    return found
