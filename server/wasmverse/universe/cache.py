"""Where the machine code of the kernels is kept; known without loading the compiler."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = Path(__file__).parent


def base_folder() -> Path:
    """NUMBA_CACHE_DIR; else beside the sources, as Python's own cache; else, where one may not write, the user's."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"])
    beside = _FOLDER / "__pycache__"
    if os.access(beside if beside.exists() else _FOLDER, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wasmverse"
