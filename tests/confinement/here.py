"""Which layers this machine can give to the user who runs the tests. Most kernels have all; groups must be delegated."""

from __future__ import annotations

from wasmverse.confinement import groups
from wasmverse.confinement.layers import GROUPS, KINDS, layers_of


def lacking_here() -> dict[tuple[str, str], str]:
    """Kind and layer -> why it cannot hold here."""
    why = groups.ours().why
    return {(kind, GROUPS): why for kind in KINDS if why and GROUPS in layers_of(kind)}
