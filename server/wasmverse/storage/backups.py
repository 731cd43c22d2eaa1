"""Backups of universes in files and in databases: both are the same file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wasmverse.errors import DatabaseError
from wasmverse.storage.copying import Places, copy_universe
from wasmverse.storage.duckdb import backup
from wasmverse.storage.duckdb.backup import Backup


def back_up(source: Places, target: Path, tell: Callable[[str], None], wait_seconds_max: float) -> Backup:
    """As `storage.duckdb.backup.back_up`; of a universe in a database, which is copied into a file first."""
    if isinstance(source.first, Path):
        return backup.back_up(source.first, target, tell, wait_seconds_max)
    if target.exists():
        raise DatabaseError(f"{target} is there already: name a new file, or move that one away")
    with _folder(target.parent) as folder:
        copy = folder / target.name
        copy_universe(source, Places(copy), tell)
        return backup.back_up(copy, target, tell, wait_seconds_max)


def restore(source: Path, target: Places, tell: Callable[[str], None]) -> Backup:
    """As `storage.duckdb.backup.restore`; into a database by way of a file."""
    if isinstance(target.first, Path):
        return backup.restore(source, target.first, tell)
    with _folder(source.parent) as folder:
        copy = folder / source.name
        made = backup.restore(source, copy, tell)
        copy_universe(Places(copy), target, tell)
        return made


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    """A hidden folder for a copy, on a disk that has room for one."""
    try:
        made = tempfile.TemporaryDirectory(prefix=".wasmverse-", dir=parent)
    except OSError as error:
        raise DatabaseError(
            f"{parent} cannot be used ({error.strerror}): name a file in another folder"
        ) from error
    with made as folder:
        yield Path(folder)
