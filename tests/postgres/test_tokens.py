"""Tokens in a database: the same for all who open it, before there is a universe, and when the server is restarted."""

import time
from collections.abc import Callable

import pytest

from tests.postgres.server import Server
from wasmverse.errors import DatabaseError, SettingsError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres import tokens
from wasmverse.storage.tokens import open_tokens
from wasmverse.tokens import Role


def wait_until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_one_process_changes_all_others_see(url: str) -> None:
    mine, theirs = (open_tokens(DatabaseUrl.read(url)) for _ in range(2))
    assert mine.all() == []
    theirs.watch()
    try:
        stamp = theirs.stamp()
        token = mine.create("ada", Role.pilot)
        wait_until(lambda: theirs.find(token) is not None)
        assert theirs.stamp() != stamp
        found = theirs.find(token)
        assert found is not None
        assert (found.name, found.role) == ("ada", Role.pilot)
        with pytest.raises(SettingsError, match="there is a token named 'ada' already"):
            mine.create("ada", Role.reader)
        mine.create("bo", Role.reader)
        renewed = mine.renew("ada")
        wait_until(lambda: theirs.find(renewed) == found)
        assert theirs.find(token) is None
        mine.revoke("ada")
        wait_until(lambda: theirs.find(renewed) is None)
        assert [name for name, _, _ in theirs.all()] == ["bo"]
        with pytest.raises(SettingsError, match="there is no token named 'ada'"):
            mine.revoke("ada")
    finally:
        theirs.close()


def test_those_known_last_hold_while_the_server_is_gone(
    own_server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tokens, "RETRY_SECONDS", 0.05)
    url = DatabaseUrl.read(own_server.url(own_server.create_database()))
    watched, other = open_tokens(url), open_tokens(url)
    token = other.create("ada", Role.admin)
    watched.watch()
    try:
        own_server.kill()
        wait_until(lambda: "the tokens known last hold" in caplog.text)
        assert watched.find(token) is not None
        with pytest.raises(DatabaseError):
            other.find(token)
        own_server.start()
        wait_until(lambda: "again" in caplog.text)
        other.revoke("ada")
        wait_until(lambda: watched.find(token) is None)
    finally:
        watched.close()


def test_a_role_that_nobody_knows_is_refused(server: Server, url: str) -> None:
    table = open_tokens(DatabaseUrl.read(url))
    table.create("ada", Role.reader)
    with server.connect(DatabaseUrl.read(url).name) as connection:
        connection.execute("UPDATE token SET role = 'god'")
    with pytest.raises(SettingsError, match="has a role 'god'; roles are reader, pilot, admin"):
        table.all()
