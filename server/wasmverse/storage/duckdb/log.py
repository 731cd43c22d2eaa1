"""The database's log as bytes: which transactions in it are whole. It is DuckDB's write-ahead log, version 2, of DuckDB 2.0.

::

    header      the version, the database's id, the number of the checkpoint that the log goes on from
    entry ...   length (8 bytes), checksum (8 bytes), what was done; the last entry of a transaction is `FLUSH`

DuckDB stops reading at an entry that ends behind the end of the file, as one that was being written when the power went, and
forgets what is behind it. An entry whose length was damaged looks the same, but whole transactions may lie behind it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FLUSH = bytes.fromhex("0500000000000000 e7fe7d722fed3d5e 640064ffff")
"""The entry that commits: always the same bytes."""

_HEADER = bytes.fromhex("640062 6500")
_ID_BYTES = 16
_WORD = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Log:
    """What is sound in a log.

    header_bytes : its header's length; 0 if it has none that can be read
    commits : where each transaction ends up to which all is sound, ascending
    end : where the first entry begins that is not whole; the log's length if all are
    hides_commits : whether whole transactions seem to lie behind what cannot be read
    """

    header_bytes: int
    commits: tuple[int, ...]
    end: int
    hides_commits: bool


def logs_of(database: Path) -> list[Path]:
    """The files with which a database may be accompanied, those that are there: its log, and what a checkpoint makes of it."""
    names = (f"{database.name}.wal{end}" for end in ("", ".checkpoint", ".recovery"))
    return [path for path in (database.with_name(name) for name in names) if path.exists()]


def read_log(data: bytes, *, header_bytes: int | None = None, check: bool = True) -> Log:
    """Go through a log, up to the first entry that is not sound.

    Parameters
    ----------
    header_bytes : the header's length, if it is known better than by reading it.
    check : whether an entry's checksum must be right; otherwise only lengths are looked at.
    """
    place = header = _header_length(data) if header_bytes is None else header_bytes
    commits = []
    while header and place + 16 <= len(data):
        size, checksum = struct.unpack_from("<QQ", data, place)
        behind = place + 16 + size
        if not size or behind > len(data):
            break
        entry = data[place + 16 : behind]
        if check and _checksum(entry) != checksum:
            break
        if data[place:behind] == FLUSH:
            commits.append(behind)
        place = behind
    return Log(header, tuple(commits), place, FLUSH in data[place:])


def _header_length(data: bytes) -> int:
    """0 if it is none."""
    place = len(_HEADER) + 1
    if data[:5] != _HEADER or data[place : place + 3] != bytes((0x66, 0, _ID_BYTES)):
        return 0
    place += 3
    for _ in range(_ID_BYTES):
        place = _behind_number(data, place)
    if data[place : place + 2] == b"\x67\0":
        place = _behind_number(data, place + 2)
    return place + 2 if data[place : place + 2] == b"\xff\xff" else 0


def _behind_number(data: bytes, place: int) -> int:
    while place < len(data) and data[place] & 0x80:
        place += 1
    return place + 1


def _checksum(data: bytes) -> int:
    """DuckDB's (src/common/checksum.cpp): of words, and of what is left behind the last whole one."""
    whole = len(data) & ~7
    result = 5381
    if whole:
        words = np.frombuffer(data[:whole], "<u8") * np.uint64(0xBF58476D1CE4E5B9)
        result ^= int(np.bitwise_xor.reduce(words))
    if rest := data[whole:]:
        factor = 0xC6A4A7935BD1E995
        mixed = (0xE17A1465 ^ (len(rest) * factor & _WORD)) ^ int.from_bytes(rest, "little")
        for _ in range(2):
            mixed = mixed * factor & _WORD
            mixed ^= mixed >> 47
        result ^= mixed
    return result
