"""The same life in the embedded engine and in databases of PostgreSQL: the same answers, states and tables, whoever looks."""

from pathlib import Path
from typing import Any

import pytest

from tests.chronicle.hits import hits_of
from tests.postgres.life import CLOCKS, SETTINGS, STEPS, Told, lived, tables_of
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.postgres.opening import open_postgres
from wasmverse.storage.postgres.store import PostgresStore


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    path: Path = tmp_path_factory.mktemp("life") / "universe.duckdb"
    return list(lived(lambda: DuckdbStore.opened(Database.open(path), SETTINGS)))


def playing(url: str, play: str = "auto") -> PostgresStore:
    store = open_postgres([DatabaseUrl.read(url)], SETTINGS, play=play)
    assert store.claim()
    return store


def viewed(store: PostgresStore, name: str, columns: list[str]) -> list[dict[str, Any]]:
    """A relation as SQL in the database shows it."""
    with store._main.transaction() as transaction:
        rows = transaction.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def compare_views(store: PostgresStore) -> None:
    """The views and the tables show what a snapshot does."""
    tables = tables_of(store)
    for name in (
        "solar_system",
        "ship",
        "node",
        "turns",
        "strategy",
        "strategy_version",
        "strategy_turn",
        "event",
        "story",
        "strategy_log",
        "strategy_fault",
        "message",
    ):
        columns = [column for column in store.snapshot()[name].column_names if column not in CLOCKS]
        shown, told = viewed(store, name, columns), tables[name]
        if name in ("turns", "strategy_turn", "event", "story", "strategy_log", "strategy_fault", "message"):
            # The database keeps some turns more than anybody is shown.
            first = min((row["tid"] for row in told), default=0)
            shown = [row for row in shown if row["tid"] >= first] if told else []
        assert sorted(map(repr, map(plain, shown))) == sorted(map(repr, told)), name
    hits = viewed(
        store, "hit", ["tid", "sid", "x", "y", "eid", "strategy", "by_eid", "by_strategy", "damage"]
    )
    first = min((row["tid"] for row in tables["event"]), default=0)
    assert sorted(tuple(row.values()) for row in hits if row["tid"] >= first) == hits_of(tables["event"])
    in_all = viewed(store, "entity", ["sid", "eid", "kind", "blasters", "x", "y"])
    ships, seen = (row for row in in_all if row["kind"] == 1), viewed(store, "visible", VISIBLE)
    pairs = (
        (one, other)
        for one in ships
        for other in in_all
        if other["sid"] == one["sid"] and other["eid"] != one["eid"]
    )
    assert sorted(tuple(row.values()) for row in seen) == sorted(
        (one["sid"], one["eid"], *(other[name] for name in ("eid", "kind", "blasters", "x", "y")))
        for one, other in pairs
        if (one["x"] - other["x"]) ** 2 + (one["y"] - other["y"]) ** 2 < 256
    )


VISIBLE = ["sid", "eid", "seen_eid", "kind", "danger", "x", "y"]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Decimals as numbers."""
    return {name: int(value) if type(value).__name__ == "Decimal" else value for name, value in row.items()}


@pytest.mark.parametrize("play", ["inside", "outside"])
def test_a_life_is_the_same_in_both_engines(url: str, embedded: list[Told], play: str) -> None:
    followers: list[PostgresStore] = []

    def look(store: PostgresStore) -> None:
        """Another process follows, and shows the same."""
        assert store.is_inside == (play == "inside")
        if not followers:
            followers.append(open_postgres([DatabaseUrl.read(url)], SETTINGS, play=play))
        [follower] = followers
        before = follower.tid
        report = follower.follow()
        assert (report and report.tid) == (store.tid if store.tid > before else None)
        assert follower.state_hash() == store.state_hash()
        assert tables_of(follower) == tables_of(store)

    for number, told in enumerate(lived(lambda: playing(url, play), look)):
        assert told.answer == embedded[number].answer, STEPS[number]
        assert told.state_hash == embedded[number].state_hash, STEPS[number]
        assert told.tables == embedded[number].tables, STEPS[number]
    [follower] = followers
    if play == "inside":
        compare_views(follower)
        counts = {
            name: viewed(follower, name, ["count(*)"])[0]["count(*)"] for name in ("entity", "transmission")
        }
        size = follower.size
        assert counts["entity"] == size.ships + size.nodes
    follower.close()
