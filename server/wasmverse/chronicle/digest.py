"""The digest of a turn: all that the chronicle needs of it, as small values of JSON.

It is made once, where a turn is played, and stored with it. Whoever follows the turn, or opens the universe after a restart,
goes on from the digest and comes to the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from wasmverse.chronicle.kills import NOBODY, Fights, cell_of, fights_of, killers
from wasmverse.universe.event_format import EVENT_KINDS
from wasmverse.universe.notable import BLASTERS_MIN
from wasmverse.universe.result import Events, TurnAccount
from wasmverse.universe.state import Ships

SPAWN, STARVE = EVENT_KINDS.index("spawn"), EVENT_KINDS.index("starve")

FALLS_MAX = 24
"""Falls of strong ships that are told of a turn; of known heroes all are."""
KILLS_MAX = 256
"""Kills that are counted for the ships in a turn, those of the strongest first."""
DUEL_BLASTERS = 64
CROWD = 3
"""Ships in a cell from which on it is a fight, not a duel."""

Digest = dict[str, Any]


def digest_of(account: TurnAccount, known: Mapping[int, Any], strategies: Mapping[str, Any]) -> Digest:
    """What a turn brought.

    Parameters
    ----------
    known : by eid the heroes that are alive, each with ``energy_max`` and ``blasters``.
    strategies : by name what is known of those that were heard of; the second value is whether one has killed.

    Returns
    -------
    tid, next_eid : of the turn
    risen : eid, sid, strategy, blasters, energy of ships that became notable, or have more blasters than was known
    grown : eid and energy, one after the other, of heroes that have more energy than they ever had
    left : eids of heroes that are not among the strongest any more
    falls : eid, sid, x, y, strategy, blasters, killer's eid, killer's strategy of strong ships and heroes that died
    kills : eids of ships that killed, once for each kill
    fight, duel : the greatest of the turn, if there was one
    shares : name, ships, energy, kills of every strategy that has ships or is known to have had some
    births, firsts : by name of a strategy the first ship it ever had (eid, sid, x, y), and that killed (the same, and the victim)
    grounded : the names of the strategies whose ships held still
    """
    events, names = account.events.columns, account.events.names
    fights = fights_of(events)
    deaths, credited = killers(events, fights)
    digest: Digest = {"tid": account.tid, "next_eid": account.next_eid, "grounded": sorted(account.grounded)}
    changes = _changes(account.notable, known, account.strategy_names)
    digest["risen"], digest["grown"], digest["left"] = changes
    digest["falls"] = _falls(events, names, deaths, credited, known)
    rows = credited[credited != NOBODY]
    if len(rows) > KILLS_MAX:
        rows = rows[np.lexsort((events.eid[rows], -events.blasters[rows].astype(np.int16)))[:KILLS_MAX]]
    digest["kills"] = events.eid[rows].tolist()
    digest["fight"] = _fight(events, names, fights, deaths)
    digest["duel"] = _duel(events, names, fights)
    digest["shares"] = [
        [tally.name, tally.counts["ships"], tally.counts["energy"], tally.counts["kills"]]
        for tally in account.strategies
        if tally.counts["ships"] or tally.name in strategies
    ]
    new = {
        tally.name for tally in account.strategies if tally.counts["ships"] and tally.name not in strategies
    }
    green = {
        tally.name
        for tally in account.strategies
        if tally.counts["kills"] and not strategies.get(tally.name, (0, 0))[1]
    }
    digest["births"] = {name: _first(events, names, SPAWN, name) for name in sorted(new)}
    digest["firsts"] = {name: _first_kill(events, names, deaths, credited, name) for name in sorted(green)}
    return digest


def _changes(
    ships: Ships, known: Mapping[int, Any], names: Mapping[int, str]
) -> tuple[list[list[Any]], list[int], list[int]]:
    """Which notable ships are new or stronger than they are known to be, and which heroes are not among them any more."""
    eids = ships.eid.tolist()
    risen: list[list[Any]] = []
    grown: list[int] = []
    columns = (ships.blasters.tolist(), ships.energy.tolist())
    for row, (eid, hero, blasters, energy) in enumerate(
        zip(eids, map(known.get, eids), *columns, strict=True)
    ):
        if hero is None or blasters > hero.blasters:
            strategy = names.get(int(ships.strategy_id[row]), "")
            risen.append([eid, int(ships.sid[row]), strategy, blasters, energy])
        elif energy > hero.energy_max:
            grown += (eid, energy)
    return risen, grown, sorted(known.keys() - set(eids))


def _name(names: list[str], slot: Any) -> str | None:
    return None if slot < 0 else names[slot]


def _row(events: Events, row: Any) -> list[int]:
    return [int(events.eid[row]), int(events.sid[row]), int(events.x[row]), int(events.y[row])]


def _falls(
    events: Events, names: list[str], deaths: Any, credited: Any, known: Mapping[int, Any]
) -> list[list[Any]]:
    starved = np.flatnonzero(events.kind == STARVE)
    rows = np.concatenate((deaths, starved))
    by = np.concatenate((credited, np.full(len(starved), NOBODY, np.int64)))
    is_known = np.array([eid in known for eid in events.eid[rows].tolist()], bool)
    strong = events.blasters[rows] >= BLASTERS_MIN
    order = np.lexsort((events.eid[rows], -events.blasters[rows].astype(np.int16), ~is_known))
    order = order[(is_known | strong)[order]][: FALLS_MAX + int(is_known.sum())]
    told = []
    for place in order.tolist():
        row, killer = rows[place], by[place]
        told.append(
            [
                *_row(events, row),
                _name(names, events.slot[row]),
                int(events.blasters[row]),
                None if killer == NOBODY else int(events.eid[killer]),
                _name(names, events.by_slot[row]),
            ]
        )
    return told


def _fight(events: Events, names: list[str], fights: Fights, deaths: Any) -> list[Any] | None:
    """The greatest fight of several ships: sid, x, y, ships, strategies, the damage of one turn, and how many fell."""
    if not len(fights.cells):
        return None
    counts = np.diff(np.r_[fights.starts, len(fights.rows)])
    blasters = np.add.reduceat(events.blasters[fights.rows].astype(np.int64), fights.starts)
    damage = np.where(counts >= CROWD, blasters * (counts - 1), -1)
    at = int(damage.argmax())
    if damage[at] < 0:
        return None
    rows = fights.rows[fights.starts[at] : fights.starts[at] + counts[at]]
    fallen = int((cell_of(events, deaths) == fights.cells[at]).sum())
    _, *place = _row(events, rows[0])
    return [
        *place,
        int(counts[at]),
        sorted({names[slot] for slot in events.slot[rows] if slot >= 0}),
        int(damage[at]),
        fallen,
    ]


def _duel(events: Events, names: list[str], fights: Fights) -> list[Any] | None:
    """Of the cells with two strong ships that fight each other the one with the strongest second: sid, x, y, and of both eid,
    strategy and blasters."""
    seconds = fights.starts + 1  # within a cell the strongest come first
    strong = events.blasters[fights.rows[seconds]] if len(seconds) else np.zeros(0, np.uint8)
    if not len(strong) or strong.max() < DUEL_BLASTERS:
        return None
    at = int(strong.argmax())
    first, second = fights.rows[fights.starts[at]], fights.rows[seconds[at]]
    _, *place = _row(events, first)
    both = [
        value
        for row in (first, second)
        for value in (int(events.eid[row]), _name(names, events.slot[row]), int(events.blasters[row]))
    ]
    return [*place, *both]


def _first(events: Events, names: list[str], kind: int, name: str) -> list[int] | None:
    """The first event of a kind of a strategy: eid, sid, x, y."""
    if name not in names:
        return None
    rows = np.flatnonzero((events.kind == kind) & (events.slot == names.index(name)))
    return _row(events, rows[0]) if len(rows) else None


def _first_kill(events: Events, names: list[str], deaths: Any, credited: Any, name: str) -> list[Any] | None:
    """The first kill of a strategy: its ship's eid, sid, x, y, then the victim's eid and strategy."""
    for death, row in zip(deaths.tolist(), credited.tolist(), strict=True):
        if row != NOBODY and _name(names, events.slot[row]) == name:
            return [*_row(events, row), int(events.eid[death]), _name(names, events.slot[death])]
    return None
