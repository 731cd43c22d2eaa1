"""The module of the rules plays the same bytes as a server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.rules_wasm.module import Module
from tests.wasm.builder import limits_of
from wasmverse.rules_wasm.turn import HEADER
from wasmverse.strategies.roster import FLYING, GROUNDED, Roster, Strategy
from wasmverse.universe.genesis import populate
from wasmverse.universe.observe import Columns
from wasmverse.universe.outcome import E_BATTLE, E_DEATH, E_FAULT, E_SPAWN, E_STARVE
from wasmverse.universe.result import nodes_after, ships_after
from wasmverse.universe.state import Nodes, Ships, State, make_state, state_hash
from wasmverse.universe.turn import Laws, TurnPlayer
from wasmverse.wasm.guest import Outcome

NAMES = ("zeta", "alpha", "mid")
TURNS = 50
LIMITS = limits_of(faults_max=10_000)


def plans(rows: Columns, lists: list[bytes], salt: int) -> tuple[np.ndarray, np.ndarray]:
    """For each row a plan that depends on all that its ship is told, and whether its call faults."""
    hashed = np.full(len(rows.x), 0x9E3779B97F4A7C15 + salt, np.uint64)
    for column in (*rows[:9], np.array([hash_of(seen) for seen in lists], np.uint64)):
        hashed = (hashed ^ column.astype(np.uint64)) * np.uint64(0x100000001B3)
        hashed ^= hashed >> np.uint64(31)
    # Most go north or west, so that they meet in a corner.
    north_west = (
        np.uint64(0b01_00_0010)
        | (hashed & np.uint64(256)) >> np.uint64(3)
        | (hashed & np.uint64(256)) >> np.uint64(4)
    )
    gathered = hashed & ~np.uint64(0xFF) | north_west
    return np.where(hashed % np.uint64(5) < 4, gathered, hashed), hashed % np.uint64(37) == 0


def hash_of(seen: bytes) -> int:
    value = 0
    for byte in seen:
        value = (value * 31 + byte) & 0xFFFFFFFF
    return value


class Chaos:
    """A guest whose plans are those of `plans`."""

    has_wasi = False

    def __init__(self, salt: int) -> None:
        self.salt = salt

    def run(self, frame: Any, start: int, stop: int, *_: Any) -> Outcome:
        rows = Columns._make(column[start:stop] for column in frame.columns)
        tail = frame.tail(np.uint8)
        lists = [
            bytes(tail[at - frame.tail_address : at - frame.tail_address + length])
            for at, length in zip(rows.list_address.tolist(), rows.list_length.tolist(), strict=True)
        ]
        planned, faulted = plans(rows, lists, self.salt)
        rows.plan[~faulted] = planned[~faulted]
        return Outcome(faulted=(start + np.flatnonzero(faulted)).tolist(), reason="chaos")


class Native:
    """The same universe as a server plays it."""

    def __init__(self, laws: Laws, grounded: str | None) -> None:
        self.laws = laws
        self.player = TurnPlayer(threads=1)
        self.roster = Roster(
            [
                Strategy(number, name, True, GROUNDED if name == grounded else FLYING, Chaos(number))  # type: ignore[arg-type]
                for number, name in enumerate(NAMES, 1)
            ]
        )
        by_name = [1 + NAMES.index(name) for name in sorted(NAMES)]
        ships, nodes, self.next_eid = populate(
            laws.seed, laws.systems, laws.ships_min, laws.nodes_min, by_name
        )
        self.state = State(ships, nodes)

    def play(self, tid: int) -> Any:
        result = self.player.play(self.state, self.laws, self.roster, LIMITS, tid=tid, next_eid=self.next_eid)
        self.state = make_state(ships_after(result), nodes_after(self.state.nodes, result), self.laws.systems)
        self.next_eid = result.next_eid
        return result


@pytest.mark.parametrize(
    ("seed", "systems", "ships", "nodes", "upkeep", "grounded", "happens"),
    [
        (1, 3, 32, 64, 0, None, {E_SPAWN, E_BATTLE, E_STARVE}),
        (2**62 + 5, 2, 130, 30, 0, None, {E_SPAWN, E_BATTLE, E_DEATH, E_STARVE}),
        (3, 2, 60, 30, 17, None, {E_SPAWN, E_BATTLE, E_STARVE}),
        (7, 5, 12, 0, 0, "mid", {E_SPAWN}),
        (9, 2, 0, 7, 1_000, None, set()),
    ],
)
def test_every_turn_has_the_bytes_of_a_server(
    seed: int, systems: int, ships: int, nodes: int, upkeep: int, grounded: str | None, happens: set[int]
) -> None:
    native = Native(Laws(seed, systems, ships, nodes, systems, upkeep), grounded)
    module = Module(seed, systems, ships, nodes, len(NAMES), TURNS)
    module.array(module.at, len(HEADER), "i8")[HEADER.index("upkeep")] = upkeep
    order = [NAMES.index(name) for name in sorted(NAMES)]
    module.array(module.word("order"), len(NAMES), "i8")[:] = order
    module.call("populate", module.at)
    if grounded is not None:
        module.array(module.word("is_dealt"), len(NAMES), "u1")[NAMES.index(grounded)] = 0
    kinds = set()
    for tid in range(1, TURNS + 1):
        result = native.play(tid)
        fly(module, grounded)
        module.call("resolve", module.at)
        tally = module.array(module.word("tally"), 8 * len(NAMES), "i8").reshape(-1, 8).tolist()
        assert tally == [list(each.counts.values()) for each in result.strategies]
        told = zip(*(column.tolist() for column in events_in_order(result)), strict=True)
        assert module.events() == sorted(told)
        kinds |= {event[2] for event in module.events()}
        assert bytes_of(module.ships(), module.nodes(), tid, module.word("next_eid")) == bytes_of(
            *native.state, tid, native.next_eid
        )
    assert kinds >= happens


def fly(module: Module, grounded: str | None) -> None:
    """Steps 1 and 2."""
    seen = module.call("observe", module.at)
    rows = module.rows()
    starts = module.array(module.word("row_starts"), len(NAMES) + 1, "i8").tolist()
    called = module.array(module.word("row_called"), module.word("ships"), "u1")
    assert int(rows.list_length.sum()) == 4 * seen
    for slot, name in enumerate(NAMES):
        here = slice(starts[slot], starts[slot + 1])
        own = Columns._make(column[here] for column in rows)
        lists = [
            module.array(at, length, "u1").tobytes()
            for at, length in zip(own.list_address.tolist(), own.list_length.tolist(), strict=True)
        ]
        planned, faulted = plans(own, lists, slot + 1)
        if name == grounded:
            faulted[:] = True
        own.plan[~faulted] = planned[~faulted]
        called[here][faulted] = 1


def events_in_order(result: Any) -> tuple[np.ndarray, ...]:
    """(eid, sid, kind, x, y, slot, by_slot) of all events but those of faults, which the module does not tell."""
    columns = result.events.columns
    kept = columns.kind != E_FAULT
    return tuple(getattr(columns, name)[kept] for name in ("eid", "sid", "kind", "x", "y", "slot", "by_slot"))


def bytes_of(ships: Ships, nodes: Nodes, tid: int, next_eid: int) -> tuple[str, list[bytes]]:
    columns = [column.tobytes() for column in (*ships, *nodes)]
    return state_hash(ships, nodes, tid, next_eid), columns


def test_the_module_needs_nothing() -> None:
    module = Module(1, 1, 1, 1, 1, 1)
    assert module.imports == []
    assert module.exports == ["begin", "memory", "observe", "populate", "resolve"]


def test_a_duel_that_memory_cannot_hold_is_a_trap() -> None:
    with pytest.raises(Exception, match="unreachable"):
        Module(1, 1_000_000, 1_000_000, 1, 1, 1)
