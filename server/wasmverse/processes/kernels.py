"""What a process that may play turns does first: say where the machine code of the kernels is kept."""

from __future__ import annotations

from wasmverse.universe.cache import base_folder, keep_on_disk


def keep_kernels() -> None:
    """Take compiled kernels from the usual folder, and put there what is compiled. Loads no compiler."""
    keep_on_disk(base_folder())
