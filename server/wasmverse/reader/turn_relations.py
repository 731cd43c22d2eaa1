"""Relations as they were in several turns, for one statement: ``entity as of turn 100`` beside ``entity as of turn 200``. Each is
a view under a name that `query.public.of_turn` makes, over tables of that turn which are mapped for the statement, and forgotten
after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path

import duckdb
import pyarrow as pa

from wasmverse.errors import QueryRefused
from wasmverse.query.public import SCHEMA, SNAPSHOT_PREFIX, of_turn, read_of_turn
from wasmverse.reader import kept_turns
from wasmverse.snapshots.snapshot import attach

SOURCE = re.compile(rf"\b{SNAPSHOT_PREFIX}(\w+)")
"""The table of a snapshot that the SELECT behind a public name reads."""
OVER_ENTITY = re.compile(r"\b(FROM|JOIN) entity\b")
"""Where it reads the public name `entity`."""


class TurnRelations:
    """The views of one database.

    Parameters
    ----------
    connection : with the schema of the public names.
    folder : where snapshots are published.
    views : the SELECT behind each public name.
    named : a turn's ships with their strategies' names, from its tables ``ship`` and ``strategy``.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        views: Mapping[str, str],
        named: Callable[[pa.Table, pa.Table], pa.Table],
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._views = views
        self._named = named
        self._made: list[str] = []
        self._registered: list[str] = []

    def show(self, names: Set[str], turns: Sequence[int]) -> None:
        """Make what a statement reads: the names of its relations, of which each must belong to one of its turns.

        Raises
        ------
        QueryRefused : 1064, one belongs to no turn, or to several at once; 1146, a turn is none of the statement's.
        FileNotFoundError : there is no snapshot of a turn.
        """
        wanted: dict[int, set[str]] = {}
        for name in sorted(names):
            then = read_of_turn(name)
            if then is None or then[0] == kept_turns.NAME:
                raise QueryRefused(
                    f"The statement reads several turns, and '{(then or (name,))[0]}' has none of its own in it; write "
                    f"AS OF TURN n after each relation's name, and leave out sight(), information_schema and {kept_turns.NAME}",
                    code=1064,
                )
            if then[1] not in turns:
                raise QueryRefused(f"Table '{SCHEMA}.{name}' doesn't exist", code=1146)
            wanted.setdefault(then[1], set()).add(then[0])
        for turn, relations in wanted.items():
            self._show(turn, relations)

    def forget(self) -> None:
        """Let go of what the statement read."""
        while self._made:
            self._connection.execute(f'DROP VIEW IF EXISTS {SCHEMA}."{self._made[-1]}"')
            self._made.pop()
        while self._registered:
            self._connection.unregister(self._registered[-1])
            self._registered.pop()

    def _show(self, turn: int, relations: set[str]) -> None:
        tables = attach(self._folder, turn)
        tables["ship"] = self._named(tables["ship"], tables["strategy"])
        over_entity = {name for name in relations if OVER_ENTITY.search(self._views[name])}
        # The views over entity come after it.
        for name in [
            *sorted((relations - over_entity) | ({"entity"} if over_entity else set())),
            *sorted(over_entity),
        ]:
            select = self._views[name]
            for source in sorted(set(SOURCE.findall(select))):
                if source not in tables:
                    raise FileNotFoundError(f"the snapshot of turn {turn} has no {source}")
                table = _table(source, turn)
                if table not in self._registered:
                    self._registered.append(table)
                    self._connection.register(table, tables[source])
            select = SOURCE.sub(lambda found: _table(found[1], turn), select)
            select = OVER_ENTITY.sub(rf'\1 {SCHEMA}."{of_turn("entity", turn)}"', select)
            view = of_turn(name, turn)
            if view not in self._made:
                self._made.append(view)
            self._connection.execute(f'CREATE OR REPLACE VIEW {SCHEMA}."{view}" AS {select}')


def _table(source: str, turn: int) -> str:
    return f"{SNAPSHOT_PREFIX}{source}_of_{turn}"
