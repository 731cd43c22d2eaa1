"""Memory and threads of a process that has been taken over, bounded by groups that it cannot leave."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from wasmverse.confinement import groups
from wasmverse.confinement.groups import Group, Groups
from wasmverse.confinement.processes import bare_environment
from wasmverse.query.readers import reader_config
from wasmverse.query.worker import Worker
from wasmverse.settings import Settings

PREAMBLE = """
import os, resource, sys, threading
from pathlib import Path
from wasmverse.confinement import groups, privileges
privileges.limit_resources(1 << 28, 1 << 24)
if sys.argv[1:] == ["confined"]:
    print(groups.enter())
"""
MANY_THREADS = """
threading.stack_size(1 << 16)  # small ones, so that the limit of data is no bound
ending = threading.Event()
try:
    for started in range(200):
        threading.Thread(target=ending.wait, daemon=True).start()
    print("all")
except RuntimeError:
    print("refused after", started)
sys.stdout.flush()
os._exit(0)
"""
MUCH_MEMORY = """
for _ in range(12):  # each as large as a file may be, in memory and without a name: no limit of the process counts them
    os.write(os.memfd_create("much"), bytes(1 << 24))
print("all")
"""


def inside(body: str, group: Group | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PREAMBLE + body, *(["confined"] if group else [])],
        env=bare_environment() | (group.environment() if group else {}),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def made() -> Iterator[Groups]:
    made = Groups()
    yield made
    made.close()


def test_threads_are_bounded(made: Groups) -> None:
    assert inside(MANY_THREADS, None).stdout == "all\n"
    group = made.group("reader", 32, 1 << 28)
    told = inside(MANY_THREADS, group).stdout
    group.remove()
    if made.why:  # whoever runs this is delegated nothing, and that is what is said
        assert told == f"{{'groups': {made.why!r}}}\nall\n"
    else:
        assert told == "{'groups': ''}\nrefused after 31\n"
        assert not any(folder.exists() for folder in group.folders)


def test_memory_is_bounded_that_no_limit_of_a_process_counts(
    made: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MEMORY_AROUND_BYTES", 0)
    assert inside(MUCH_MEMORY, None).stdout == "all\n"
    group = made.group("reader", 32, 1 << 26)
    outcome = inside(MUCH_MEMORY, group)
    group.remove()
    assert outcome.returncode == (0 if made.why else -signal.SIGKILL)


def test_each_reader_has_a_group_of_its_own_while_it_lives(tmp_path: Path) -> None:
    async def live() -> None:
        worker = Worker(reader_config(Settings(process_threads_max=77), tmp_path))
        await worker.start()
        group = worker._group
        assert worker.confinement["groups"] == group.why == groups.ours().why
        for folder in group.folders:
            assert (folder / "cgroup.procs").read_text().split() == [str(worker.pid)]
        bounds = {
            (folder / "pids.max").read_text() for folder in group.folders if (folder / "pids.max").exists()
        }
        assert bounds == ({"78\n"} if group.folders else set())
        await worker.end()
        assert not any(folder.exists() for folder in group.folders)

    asyncio.run(live())


def test_what_a_killed_server_left_is_removed_and_what_others_use_is_not(made: Groups) -> None:
    script = """
        from wasmverse.confinement.groups import Groups
        made = Groups()
        print(*made._folders, *made.group("reader", 32, 1 << 28).folders, flush=True)
        input()
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        left = [Path(name) for name in killed.stdout.readline().split()]
        assert bool(left) == (not made.why)
        Groups().close()
        assert all(folder.exists() for folder in [*left, *made._folders])  # it lives, and so do we
        killed.kill()
    Groups().close()
    assert not any(folder.exists() for folder in left)
    assert all(folder.exists() for folder in made._folders)


def test_who_may_change_no_group_is_told_so() -> None:
    script = """
        import os
        from wasmverse.confinement.groups import Groups
        if os.getuid() == 0:
            os.setresuid(65534, 65534, 65534)
        made = Groups()
        group = made.group("reader", 32, 1 << 28)
        print(bool(made.why), group.why == made.why, group.folders, made.why)
    """
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    ).stdout
    if os.getuid() == 0:
        assert told.startswith("True True () /sys/fs/cgroup"), told
        assert "may not be changed (Permission denied)" in told


SECOND_VERSION = """
import os, subprocess, sys
from pathlib import Path
from wasmverse.confinement.groups import Groups
above, controller, has_company = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "True"
(above / "cgroup.procs").write_text("0")
company = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) if has_company else None
made = Groups((controller,))
if has_company:
    assert "other processes are in it" in made.why, made.why
    company.communicate()
else:
    assert made.why == "", made.why
    group = made.group("reader", 32, 1 << 28)
    assert controller in (group.folders[0] / "cgroup.controllers").read_text().split()
    worker = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
    (group.folders[0] / "cgroup.procs").write_text(str(worker.pid))
    worker.communicate()
    group.remove()
    made.close()
assert [folder for folder in above.iterdir() if folder.is_dir()] == []
assert str(os.getpid()) in (above / "cgroup.procs").read_text().split()
print("held")
"""


@pytest.mark.parametrize("has_company", [False, True])
def test_the_second_version_hands_down_below_our_own_group(has_company: bool) -> None:
    """With whatever controller the second version has on this machine; it is the same for each."""
    [place] = [place for root, place, names in groups._mounts() if names == {""}][:1] or [None]
    controllers = (place / "cgroup.controllers").read_text().split() if place else []
    if os.getuid() or not controllers or not os.access(place, os.W_OK):
        assert Groups((*controllers[:1], "none such")).why  # nothing to be had, and it is said
        return
    (place / "cgroup.subtree_control").write_text(f"+{controllers[0]}")
    above = Path(tempfile.mkdtemp(prefix="test-wasmverse-", dir=place))
    try:
        command = [sys.executable, "-c", SECOND_VERSION, str(above), controllers[0], str(has_company)]
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        assert outcome.stdout == "held\n", outcome.stderr
    finally:
        above.rmdir()
