"""Names of ships: the same in Python and in SQL, and different for ships that are alive together."""

from itertools import pairwise

import duckdb

from wasmverse.chronicle.names import NAMES, ship_name, ship_name_sql

EIDS = [*range(-3, 3000), 2**32 + 5, 2**63 - 1]


def test_sql_gives_the_same_names() -> None:
    with duckdb.connect() as connection:
        sql = f"SELECT {ship_name_sql('eid')}, {ship_name_sql('NULL')} FROM (SELECT unnest(?) AS eid)"
        rows = connection.execute(sql, [EIDS]).fetchall()
        (small,) = connection.execute(f"SELECT {ship_name_sql('200::UTINYINT')}").fetchall()
    assert rows == [(ship_name(eid), None) for eid in EIDS]
    assert small == (ship_name(200),)


def test_ships_that_follow_each_other_have_different_names() -> None:
    names = {ship_name(eid) for eid in range(7_000_000, 7_100_000)}
    assert len(names) == 100_000
    assert ship_name(5) == ship_name(5 + NAMES)
    assert max(map(len, names)) <= 23


def test_neighbours_do_not_look_alike() -> None:
    given, surnames = zip(*(ship_name(eid).split() for eid in range(1000)), strict=True)
    for parts in (given, surnames):
        assert sum(one[:2] == after[:2] for one, after in pairwise(parts)) < 30
