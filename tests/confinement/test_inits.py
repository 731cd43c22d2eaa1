"""Processes in namespaces of their own: who waits for them, how they end, and what that costs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from wasmverse.confinement.processes import bare_environment, inside
from wasmverse.confinement.users import hand_over
from wasmverse.query.readers import reader_config
from wasmverse.query.worker import ReaderGone, Worker
from wasmverse.settings import CheckSettings, Settings

WAITING_BYTES_MAX = 5 << 20
"""Private memory of the two processes that come with a reader; 4.1 MB where this was written."""
AT_ONCE_SECONDS = 20
"""Nothing that is waited for here would come by itself."""


def family(worker: Worker) -> tuple[psutil.Process, psutil.Process, psutil.Process]:
    """The process outside, the first one inside, and the reader."""
    assert worker._process is not None
    outside = psutil.Process(worker._process.pid)
    [first] = [child for child in outside.children(recursive=True) if child.pid != worker.pid]
    return outside, first, psutil.Process(worker.pid)


def with_a_reader(folder: Path, act: Callable[[Worker], Awaitable[None]]) -> None:
    async def run() -> None:
        config = replace(reader_config(Settings(), folder), nice=0)
        hand_over(folder, config.user)
        worker = Worker(config)
        await worker.start()
        assert worker.confinement["processes"] == ""
        try:
            await act(worker)
        finally:
            await worker.end()

    asyncio.run(run())


def numbers(pid: int) -> list[str]:
    """The number of a process in each namespace that it is in, from ours inwards."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in status if line.startswith("NSpid:")]
    return line.split()[1:]


def test_a_reader_is_in_a_namespace_with_the_first_one_alone(tmp_path: Path) -> None:
    async def look(worker: Worker) -> None:
        outside, first, reader = family(worker)
        known = len(numbers(os.getpid()))
        assert [len(numbers(process.pid)) - known for process in (outside, first, reader)] == [0, 1, 1]
        assert [numbers(process.pid)[-1] for process in (first, reader)] == ["1", "2"]
        for process in (outside, first):
            assert len(list(Path(f"/proc/{process.pid}/fd").iterdir())) == 1

    with_a_reader(tmp_path, look)


def test_who_waits_is_small(tmp_path: Path) -> None:
    async def weigh(worker: Worker) -> None:
        used = []
        for process in family(worker)[:2]:
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            # What is mapped from files is left out: who else happens to map them decides how much of it counts.
            used += [int(line.split()[1]) << 10 for line in lines if line.startswith("Pss_Anon:")]
        assert len(used) == 2
        assert sum(used) < WAITING_BYTES_MAX, used

    with_a_reader(tmp_path, weigh)


@pytest.mark.parametrize("whose", ["outside", "first", "reader"])
def test_whichever_is_killed_all_end_at_once(tmp_path: Path, whose: str) -> None:
    async def kill(worker: Worker) -> None:
        everybody = family(worker)
        everybody[["outside", "first", "reader"].index(whose)].kill()
        _, alive = await asyncio.to_thread(psutil.wait_procs, everybody[1:], AT_ONCE_SECONDS)
        assert not alive
        assert worker._process is not None
        assert await asyncio.to_thread(worker._process.wait, AT_ONCE_SECONDS) == -signal.SIGKILL

    with_a_reader(tmp_path, kill)


@pytest.mark.parametrize(
    "number", [signal.SIGXCPU, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGKILL]
)
def test_how_a_reader_ended_is_told_truly(tmp_path: Path, number: signal.Signals) -> None:
    async def end(worker: Worker) -> None:
        answer = asyncio.create_task(worker._receive(lambda _head, _size: True))
        await asyncio.sleep(0)
        os.kill(worker.pid, number)
        if number in {
            signal.SIGSEGV,
            signal.SIGBUS,
        }:  # the engine takes the first for a guest's, which would repeat itself
            await asyncio.sleep(0.2)
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, number)
        with pytest.raises(ReaderGone, match=number.name) as gone:
            await answer
        assert gone.value.reason == "crash"

    with_a_reader(tmp_path, end)


def test_the_memory_watch_sees_and_ends_the_reader(tmp_path: Path) -> None:
    async def outgrow(worker: Worker) -> None:
        _, _, reader = family(worker)
        worker.watch()
        assert worker.is_usable and reader.is_running()
        worker._config = replace(worker._config, memory_bytes=1 << 20)
        worker.watch()
        with pytest.raises(ReaderGone) as gone:
            await worker._receive(lambda _head, _size: True)
        assert gone.value.reason == "memory"
        assert not reader.is_running()

    with_a_reader(tmp_path, outgrow)


def test_stopped_ones_are_ended_soon(tmp_path: Path) -> None:
    async def stop(worker: Worker) -> None:
        everybody = family(worker)
        for process in everybody:
            process.suspend()
        began = time.monotonic()
        assert await worker.end() == -signal.SIGKILL
        assert time.monotonic() - began < AT_ONCE_SECONDS
        assert not psutil.wait_procs(everybody[1:], AT_ONCE_SECONDS)[1]

    with_a_reader(tmp_path, stop)


def test_nothing_is_left_of_a_server_that_was_killed(tmp_path: Path) -> None:
    script = """
        import asyncio, sys
        from pathlib import Path
        from wasmverse.query.readers import reader_config
        from wasmverse.query.worker import Worker
        from wasmverse.settings import Settings
        async def run():
            worker = Worker(reader_config(Settings(), Path(sys.argv[1])))
            await worker.start()
            print("ready", flush=True)
            await asyncio.sleep(600)
        asyncio.run(run())
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        left = psutil.Process(server.pid).children(recursive=True)
        assert len(left) == 3
        server.kill()
    assert not psutil.wait_procs(left, AT_ONCE_SECONDS)[1]


LAYERS = [*inside("wasmverse.strategies.checker"), "--layers", CheckSettings().model_dump_json()]


def test_where_there_can_be_none_it_goes_on_and_says_so() -> None:
    """A container's list of system calls without unshare."""
    script = """
        import ctypes, errno, os, struct, sys
        from wasmverse.confinement.calls import number_of
        from wasmverse.confinement.prctl import prctl, system_call
        fails, goes = (6, 0, 0, 0x00050000 | errno.EPERM), (6, 0, 0, 0x7FFF0000)
        lines = [(0x20, 0, 0, 0), (0x15, 0, 1, number_of("unshare")), fails, goes]
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
        prctl(38, 1)
        where = struct.pack("HxxxxxxQ", len(lines), ctypes.addressof(program))
        assert system_call(number_of("seccomp"), 1, 0, where) == 0
        os.execv(sys.argv[1], sys.argv[1:])
    """
    command = [sys.executable, "-c", textwrap.dedent(script), *LAYERS]
    done = subprocess.run(command, capture_output=True, check=True, env=bare_environment())
    layers = json.loads(done.stdout)
    why = "no namespace of processes may be made here (Operation not permitted)"
    assert layers["processes"] == why
    assert layers["namespaces"] == "none may be made here (Operation not permitted)"
    assert layers["files"] == layers["calls"] == ""


def test_a_status_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "ends.py").write_text("def main():\n    raise SystemExit(7)\n")
    environment = {**bare_environment(), "PYTHONPATH": str(tmp_path)}
    assert subprocess.run(inside("ends"), env=environment, check=False).returncode == 7
