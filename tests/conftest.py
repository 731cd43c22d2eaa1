"""Kernels are tested with bounds checking on; their machine code must not mix with the one that the server uses."""

import os
from pathlib import Path

os.environ.setdefault("NUMBA_BOUNDSCHECK", "1")
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parent.parent / ".cache" / "numba-boundscheck"))

from wasmverse.processes.kernels import keep_kernels

keep_kernels()
