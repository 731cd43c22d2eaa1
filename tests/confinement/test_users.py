"""If root started the server, readers and checkers run as users that own nothing and may signal nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.confinement.attacks import NAMESPACES, USERS
from tests.confinement.conftest import Attack
from wasmverse.confinement import users

OF_ROOT = {
    "signal_victim",
    "signal_victim_by_thread",
    "limit_victim",
    "debug_victim",
    "read_victim_memory",
    "look_at_victim_environment",
    "slow_victim",
    "pin_victim",
    "become_root",
    "change_root",
    "mount_something",
    "change_mode",
    "change_owner",
}
"""What root may do and another user may not, to processes and files of root's."""
AT_HOME = OF_ROOT - {"change_mode", "change_owner", "look_at_victim_environment"}
"""Of these, what works in namespaces of its own, where mounts are read-only and /proc is private."""

READER, CHECKER = users.reader_user(60_600), users.checker_user(60_600)


def inside(body: str, *arguments: str) -> str:
    script = "import os, sys\nfrom pathlib import Path\n"
    script += (
        "from wasmverse.confinement import landlock, namespaces, privileges, processes, seccomp, users\n"
    )
    command = [sys.executable, "-c", script + textwrap.dedent(body), *arguments]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.strip()


@pytest.fixture
def private() -> Iterator[Path]:
    """A folder whose path is known, and which only its owner may open."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file").write_text("text")
        yield folder


def test_a_user_of_its_own_holds_alone_what_is_roots(attack: Attack) -> None:
    """Without the layer root's processes can be ended; who is not root has the same user with and without it."""
    _, before = attack("reader", {NAMESPACES})
    outcomes, found = attack("reader", {NAMESPACES, USERS})
    assert outcomes["user"] == ""
    if os.getuid() == 0:
        assert [name for name in AT_HOME if before[name]] == []
        assert [name for name in OF_ROOT if not found[name]] == []


def test_ids_are_the_kinds_own_and_there_is_no_way_back() -> None:
    for user in (READER, CHECKER):
        found = inside(
            f"""
            print(namespaces.separate(is_read_only=True, later={user}, needed=processes.libraries()))
            print(users.become({user}, processes.libraries(), bounds_threads=False))
            print(os.getresuid(), os.getresgid(), os.getgroups())
            for way in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
                try:
                    way()
                    print("back")
                except PermissionError:
                    pass
            import sqlite3, duckdb, pyarrow  # the libraries can be read wherever they are
            """
        ).splitlines()
        assert found[:2] == ["{'namespaces': ''}", "{'user': ''}"]
        if os.getuid() == 0:
            assert found[2:] == [f"({user}, {user}, {user}) ({user}, {user}, {user}) []"]
    assert READER != CHECKER


def test_of_a_home_that_is_closed_only_what_is_needed_is_there(private: Path) -> None:
    (private / "needed").mkdir()
    (private / "needed" / "library").write_text("code")
    found = inside(
        f"""
        namespaces.separate(is_read_only=True, later={READER}, needed=[Path(sys.argv[1], "needed")])
        print(sorted(os.listdir(sys.argv[1])), Path(sys.argv[1], "needed", "library").read_text())
        """,
        str(private),
    )
    assert found == ("['needed'] code" if os.getuid() == 0 else "['file', 'needed'] code")


def test_where_something_cannot_be_read_it_stays_who_it_is_and_says_so(private: Path) -> None:
    body = f"""
        print(users.become({READER}, [Path(sys.argv[1])], bounds_threads=False)["user"], os.getuid(), os.getgid())
        print(Path(sys.argv[1], "file").read_text())
    """
    told = inside(body, str(private)).splitlines()
    ids = f"{os.getuid()} {os.getgid()}"
    assert told == [f"user {READER} may not read {private} {ids}" if os.getuid() == 0 else f" {ids}", "text"]


def test_a_folder_is_handed_over_to_the_group_alone(private: Path) -> None:
    script = f"""
        users.hand_over(Path(sys.argv[1]), {READER})
        for user in ({CHECKER}, {READER}):
            if os.fork() == 0:
                why = users.become(user, [Path(sys.argv[1])], bounds_threads=False)["user"]
                print(user, why, Path(sys.argv[1], "file").read_text() if not why else "", flush=True)
                os._exit(0)
            os.wait()
        print(oct(os.stat(sys.argv[1]).st_mode)[-3:])
    """
    told = inside(script, str(private)).splitlines()
    if os.getuid() == 0:
        assert told == [f"{CHECKER} user {CHECKER} may not read {private} ", f"{READER}  text", "750"]
    else:
        assert told[-1] == "700"


def test_it_still_ends_with_its_parent() -> None:
    """The kernel forgets that a process wants to end with its parent when the process changes its user."""
    grandchild = f"""
import sys, time
from wasmverse.confinement import namespaces, privileges, processes, users
privileges.end_with_parent(int(sys.argv[1]))
namespaces.separate(is_read_only=True, later={READER}, needed=processes.libraries())
assert users.become({READER}, processes.libraries(), bounds_threads=False) == {{"user": ""}}
print(__import__("os").getpid(), flush=True)
time.sleep(60)
"""
    script = (
        "import os, subprocess, sys\nsubprocess.run([sys.executable, '-c', sys.argv[1], str(os.getpid())])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, grandchild], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 20
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_where_there_are_no_groups_the_users_threads_are_bounded() -> None:
    found = inside(
        f"""
        import resource, threading
        users.THREADS_OF_USER_MAX = 40
        namespaces.separate(is_read_only=True, later={READER}, needed=processes.libraries())
        users.become({READER}, processes.libraries(), bounds_threads=True)
        privileges.drop_privileges()
        threading.stack_size(1 << 16)
        ending = threading.Event()
        try:
            for started in range(100):
                threading.Thread(target=ending.wait, daemon=True).start()
            print("all")
        except RuntimeError:
            print("refused")
        sys.stdout.flush()
        os._exit(0)
        """
    )
    assert found == ("refused" if os.getuid() == 0 else "all")
