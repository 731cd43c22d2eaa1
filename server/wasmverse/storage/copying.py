"""`wasmverse copy`: a universe from any engine to any other, at a turn's boundary, compared with what was read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from wasmverse.errors import StateError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.tokens import open_tokens
from wasmverse.storage.whole import Whole


class Places(NamedTuple):
    """Where a universe is: a file or the URL of its database, and those of further servers."""

    first: Path | DatabaseUrl
    others: Sequence[DatabaseUrl] = ()

    def read(self) -> Whole:
        """All of it, at the end of its last turn.

        Raises
        ------
        DatabaseError, StateError : it cannot be read, or holds no universe.
        """
        if isinstance(self.first, Path):
            from wasmverse.storage.duckdb.whole import read_whole  # noqa: PLC0415 - one engine is enough

            return read_whole(self.first)
        from wasmverse.storage.postgres import whole  # noqa: PLC0415

        return whole.read_whole(self.first, self.others)

    def write(self, whole: Whole) -> None:
        """Make a universe of it.

        Raises
        ------
        DatabaseError : there is one already, or none can be made; nothing is made then.
        """
        if isinstance(self.first, Path):
            from wasmverse.storage.duckdb.whole import write_whole  # noqa: PLC0415

            write_whole(self.first, whole)
        else:
            from wasmverse.storage.postgres import whole as in_servers  # noqa: PLC0415

            in_servers.write_whole(self.first, self.others, whole)


def copy_universe(source: Places, target: Places, tell: Callable[[str], None]) -> Whole:
    """Make a new universe that goes on as another one will, with its history, modules and tokens; returns what was copied.

    Raises
    ------
    DatabaseError, StateError, SettingsError : one of them cannot be used; or the copy differs from what was read.
    """
    tell(f"reading {source.first}")
    whole = source.read()
    ships, nodes = (len(columns.sid) for columns in whole.state)
    tell(
        f"turn {whole.tid:,}: {ships:,} ships, {nodes:,} energy nodes, {len(whole.tables['turns']):,} turns of history"
    )
    tell(f"writing {target.first}")
    target.write(whole)
    tell("comparing")
    _compare(whole, target.read(), target)
    tokens, there = open_tokens(source.first).entries(), open_tokens(target.first)
    if there.entries():
        tell(f"{target.first} has tokens of its own, which are kept")
    elif tokens:
        there.put(tokens)
    return whole


def _compare(whole: Whole, found: Whole, target: Places) -> None:
    differing = [name for name, rows in whole.tables.items() if not rows.equals(found.tables[name])]
    if whole.state_hash() != found.state_hash():
        differing.insert(0, "ships and nodes")
    if whole.laws != found.laws:
        differing.insert(0, "sizes and seed")
    if differing:
        raise StateError(
            f"{target.first} does not hold what was read ({', '.join(differing)}): do not use it; check the memory and the "
            "disks of the machines, and copy again into a new one"
        )
