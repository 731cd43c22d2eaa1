"""Snapshots of turns that were played again: beside those of the last turns, for the same readers."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from wasmverse.past.player import Moment
from wasmverse.snapshots.snapshot import SnapshotWriter


class ShownTurns:
    """Publishes them in a folder of their own, and removes those that were least recently asked for. For one thread."""

    def __init__(self, folder: Path, keep: int, bytes_max: int) -> None:
        self._used: OrderedDict[int, None] = OrderedDict()
        self._writer = _Writer(folder, keep, bytes_max, self._used)

    def has(self, tid: int) -> bool:
        """Whether a turn is there now."""
        return tid in self._writer.kept()

    @property
    def is_there(self) -> bool:
        """Whether the folder is still the one that snapshots were put into."""
        return self._writer.is_there

    def show(self, moment: Moment) -> None:
        """Publish a turn; raises SnapshotError."""
        self.note(moment.tid)
        self._writer.publish(moment.tid, moment.tables, moment.modules)
        self._writer.finish()
        there = set(self._writer.kept())
        for tid in [tid for tid in self._used if tid not in there]:
            del self._used[tid]

    def note(self, tid: int) -> None:
        """A turn was asked for."""
        self._used[tid] = None
        self._used.move_to_end(tid)


class _Writer(SnapshotWriter):
    def __init__(self, folder: Path, keep: int, bytes_max: int, used: OrderedDict[int, None]) -> None:
        super().__init__(folder, keep, bytes_max)
        self._order = used

    @property
    def is_there(self) -> bool:
        return self._is_ours()

    def _by_worth(self, turns: list[int]) -> list[int]:
        place = {tid: number for number, tid in enumerate(tuple(self._order))}
        return sorted(turns, key=lambda tid: -place.get(tid, -1))
