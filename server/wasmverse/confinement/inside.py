"""The start of a reader or checker: it enters its own PID namespace before it loads anything that takes memory.

``python -PS .../confinement/inside.py MODULE ARGUMENT...`` runs the ``main`` of the module. Two more processes (`inits`) keep
in memory whatever is loaded before they separate from this one. So this file is started by its path, without the paths of
installed packages, and imports next to nothing. tests/confinement/test_inits.py measures their size.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal's own, without its names, which are large
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])

from wasmverse.confinement import inits
from wasmverse.confinement.prctl import PR_SET_PDEATHSIG, prctl
from wasmverse.confinement.unused import leave_out_pandas


def main() -> None:
    """Enter the namespace, and continue as the module."""
    for number in inits.IGNORED:
        _signal.signal(number, _signal.SIG_IGN)
    prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)
    inits.go_inside()

    import site  # noqa: PLC0415 - only the process inside needs the paths of what is installed
    from importlib import import_module  # noqa: PLC0415

    sys.path.pop(0)
    site.main()
    leave_out_pandas()
    import_module(sys.argv.pop(1)).main()


if __name__ == "__main__":
    main()
