"""What the server takes of its machine, for the metrics: bytes of files, room on disks, memory of its processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

FRESH_SECONDS = 5.0
"""How long what was read holds: looking at all processes takes 10 ms."""

KINDS = {
    "wasmverse.processes.universe_start": "universe",
    "wasmverse.processes.historian_start": "historian",
    "wasmverse.reader.process": "reader",
}
"""What the processes are started with, and what they are; others that the server starts are checkers."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """As of one moment, in bytes.

    files : ``file``, ``log`` and ``snapshots``; what there is none of is left out
    disk_free : what is left where they are, for whoever runs the server; keys as of ``files``
    memory : by kind of process, of all of them together, what they share with others left out; processes : how many there are
    """

    files: dict[str, int] = field(default_factory=dict)
    disk_free: dict[str, int] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    processes: dict[str, int] = field(default_factory=dict)


class Host:
    """Reads them at most every `FRESH_SECONDS`, however many ask.

    Parameters
    ----------
    file : the universe's; None where it is in a database.
    """

    def __init__(self, file: Path | None, snapshot_folder: Path) -> None:
        self._file = file
        self._snapshots = snapshot_folder
        self._read_at = -FRESH_SECONDS
        self._facts = HostFacts()
        self._reading = asyncio.Lock()

    async def facts(self) -> HostFacts:
        """The newest, read on another thread."""
        async with self._reading:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                self._facts = await asyncio.to_thread(self._read)
                self._read_at = time.monotonic()
            return self._facts

    def _read(self) -> HostFacts:
        facts = HostFacts()
        if self._file is not None:
            for name, path in (("file", self._file), ("log", Path(f"{self._file}.wal"))):
                if path.exists():
                    facts.files[name] = sum(_sizes(path))
            _note_free(facts, "file", self._file.parent)
        facts.files["snapshots"] = sum(_sizes(self._snapshots))
        _note_free(facts, "snapshots", self._snapshots)
        memory: defaultdict[str, int] = defaultdict(int)
        processes: defaultdict[str, int] = defaultdict(int)
        ours = psutil.Process()
        for process in (ours, *ours.children(recursive=True)):
            try:
                kind = "gateway" if process == ours else _kind(process)
                used = process.memory_info()
            except psutil.Error:  # it has ended meanwhile
                continue
            memory[kind] += used.rss - getattr(used, "shared", 0)
            processes[kind] += 1
        facts.memory.update(memory)
        facts.processes.update(processes)
        return facts


def _kind(process: psutil.Process) -> str:
    words = process.cmdline()
    return next((kind for name, kind in KINDS.items() if name in words), "checker")


def _note_free(facts: HostFacts, name: str, folder: Path) -> None:
    try:
        facts.disk_free[name] = shutil.disk_usage(folder).free
    except OSError:
        return


def _sizes(path: Path) -> Iterator[int]:
    """The bytes of a file, or of all files in a folder; one that several snapshots share counts once, and one that is removed
    meanwhile does not."""
    seen = set()
    for found in _files(path) if path.is_dir() else (path,):
        try:
            status = found.lstat()
        except OSError:
            continue
        if status.st_ino not in seen:
            seen.add(status.st_ino)
            yield status.st_size


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):  # passes over folders that are gone, as Path.rglob does not
        for name in names:
            yield Path(parent, name)
