"""The turn loop without its process: what commands, floods and a lost gateway do to it."""

import errno
import itertools
import logging
import math
import os
import threading
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import pytest

from wasmverse.commands import Command, SpawnEntity
from wasmverse.errors import CommandError, DatabaseError, UniverseBusy
from wasmverse.messages import Answer, Request, Stop, TurnReport
from wasmverse.processes import gateway_end, loop
from wasmverse.processes.gateway_end import COMMANDS_LATE_MAX, GatewayEnd
from wasmverse.processes.loop import TurnLoop
from wasmverse.settings import Settings

UPKEPT = 1_000
"""Noted among the commands for each checkpoint."""


class FakeStore:
    """Carries out commands by noting them; one with sid 0 is refused, one with sid -1 is beyond anybody's thought."""

    def __init__(self) -> None:
        self.carried_out: list[int] = []
        self.settings = Settings()

    def carry_out(self, command: Command) -> dict[str, Any]:
        assert isinstance(command, SpawnEntity)
        if command.sid == 0:
            raise CommandError("there is no system 0")
        if command.sid == -28:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if command.sid < 0:
            raise ZeroDivisionError
        self.carried_out.append(command.sid)
        return {"eid": command.sid}

    def maintain(self) -> None:
        self.carried_out.append(UPKEPT)


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = Pipe()
    with ours, theirs:
        yield ours, theirs


def end_over(pipe: Connection) -> GatewayEnd:
    return GatewayEnd(FakeStore(), None, pipe)  # type: ignore[arg-type]


def ask(end: Connection, *sids: int, deadline: float = math.inf) -> None:
    for sid in sids:
        end.send(Request(sid, SpawnEntity(sid, 2, 1, 1, None), deadline))


def clock(monkeypatch: pytest.MonkeyPatch, times: Iterator[float]) -> None:
    """Only the loop's own clock: a pipe needs the true one."""
    scripted = SimpleNamespace(monotonic=lambda: next(times), perf_counter=time.perf_counter)
    for module in (gateway_end, loop):
        monkeypatch.setattr(module, "time", scripted)


