"""A strategy that is uploaded while turns are played can be called in SQL, and returns what it returns in the turn."""

import time
from typing import Any

import httpx
import wasmtime

from tests.processes.universe import PATIENCE_SECONDS, Universe
from tests.wasm.builder import strategy_wat

OF_A_SHIP = "kind, x, y, energy, shield, blasters, thrusters, harvesters, last_plan, sight(sid, eid, x, y)"
# Hold, with the length of what it sees as its memory.
COUNTS = "(i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 8))"


def test_an_upload_is_called_in_sql_as_in_the_turn(universe: Universe) -> None:
    universe.options[universe.options.index("--period") + 1] = "0.3"
    universe.start()
    url = universe.url
    with httpx.Client(base_url=url, timeout=30) as http:

        def ask(sql: str, turn: int | None = None) -> tuple[int, list[list[Any]]]:
            body = {"sql": sql, "turn": turn}
            answer = http.post("/api/v2/query/tuples", json=body)
            assert answer.status_code == 200, answer.text
            return int(answer.headers["wasmverse-turn"]), answer.json()["results"][0]["rows"]

        def wait_for(turn: int) -> None:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while ask("select 1")[0] < turn:
                assert time.monotonic() < deadline
                time.sleep(0.02)

        module = bytes(wasmtime.wat2wasm(strategy_wat(COUNTS)))
        uploaded = http.put("/api/v1/strategies/counts", content=module)
        assert uploaded.status_code == 201, uploaded.text
        for x in range(0, 100, 5):
            spawn = {"sql": f"call spawn_entity(3, 1, {x}, 50, 'counts')"}
            spawned = http.post("/api/v2/exec", json=spawn)
            assert spawned.status_code == 200, spawned.text
        wait_for(int(spawned.headers["wasmverse-turn"]) + 1)
        turn, plans = ask(
            f"select eid, counts({OF_A_SHIP}) from entity where strategy = 'counts' order by eid"
        )
        assert len(plans) >= 10 and any(plan for _, plan in plans)
        wait_for(turn + 1)
        _, kept = ask("select eid, last_plan from entity where strategy = 'counts' order by eid", turn + 1)
        after = dict(map(tuple, kept))
        assert {eid: plan for eid, plan in plans if eid in after} == {
            eid: after[eid] for eid, _ in plans if eid in after
        }
        assert len(after.keys() & {eid for eid, _ in plans}) >= 5
