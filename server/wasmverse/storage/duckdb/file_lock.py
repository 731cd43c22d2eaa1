"""The lock that DuckDB takes on a universe's file: who has it, and taking it without opening the database.

It is a record lock of POSIX over the whole file. A lock that a process takes here is an *open file description* lock: the process
does not lose it when it closes another descriptor of the same file. https://man7.org/linux/man-pages/man2/fcntl_locking.2.html
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wasmverse.errors import DatabaseLocked

_FLOCK = "hhqqi4x"
"""C's ``struct flock``: type, whence, start, length, process."""


@contextmanager
def locked(path: Path, to_do: str, *, is_shared: bool = False) -> Iterator[None]:
    """Nobody else has the file open, or opens it meanwhile.

    Parameters
    ----------
    to_do : what the message says is to be done once the server is stopped.
    is_shared : only who writes is kept out.

    Raises
    ------
    DatabaseLocked : another process has it open.
    OSError : the file cannot be opened.
    """
    with path.open("rb" if is_shared else "r+b") as file:
        kind = getattr(fcntl, "F_OFD_SETLK", None)
        lock = fcntl.F_RDLCK if is_shared else fcntl.F_WRLCK
        try:
            if kind is None:
                fcntl.lockf(file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            else:
                fcntl.fcntl(file, kind, struct.pack(_FLOCK, lock, os.SEEK_SET, 0, 0, 0))
        except OSError as error:
            raise DatabaseLocked(
                f"{path} is in use by another process: stop the server that has it open, then {to_do}"
            ) from error
        yield


def holder(path: Path) -> int | None:
    """The process that has the file open to write it; 0 if it cannot be seen from here, None if there is none."""
    with path.open("rb") as file:
        asked = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else max(0, pid)


def sync(path: Path) -> None:
    """Have the disk hold what was written to a file, or which names a folder has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
