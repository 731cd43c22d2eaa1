"""What the operating system forbids, tried in processes that gave it up."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil

PREAMBLE = """
import os, socket, subprocess, sys, resource
from pathlib import Path
from wasmverse.query import reader, sandbox

def denied(action):
    try:
        action()
    except PermissionError:
        return True
    return False
"""


def run(body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = PREAMBLE + textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )


def test_only_what_is_given_can_be_read_and_nothing_written(tmp_path: Path) -> None:
    given, kept = tmp_path / "given", tmp_path / "kept"
    for folder in (given, kept):
        folder.mkdir()
        (folder / "file").write_text("text")
    outcome = run(
        """
        given, kept, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
        assert sandbox.restrict_files(reader._needed(given)), "this kernel has no Landlock"
        assert (given / "file").read_text() == "text"
        import decimal, sqlite3  # the libraries stay readable
        for action in (
            lambda: (kept / "file").read_text(),
            lambda: Path("/etc/passwd").read_text(),
            lambda: os.listdir(kept),
            lambda: (given / "file").write_text("other"),
            lambda: (given / "new").touch(),
            lambda: (given / "file").unlink(),
            lambda: subprocess.run(["/bin/true"]),
            lambda: socket.create_connection(("127.0.0.1", port)),
            lambda: socket.create_server(("127.0.0.1", 0)),
        ):
            assert denied(action), action.__code__.co_firstlineno
        print("held")
        """,
        str(given),
        str(kept),
        "9",
    )
    assert outcome.stdout == "held\n", outcome.stderr


def test_memory_and_files_are_limited() -> None:
    outcome = run(
        """
        sandbox.limit_resources(reader.data_bytes() + (64 << 20))
        block = bytearray(32 << 20)
        try:
            bytearray(128 << 20)
        except MemoryError:
            print("held")
        assert resource.getrlimit(resource.RLIMIT_FSIZE) == (0, 0)
        """
    )
    assert outcome.stdout == "held\n", outcome.stderr


def test_processor_time_is_limited() -> None:
    outcome = run("sandbox.limit_processor_seconds(0)\nwhile True: pass")
    assert outcome.returncode != 0


def test_it_ends_with_its_parent() -> None:
    child = (
        "import os, time; from wasmverse.query import sandbox; sandbox.end_with_parent(os.getppid());"
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    orphan = run("sandbox.end_with_parent(1 << 30)\nprint('not reached')")
    assert orphan.stdout == ""
