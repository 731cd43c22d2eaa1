"""Which ship killed which: against the same question in plain SQL, over the events of random turns."""

import duckdb
import numpy as np
import pyarrow as pa

from wasmverse.chronicle.kills import BATTLE, DEATH, NOBODY, fights_of, killers
from wasmverse.universe.result import EVENT_DTYPES, Events

ORACLE = """
WITH credited AS (
    SELECT death.place, battle.eid AS killer,
        row_number() OVER (PARTITION BY death.place ORDER BY battle.blasters DESC, battle.eid) AS nth
    FROM events AS death JOIN events AS battle ON battle.kind = 1 AND battle.sid = death.sid AND battle.x = death.x
        AND battle.y = death.y AND battle.eid <> death.eid AND battle.slot = death.by_slot
    WHERE death.kind = 2)
SELECT events.place, killer FROM events LEFT JOIN credited ON credited.place = events.place AND nth = 1
WHERE kind = 2 ORDER BY events.place"""


def random_events(seed: int) -> Events:
    """Battles of one to five ships in some cells, in which some die; and deaths without a battle."""
    rng = np.random.default_rng(seed)
    rows = []
    eid = 0
    for sid in range(1, 30):
        for cell in range(rng.integers(0, 4)):
            x, y = cell, int(rng.integers(0, 2))
            count = int(rng.integers(2, 6))
            ships = [
                (eid + n, int(rng.integers(0, 3)), int(rng.choice([2, 2, 50, 255]))) for n in range(count)
            ]
            eid += count
            rows += [(sid, BATTLE, one, x, y, slot, 0, blasters) for one, slot, blasters in ships]
            for one, slot, blasters in ships:
                if rng.random() < 0.5:
                    by = int(rng.choice([other for each, other, _ in ships if each != one]))
                    rows.append((sid, DEATH, one, x, y, slot, by, blasters))
        if rng.random() < 0.3:
            eid += 1
            rows.append((sid, DEATH, eid - 1, 90, 90, 1, NOBODY, 9))
    columns = zip(*rows, strict=True) if rows else [()] * len(EVENT_DTYPES)
    return Events(
        **{
            name: np.array(column, dtype)
            for column, (name, dtype) in zip(columns, EVENT_DTYPES.items(), strict=True)
        }
    )


def test_kills_are_those_that_sql_finds() -> None:
    found = 0
    for seed in range(20):
        events = random_events(seed)
        deaths, credited = killers(events, fights_of(events))
        told = [
            (int(row), None if by == NOBODY else int(events.eid[by]))
            for row, by in zip(deaths, credited, strict=True)
        ]
        table = pa.table({**events._asdict(), "place": np.arange(len(events.sid))})
        with duckdb.connect() as connection:
            connection.register("events", table)
            assert told == connection.execute(ORACLE).fetchall()
        found += sum(killer is not None for _, killer in told)
    assert found > 300


def test_a_turn_in_which_nothing_happens_has_no_fights() -> None:
    events = Events._make(np.zeros(0, dtype) for dtype in EVENT_DTYPES.values())
    fights = fights_of(events)
    assert [len(part) for part in fights] == [0, 0, 0]
    assert [len(part) for part in killers(events, fights)] == [0, 0]
