"""Where a server's snapshots go: the same folder at every start, so that what a killed server left is found and removed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from wasmverse.errors import SettingsError
from wasmverse.settings import Settings

GATEWAYS_MAX = 64
"""On one machine, over one universe in a database."""


def snapshot_folder(settings: Settings, number: int = 0) -> Path:
    """The folder of this universe; ``number`` tells those of several servers over one database apart."""
    if settings.snapshot_folder is not None:
        return settings.snapshot_folder
    shared = Path("/dev/shm")
    base = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    place = settings.database_path
    name = str(place.resolve() if isinstance(place, Path) else place)
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return base / f"wasmverse-{os.getuid()}-{digest}{f'-{number}' if number else ''}"


def claim_folder(settings: Settings) -> Path:
    """A folder that no other server uses until this process ends.

    A file has one server, which has its lock. A universe in a database may have several, so each locks a file beside its folder.

    Raises
    ------
    SettingsError : there are too many servers.
    """
    if settings.snapshot_folder is not None or isinstance(settings.database_path, Path):
        return snapshot_folder(settings)
    for number in range(GATEWAYS_MAX):
        folder = snapshot_folder(settings, number)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with suppress(OSError):
            lock = os.open(folder.with_name(f"{folder.name}.lock"), flags, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                raise
            return folder  # the lock is held as long as its file is open: until this process ends
    raise SettingsError(
        f"{GATEWAYS_MAX} servers on this machine use {settings.database_path}, or their folders cannot be made: set "
        "WASMVERSE_SNAPSHOT_FOLDER for this one"
    )
