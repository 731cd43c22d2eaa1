"""Libraries that no process of ours uses, but that others load where they are installed. Imports next to nothing."""

from __future__ import annotations

import sys


class _LeftOut:
    """A finder of modules that finds none: it has pandas be missing."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is left out of the programs of wasmverse", name=name)


def leave_out_pandas() -> None:
    """Have pandas be as if it were not installed, in this process and for good.

    Arrow loads it with its first list, if it is there: 0.2 s of processor time and 50 MB in every process of a server. Only for
    programs of ours: the client, in somebody's notebook, has frames of pandas.
    """
    sys.meta_path.insert(0, _LeftOut())
