"""``python -m wasmverse.languages.interpreted ENGINE SOURCE -o MODULE``: a strategy inside an interpreter.

The engine is the interpreter as a module, with its host from ``strategies/engines``. It reads the strategy now; its memory is
kept as it then is. What it printed goes to standard error if it fails.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import wasmtime

from wasmverse.languages.snapshot import NotPrepared, snapshot

MAIN = "main.js"
"""What the engine of JavaScript calls; Lua's calls what the strategy's file returns."""
_MAIN = """import {{ decide }} from "./{name}";
import {{ pilot }} from "./wasmverse.js";
export default pilot(decide);
"""
_LUA, _JAVASCRIPT = ".lua", ".js"
_BUILDING = ("wasmverse_room", "wasmverse_file", "wasmverse_prepare")


def module_of(engine: bytes, source: Path) -> bytes:
    """An engine that has read a strategy and all scripts beside it that it could, the main one last.

    Raises
    ------
    NotPrepared : the strategy cannot be read; what the engine printed.
    """
    suffixes = {_LUA} if source.suffix == _LUA else {source.suffix, _JAVASCRIPT}
    beside = (path for path in sorted(source.parent.iterdir()) if path.suffix in suffixes)
    scripts = {path.name: path.read_bytes() for path in beside}
    if source.suffix == _LUA:
        scripts[source.name] = scripts.pop(source.name)
    else:
        scripts[MAIN] = _MAIN.format(name=source.name).encode()

    def prepare(store: wasmtime.Store, exports: Any) -> None:
        def put(data: bytes) -> int:
            at: int = exports["wasmverse_room"](store, len(data) + 1)
            exports["memory"].write(store, data, at)
            return at

        for name, text in scripts.items():
            exports["wasmverse_file"](store, put(name.encode()), put(text), len(text))
        if exports["wasmverse_prepare"](store):
            raise wasmtime.WasmtimeError("the strategy cannot be read")

    return snapshot(engine, prepare, _BUILDING)


def main() -> int:
    """The exit status: 0, or 1 when the engine refuses the strategy."""
    parser = argparse.ArgumentParser(prog="python -m wasmverse.languages.interpreted", description=__doc__)
    parser.add_argument("engine", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("-o", dest="module", type=Path, required=True)
    asked = parser.parse_args()
    try:
        asked.module.write_bytes(module_of(asked.engine.read_bytes(), asked.source))
    except NotPrepared as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
