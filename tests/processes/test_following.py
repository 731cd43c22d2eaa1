"""Who plays when several processes have one universe open: in a world with its own clock, over a store that does as scripted."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import pytest

from wasmverse.commands import SpawnEntity
from wasmverse.errors import (
    ClockLost,
    DatabaseError,
    DatabaseLost,
    DatabaseTooNew,
    RecordingError,
    UniverseBusy,
    UniverseSilent,
)
from wasmverse.messages import Answer, Condition, Request, Stop, Trouble, TurnReport
from wasmverse.processes import following, gateway_end, loop
from wasmverse.processes.following import play_or_follow
from wasmverse.processes.gateway_end import GatewayEnd
from wasmverse.storage.phases import TurnPhases
from wasmverse.storage.universe_store import SharedStore

END = 60.0
"""When the gateway says stop."""


@dataclass
class World:
    """What everybody in it may look at, and when others do what, in seconds of its clock."""

    gateway: Connection
    pipe: Connection
    now: float = 0.0
    others_turns: list[float] = field(default_factory=list)
    others_gone: float = math.inf
    """From when on the other process has lost the clock."""
    others_work: Callable[[float], bool] = lambda _: False
    lost: list[tuple[float, float]] = field(default_factory=list)
    """From when to when the server does not answer."""
    slow: list[tuple[float, float]] = field(default_factory=list)
    """From when to when it answers late: at the end."""
    commands: list[float] = field(default_factory=list)
    said: list[tuple[float, object]] = field(default_factory=list)

    def wait(self, waited: list[Any], seconds: float) -> list[Any]:
        """As `multiprocessing.connection.wait`, in which time passes."""
        ends = self.now + seconds
        for moment in sorted([*self.others_turns, *self.commands, END]):
            if self.now < moment <= ends:
                self.now = moment
                if moment == END:
                    self.gateway.send(Stop())
                elif moment in self.commands:
                    self.gateway.send(Request(1, SpawnEntity(1, 2, 1, 1, None), math.inf))
                return waited[:1] if moment in (*self.commands, END) else waited[1:]
        self.now = ends
        return []


class FakeShared:
    """A store that others have open, too."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.is_clock = False
        self.tid = 0
        self.seen = 0.0
        self.size = (1, 2)
        self.recorder: object = None
        self.is_maintenance_due = False
        self.phases = TurnPhases()
        self.played: list[float] = []
        self.taken: list[tuple[float, bool]] = []
        self.asked: list[float] = []
        self.loses_clock_at = math.inf

    def _reach(self) -> None:
        for begin, end in self.world.slow:
            if begin <= self.world.now < end:
                self.world.now = end
        if any(begin <= self.world.now < end for begin, end in self.world.lost):
            self.is_clock = False
            raise DatabaseLost("the server is gone")

    def claim(self, *, from_frozen: bool = False) -> bool:
        self._reach()
        self.asked.append(self.world.now)
        if from_frozen or self.world.now >= self.world.others_gone:
            self.is_clock = True
            self.taken.append((self.world.now, from_frozen))
            self.world.others_turns.clear()
        return self.is_clock

    def follow(self) -> TurnReport | None:
        self._reach()
        new = [moment for moment in self.world.others_turns if self.seen < moment <= self.world.now]
        self.seen = self.world.now
        self.tid += len(new)
        return TurnReport(self.tid, 7.0, 7.25, 0, 0, 1, 2, 0) if new else None

    def advance(self, _deadline: float, _publish: object) -> TurnReport:
        self._reach()
        if self.world.now >= self.loses_clock_at:
            self.loses_clock_at, self.is_clock = math.inf, False
            raise ClockLost("another has it")
        self.played.append(self.world.now)
        self.tid += 1
        return TurnReport(self.tid, 0, 0, 0, 0, 1, 2, 0)

    def carry_out(self, _: object) -> dict[str, Any]:
        self._reach()
        return {"eid": 7}

    def is_clock_at_work(self) -> bool:
        return self.world.others_work(self.world.now)

    def reconnect(self) -> None:
        self._reach()

    def condition(self) -> Condition:
        return Condition("postgresql", is_clock=self.is_clock)

    def __getattr__(self, name: str) -> Any:  # what the loops do not use
        if name in {
            "check_upload",
            "find_version",
            "laws",
            "strategy_rows",
            "settings",
            "registry",
            "catalogue",
            "forgets_removed",
            "next_eid",
            "snapshot",
        } or (
            name
            in {
                "note_uses",
                "state_hash",
                "founding",
                "take_up",
                "threads",
                "maintain",
                "size_bytes",
                "close",
                "fileno",
                "keep_commands",
            }
        ):
            return lambda: 0
        raise AttributeError(name)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    ours, theirs = Pipe()
    with ours, theirs:
        made = World(ours, theirs)
        scripted = SimpleNamespace(
            monotonic=lambda: made.now, perf_counter=lambda: made.now, time=lambda: 1_000 + made.now
        )
        for module in (following, gateway_end, loop):
            monkeypatch.setattr(module, "time", scripted)
        for module in (following, loop):
            monkeypatch.setattr(module, "settle_garbage", lambda: None)
        monkeypatch.setattr(gateway_end, "wait", made.wait)
        monkeypatch.setattr(GatewayEnd, "_publish", lambda _: None)
        monkeypatch.setattr(GatewayEnd, "send", lambda _, message: made.said.append((made.now, message)))
        yield made


