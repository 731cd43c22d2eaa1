"""What a server lacks is said at the start, with the way out; and what cannot be used is refused in one line."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.postgres.server import Server
from tests.postgres.universe import opened
from tests.simulation.builder import changed
from wasmverse.errors import DatabaseError, DatabaseLost
from wasmverse.settings import DatabaseUrl, Settings
from wasmverse.storage.opening import open_universe
from wasmverse.storage.postgres import functions, opening
from wasmverse.storage.postgres.database import Database
from wasmverse.storage.postgres.store import PostgresStore
from wasmverse.storage.postgres.versions import LOCK
from wasmverse.storage.universe_store import SharedStore


def settings(**values: object) -> Settings:
    return changed(systems=3, ships=2, nodes=3, **values)


def played(url: DatabaseUrl, **values: object) -> tuple[str, str]:
    """Where a turn was played, and its hash."""
    store = open_universe(url, settings(**values))
    try:
        assert isinstance(store, SharedStore)
        assert store.claim()
        store.advance()
        return store.condition().play, store.state_hash()
    finally:
        store.close()


def test_without_a_superuser_turns_are_played_outside_and_it_is_said(
    plain: DatabaseUrl, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(
        DatabaseError, match=r"permission denied to create extension .*; --play outside needs none"
    ):
        played(plain, play="inside")
    assert played(plain)[0] == "outside"
    assert "cannot play turns itself" in caplog.text
    assert "at about twice the cost" in caplog.text
    caplog.clear()
    assert played(plain, play="outside")[0] == "outside"
    assert caplog.text == ""
    # Once a superuser has opened it, and lets the role call the functions, that role can play inside.
    assert played(DatabaseUrl.read(url))[0] == "inside"
    with psycopg.connect(url) as admin:
        admin.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {plain.name}")
    assert played(plain, play="inside")[0] == "inside"


def test_a_server_with_another_version_does_not_play(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = DatabaseUrl.read(url)
    first = played(place)
    monkeypatch.setattr(opening, "__version__", "99.0")
    with pytest.raises(DatabaseError, match=r"its server has Wasmverse .*, this is 99\.0"):
        played(place, play="inside")
    assert first[0] == "inside"
    assert played(place)[0] == "outside"


def test_of_two_that_make_the_functions_one_finds_them_made(url: str) -> None:
    database = Database(DatabaseUrl.read(url), "test")
    made = functions.hash_of("public")
    with psycopg.connect(url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        for statement in ("CREATE EXTENSION plpython3u", *functions.create("public")):
            other.execute(statement)  # type: ignore[call-overload]
        other.execute(f"COMMENT ON FUNCTION wasmverse_ready IS '{made}'")  # type: ignore[call-overload]
        second = pool.submit(opening._prepare_inside, [database], is_wanted=True)
        time.sleep(0.3)
        other.commit()
        assert second.result()
    database.close()


def test_a_server_that_is_lost_at_the_start_is_not_taken_for_one_that_cannot_play(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(_database: Database) -> None:
        raise DatabaseLost("gone")

    monkeypatch.setattr(opening, "_require_functions", lose)
    with pytest.raises(DatabaseLost):
        played(DatabaseUrl.read(url))


def test_a_turn_is_played_from_the_tables_of_the_universe_whatever_comes_before_them(url: str) -> None:
    with opened(url, shape={"systems": 3, "ships": 2, "nodes": 3}, play="inside") as store:
        assert isinstance(store, PostgresStore)
        assert store.claim()
        for table in ("system_state", "strategy_module", "compiled_module"):
            store._main.raw.execute(f"CREATE TEMP TABLE {table} (LIKE public.{table})")  # type: ignore[call-overload]
        store._main.raw.execute(
            "INSERT INTO compiled_module SELECT sha256, target, 'x' FROM public.compiled_module"
        )
        store._main.raw.commit()
        assert store.advance().faults == 0
        assert len(store.stored.state.ships.sid)


@pytest.mark.parametrize("where", ["public", "before"])
def test_functions_of_somebody_else_are_not_called(url: str, server: Server, where: str) -> None:
    name = DatabaseUrl.read(url).name
    role = f"other_{name}"
    with server.connect(name) as admin:
        admin.execute(f"CREATE ROLE {role}")
        admin.execute("CREATE SCHEMA before")
        admin.execute("CREATE TABLE public.called ()")
        admin.execute(f"GRANT CREATE, USAGE ON SCHEMA public, before TO {role}")
        admin.execute(f"SET ROLE {role}")
        admin.execute(
            f"CREATE FUNCTION {where}.wasmverse_ready() RETURNS text LANGUAGE plpgsql AS "
            "$$BEGIN DROP TABLE public.called; RETURN '{}'; END$$"
        )
        comment = f"COMMENT ON FUNCTION {where}.wasmverse_ready IS '{functions.hash_of('public')}'"
        admin.execute(comment)  # type: ignore[call-overload]
        admin.execute("RESET ROLE")
        admin.execute(f'ALTER DATABASE "{name}" SET search_path = before, public')
        admin.execute("CREATE TABLE public.compiled_module ()")
    database = Database(DatabaseUrl.read(url), "test")
    try:
        with pytest.raises(
            DatabaseError, match=rf"schema {where} belongs to {role}.*DROP FUNCTION {where}\."
        ):
            opening._prepare_inside([database], is_wanted=True)
        with server.connect(name) as admin:
            assert admin.execute("SELECT to_regclass('public.called')::text").fetchone() == ("called",)
            admin.execute(f"DROP FUNCTION {where}.wasmverse_ready")
            admin.execute(f"ALTER TABLE compiled_module OWNER TO {role}")
        with pytest.raises(DatabaseError, match=f"compiled_module belongs to {role}"):
            opening._prepare_inside([database], is_wanted=True)
    finally:
        database.close()
        with server.connect(name) as admin:
            admin.execute(f"DROP OWNED BY {role}")
            admin.execute(f"DROP ROLE {role}")
