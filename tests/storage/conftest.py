"""A small universe in memory."""

from collections.abc import Iterator

import pytest

from tests.storage.builder import fill
from wasmverse.storage.duckdb.database import Database


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database.open(None)
    fill(database)
    yield database
    database.close()
