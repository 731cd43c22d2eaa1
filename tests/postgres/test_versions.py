"""The tables of a universe in PostgreSQL: made, brought up from every older version, and refused when they are not ours."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from wasmverse.errors import DatabaseError, DatabaseForeign, DatabaseTooNew
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres import schema, views
from wasmverse.storage.postgres.database import Database
from wasmverse.storage.postgres.tokens import _TABLE
from wasmverse.storage.postgres.versions import VERSION_TABLE, migrate


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(DatabaseUrl.read(url), "test")
    yield database
    database.close()


def differences(connection: sa.Connection) -> list[Any]:
    """Where the tables are not what the schema says."""
    options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), schema.metadata))


@pytest.mark.parametrize("first", [None, "0001", "0002"])
def test_every_version_becomes_the_present_one(database: Database, first: str | None) -> None:
    with database.transaction() as transaction:
        if first is not None:
            assert migrate(transaction.connection, "x", is_coordinator=True, to=first)
            transaction.execute("INSERT INTO place VALUES (7, 'system_state', 3)")
            assert differences(transaction.connection) != []
        assert migrate(transaction.connection, "x", is_coordinator=True)
        assert differences(transaction.connection) == []
        assert not migrate(transaction.connection, "x", is_coordinator=True)
        found = transaction.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall()
        assert {name for (name,) in found} == views.view_texts().keys()
        if first is not None:
            assert transaction.execute("SELECT tid, spawned, last_spawn FROM place").fetchall() == [(3, 0, 0)]


def test_another_place_has_only_what_is_played_there(database: Database) -> None:
    with database.transaction() as transaction:
        migrate(transaction.connection, "x", is_coordinator=False)
        found = set(sa.inspect(transaction.connection).get_table_names())
        assert found == {table.name for table in schema.PLACE_TABLES} | {VERSION_TABLE}


def test_tables_of_a_newer_wasmverse_are_refused(database: Database) -> None:
    with database.transaction() as transaction:
        migrate(transaction.connection, "x", is_coordinator=True)
        transaction.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with (
        pytest.raises(DatabaseTooNew, match=r"tables of version 9999.*knows up to 0008: install"),
        database.transaction() as transaction,
    ):
        migrate(transaction.connection, "x", is_coordinator=True)


def test_tables_of_others_may_be_there_unless_their_names_are_ours(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute(_TABLE)
        transaction.execute("CREATE TABLE customer (name text)")
        transaction.execute("CREATE TABLE message (body text)")
    with (
        pytest.raises(DatabaseForeign, match=r"other tables of names that a universe needs \(message\)"),
        database.transaction() as transaction,
    ):
        migrate(transaction.connection, "x", is_coordinator=True)
    with database.transaction() as transaction:
        transaction.execute("DROP TABLE message, token")
        transaction.execute("CREATE TABLE token (name text, secret text)")
    with (
        pytest.raises(DatabaseForeign, match=r"other tables of names that a universe needs \(token\)"),
        database.transaction() as transaction,
    ):
        migrate(transaction.connection, "x", is_coordinator=True)
    with database.transaction() as transaction:
        transaction.execute("DROP TABLE token")
        transaction.execute(_TABLE)
        assert migrate(transaction.connection, "x", is_coordinator=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: url.replace("wasmverse:", "wasmverse:wrong"), "correct the user or the password"),
        (lambda url: url.replace("wasmverse:", "nobody:"), "correct the user or the password"),
        (lambda url: url + "_not", "make it first"),
        (
            lambda url: "postgresql://wasmverse:secret@127.0.0.1:1/none",
            "start the server, or correct host and port",
        ),
    ],
    ids=["password", "user", "database", "port"],
)
def test_why_there_is_no_session_is_said_without_the_password(url: str, change: Any, says: str) -> None:
    changed = change(url)
    with pytest.raises(DatabaseError, match=says) as refused:
        Database(DatabaseUrl.read(changed), "test")
    password = changed.split("://")[1].partition("@")[0].partition(":")[2]
    assert password not in refused.value.message


@pytest.mark.parametrize("password", ["sec%zzret", "sec%00ret"])
def test_a_password_that_libpq_cannot_read_is_not_shown(password: str) -> None:
    with pytest.raises(DatabaseError, match="write %25 for a %") as refused:
        Database(DatabaseUrl.read(f"postgresql://wasmverse:{password}@127.0.0.1/none"), "test")
    assert "sec" not in str(refused.value) and refused.value.__cause__ is None


def test_options_of_the_url_and_of_the_environment_hold(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def path_of(text: str) -> object:
        database = Database(DatabaseUrl.read(text), "test")
        with database.transaction() as transaction:
            ((path, timeout),) = transaction.execute(
                "SELECT current_setting('search_path'), current_setting('lock_timeout')"
            ).fetchall()
        database.close()
        assert timeout == "10s"
        return path

    assert path_of(f"{url}?options=-csearch_path%3Dmine") == "mine"
    monkeypatch.setenv("PGOPTIONS", "-csearch_path=ours")
    assert path_of(url) == "ours"


def test_a_database_that_cannot_hold_all_text_is_refused(url: str) -> None:
    latin = f"{url}_latin1"
    name = latin.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        try:
            with pytest.raises(DatabaseError, match=r"has the encoding LATIN1.*must be UTF8: createdb"):
                Database(DatabaseUrl.read(latin), "test")
        finally:
            connection.execute(f"DROP DATABASE {name}")
