"""``python -m wasmverse.typed_python FILE -o MODULE``; each complaint is a line on standard error, ``file:line:column: text``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from wasmverse.errors import SourceRefused


def main() -> int:
    """The exit status: 0, or 1 after complaints."""
    parser = argparse.ArgumentParser(prog="python -m wasmverse.typed_python", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("-o", dest="module", type=Path, required=True)
    asked = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("NUMBA_")]:
        del os.environ[name]  # what numba is told elsewhere would change the module's bytes

    from wasmverse.typed_python.compiler import compile_strategy  # noqa: PLC0415 - numba reads its variables once

    try:
        module = compile_strategy(asked.file)
    except SourceRefused as refusal:
        for complaint in refusal.complaints:
            print(complaint, file=sys.stderr)
        return 1
    asked.module.write_bytes(module)
    return 0


if __name__ == "__main__":
    sys.exit(main())
