"""The servers that the other tests stand on: as whom they run, what their backends import, how they end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.postgres import installed
from tests.postgres.server import Server

WHERE_AM_I = """
CREATE EXTENSION plpython3u;
CREATE FUNCTION where_am_i() RETURNS text[] LANGUAGE plpython3u AS $$
import os, numpy, wasmtime
import wasmverse.universe.block
return [wasmverse.__file__, numpy.__version__, str(os.geteuid()), os.environ["NUMBA_CACHE_DIR"]]
$$;
"""


def test_a_backend_imports_this_checkout_and_is_not_root(url: str) -> None:
    import numpy

    import wasmverse

    with psycopg.connect(url) as connection:
        connection.execute(WHERE_AM_I)
        answer = connection.execute("SELECT where_am_i()").fetchone()
    assert answer is not None
    [(package, numpy_version, user, kernels)] = answer
    assert (package, numpy_version) == (wasmverse.__file__, numpy.__version__)
    assert int(user) == installed.owner()[0] != 0
    kept = Path(kernels)
    assert kept.stat().st_uid == int(user)


def test_two_servers_run_beside_each_other(url: str, second_url: str) -> None:
    with psycopg.connect(url) as first, psycopg.connect(second_url) as second:
        first.execute("CREATE TABLE only_here (n int)")
        first.commit()
        with pytest.raises(psycopg.errors.UndefinedTable):
            second.execute("SELECT * FROM only_here")


def test_only_the_password_opens_it(server: Server) -> None:
    for wrong in (server.url(password="wrong"), server.socket_url().replace(server.password, "wrong")):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
    with psycopg.connect(server.socket_url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)


def test_what_was_committed_outlives_a_kill(own_server: Server) -> None:
    port = own_server.port
    with own_server.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        own_server.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT n FROM kept")
    own_server.start()
    assert own_server.port == port
    with own_server.connect() as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
        own_server.freeze()
        assert {process.status() for process in own_server.processes()} == {psutil.STATUS_STOPPED}
        own_server.thaw()
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    own_server.kill_postmaster()
    own_server.start()
    with own_server.connect() as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_a_server_ends_with_the_process_that_started_it() -> None:
    program = (
        "import sys, time\n"
        "from tests.postgres.server import Server\n"
        "server = Server()\n"
        "server.start()\n"
        "print(server.process.pid, server.folder, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=installed.ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        parent.kill()
    deadline = time.monotonic() + 30
    while psutil.pid_exists(int(pid)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """A file in a folder that only this user may enter, as a checkout may be."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    (folder / "file").write_text("read")
    yield folder / "file"


def test_a_checkout_that_others_may_not_enter_is_read_all_the_same(closed_folder: Path) -> None:
    words = installed.demotion((closed_folder,))
    read = subprocess.run([*words, "cat", str(closed_folder)], capture_output=True, text=True, check=True)
    assert read.stdout == "read"
    write = subprocess.run([*words, "sh", "-c", f"echo >> {closed_folder}"], capture_output=True, check=False)
    assert os.geteuid() != 0 or write.returncode != 0


def test_another_python_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    installed.programs.cache_clear()
    monkeypatch.setattr(installed, "python_of", lambda _library: "3.99")
    with pytest.raises(installed.NotInstalled, match=r"runs Python 3\.99.*make setup PYTHON=python3\.99"):
        installed.programs()
    installed.programs.cache_clear()
