"""What the operating system forbids, tried in processes that gave it up."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from wasmverse.confinement import calls, seccomp

PREAMBLE = """
import os, socket, subprocess, sys, resource
from pathlib import Path
from wasmverse.confinement import landlock, privileges, processes, seccomp
from wasmverse.reader import process as reader

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
        assert landlock.restrict([given, *processes.interpreter()]) == {"files": "", "tcp": "", "signals": ""}
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
        privileges.limit_resources(reader.data_bytes() + (64 << 20))
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
    outcome = run("privileges.limit_processor_seconds(0)\nwhile True: pass")
    assert outcome.returncode != 0


def test_it_ends_with_its_parent() -> None:
    child = (
        "import os, time; from wasmverse.confinement import privileges; privileges.end_with_parent(os.getppid());"
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
    orphan = run("privileges.end_with_parent(1 << 30)\nprint('not reached')")
    assert orphan.stdout == ""


def test_calls_of_another_processor_end_the_process() -> None:
    """`getpid` by its number for 32-bit programs, and by that of x32: what a list by numbers would let through."""
    tried = run(
        """
        import ctypes, mmap, platform, signal
        from wasmverse.confinement.prctl import system_call
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret
        by_interrupt = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
        attempts = (by_interrupt, lambda: system_call(0x40000000 + 39))  # a program of another processor has neither
        for attempt in attempts if platform.machine() == "x86_64" else ():
            child = os.fork()
            if child == 0:
                assert seccomp.restrict() == {"calls": ""}
                assert os.getpid()
                attempt()
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (-signal.SIGSYS, -signal.SIGSEGV)
        print("held")
        """
    )
    assert tried.stdout == "held\n", tried.stderr


def test_threads_that_were_there_before_are_held_too() -> None:
    tried = run(
        """
        import threading
        begin, found = threading.Event(), []
        def late():
            begin.wait()
            found.append(denied(lambda: os.fork()))
        before = threading.Thread(target=late)
        before.start()
        assert seccomp.restrict() == {"calls": ""}
        begin.set()
        before.join()
        after = threading.Thread(target=late)  # threads may be started still
        after.start()
        after.join()
        assert found == [True, True]
        print("held")
        """
    )
    assert tried.stdout == "held\n", tried.stderr


def test_where_a_layer_is_missing_the_others_stand_and_it_is_said() -> None:
    tried = run(
        """
        landlock.version = lambda: (0, "this kernel offers no Landlock")
        outcomes = processes.confine_reader(Path("/nowhere"), 60_600)
        assert outcomes.pop("groups") == "who started it made none"
        assert outcomes.pop("user") == outcomes.pop("processes") == ""
        assert outcomes.pop("namespaces") == outcomes.pop("calls") == outcomes.pop("privileges") == ""
        assert outcomes == dict.fromkeys(("files", "tcp", "signals"), "this kernel offers no Landlock")
        assert denied(lambda: socket.socket())
        print("held")
        """
    )
    assert tried.stdout == "held\n", tried.stderr


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("changes_files", [False, True])
def test_a_filter_is_a_program_that_always_returns(machine: str, changes_files: bool) -> None:
    """No jump leaves it, so it ends with a return: what the kernel demands of the other processor's, too."""
    program = seccomp.filter_program(machine, 7, changes_files=changes_files)
    assert len(program) < 4096
    assert program[-1][0] == 0x06
    for place, (code, if_true, if_false, _) in enumerate(program):
        if code & 7 == 5:
            assert place + 1 + max(if_true, if_false) < len(program)
    numbers = calls.computing(machine) | calls.changing_files(machine) | calls.refused(machine)
    assert len(set(numbers.values())) == len(numbers)
    assert {"read", "futex", "mmap", "execve", "unlinkat"} <= numbers.keys()
