"""``hit`` and ``visible``: over a snapshot, in the file, and against what became of the ships."""

from pathlib import Path

import duckdb

from tests.chronicle.hits import hits_of
from tests.query.builder import snapshot_tables
from tests.reader.test_functions import Asked
from tests.simulation.builder import changed
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

COLUMNS = "tid, sid, x, y, eid, strategy, by_eid, by_strategy, damage"
SHIELDS = "select eid, shield from entity where kind = 1"


def test_hits_are_the_shields_that_were_lost(tmp_path: Path) -> None:
    path = tmp_path / "universe.duckdb"
    asked = Asked(tmp_path)
    simulation = DuckdbStore(Database.open(path), changed(systems=2, ships=700, nodes=50))
    strategy = {"strategy": snapshot_tables(0)["strategy"]}
    shields = []
    try:
        for tid in (1, 2):
            simulation.advance()
            asked.writer.publish(tid, simulation.snapshot() | strategy)
            shields.append(dict(asked.rows(SHIELDS, tid)))
        told = asked.rows(f"select {COLUMNS} from hit order by all", 2)
        earlier = asked.rows(f"select {COLUMNS} from hit order by all", 1)
        events = simulation.history.events.rows.to_pylist()
        seen = asked.rows(
            "select sid, eid, seen_eid, kind, danger, x, y from visible where sid = 2 order by all", 2
        )
    finally:
        simulation.close()
        asked.writer.close()
    expected = hits_of(events)
    assert len(expected) > 30
    assert sorted(map(tuple, told)) == expected
    assert sorted(map(tuple, earlier)) == [row for row in expected if row[0] == 1], (
        "nothing later is known in turn 1"
    )
    lost: dict[int, int] = {}
    for tid, _, _, _, eid, _, _, _, damage in told:
        if tid == 2:
            lost[eid] = lost.get(eid, 0) + damage
    before, after = shields
    assert len(lost) > 10
    assert all(after.get(eid, 0) == max(before[eid] - damage, 0) for eid, damage in lost.items())
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.sql(f"SELECT {COLUMNS} FROM hit ORDER BY ALL").fetchall() == expected
        in_file = connection.sql("FROM visible WHERE sid = 2 ORDER BY ALL").fetchall()
    assert in_file == list(map(tuple, seen))
    assert seen


def test_heroes_are_shown_with_what_their_ships_are_now(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    try:
        for tid in (3, 7):
            asked.writer.publish(tid, snapshot_tables(tid))
        columns = "eid, name, rank, age, kills, energy, energy_max, is_alive, died_tid, x, y"
        heroes = {tid: asked.rows(f"select {columns} from hero order by eid", tid) for tid in (3, 7)}
        stories = asked.rows("select tid, sid, kind, score, text, by_name from story", 3)
    finally:
        asked.writer.close()
    for tid, rows in heroes.items():
        assert rows == [
            [1, "A", "titan", tid, 3, 100 + tid, 900, 1, None, 0, tid],
            [99, "B", "titan", tid, 3, None, 900, 0, tid, None, None],
        ]
    assert stories == [[3, 1, "record", 0.8, "Turn 3.", None]]
