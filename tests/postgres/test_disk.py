"""A server's disk that takes no more: the turn fails and nothing is lost; with room made the universe goes on."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.server import Server
from tests.postgres.universe import come_back, is_exact, opened, play
from tests.processes.test_disk import fill
from wasmverse.errors import DatabaseError

SMALL = {"max_wal_size": "'64MB'", "min_wal_size": "'32MB'", "shared_buffers": "'16MB'"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system of 160 MB; None where nothing may be mounted."""
    folder = Path(f"/tmp/wv-disk-{tmp_path.name}-{id(tmp_path)}")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", str(folder)]
    is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    yield folder if is_mounted else None
    if is_mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def test_a_full_disk_costs_no_turn(small_disk: Path | None) -> None:
    """Without the right to mount, a limit on the size of files takes the place of the full disk, in every backend there is."""
    server = Server(small_disk, **SMALL)
    try:
        server.start()
        with opened(server.url(server.create_database()), threads=2) as store:
            assert store.claim()
            play(store, 2)
            told = store.tid
            if small_disk is None:
                for process in server.processes()[1:]:
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
            else:
                fill(small_disk / "filler")
            with pytest.raises(DatabaseError):
                # The log has some room left in its present file.
                for _ in range(40):
                    told = store.advance().tid
            if small_disk is not None:
                (small_disk / "filler").unlink()

            def revive() -> None:
                assert server.process is not None
                if server.process.poll() is not None:
                    server.start()

            come_back(store, revive)
            assert is_exact(store)
            assert store.tid == told
            play(store, 3, losses_max=1, repair=revive)
    finally:
        server.remove()
