"""``python -m wasmverse.rules_wasm -o MODULE``: run by the build."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def main() -> None:
    """Write the module."""
    parser = argparse.ArgumentParser(prog="python -m wasmverse.rules_wasm", description=__doc__)
    parser.add_argument("-o", dest="module", type=Path, required=True)
    asked = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("NUMBA_")]:
        del os.environ[name]  # what numba is told elsewhere would change the module's bytes

    from wasmverse.rules_wasm.compiler import compile_rules  # noqa: PLC0415 - numba reads its variables once

    module = compile_rules()
    asked.module.parent.mkdir(parents=True, exist_ok=True)
    asked.module.write_bytes(module)


if __name__ == "__main__":
    main()
