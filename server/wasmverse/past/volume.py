"""The files that past turns are kept in: one *volume* after another, each with all it takes to play its turns again.

::

    folder/
        000000000120.past      begins with turn 120: a base, then turns, with a keyframe every so many
        000000000320.past
        modules/...            the compiled code that their turns call (``snapshots.modules``)

A volume is a row of entries, each sealed with a check over itself and its place, so that what a crash cut off, a flipped byte or
an entry of another file is found. An entry is a line of JSON and Arrow record batches after it, compressed together with zstd:

``base``
    the universe, its limits, and every table of the turn that the volume begins with; that turn is a keyframe
``keyframe``
    all ships and nodes at the end of a turn, as they are in a snapshot
``turn``
    what a turn was played with (who flew, what was spawned before it), the hash of its state, and what every table but those of
    ships and nodes has gained and lost

Files are written by this program for itself: compiled code in the folder is run as it is, and so nobody else may write there.
What is read is checked all the same, because disks and crashes damage files.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from wasmverse.errors import PastError
from wasmverse.recording.format import check_of

FORMAT = 1
SUFFIX = ".past"
BASE, KEYFRAME, TURN = "base", "keyframe", "turn"
_HEAD = struct.Struct("<16sBqII")
"""Check, kind, turn, bytes of the body as it is stored, bytes of it uncompressed."""
_KINDS = (BASE, KEYFRAME, TURN)
ENTRY_BYTES_MAX = (1 << 32) - 1
_CODEC: Any = pa.Codec("zstd", 1)

Columns = Mapping[str, Sequence[str]]
"""By the name of each table of a snapshot, its columns as `columns_of` gives them."""


def past_folder(database: Path) -> Path:
    """Where the past of the universe in a file is kept."""
    return database.with_name(f"{database.name}{SUFFIX}")


def volume_path(folder: Path, tid: int) -> Path:
    """The volume that begins with a turn."""
    return folder / f"{tid:012d}{SUFFIX}"


def volumes(folder: Path) -> list[int]:
    """The turns that volumes in a folder begin with, ascending."""
    found = [path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}")]
    return sorted(int(name) for name in found if name.isdigit())


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry is in its volume: it begins at byte ``offset``, and its body has so many bytes, stored and uncompressed."""

    kind: str
    tid: int
    offset: int
    stored: int
    size: int

    @property
    def end(self) -> int:
        """Where the next entry begins."""
        return self.offset + _HEAD.size + self.stored


@dataclass(frozen=True, slots=True)
class Entry:
    """What one entry says: plain values, and record batches by name."""

    kind: str
    tid: int
    said: dict[str, Any]
    batches: dict[str, bytes]

    def table(self, name: str, schema: pa.Schema) -> pa.Table:
        """The rows of a batch; the table has no rows if there was no batch."""
        raw = self.batches[name]
        if not raw:
            return schema.empty_table()
        message: Any = pa.ipc
        return pa.Table.from_batches([message.read_record_batch(pa.py_buffer(raw), schema)])


def columns_of(schema: pa.Schema) -> list[str]:
    """Each column's name and type, in order."""
    return [f"{field.name} {field.type}" for field in schema]


def schema_of(base: Entry, name: str) -> pa.Schema:
    """The columns of a table, as a volume's base has them."""
    message: Any = pa.ipc
    schema: pa.Schema = message.read_schema(pa.py_buffer(base.batches[f"schema {name}"]))
    return schema


def other_columns(base: Entry, columns: Columns) -> str | None:
    """Which tables or columns of a volume differ from these; None if none does.

    A version that is not released yet may have other tables than the one that wrote the volume, and the same number.
    """
    tables = base.said["tables"]
    if lacking := sorted(columns.keys() - set(tables)):
        return f"there is no {', '.join(lacking)}"
    if surplus := sorted(set(tables) - columns.keys()):
        return f"there is {', '.join(surplus)}"
    for name in tables:
        if (others := columns_of(schema_of(base, name))) != list(columns[name]):
            return f"{name} has the columns {', '.join(others)}"
    return None


