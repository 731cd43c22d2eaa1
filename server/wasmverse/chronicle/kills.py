"""Which ship killed which: a battle credits a death to the strategy that did the most damage, and this finds its ship.

It is the one of that strategy with the most blasters in the cell; of equals the one with the lower eid. So it follows from the
events of a turn alone, in every engine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.event_format import EVENT_KINDS
from wasmverse.universe.result import Events

BATTLE, DEATH = EVENT_KINDS.index("battle"), EVENT_KINDS.index("death")
NOBODY = -1


class Fights(NamedTuple):
    """The battle events of a turn, cell by cell, those of a cell from the most blasters down, then by eid.

    rows : places in the events; starts : where the cells begin in ``rows``; cells : what `cell_of` says of each, ascending
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    cells: NDArray[np.int64]


def cell_of(events: Events, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for the system and cell of each of these events."""
    sid, y = events.sid[rows].astype(np.int64), events.y[rows].astype(np.int64)
    cells: NDArray[np.int64] = (sid << 16) + (y << 8) + events.x[rows].astype(np.int64)
    return cells


def fights_of(events: Events) -> Fights:
    """The fights of a turn; in each there are at least two ships."""
    rows = np.flatnonzero(events.kind == BATTLE)
    cells = cell_of(events, rows)
    order = np.lexsort((events.eid[rows], (cells << 8) + (255 - events.blasters[rows])))
    cells = cells[order]
    starts: NDArray[np.int64] = np.flatnonzero(np.diff(cells, prepend=-1)).astype(np.int64)
    return Fights(rows[order], starts, cells[starts])


def killers(events: Events, fights: Fights) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The deaths of a turn and who is credited with them.

    Returns
    -------
    Places in the events of the deaths, and of the battle of the ship that is credited, `NOBODY` where no battle was.
    """
    deaths = np.flatnonzero(events.kind == DEATH)
    credited = np.full(len(deaths), NOBODY, np.int64)
    if not len(deaths) or not len(fights.cells):
        return deaths, credited
    cells = cell_of(events, deaths)
    at = np.minimum(np.searchsorted(fights.cells, cells), len(fights.cells) - 1)
    is_fought = fights.cells[at] == cells
    ends = np.r_[fights.starts[1:], len(fights.rows)]
    for place in np.flatnonzero(is_fought).tolist():
        death = deaths[place]
        for row in fights.rows[fights.starts[at[place]] : ends[at[place]]].tolist():
            if events.slot[row] == events.by_slot[death] and events.eid[row] != events.eid[death]:
                credited[place] = row
                break
    return deaths, credited
