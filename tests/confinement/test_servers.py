"""A universe that is in a server's database: it can connect to that, again and again, and to nothing else."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wasmverse.confinement import landlock
from wasmverse.confinement.layers import CALLS, FILES, NAMESPACES, TCP
from wasmverse.confinement.processes import Servers, universe_environment
from wasmverse.processes.universe_start import servers_of
from wasmverse.settings import Settings, UniverseProcessSettings

CONFINED = """
import json, os, socket, sys
from pathlib import Path
from wasmverse.confinement.processes import Servers, UniversePaths, close_universe, confine_universe
folder, ports, unix, other, own = json.loads(sys.argv[1])
servers = Servers(frozenset(ports), unix is not None, (Path(own),))
paths = UniversePaths(None, Path(folder) / "snapshots", Path(folder) / "kernels", servers=servers)
outcomes = confine_universe(paths) | close_universe(paths)

def tcp(port):
    socket.create_connection(("127.0.0.1", port)).close()

def by_file(path):
    with socket.socket(socket.AF_UNIX) as end:
        end.connect(path)

def child():
    if os.fork() == 0:
        os._exit(0)

tried = {
    "given": lambda: [tcp(port) for port in ports],
    "by name": lambda: socket.create_connection(("localhost", ports[0])).close(),
    "other": lambda: tcp(other),
    "unix": lambda: by_file(unix or "/nowhere"),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)),
    "kernel": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "raw": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0),
    "own file": lambda: Path(own).read_text(),
    "other file": lambda: Path(own + ".other").read_text(),
    "change file": lambda: Path(own).write_text("x"),
    "fork": child,
    "program": lambda: os.execv("/bin/true", ["true"]),
}
found = {}
for name, attempt in tried.items():
    try:
        attempt()
        found[name] = True
    except (OSError, IndexError):
        found[name] = False
print(json.dumps({"outcomes": outcomes, "found": found}))
"""


@pytest.fixture
def listeners(tmp_path: Path) -> Iterator[tuple[int, int, str]]:
    """Two ports and the file of a socket, on all of which somebody listens."""
    path = str(tmp_path / "s")
    with (
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
        socket.socket(socket.AF_UNIX) as local,
    ):
        local.bind(path)
        local.listen()
        yield first.getsockname()[1], second.getsockname()[1], path


def attempt(folder: Path, ports: list[int], unix: str | None, other: int) -> dict[str, Any]:
    own = folder / "ca.pem"
    own.write_text("certificate")
    Path(f"{own}.other").write_text("secret")
    closed = folder / "closed"
    closed.mkdir()
    facts = json.dumps([str(closed), ports, unix, other, str(own)])
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, facts],
        capture_output=True,
        text=True,
        check=False,
        env=universe_environment(),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


NEVER = {"other", "listen", "kernel", "raw", "other file", "change file", "fork", "program"}


def test_over_tcp(listeners: tuple[int, int, str], tmp_path: Path) -> None:
    port, other, _ = listeners
    told = attempt(tmp_path, [port], None, other)
    outcomes, found = told["outcomes"], told["found"]
    assert "over the machine's network" in outcomes[NAMESPACES]
    assert outcomes[FILES] == outcomes[CALLS] == ""
    possible = {"given", "by name", "own file"}
    if outcomes[TCP]:
        assert landlock.version()[0] < 4
        possible.add("other")
    assert {name for name, worked in found.items() if worked} == possible
    assert set(found) == NEVER | {"given", "by name", "own file", "unix"}


def test_over_a_unix_socket_there_is_no_network(listeners: tuple[int, int, str], tmp_path: Path) -> None:
    port, other, path = listeners
    told = attempt(tmp_path, [], path, other)
    assert told["outcomes"][NAMESPACES] == told["outcomes"][CALLS] == ""
    assert {name for name, worked in told["found"].items() if worked} == {"given", "unix", "own file"}
    assert port


@pytest.mark.parametrize(
    ("urls", "servers"),
    [
        (["universe.duckdb"], None),
        (["postgresql://h:7/sky", "postgresql://i/sky"], Servers(frozenset({7, 5432}))),
        (["postgresql:///sky?host=/run"], Servers(frozenset(), True, (), (Path("/run"),))),
        (
            ["postgresql:///sky?host=/run&port=6", "postgresql://i:9/sky?sslrootcert=/ca"],
            Servers(frozenset({9}), True, (Path("/ca"),), (Path("/run"),)),
        ),
    ],
)
def test_what_urls_need(urls: list[str], servers: Servers | None) -> None:
    settings = Settings(database_path=urls[0], place_urls=urls[1:])
    assert servers_of(settings.part(UniverseProcessSettings)) == servers


def test_only_a_universe_that_connects_gets_what_libpq_goes_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert "PGPASSWORD" not in universe_environment()
    assert universe_environment(connects=True)["PGPASSWORD"] == "secret"


def test_whether_only_root_may_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root gives that right up, too, unless it is needed."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    servers = Servers(has_unix=True, folders=(folder, tmp_path / "nowhere"))
    mine = os.geteuid()
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(folder / ".s.PGSQL.1"))
        (folder / ".s.PGSQL.1").chmod(0o777)
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
        assert servers.are_open()
        (folder / ".s.PGSQL.1").chmod(0o770)
        assert not servers.are_open()
        (folder / ".s.PGSQL.1").chmod(0o777)
        folder.chmod(0o750)
        assert not servers.are_open()
        monkeypatch.setattr(os, "geteuid", lambda: mine)
        assert servers.are_open()
