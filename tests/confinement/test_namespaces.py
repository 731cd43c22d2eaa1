"""A network, mounts and a /proc of a process's own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap


def inside(body: str) -> str:
    script = "import os, socket\nfrom pathlib import Path\n"
    script += "from wasmverse.confinement import namespaces, privileges\n"
    outcome = subprocess.run(
        [sys.executable, "-c", script + textwrap.dedent(body), str(os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.strip()


def test_only_loopback_is_there_and_it_is_down() -> None:
    found = inside(
        """
        assert len(socket.if_nameindex()) >= 1
        assert namespaces.separate(is_read_only=True) == {"namespaces": ""}
        print([name for _, name in socket.if_nameindex()], Path("/sys/class/net/lo/flags").exists())
        try:
            socket.create_connection(("127.0.0.1", 9), timeout=1)
        except OSError as error:
            print(type(error).__name__, error.errno)
        """
    )
    assert "'lo'" in found
    assert "eth" not in found
    assert found.endswith("OSError 101")  # no way to any network


def test_the_user_stays_the_same_and_has_no_capability_left() -> None:
    found = inside(
        """
        before = os.getuid(), os.getgid()
        namespaces.separate(is_read_only=False)
        assert privileges.drop_privileges() == {"privileges": ""}
        assert (os.getuid(), os.getgid()) == before
        print([line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff")])
        """
    )
    assert found == "['CapEff:\\t0000000000000000']"


def test_root_has_a_proc_without_the_processes_of_others() -> None:
    """Others than root may not make one; then Landlock still holds, which the expected values show."""
    found = inside(
        """
        import sys
        parent = Path("/proc", sys.argv[1], "cmdline")
        assert parent.read_bytes()
        namespaces.separate(is_read_only=True)
        privileges.drop_privileges()
        assert Path("/proc/self/statm").read_bytes() and Path("/proc/meminfo").read_bytes()
        print(parent.exists())
        """
    )
    assert found == str(os.getuid() != 0)
