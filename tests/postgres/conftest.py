"""Servers for the tests of universes in PostgreSQL: one or two for each process of pytest, and a database for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest

from tests.postgres.server import Server
from wasmverse.settings import DatabaseUrl

CITUS = os.environ.get("WASMVERSE_TEST_CITUS")
"""The URL, ``postgresql://...``, of an empty database on a Citus cluster's coordinator, to run these tests against it too."""
ENGINES = ["postgresql", *(["citus"] if CITUS else [])]


def run_server() -> Iterator[Server]:
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that tests share and leave as it is, running. A test that kills a server uses `own_server`."""
    yield from run_server()


@pytest.fixture(scope="session")
def second_server() -> Iterator[Server]:
    """Another one, for universes on two servers."""
    yield from run_server()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server of this test alone, to do to it whatever may happen to a server. Costs 0.8 s of processor time."""
    yield from run_server()


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """Of an empty database on the shared server."""
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def second_url(second_server: Server) -> Iterator[str]:
    """Of an empty database on the second server."""
    name = second_server.create_database()
    yield second_server.url(name)
    second_server.drop_database(name)


@pytest.fixture(params=ENGINES)
def universe_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of an empty database for a universe: on the shared server, and once more on the Citus cluster, if there is one."""
    if request.param == "postgresql":
        yield request.getfixturevalue("url")
        return
    assert CITUS is not None
    with psycopg.connect(CITUS, autocommit=True) as connection:
        there = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert not there, f"{CITUS.rpartition('@')[2]} is not empty: give the tests a database of their own"
        yield f"citus+{CITUS}"
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


@pytest.fixture
def plain(server: Server, url: str) -> Iterator[DatabaseUrl]:
    """A database whose role is no superuser, as managed servers have it."""
    name = DatabaseUrl.read(url).name
    with server.connect(name) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        admin.execute(f'ALTER DATABASE "{name}" OWNER TO {name}')
        admin.execute(f"ALTER SCHEMA public OWNER TO {name}")
    yield DatabaseUrl.read(f"postgresql://{name}:x@127.0.0.1:{server.port}/{name}")
    with server.connect(name) as admin:
        admin.execute(f"REASSIGN OWNED BY {name} TO wasmverse")
        admin.execute(f"DROP OWNED BY {name}")
        admin.execute(f"DROP ROLE {name}")