def run(world: World, store: FakeShared, period: float = 1.0) -> None:
    assert isinstance(store, SharedStore)
    play_or_follow(GatewayEnd(store, SimpleNamespace(prepare=None), world.pipe), period)  # type: ignore[arg-type]


def told(world: World, kind: type) -> list[Any]:
    return [message for _, message in world.said if isinstance(message, kind)]


def turns(period: float = 1.0, until: float = END, took: float = 0.2) -> list[float]:
    return [number * period + took for number in range(1, int((until - took) / period) + 1)]


def test_the_first_process_plays(world: World) -> None:
    world.others_gone = 0
    store = FakeShared(world)
    run(world, store)
    assert store.played == pytest.approx([0.1 + number for number in range(60)])
    assert [each.is_clock for each in told(world, Condition)] == [True]


def test_the_second_follows_and_leaves_the_clock_alone(world: World) -> None:
    world.others_turns = turns()
    store = FakeShared(world)
    run(world, store)
    assert store.played == []
    assert store.asked == [0.0], "one who comes in time is not looked after"
    reports = told(world, TurnReport)
    assert [report.tid for report in reports] == list(range(60))
    # By the clock of this machine: the other one's is decades late.
    assert (reports[-1].started_at, reports[-1].ended_at) == pytest.approx((1_058.95, 1_059.2))
    assert [each.is_clock for each in told(world, Condition)] == [False]


def test_turns_that_came_too_fast_are_counted(world: World) -> None:
    world.others_turns = [1.2, 2.2, *[3.2 + number / 10 for number in range(5)], 5.2, 6.2]
    world.slow = [(3.2, 3.7)]
    run(world, FakeShared(world), 10.0)
    assert [each.lag_turns for each in told(world, Condition)] == [0, 4, 0, 0]
    assert [report.tid for report in told(world, TurnReport)][:6] == [0, 1, 2, 7, 8, 9]


@pytest.mark.parametrize("period", [0.05, 1.0, 10.0])
def test_a_clock_that_was_killed_is_replaced_within_three_periods(world: World, period: float) -> None:
    world.others_turns = turns(period, until=3.4 * period, took=0.2 * period)
    world.others_gone, heard = 3.4 * period, world.others_turns[-1]
    store = FakeShared(world)
    run(world, store, period)
    assert store.taken == [(pytest.approx(heard + 1.5 * period), False)]
    assert store.played[0] < heard + 3 * period
    assert store.tid == 3 + len(store.played)
    assert [each.is_clock for each in told(world, Condition)] == [False, True]


@pytest.mark.parametrize(("period", "after"), [(1.0, 3.0), (0.05, 2.0), (4.0, 12.0)])
def test_one_that_stands_still_is_ended_after_three_periods(
    world: World, period: float, after: float
) -> None:
    world.others_turns = turns(period, until=5.4 * period, took=0.2 * period)
    heard = world.others_turns[-1]
    store = FakeShared(world)
    run(world, store, period)
    assert len(store.taken) == 1
    moment, from_frozen = store.taken[0]
    assert from_frozen
    assert heard + after <= moment + 1e-9 < heard + after + period
    assert store.played[0] == pytest.approx(moment + min(period, 0.1))


