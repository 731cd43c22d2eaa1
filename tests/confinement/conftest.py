"""What the attackers aim at: files, sockets and processes of the test's own."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Attack = Callable[..., tuple[dict[str, str], dict[str, str]]]


@pytest.fixture(scope="module")
def facts() -> Iterator[dict[str, Any]]:
    """Files that anybody may reach and change, sockets that anybody may talk to."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own is closed to other users
        yield from _facts(Path(name))


def _facts(folder: Path) -> Iterator[dict[str, Any]]:
    folder.chmod(0o777)
    (folder / "secret").write_text("a token")
    abstract = f"wasmverse-{secrets.token_hex(8)}"
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        udp.bind(("127.0.0.1", 0))
        unix.bind(f"\0{abstract}")
        unix.listen()
        yield {
            "udp_port": udp.getsockname()[1],
            "tcp_port": tcp.getsockname()[1],
            "abstract": abstract,
            "secret": str(folder / "secret"),
            "folder": str(folder),
        }


@pytest.fixture(scope="module")
def attack(facts: dict[str, Any]) -> Attack:
    """Attack from inside a process of some kind: which layers it says hold, and what came of each attempt."""

    def run(kind: str, layers: set[str], is_nobody: bool = False) -> tuple[dict[str, str], dict[str, str]]:
        folder = Path(facts["folder"])
        folder.chmod(0o777)
        for left in ("new", "old", "folder"):
            path = folder / left
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        (folder / "old").write_text("text")
        owner = 65_534 if is_nobody and os.getuid() == 0 else os.getuid()
        os.chown(folder, owner, -1)
        asked = json.dumps({**facts, "kind": kind, "layers": sorted(layers), "is_nobody": is_nobody})
        done = subprocess.run(
            [sys.executable, "-m", "tests.confinement.inside", asked],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert done.stdout, done.stderr
        answer = json.loads(done.stdout)
        return answer["outcomes"], answer["found"]

    return run
