"""``entity_turn``: the entities of the turns in memory up to the turn that is read, so that the history of a ship over these
turns is one statement. Nothing is copied: each turn's snapshot is mapped, and the view is a union over them. Which turns are
in memory depends on when one asks, so answers about it are never kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa

from wasmverse.query.public import SCHEMA, SNAPSHOT_PREFIX
from wasmverse.snapshots.modules import PAST
from wasmverse.snapshots.snapshot import FolderLost, attach, kept_turns

NAME = "entity_turn"

_OF_ONE_TURN = re.compile(rf"\b{SNAPSHOT_PREFIX}(ship|node)\b")


class KeptTurns:
    """The view of one database, as of the turn that was asked for last.

    Parameters
    ----------
    connection : with the schema of the public names.
    folder : where snapshots are published.
    entity : the SELECT behind ``entity``, over tables whose names begin with ``SNAPSHOT_PREFIX``.
    named : a turn's ships with their strategies' names, from its tables ``ship`` and ``strategy``.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        entity: str,
        named: Callable[[pa.Table, pa.Table], pa.Table],
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._entity = entity
        self._named = named
        self._registered: set[int] = set()
        self._shown: tuple[int, ...] = ()

    def show(self, tid: int) -> None:
        """Make the view show the turns in memory that are no later than ``tid``, of which ``tid`` is one.

        Those that others had played again do not count. A turn that was played again itself is shown with those that were played
        again just before it, without a gap.

        Raises
        ------
        FolderLost : this process may not read the folder any more.
        """
        kept = kept_turns(self._folder)
        if tid not in kept:
            kept = _run_to(tid, {*kept_turns(self._folder / PAST), *kept})
        turns = tuple(turn for turn in kept if turn <= tid and self._register(turn))
        if turns and turns != self._shown:
            parts = (f"SELECT {turn}::BIGINT AS tid, * FROM ({self._of(turn)})" for turn in turns)
            self._connection.execute(f"CREATE OR REPLACE VIEW {SCHEMA}.{NAME} AS {' UNION ALL '.join(parts)}")
            self._shown = turns
        for turn in self._registered - set(kept):
            for table in ("ship", "node"):
                self._connection.unregister(_name(table, turn))
            self._registered.discard(turn)

    def _of(self, turn: int) -> str:
        return _OF_ONE_TURN.sub(lambda match: _name(match[1], turn), self._entity)

    def _register(self, turn: int) -> bool:
        """Whether a turn can be read: it may have been removed since the folder was looked at."""
        if turn in self._registered:
            return True
        try:
            tables = attach(self._folder, turn)
        except FolderLost:
            raise
        except FileNotFoundError:
            return False
        self._connection.register(_name("ship", turn), self._named(tables["ship"], tables["strategy"]))
        self._connection.register(_name("node", turn), tables["node"])
        self._registered.add(turn)
        return True


def _run_to(tid: int, there: set[int]) -> list[int]:
    """``tid`` and the turns before it that are there, ascending, up to the first that is not."""
    run = [tid]
    while run[-1] - 1 in there:
        run.append(run[-1] - 1)
    return run[::-1]


def _name(table: str, turn: int) -> str:
    return f"{SNAPSHOT_PREFIX}{table}_{turn}"