def test_one_that_is_at_work_on_a_long_turn_keeps_it(world: World) -> None:
    world.others_turns = [1.2, 50.0]
    world.others_work = lambda now: now < 49
    store = FakeShared(world)
    run(world, store)
    assert [each for each in store.taken if each[0] < 50] == []


def test_a_server_that_stood_still_is_no_reason_to_end_the_clock(world: World) -> None:
    """For ten seconds nobody was answered; the turn that was under way comes 1.4 periods after."""
    world.others_turns = [1.2, *[moment for moment in turns() if moment > 12]]
    world.slow = [(1.3, 11.0)]
    store = FakeShared(world)
    run(world, store)
    assert store.taken == []
    assert store.tid == 49


def test_a_server_that_is_gone_is_tried_again_and_commands_are_answered(world: World) -> None:
    world.others_gone = 0
    world.lost = [(5.05, 9.0)]
    world.commands = [3.0, 7.0, 11.0]
    store = FakeShared(world)
    run(world, store)
    assert [moment for moment in store.played if 5 < moment < 9] == []
    assert store.played[5] < 9 + 1.0 + 0.2, "waits grow, but not beyond a second"
    before, meanwhile, after = told(world, Answer)
    assert before.value == after.value == {"eid": 7}
    assert isinstance(meanwhile.error, UniverseBusy)
    assert "the server is gone; the command was not begun" in meanwhile.error.message
    assert {each.text for each in told(world, Trouble)} == {"the server is gone; trying again"}
    assert store.tid == len(store.played)


@pytest.mark.parametrize("error", [DatabaseError, DatabaseTooNew])
def test_what_an_operator_can_put_right_is_waited_for(
    world: World, error: type[DatabaseError], caplog: pytest.LogCaptureFixture
) -> None:
    """Each turn fails from 5 s on, although the server answers; until 20 s."""
    world.others_gone = 0
    store = FakeShared(world)
    advance = store.advance

    def fail(*arguments: Any) -> TurnReport:
        if 5 < world.now < 20:
            raise error("the disk is full")
        return advance(*arguments)

    store.advance = fail  # type: ignore[method-assign]
    if error is DatabaseTooNew:
        with pytest.raises(DatabaseTooNew):
            run(world, store)
        return
    run(world, store)
    assert 20 < store.played[5] < 21.5
    assert caplog.text.count("the disk is full") == 1, "said once, not each time"
    assert 10 < len(told(world, Trouble)) < 25, "tried once a second"


def test_a_command_in_which_the_server_is_lost_may_have_taken_effect(world: World) -> None:
    world.others_turns = turns()
    world.lost, world.commands = [(5.4, 5.6)], [5.5]
    run(world, FakeShared(world))
    (answer,) = told(world, Answer)
    assert isinstance(answer.error, UniverseSilent)
    assert "look whether the command took effect" in answer.error.message


def test_who_lost_the_clock_follows(world: World) -> None:
    world.others_gone = 0
    store = FakeShared(world)
    store.loses_clock_at = 10.0

    def lose() -> bool:
        world.others_gone = math.inf
        world.others_turns = [moment for moment in turns() if moment > 11]
        return False

    original = store.advance

    def advance(*arguments: Any) -> TurnReport:
        try:
            return original(*arguments)
        except ClockLost:
            lose()
            raise

    store.advance = advance  # type: ignore[method-assign]
    run(world, store)
    assert len(store.played) == 10
    assert [each.is_clock for each in told(world, Condition)] == [True, False]
    assert store.tid == 10 + 49


@pytest.mark.parametrize("error", [ClockLost, DatabaseLost])
def test_a_recording_ends_where_it_would_have_a_gap(world: World, error: type[Exception]) -> None:
    world.others_gone = 0
    store = FakeShared(world)
    store.recorder = object()
    if error is ClockLost:
        store.loses_clock_at = 5.0
    else:
        world.lost = [(5.05, 6.0)]
    with pytest.raises(RecordingError, match="start again, with the same --record"):
        run(world, store)
