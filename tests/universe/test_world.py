"""What strategies learn of the world by WASI: the turn's time, and random numbers that are the same wherever it is played."""

import numpy as np

from tests.universe.test_block import at, block, nodes_of, ships_of
from tests.wasm.builder import compile_wat, limits_of, strategy_wat
from wasmverse.strategies.roster import Roster, Strategy
from wasmverse.universe.block import Block, Workspace, play_block
from wasmverse.universe.outcome import Turn
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.wasi.signatures import MODULE

ASKS = f"""(module (import "{MODULE}" "FUNCTION" (func $ask (param PARAMS) (result i32)))"""
ROOM = '(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))'


def guest_of(function: str, params: str, call: str) -> Guest:
    text = strategy_wat(f"(drop {call}) (i64.load (i32.const 8))", ROOM)
    return Guest.of(
        compile_wat(text.replace("(module", ASKS.replace("FUNCTION", function).replace("PARAMS", params), 1)),
        "decide",
    )


CLOCK = guest_of("clock_time_get", "i32 i64 i32", "(call $ask (i32.const 0) (i64.const 1) (i32.const 8))")
RANDOM = guest_of("random_get", "i32 i32", "(call $ask (i32.const 8) (i32.const 8))")


def plans(guest: Guest, seed: int = 42, tid: int = 12, sid: int = 7, strategy_id: int = 1) -> list[int]:
    """What the ships of a system decide, before anybody looks at whether it is a plan."""
    ships = ships_of(*(at(eid, 50, 50 + eid, sid=sid, strategy_id=strategy_id) for eid in range(5)))
    workspace = Workspace()
    roster = Roster([Strategy(strategy_id, "alpha", True, "flying", guest)])
    played: Block = block([sid], ships, nodes_of())
    result = play_block(workspace, played, roster, Turn(seed, tid, 0, 0, True), limits_of())
    assert result.reasons == {}
    return [int(plan) for plan in workspace.columns.plan[:5]]


def test_the_clock_shows_the_turn() -> None:
    assert plans(CLOCK, tid=0) == [1] * 5, "no clock shows zero: Go would end itself"
    assert plans(CLOCK, tid=86_400) == [86_400 * 10**9] * 5


def test_random_numbers_are_of_universe_turn_block_strategy_and_ship() -> None:
    first = plans(RANDOM)
    assert plans(RANDOM) == first
    drawn = [
        first,
        plans(RANDOM, seed=43),
        plans(RANDOM, tid=13),
        plans(RANDOM, sid=8),
        plans(RANDOM, strategy_id=2),
    ]
    assert len(set(np.array(drawn).ravel().tolist())) == 25
