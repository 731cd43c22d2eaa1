"""The audit: who commanded what, and when, a line of JSON each, in a bounded file beside the universe's.

It is a file of the gateway's and not a table: anybody may query the universe, and this is for whoever runs it; the gateway
knows who asked, under which owner and from where, also of what was refused; and no transaction takes a statement more for it.
A recording has the commands too, but only of universes that are recorded, and not from where they came. A line is written when
the universe has answered or the client has left, so a server that is killed before lacks it.
"""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from wasmverse.settings import LogSettings
from wasmverse.text import printable

log = logging.getLogger(__name__)

_LEFT_OUT = {"author", "module", "inspection", "compiled", "definition", "is_rollback"}
"""Fields of commands that are said otherwise, or too long."""


class Audit:
    """Appends to the file; ``path`` None writes nothing. May be called on any thread."""

    def __init__(self, path: Path | None, bytes_max: int) -> None:
        self.path = path if bytes_max else None
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._is_broken = False

    def note(self, command: object, procedure: str, who: str, owner: str, address: str, outcome: str) -> None:
        """Write down a command, with the name it has in the log and metrics; what cannot be written is said in the log once, and
        hinders nobody."""
        if self.path is None:
            return
        line = {
            "time": f"{datetime.now(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z",
            "who": printable(who),
            "owner": printable(owner),
            "from": printable(address),
            "command": type(command).__name__,
            "procedure": procedure,
            **described(command),
            "outcome": printable(outcome, 500),
        }
        try:
            with self._lock:
                self._append(orjson.dumps(line) + b"\n")
            self._is_broken = False
        except OSError as error:
            if not self._is_broken:
                log.error("the audit %s cannot be written: %s", self.path, error.strerror)
            self._is_broken = True

    def _append(self, line: bytes) -> None:
        assert self.path is not None
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a line was cut, as the disk was full
                line = b"\n" + line
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)
        if size + len(line) > self._bytes_max:
            self.path.replace(self.path.with_name(f"{self.path.name}.1"))


def described(command: object) -> dict[str, Any]:
    """What a command changes: its plain fields, a tuple as a list of texts, and what is known of a module."""
    assert dataclasses.is_dataclass(command)
    told: dict[str, Any] = {}
    for field in dataclasses.fields(command):
        value = getattr(command, field.name)
        if field.name in _LEFT_OUT or value is None:
            continue
        if isinstance(value, tuple):
            told[field.name] = [printable(part) for part in value]
        else:
            told[field.name] = value if isinstance(value, bool | int | float) else printable(value)
    definition = getattr(command, "definition", None)
    if definition is not None:
        told["name"] = printable(definition["name"])
    if (inspection := getattr(command, "inspection", None)) is not None:
        told["sha256"] = inspection.sha256
    if (module := getattr(command, "module", None)) is not None:
        told["bytes"] = len(module)
    return told


def audit_of(settings: LogSettings, database_path: object) -> Audit:
    """The audit of a universe: at ``audit_path``, else beside its file, else none."""
    path = settings.audit_path
    if path is None and isinstance(database_path, Path):
        path = database_path.with_name(f"{database_path.name}.audit")
    return Audit(path, settings.audit_bytes_max)
