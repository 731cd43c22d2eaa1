"""The rows of a universe take the same space after any number of turns, and more only while somebody keeps an old snapshot."""

from __future__ import annotations

import os

import psycopg

from tests.postgres.universe import opened
from wasmverse.storage.universe_store import SharedStore

TURNS = int(os.environ.get("WASMVERSE_TEST_POSTGRES_TURNS", "60"))
"""`make test-long` has 1,000."""
SHAPE = {"systems": 100, "ships": 32, "nodes": 64, "seed": 3}
"""Of a usual density, which decides how many systems are in a row."""


def heap(connection: psycopg.Connection[object]) -> int:
    """Bytes of the table, its index and what would not fit into its rows."""
    row = connection.execute("SELECT pg_total_relation_size('system_state')").fetchone()
    assert isinstance(row, tuple)
    return int(row[0])


def turns(store: SharedStore, count: int) -> None:
    for _ in range(count):
        store.advance()


def test_the_heap_is_constant(universe_url: str) -> None:
    with (
        opened(universe_url, shape=SHAPE) as store,
        psycopg.connect(universe_url.removeprefix("citus+"), autocommit=True) as connection,
    ):
        assert store.claim()
        turns(store, 10)
        before = heap(connection)
        turns(store, TURNS)
        assert heap(connection) <= 1.05 * before
        connection.execute("SELECT pg_stat_force_next_flush()")
        hot = connection.execute(
            "SELECT n_tup_hot_upd::float / n_tup_upd FROM pg_stat_user_tables WHERE relname = 'system_state'"
        ).fetchone()
        if not universe_url.startswith("citus"):
            assert hot is not None and float(hot[0]) > 0.95


def test_an_old_snapshot_costs_space_that_is_used_again(url: str) -> None:
    with (
        opened(url, shape=SHAPE) as store,
        psycopg.connect(url) as reader,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        assert store.claim()
        turns(store, 10)
        before = heap(connection)
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        seen = reader.execute("SELECT tid FROM universe").fetchone()
        turns(store, 100)
        assert reader.execute("SELECT tid FROM universe").fetchone() == seen
        grown = heap(connection)
        # Every turn writes every row once more, and nothing can be given back.
        assert 10 * before < grown < 110 * before
        reader.rollback()
        connection.execute("VACUUM system_state")
        turns(store, 40)
        assert heap(connection) <= 1.05 * grown
