"""Kernels are tested with bounds checking on; their machine code must not mix with the one that the server uses.

What all universes of one process have in common is made once: the empty schema, the machine code of the bundled strategies, and
the map's weights. A new universe then takes 0.12 s of processor time, and not 0.3. Processes that tests start make all of it
themselves, as on anybody's machine, and tests/storage/test_schema.py compares the two schemas.
"""

import os
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

import pytest

os.environ.setdefault("NUMBA_BOUNDSCHECK", "1")
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parent.parent / ".cache" / "numba-boundscheck"))

from wasmverse.processes.kernels import keep_kernels

keep_kernels()


@pytest.fixture(scope="session", autouse=True)
def _common_parts_made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if "wasmverse.storage.duckdb.database" not in sys.modules:  # nor will it be: tests are collected
        yield
        return
    from wasmverse.storage.duckdb.database import Database
    from wasmverse.strategies import guests
    from wasmverse.universe import genesis

    make_schema = Database._make_schema

    @cache
    def template() -> Path:
        path = tmp_path_factory.mktemp("schema") / "empty.duckdb"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Database, "_make_schema", make_schema)
            Database.open(path).close()
        return path

    def copy_schema(database: Database) -> None:
        """Copied, views are not bound again, which is what takes long: 2 ms instead of 110."""
        empty, driver = template(), database._connection.connection.driver_connection
        driver.execute(f"ATTACH '{empty}' AS empty (READ_ONLY)").fetchall()
        driver.execute("COPY FROM DATABASE empty TO universe_file (SCHEMA)").fetchall()
        driver.execute("DETACH empty").fetchall()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "_make_schema", copy_schema)
        patch.setattr(guests, "_compiled", lru_cache(32)(guests._compiled))
        patch.setattr(genesis, "_spiral", cache(genesis._spiral))
        yield


@pytest.fixture(scope="session", autouse=True)
def _certificates_read_once() -> Iterator[None]:
    """Each client of httpx reads all of the machine's certificates, 22 ms of processor time, also to ask http://127.0.0.1."""
    from httpx._transports import default

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(default, "create_ssl_context", lru_cache(default.create_ssl_context))
        yield