def packed_rows(table: pa.Table) -> bytes:
    """A table as one record batch without its schema; empty if it has no rows."""
    if not table.num_rows:
        return b""
    (batch,) = table.combine_chunks().to_batches()
    return bytes(batch.serialize())


def packed_entry(volume: int, offset: int, entry: Entry) -> bytes:
    """An entry as it is written at a place of the volume that begins with turn ``volume``.

    Raises
    ------
    PastError : it has more bytes than an entry may.
    """
    said = {**entry.said, "batches": {name: len(raw) for name, raw in entry.batches.items()}}
    body = b"\n".join((json.dumps(said).encode(), b"".join(entry.batches.values())))
    if len(body) > ENTRY_BYTES_MAX:
        raise PastError(
            f"turn {entry.tid} has {len(body):,} bytes, {ENTRY_BYTES_MAX:,} can be kept: set past_bytes_max to 0"
        )
    stored: bytes = _CODEC.compress(body, asbytes=True)
    kind = _KINDS.index(entry.kind)
    check = _check(volume, offset, kind, entry.tid, stored)
    return _HEAD.pack(check, kind, entry.tid, len(stored), len(body)) + stored


def _check(volume: int, offset: int, kind: int, tid: int, stored: bytes) -> bytes:
    return check_of(stored, f"{volume}:{offset}:{kind}:{tid}:").encode()


class Volume:
    """One volume as it is read; it may still be growing. For one thread.

    first : the turn that it begins with
    places : of its entries that are whole, in their order, as of the last `look`
    """

    def __init__(self, folder: Path, first: int) -> None:
        """Raises PastError if it is not there (any more)."""
        self.first = first
        self.path = volume_path(folder, first)
        self.places: list[Place] = []
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            raise PastError(f"the volume of turn {first} cannot be read ({error.strerror})") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def look(self) -> None:
        """Find the entries that were added since the last time, without reading what they say."""
        end = self.places[-1].end if self.places else 0
        self._file.seek(0, 2)
        size = self._file.tell()
        while end + _HEAD.size <= size:
            self._file.seek(end)
            _, kind, tid, stored, uncompressed = _HEAD.unpack(self._file.read(_HEAD.size))
            place = Place(_KINDS[kind] if kind < len(_KINDS) else "unknown", tid, end, stored, uncompressed)
            if place.end > size or not self._may_follow(place):
                return
            self.places.append(place)
            end = place.end

    @property
    def last(self) -> int:
        """Its last turn; one less than the first if it has none."""
        return self.places[-1].tid if self.places else self.first - 1

    def read(self, place: Place) -> Entry:
        """What an entry says.

        Raises
        ------
        PastError : its bytes are not those that were written.
        """
        self._file.seek(place.offset)
        check = _HEAD.unpack(self._file.read(_HEAD.size))[0]
        stored = self._file.read(place.stored)
        kind = _KINDS.index(place.kind)
        if check != _check(self.first, place.offset, kind, place.tid, stored):
            raise PastError(f"what is kept of turn {place.tid} is damaged")
        body: bytes = _CODEC.decompress(stored, place.size, asbytes=True)
        line, _, raw = body.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        batches: dict[str, bytes] = {}
        at = 0
        for name, size in said.pop("batches").items():
            batches[name] = raw[at : at + size]
            at += size
        return Entry(place.kind, place.tid, said, batches)

    def turns(self, after: int, until: int) -> Iterator[Entry]:
        """The turns in between, the last one included, in their order."""
        for place in self.places:
            if place.kind == TURN and after < place.tid <= until:
                yield self.read(place)

    def keyframe(self, until: int) -> Place:
        """The newest keyframe that is not after a turn of this volume: the base counts as one."""
        return next(place for place in reversed(self.places) if place.kind != TURN and place.tid <= until)

    def _may_follow(self, place: Place) -> bool:
        if not self.places:
            return place.kind == BASE and place.tid == self.first
        last = self.places[-1]
        step = {TURN: 1, KEYFRAME: 0}.get(place.kind)
        return step is not None and place.tid - last.tid == step
