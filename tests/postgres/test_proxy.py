"""The failing network does to a plain session what the other tests rely on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from tests.postgres.proxy import Cut, Proxy
from tests.postgres.server import Server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row is not None
        return int(row[0])


@pytest.mark.parametrize("cut", Cut)
def test_a_connection_is_cut_in_the_commit(server: Server, url: str, proxy: Proxy, cut: Cut) -> None:
    through = url.replace(f":{server.port}/", f":{proxy.port}/")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    with closing(psycopg.connect(through)) as client:
        client.execute("INSERT INTO kept VALUES (1)")
        proxy.cut_at(b"COMMIT", cut)
        with pytest.raises(psycopg.OperationalError):
            client.commit()
    assert proxy.cuts == 1
    assert count(url) == (1 if cut is Cut.AFTER else 0)
    # The next session through the same proxy is none the worse.
    assert count(through) == count(url)


def test_a_pulled_cable_gives_no_answer_until_it_heals(server: Server, url: str, proxy: Proxy) -> None:
    answers: list[object] = []

    def ask(client: psycopg.Connection[object]) -> None:
        answers.append(client.execute("SELECT 1").fetchone())

    with psycopg.connect(url.replace(f":{server.port}/", f":{proxy.port}/"), autocommit=True) as client:
        proxy.swallow()
        asking = threading.Thread(target=ask, args=(client,))
        asking.start()
        asking.join(0.2)
        assert asking.is_alive() and not answers
        proxy.heal()
        asking.join(10)
    assert answers == [(1,)]


def test_a_network_that_refuses_lets_nobody_through_until_it_heals(
    server: Server, url: str, proxy: Proxy
) -> None:
    through = url.replace(f":{server.port}/", f":{proxy.port}/")
    with closing(psycopg.connect(through)) as client:
        proxy.refuse()
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(through)
        proxy.heal()
        psycopg.connect(through).close()
