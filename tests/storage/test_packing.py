"""Packed rows come back as they were, and the views and the packing in SQL agree with the packing in the process."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.builder import in_order, random_ships
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.packing import pack_energies, pack_ships, unpack_energies, unpack_ships
from wasmverse.universe.state import SHIP_DTYPES, Ships


def extreme_ships() -> Ships:
    """In turn every column at its highest, the others 0: what leaks into a neighbour is seen."""
    ships = Ships._make(np.zeros(len(SHIP_DTYPES) + 1, dtype) for dtype in SHIP_DTYPES.values())
    ships.eid[:] = np.arange(len(ships.eid))
    for row, column in enumerate(ships):
        if column is not ships.eid:
            column[row] = np.iinfo(column.dtype).max
    return ships


@pytest.mark.parametrize(
    "ships", [extreme_ships(), random_ships(np.random.default_rng(2), 500, 1)], ids=["extreme", "random"]
)
def test_ships_come_back_and_sql_agrees(ships: Ships) -> None:
    packed = pack_ships(ships)
    for before, after in zip(ships, unpack_ships(packed), strict=True):
        assert before.dtype == after.dtype
        assert np.array_equal(before, after)
    database = Database.open(None)
    with database.transaction() as transaction:
        transaction.insert_arrow(schema.ship_packed, pa.Table.from_batches([packed]))
        shown = transaction.driver.sql("SELECT * FROM ship ORDER BY sid, eid").to_arrow_table()
        by_sql = transaction.driver.sql(f"{schema.pack_ships('ship')} ORDER BY sid, eid").to_arrow_table()
        stored = transaction.driver.sql("SELECT * FROM ship_packed ORDER BY sid, eid").to_arrow_table()
    database.close()
    assert shown.equals(in_order(ships))
    assert by_sql.equals(stored)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 65_535), max_size=40))
def test_energies_come_back_and_sql_agrees(energies: list[int]) -> None:
    packed = pack_energies(np.array(energies, np.uint16))
    assert packed.num_rows == -(-len(energies) // 4)
    unpacked = unpack_energies(packed).tolist()
    assert unpacked[: len(energies)] == energies
    assert not any(unpacked[len(energies) :])
    given_rows = pa.table({"energy": pa.array(energies, pa.uint16())})
    database = Database.open(None)
    with database.transaction() as transaction:
        transaction.driver.register("given", given_rows)
        by_sql = transaction.driver.sql(schema.pack_energies("given")).fetchall()
    database.close()
    assert [row for (row,) in by_sql] == packed["energies"].to_pylist()
