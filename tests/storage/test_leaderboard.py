"""``leaderboard`` over turns that are written down here, against figures worked out by hand."""

from collections.abc import Iterator
from typing import Any

import duckdb
import duckdb_engine
import pytest

from wasmverse.storage import schema, views

DIALECT = duckdb_engine.Dialect()
NEWEST = 1_000
OLD, NEW, GONE = "old", "new", "gone"


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """600 turns of an old strategy, and 3 of a new one."""
    with duckdb.connect(":memory:") as opened:
        for table in (schema.strategy, schema.strategy_turn):
            columns = ", ".join(f'"{each.name}" {each.type.compile(DIALECT)}' for each in table.columns)
            opened.execute(f"CREATE TABLE of_{table.name} ({columns})")
        for number, (name, status) in enumerate(((OLD, "flying"), (NEW, "grounded"), (GONE, "removed"))):
            opened.execute(
                "INSERT INTO of_strategy BY NAME SELECT ? AS strategy_id, ? AS name, ? AS version, ? AS status",
                [number, name, number + 1, status],
            )
        turn = "INSERT INTO of_strategy_turn BY NAME SELECT {} AS tid, '{}' AS strategy, {} AS ships, {} AS energy, {} AS kills, "
        turn += "{} AS deaths, {} AS spawned, {} AS harvested, 0 AS upgrades, {} AS faults, {} AS fuel, 0.5 AS seconds"
        opened.execute(
            turn.format(f"unnest(range(401, {NEWEST + 1}))", OLD, 10, 1_000, 1, 2, 2, 30, 0, 5_000)
        )
        # It began with 4 ships; one starved, two were given to it; in the last turn it harvested.
        opened.execute(turn.format(998, NEW, 4, 400, 0, 0, 4, 0, 0, 0))
        opened.execute(turn.format(999, NEW, 3, 300, 3, 1, 0, 0, 1, 2_000))
        opened.execute(turn.format(1_000, NEW, 5, 600, 0, 0, 2, 60, 2, 1_000))
        opened.execute(turn.format(1_000, GONE, 1, 100, 0, 0, 0, 0, 0, 0))
        opened.execute(f"CREATE VIEW leaderboard AS {views.snapshot_view_sql('leaderboard', DIALECT, 'of_')}")
        yield opened


def rows(connection: duckdb.DuckDBPyConnection, window: int) -> dict[str, dict[str, Any]]:
    found = connection.sql(f"SELECT * FROM leaderboard WHERE window_turns = {window}").to_arrow_table()
    return {row["strategy"]: row for row in found.to_pylist()}


def test_a_newcomer_is_measured_by_the_turns_and_ships_that_it_has(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for window in views.WINDOWS:
        assert rows(connection, window)[NEW] == {
            "window_turns": window,
            "strategy": NEW,
            "version": 2,
            "age": 3,
            "turns": 3,
            "ships": 5,
            "energy": 600,
            "population": 4.0,
            "energy_per_ship": 120.0,
            "kills": 3,
            "deaths": 1,
            "kills_per_death": 3.0,
            "survival": 5 / 6,
            # Called for no ship, then 4, then 3.
            "harvest_per_ship": 60 / 7,
            "harvest_per_energy_given": 60 / 600,
            "fuel_per_ship": 3_000 / 7,
            "faults_per_ship": 3 / 7,
        }


def test_a_window_is_the_last_turns_alone(connection: duckdb.DuckDBPyConnection) -> None:
    for window in views.WINDOWS:
        old = rows(connection, window)[OLD]
        assert (old["age"], old["turns"]) == (600, window)
        assert (old["kills"], old["deaths"], old["kills_per_death"]) == (window, 2 * window, 0.5)
        assert (old["harvest_per_ship"], old["fuel_per_ship"], old["faults_per_ship"]) == (3.0, 500.0, 0.0)
        assert old["survival"] == 10 / (10 + 2 * window)
        assert old["harvest_per_energy_given"] == 30 * window / (100 * (10 + 2 * window))


def test_what_was_removed_is_left_out_and_nothing_is_divided_by_nothing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert set(rows(connection, 60)) == {OLD, NEW}
    with connection.cursor() as apart:
        apart.begin()
        apart.execute("UPDATE of_strategy SET status = 'flying' WHERE name = 'gone'")
        apart.execute("UPDATE of_strategy_turn SET ships = 0, energy = 0 WHERE strategy = 'gone'")
        gone = rows(apart, 60)[GONE]
        apart.rollback()
    quotients = ("energy_per_ship", "kills_per_death", "survival", "harvest_per_ship", "fuel_per_ship")
    assert [gone[name] for name in quotients] == [None] * len(quotients)
    assert (gone["ships"], gone["population"]) == (0, 0.0)
