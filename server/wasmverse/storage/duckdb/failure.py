"""What is to be said when the disk refuses to take what is written, or does not give back what was."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb

from wasmverse.errors import DatabaseDamaged, DatabaseError
from wasmverse.text import printable

REASONS = tuple(
    os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
)

_DAMAGED = (
    "Corrupt",
    "checksum",
    "Could not read enough bytes",
    "replaying WAL",
    "does not match",
    "INTERNAL",
)
"""In what DuckDB says of bytes that are not those it wrote."""


def disk_failure(error: BaseException, database: Path) -> DatabaseError | None:
    """The one line for an error that the disk is the cause of, directly or further back; None for any other."""
    for seen in _causes(error):
        reason = next((reason for reason in REASONS if reason in str(seen)), None)
        if reason is not None:
            file = seen.filename if isinstance(seen, OSError) and seen.filename else database
            return DatabaseError(
                f"{file} cannot be written ({reason}): the last committed turn is intact; make room, then start again"
            )
    return None


def damage(error: BaseException, database: Path) -> DatabaseDamaged | None:
    """The one line for an error that damaged bytes are the cause of, directly or further back; None for any other."""
    for seen in _causes(error):
        if isinstance(seen, DatabaseDamaged):
            return seen
        if isinstance(seen, duckdb.Error) and tells_of_damage(str(seen)):
            return damaged(database, str(seen))
    return None


def tells_of_damage(message: str) -> bool:
    """Whether a message of DuckDB's is about bytes that it did not write."""
    return any(word in message for word in _DAMAGED)


def damaged(database: Path, found: str) -> DatabaseDamaged:
    """The error for a file, or its log, in which something was found that nobody wrote."""
    line = found.splitlines()[0] if found else "no reason was given"
    is_log = "WAL" in line
    return DatabaseDamaged(
        f"{database}{'.wal, its log,' if is_log else ''} is damaged ({printable(line)}): run `wasmverse universe recover "
        f"--db {database}`, which keeps the old files, or restore a copy",
        found=line,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
