"""The modules in the WebAssembly specification's own tests, which are scripts of assertions about modules in text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import wasmtime

FOLDER = Path(__file__).parents[2] / ".toolchains" / "spec"
"""Where ``make languages`` leaves them (tools/fetch-spec-tests)."""

_TOKEN = re.compile(r';;[^\n]*|\(;|"(?:[^"\\]|\\.)*"|[()]|[^\s()";]+|;', re.DOTALL)
_MODULE = re.compile(r"\(\s*module\b")
_COMMENT = re.compile(r"\(;|;\)")
_BINARY = re.compile(r'\(module\s+(?:\$\S+\s+)?binary\b((?:\s*"(?:[^"\\]|\\.)*")*)\s*\)', re.DOTALL)
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BYTE = re.compile(rb'\\([0-9a-fA-F]{2}|[tnr"\'\\])')


def modules_in(script: str) -> Iterator[str]:
    """The text of each ``(module ...)``, in assertions too."""
    starts: list[int | None] = []
    at = 0
    while found := _TOKEN.search(script, at):
        at, token = found.end(), found[0]
        if token == "(;":
            at = _end_of_comment(script, at)
        elif token == "(":
            starts.append(found.start() if _MODULE.match(script, found.start()) else None)
        elif token == ")" and starts:
            start = starts.pop()
            if start is not None:
                yield script[start:at]


def _end_of_comment(script: str, at: int) -> int:
    depth = 1
    while depth and (found := _COMMENT.search(script, at)):
        at = found.end()
        depth += 1 if found[0] == "(;" else -1
    return at


def bytes_of(module: str) -> bytes | None:
    """The module as bytes, whether it is valid or not; None where the text itself is wrong, or quoted."""
    binary = _BINARY.fullmatch(module)
    if binary:
        return b"".join(_unescaped(text) for text in _TEXT.findall(binary[1]))
    try:
        return bytes(wasmtime.wat2wasm(module))
    except wasmtime.WasmtimeError:
        return None


def _unescaped(text: str) -> bytes:
    named = {b"t": b"\t", b"n": b"\n", b"r": b"\r"}
    return _BYTE.sub(
        lambda found: (
            bytes.fromhex(found[1].decode()) if len(found[1]) == 2 else named.get(found[1], found[1])
        ),
        text.encode(),
    )
