"""The database's own tools do for a universe what docs/postgres.md says: back to a point in time, and on with a replica."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.postgres.installed import owner
from tests.postgres.server import Server
from tests.postgres.universe import come_back, is_exact, opened, play


@pytest.fixture
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that servers may write to."""
    folder = Path(f"/tmp/wv-archive-{tmp_path_factory.getbasetemp().name}-{id(tmp_path_factory)}")
    folder.mkdir()
    shutil.chown(folder, *owner())
    yield folder
    shutil.rmtree(folder)


def test_back_to_a_point_in_time(archive: Path) -> None:
    with ExitStack() as stack:
        first = Server(archive_mode="on", archive_command=f"'cp %p {archive}/%f'")
        stack.callback(first.remove)
        first.start()
        name = first.create_database()
        with opened(first.url(name), threads=2) as store:
            assert store.claim()
            play(store, 2)
            # A base backup while turns go on; then the moment that somebody will want back, and turns that nobody wants.
            second = Server(copy_of=first)
            stack.callback(second.remove)
            play(store, 2)
            with first.connect() as connection:
                connection.execute("SELECT pg_create_restore_point('wanted')")
            wanted = store.tid
            play(store, 3)
            with first.connect() as connection:
                connection.execute("SELECT pg_switch_wal()")
        first.stop()

        (second.data / "standby.signal").unlink()
        (second.data / "recovery.signal").touch()
        (second.data / "postgresql.auto.conf").unlink()
        second.start(
            archive_mode="off",
            restore_command=f"'cp {archive}/%f %p'",
            recovery_target_name="wanted",
            recovery_target_action="promote",
        )
        with opened(second.url(name), threads=2) as store:
            assert store.tid == wanted and is_exact(store)
            come_back(store)
            play(store, 2)


def test_a_synchronous_replica_takes_over_without_losing_a_turn() -> None:
    with ExitStack() as stack:
        first = Server()
        stack.callback(first.remove)
        first.start()
        name = first.create_database()
        second = Server(copy_of=first, cluster_name="second")
        stack.callback(second.remove)
        second.start()
        with first.connect() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'second'")
            connection.execute("SELECT pg_reload_conf()")
        both = first.url(name).replace(f":{first.port}/", f":{first.port},127.0.0.1:{second.port}/")
        with opened(f"{both}?target_session_attrs=read-write", threads=2) as store:
            assert store.claim()
            play(store, 3)
            first.kill()

            def promote() -> None:
                with second.connect() as connection:
                    if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
                        connection.execute("SELECT pg_promote()")

            assert play(store, 3, losses_max=2, repair=promote)