def test_commands_are_answered_in_order_until_the_turn_starts(
    pipe: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pipe
    end = end_over(theirs)
    ask(ours, 1, 2, 3)
    clock(monkeypatch, iter([*[0.0] * 6, 10.0]))
    assert end.serve_until(5.0)
    assert end.store.carried_out == [1, 2, 3]
    assert [ours.recv() for _ in range(3)] == [Answer(n, {"eid": n}, None) for n in (1, 2, 3)]


def test_a_turn_that_is_due_waits_for_a_few_commands_only(
    pipe: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pipe
    end = end_over(theirs)
    ask(ours, *range(1, 31))
    clock(monkeypatch, itertools.repeat(10.0))
    for turn in range(1, 4):
        assert end.serve_until(5.0)
        assert end.store.carried_out == list(range(1, turn * COMMANDS_LATE_MAX + 1))


def test_a_refused_command_and_an_odd_one_are_answered_and_survived(
    pipe: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = pipe
    end = end_over(theirs)
    ask(ours, 0, -1, 7)
    clock(monkeypatch, itertools.repeat(10.0))
    assert end.serve_until(5.0)
    refused, odd, fine = (ours.recv() for _ in range(3))
    assert isinstance(refused.error, CommandError)
    assert refused.error.message == "there is no system 0"
    assert odd.error.message == "the command failed: ZeroDivisionError: see the server's log"
    assert fine.value == {"eid": 7}
    assert "the command 'SpawnEntity' failed" in caplog.text


def test_a_command_that_finds_the_disk_full_is_answered_and_ends_the_universe(
    pipe: tuple[Connection, Connection],
) -> None:
    """No turn after it could be committed."""
    ours, theirs = pipe
    end = end_over(theirs)
    ask(ours, -28)
    ours.send(Stop())
    with pytest.raises(DatabaseError, match="No space left on device"):
        end.serve_until(float("inf"))
    assert isinstance(ours.recv().error, DatabaseError)


@pytest.mark.parametrize(
    ("maintenance_seconds", "times", "carried_out"),
    [
        # Asked at 4.0; then what is left until the middle, 5.0.
        pytest.param(0.0, [4.0, 4.0, 4.9, 5.0], [1, UPKEPT], id="half-way"),
        # Until 4.5, twice what it took before the next turn.
        pytest.param(0.75, [4.0, 4.0, 4.4, 4.5], [1, UPKEPT], id="earlier, it takes long"),
        pytest.param(1.5, [4.0], [UPKEPT], id="at once, it takes too long"),
        pytest.param(0.0, [6.0], [UPKEPT], id="at once, the turn is due"),
    ],
)
def test_the_log_is_folded_in_time_for_the_next_turn(
    pipe: tuple[Connection, Connection],
    monkeypatch: pytest.MonkeyPatch,
    maintenance_seconds: float,
    times: list[float],
    carried_out: list[int],
) -> None:
    ours, theirs = pipe
    loop = TurnLoop(end_over(theirs), 1.0)
    loop._maintenance_seconds = maintenance_seconds
    ask(ours, 1)
    asked = iter(times)
    clock(monkeypatch, asked)
    assert loop._maintain(6.0)
    assert loop.store.carried_out == carried_out
    assert list(asked) == [], "nobody waited so long"


def test_to_be_told_to_stop_comes_before_the_log(pipe: tuple[Connection, Connection]) -> None:
    ours, theirs = pipe
    loop = TurnLoop(end_over(theirs), 1.0)
    ours.send(Stop())
    assert not loop._maintain(float("inf"))
    assert loop.store.carried_out == []


def test_to_be_told_to_stop_is_the_end_before_the_next_turn(pipe: tuple[Connection, Connection]) -> None:
    ours, theirs = pipe
    end = end_over(theirs)
    ask(ours, 1)
    ours.send(Stop())
    ask(ours, 2)
    assert not end.serve_until(float("inf"))
    assert end.is_stopping
    assert end.store.carried_out == [1]


def test_a_gateway_that_is_gone_is_the_end(pipe: tuple[Connection, Connection]) -> None:
    ours, theirs = pipe
    end = end_over(theirs)
    ours.close()
    assert not end.serve_until(float("inf"))
    assert end.is_stopping
    end = end_over(theirs)
    end.send("a report that nobody hears")
    assert end.is_stopping


def test_a_command_past_its_deadline_is_not_begun(pipe: tuple[Connection, Connection]) -> None:
    ours, theirs = pipe
    end = end_over(theirs)
    ask(ours, 1, deadline=time.monotonic() - 0.5)
    ask(ours, 2, deadline=time.monotonic() + 60)
    assert end.serve_until(time.monotonic() + 0.3)
    late, fine = ours.recv(), ours.recv()
    assert isinstance(late.error, UniverseBusy)
    assert "too late and did not begin it" in late.error.message
    assert fine.value == {"eid": 2}
    assert end.store.carried_out == [2]


def test_a_gateway_that_reads_nothing_holds_up_no_turn(pipe: tuple[Connection, Connection]) -> None:
    ours, theirs = pipe
    end = end_over(theirs)
    sent = threading.Thread(target=lambda: [end.send("a report") for _ in range(20_000)], daemon=True)
    sent.start()
    sent.join(20)
    assert not sent.is_alive()
    assert not end.is_stopping
    assert ours.recv() == "a report"


def one_late_turn(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a turn was to begin that took 0.5 s and ended 0.25 s late, after a settling of 3 s; by a scripted clock."""
    now, starts = [100.0], []
    scripted = SimpleNamespace(
        monotonic=lambda: now[0], time=lambda: now[0] + 1_000, perf_counter=time.perf_counter
    )
    monkeypatch.setattr(loop, "time", scripted)
    monkeypatch.setattr(loop, "settle_garbage", lambda: now.__setitem__(0, now[0] + 3))

    def serve_until(start: float) -> bool:
        starts.append(start)
        now[0] = max(now[0], start)
        return True

    def advance(deadline: float, _prepare: object) -> TurnReport:
        return TurnReport(7, deadline - 0.25, deadline + 0.25, 1, 0, 0, 0, 0)

    def publish() -> bool:
        end.is_stopping = True
        return False

    end = SimpleNamespace(
        store=SimpleNamespace(advance=advance, is_maintenance_due=False),
        snapshots=SimpleNamespace(prepare=None),
        is_stopping=False,
        tell_start=lambda: None,
        begin_turn=lambda: None,
        end_turn=lambda: None,
        serve_until=serve_until,
        publish=publish,
    )
    TurnLoop(end, 1.0).run()  # type: ignore[arg-type]
    return starts


def test_a_late_turn_says_how_late_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "wasmverse"):
        one_late_turn(monkeypatch)
    [late] = [record for record in caplog.records if getattr(record, "event", None) == "late turn"]
    assert late.getMessage() == "turn 7 ended 0.250 s after its deadline: it took 0.500 s, its period is 1 s"
    assert (vars(late)["seconds"], vars(late)["late_seconds"]) == (0.5, 0.25)


def test_the_first_turn_is_scheduled_when_all_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one_late_turn(monkeypatch) == [pytest.approx(103.1)]
