"""The chronicle as it is kept: with each turn its stories and its digest, and now and then all of what is remembered.

A turn writes its digest, a kilobyte of what changed; every `CHECKPOINT_TURNS` turns, or more often where fewer turns are kept,
and when a universe is closed, all of it is written once. So whoever opens a universe takes up the last of these and the
digests since, and has what the turn left behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from wasmverse.chronicle.chronicle import Chronicle
from wasmverse.chronicle.hero import Hero, rank_of
from wasmverse.chronicle.names import ship_name
from wasmverse.chronicle.story import STORIES_MAX, Story
from wasmverse.errors import StateError
from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema
from wasmverse.storage.rolling_rows import RollingRows
from wasmverse.storage.transaction import Transaction
from wasmverse.universe.notable import NOTABLE_MAX
from wasmverse.universe.result import TurnAccount

CHECKPOINT_TURNS = 64
STORY_TURNS = 3_600
"""An hour of turns of a second."""

STORY_TYPE = arrow_schema(schema.story)
HERO_TYPE = arrow_schema(schema.hero)
_NO_STORIES = STORY_TYPE.empty_table()
_NOTHING = [pa.nulls(NOTABLE_MAX, HERO_TYPE.field(name).type) for name in HERO_TYPE.names[9:]]
"""What is known of the end of one that is alive, by column."""
_CHRONICLE_TYPE = arrow_schema(schema.chronicle)

Kept = tuple[int, str | None, str | None]
"""Of a turn: its number, its stories and its digest, as they are stored."""


class KeptChronicle:
    """The chronicle of a universe, with the stories and heroes as rows for snapshots.

    stories : rows of ``story``; has_told : whether the last turn changed them
    """

    def __init__(self, turns_kept: int) -> None:
        self.chronicle = Chronicle()
        # The digests since the last checkpoint are kept with their turns, and must still be there.
        self._checkpoint_turns = min(CHECKPOINT_TURNS, turns_kept)
        turns = min(turns_kept, STORY_TURNS)
        self.stories = RollingRows(STORY_TYPE, turns, turns * STORIES_MAX)
        self.has_told = False
        self._heroes: pa.Table | None = None
        self._members = -1
        self._alive = self._fallen = HERO_TYPE.empty_table()
        self._changes: dict[str, int] = {}
        self._last_fallen: Hero | None = None
        self._rows: dict[int, tuple[Hero, tuple[Any, ...]]] = {}

    def load(self, tid: int, checkpoint: tuple[int, str] | None, kept: Sequence[Kept]) -> None:
        """Take up what is stored at turn ``tid``.

        Parameters
        ----------
        checkpoint : the row of ``chronicle``, if there is one: its turn and state.
        kept : of turns, ascending.

        Raises
        ------
        StateError : it cannot be read.
        """
        rows = [row for of, stories, _ in kept if stories for row in _read_stories(of, stories)]
        self.stories.load(pa.Table.from_pylist(rows, STORY_TYPE), tid)
        digests = {of: digest for of, _, digest in kept if digest}
        if checkpoint is not None:
            try:
                self.chronicle = Chronicle.unpacked(checkpoint[1])
            except ValueError as error:
                raise StateError(
                    f"chronicle has a state that cannot be read ({error}): set digest to NULL in all rows of turn_record and "
                    "remove the row of chronicle, and what is told of heroes begins again"
                ) from None
        else:
            self.chronicle = Chronicle(min(digests, default=tid + 1) - 1)
        self._heroes, self._last_fallen, self._fallen = None, None, HERO_TYPE.empty_table()
        while self.chronicle.tid < tid:
            digest = digests.get(self.chronicle.tid + 1)
            if digest is None:  # somebody has removed rows
                self.chronicle = Chronicle(tid)
                break
            self._take(self.chronicle.tid + 1, digest)

    def follow(self, kept: Iterable[Kept]) -> bool:
        """Take over turns that others have played; whether that was possible: else all is to be loaded again."""
        for tid, stories, digest in kept:
            if tid != self.chronicle.tid + 1 or digest is None:
                return False
            self._take(tid, digest)
            rows = _read_stories(tid, stories) if stories else []
            self.stories.append(tid, pa.Table.from_pylist(rows, STORY_TYPE))
        return True

    def turn(self, account: TurnAccount) -> tuple[str | None, str]:
        """Take up a turn; its stories and digest as they are to be stored with it."""
        digest = self.chronicle.digest(account)
        stories = self.chronicle.advance(digest)
        rows = [story._asdict() for story in stories]
        before = self.stories.rows
        self.stories.append(account.tid, pa.Table.from_pylist(rows, STORY_TYPE) if rows else _NO_STORIES)
        self.has_told = self.stories.rows is not before
        return stories_text(rows), json.dumps(digest, separators=(",", ":"))

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether the turn that was taken up is one that writes all of it."""
        return self.chronicle.tid % self._checkpoint_turns == 0

    @property
    def last_forgotten(self) -> int:
        """The last turn whose digest nobody needs any more: whoever follows the turns may be behind the last checkpoint."""
        return self.chronicle.tid - CHECKPOINT_TURNS

    def write(self, transaction: Transaction) -> None:
        """Write all that is remembered, in place of what was written of it."""
        transaction.run(schema.chronicle.delete())
        transaction.insert_arrow(schema.chronicle, self.row())

    def row(self) -> pa.Table:
        """The row of ``chronicle`` for the turn that was taken up."""
        heroes = json.dumps(self.heroes().to_pylist(), separators=(",", ":"))
        return pa.table(
            {"tid": [self.chronicle.tid], "state": [self.chronicle.packed()], "heroes": [heroes]},
            _CHRONICLE_TYPE,
        )

    def heroes(self) -> pa.Table:
        """The rows of ``hero`` as a snapshot has them, those alive first: the same table as long as nothing has changed."""
        chronicle = self.chronicle
        if self._heroes is None or self._members != chronicle.members:
            last = chronicle.fallen[-1] if chronicle.fallen else None
            if last is not self._last_fallen:
                self._last_fallen, self._fallen = last, self._fallen_table()
            self._alive = _alive_table(list(chronicle.heroes.values()))
        elif chronicle.changes != self._changes:
            for name, count in chronicle.changes.items():
                if count != self._changes[name]:
                    place = HERO_TYPE.get_field_index(name)
                    field = HERO_TYPE.field(place)
                    values = [getattr(hero, name) for hero in chronicle.heroes.values()]
                    self._alive = self._alive.set_column(place, field, pa.array(values, field.type))
        else:
            return self._heroes
        self._members, self._changes = chronicle.members, dict(chronicle.changes)
        self._heroes = pa.concat_tables([self._alive, self._fallen])
        return self._heroes

    def _fallen_table(self) -> pa.Table:
        """Rows of the fallen, of whom nothing changes any more."""
        before, self._rows = self._rows, {}
        for hero in self.chronicle.fallen:
            known = before.get(hero.eid)
            self._rows[hero.eid] = (
                known if known is not None and known[0] is hero else (hero, _fallen_row(hero))
            )
        columns = list(zip(*(row for _, row in self._rows.values()), strict=True)) or [()] * len(HERO_TYPE)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, HERO_TYPE, strict=True)]
        return pa.Table.from_arrays(arrays, schema=HERO_TYPE)

    def _take(self, tid: int, digest: str) -> list[Story]:
        try:
            return self.chronicle.advance(json.loads(digest))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise StateError(
                f"turn_record has a digest of turn {tid} that cannot be read ({error!r}): set digest to NULL in all rows and "
                "remove the row of chronicle, and what is told of heroes begins again"
            ) from None


