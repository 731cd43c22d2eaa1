"""What is to be said when the disk refuses to take what is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from wasmverse.errors import DatabaseError

REASONS = tuple(
    os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
)


def disk_failure(error: BaseException, database: Path) -> DatabaseError | None:
    """The one line for an error that the disk is the cause of, directly or further back; None for any other."""
    seen: BaseException | None = error
    while seen is not None:
        reason = next((reason for reason in REASONS if reason in str(seen)), None)
        if reason is not None:
            file = seen.filename if isinstance(seen, OSError) and seen.filename else database
            return DatabaseError(
                f"{file} cannot be written ({reason}): the last committed turn is intact; make room, then start again"
            )
        seen = seen.__cause__ or seen.__context__
    return None
