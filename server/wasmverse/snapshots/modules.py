"""The strategies' compiled modules beside the snapshots, so that readers can call what flies.

::

    folder/modules/<sha256>        the flight engine's output, one file a module
    folder/modules/part-<sha256>   the same of a core module that components share
    folder/modules/function-<sha256>  the same of a module with functions of SQL
    folder/modules/function-<sha256>-<function>  the same of a component, which is compiled for each of its functions

A module is written when a turn first needs it and removed when no kept turn does. In the table ``strategy`` of a
snapshot the column ``export``, the name of each strategy's function in its module, is null for one that
cannot be called. Compiled code is run as it is: the folder belongs to the universe, and nobody else writes in
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from wasmverse.wasm.hosting import PART, AnyGuest, Compiled, files_of, guest_of, load_files

MODULES = "modules"
PAST = "past"
"""Within a snapshot folder, one for turns that were played again (``past.shown``)."""

_FUNCTION = "function-"

Modules = Mapping[str, Callable[[], bytes | bytearray]]
"""By the name of a file: how to get at its content, compiled code, asked for when it is not there yet."""


def callable_strategies(rows: pa.Table, guests: Mapping[int, AnyGuest]) -> tuple[pa.Table, Modules]:
    """The table ``strategy`` without the exports of those that cannot be called, and the modules that it needs.

    Parameters
    ----------
    rows : the table as the database has it.
    guests : by ``strategy_id``, those that can be called.
    """
    exports: list[str | None] = []
    modules: dict[str, Callable[[], bytes | bytearray]] = {}
    columns = [cast(list[Any], rows[name].to_pylist()) for name in ("strategy_id", "sha256", "export")]
    for strategy_id, sha256, export in zip(*columns, strict=True):
        guest = guests.get(strategy_id)
        exports.append(None if guest is None else export)
        if guest is not None:
            modules |= files_of(guest, sha256)
    place = rows.column_names.index("export")
    return rows.set_column(place, "export", pa.array(exports, pa.string())), modules


def function_files(modules: Modules) -> Modules:
    """The files of functions' modules, from their machine code by name. They have names of their own: of a component that is sent
    both as a strategy and as a function other functions are compiled for each. The core modules in them are the same.
    """
    return {
        name if name.startswith(PART) else f"{_FUNCTION}{name}": compiled
        for name, compiled in modules.items()
    }


class ModuleFolder:
    """The universe's end: keeps the files that the kept turns need. For one thread of one process."""

    def __init__(self, folder: Path, needed: Mapping[int, Iterable[str]] | None = None) -> None:
        """``needed`` : the names of the files that an earlier process has left there for each of these turns; all others are
        removed. None: there are none."""
        self._folder = folder / MODULES
        self._needed: dict[int, Modules] = {}
        self._sizes: dict[str, int] = {}
        if needed is not None:
            self._needed = {tid: dict.fromkeys(names, bytes) for tid, names in needed.items()}
            wanted = set().union(*self._needed.values())
            for path in self._folder.iterdir() if self._folder.is_dir() else ():
                if path.name in wanted:
                    self._sizes[path.name] = path.stat().st_size
                else:
                    path.unlink()

    def needed(self, tid: int) -> Modules:
        """What a turn needs that is kept."""
        return self._needed.get(tid, {})

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(self._sizes.values())

    def keep(self, tid: int, modules: Modules) -> None:
        """Write what turn ``tid`` needs and is not there yet."""
        for name in modules.keys() - self._sizes.keys():
            self._folder.mkdir(exist_ok=True)
            compiled = modules[name]()
            temporary = self._folder / "writing"
            temporary.write_bytes(compiled)
            temporary.rename(self._folder / name)
            self._sizes[name] = len(compiled)
        self._needed[tid] = modules

    def prune(self, kept: set[int]) -> None:
        """Remove what none of the turns ``kept`` needs."""
        gone = self._needed.keys() - kept
        if not gone:
            return
        for tid in gone:
            del self._needed[tid]
        for name in self._sizes.keys() - set().union(*self._needed.values()):
            (self._folder / name).unlink(missing_ok=True)
            del self._sizes[name]


def load_function(folder: Path, names: Sequence[str]) -> tuple[Compiled, int]:
    """As `load_guest`, what a function of SQL is compiled to, which is known by the first of these names that there is."""
    *others, last = (f"{_FUNCTION}{name}" for name in names)
    return _loaded(folder, next((name for name in others if _file(folder, name).exists()), last))


def load_guest(folder: Path, sha256: str, export: str) -> tuple[AnyGuest, int]:
    """The reader's end: a strategy ready to be called, and the size of its code in bytes.

    Raises
    ------
    FileNotFoundError : no kept turn has that module (any more).
    """
    compiled, size = _loaded(folder, sha256)
    return guest_of(compiled, export), size


def _file(folder: Path, name: str) -> Path:
    """Where a file is: among those of the kept turns, or else among those of turns that were played again."""
    path = folder / MODULES / name
    again = folder / PAST / MODULES / name
    return again if not path.exists() and again.exists() else path


def _loaded(folder: Path, name: str) -> tuple[Compiled, int]:
    size = 0

    def read(name: str) -> bytes:
        nonlocal size
        compiled = _file(folder, name).read_bytes()
        size += len(compiled)
        return compiled

    return load_files(read, name), size