def stories_text(rows: list[dict[str, Any]]) -> str | None:
    """The stories of a turn as they are stored with it; NULL where nothing is told."""
    told = [
        {name: value for name, value in row.items() if name != "tid" and value is not None} for row in rows
    ]
    return json.dumps(told, separators=(",", ":")) if told else None


def _read_stories(tid: int, text: str) -> list[dict[str, Any]]:
    try:
        return [{**dict.fromkeys(STORY_TYPE.names), **row, "tid": tid} for row in json.loads(text)]
    except (ValueError, TypeError) as error:
        raise StateError(
            f"turn_record has stories of turn {tid} that cannot be read ({error}): set story to NULL in that row"
        ) from None


def _alive_table(heroes: list[Hero]) -> pa.Table:
    """Rows of those that are alive: nothing is known of an end."""
    eids = [hero.eid for hero in heroes]
    blasters = [hero.blasters for hero in heroes]
    energies = [hero.energy_max for hero in heroes]
    columns: dict[str, list[Any]] = {
        "eid": eids,
        "name": list(map(ship_name, eids)),
        "sid": [hero.sid for hero in heroes],
        "strategy": [hero.strategy for hero in heroes],
        "rank": list(map(rank_of, blasters, energies)),
        "born_tid": [hero.born for hero in heroes],
        "kills": [hero.kills for hero in heroes],
        "energy_max": energies,
        "blasters": blasters,
    }
    arrays = [pa.array(values, HERO_TYPE.field(name).type) for name, values in columns.items()]
    nothing = [column.slice(0, len(heroes)) for column in _NOTHING]
    return pa.Table.from_arrays([*arrays, *nothing], schema=HERO_TYPE)


def _fallen_row(hero: Hero) -> tuple[Any, ...]:
    """The row of one that fell, as `HERO_TYPE` has its columns."""
    return (
        hero.eid, hero.name, hero.sid, hero.strategy, hero.rank, hero.born, hero.kills, hero.energy_max, hero.blasters,
        hero.died, hero.killer, hero.killer_name, hero.killer_strategy, hero.obituary,
    )  # fmt: skip
