"""The same turn decided in four ways, for docs/why.md.

    python -m tests.bench.bench_ways

A real server with the default universe; the strategy is the yardstick's, which makes for the nearest node, written once in
WebAssembly and once in Python. Every way begins with a committed turn and ends with a plan for each ship; all plans are
compared, so no way can be faster by doing something else.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np
import pyarrow as pa
import uvicorn
import wasmtime
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.bench.report import DOCS, conditions, plot, put_between
from tests.bench.server import Server
from tests.bench.yardstick import NEAREST
from tests.wasm.builder import limits_of
from wasmverse.confinement.prctl import refuse_huge_pages
from wasmverse.strategies.roster import Roster, Strategy
from wasmverse.universe.block import Block, Workspace, play_block
from wasmverse.universe.outcome import Turn
from wasmverse.universe.state import Nodes, Ships, State, make_state
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.guest import Guest

REPEATS = 5
PERIOD_SECONDS = 10
PAGE_SYSTEMS = 250
"""Systems to a page: a middle tier does not ask for everything at once."""

PAGE = DOCS / "why.md"
PLOT = DOCS / "benchmarks" / "four-ways.svg"
TITLES = {
    "call by call": "one Wasm call a ship, from Python",
    "middle tier": "middle tier over HTTP, native Python",
    "SQL join": "SQL join and a vectorised function",
    "Wasmverse": "Wasmverse",
}

Plans = dict[int, int]

COLUMNS = "sid, eid, kind, x, y, energy, shield, blasters, thrusters, harvesters, last_plan"

_ME = ("x", "y", "energy", "shield", "blasters", "thrusters", "harvesters", "last_plan")
_NEAR = "(other.x::int - me.x) ** 2 + (other.y::int - me.y) ** 2 < 256"
_ENTITY = " | ".join(
    f"(other.{name}::uinteger << {8 * byte})" for byte, name in enumerate(("kind", "blasters", "x", "y"))
)
JOIN = f"""
select eid, nearest(1, {", ".join(_ME)}, seen) as plan
from (
    select me.eid, {", ".join(f"any_value(me.{name}) as {name}" for name in _ME)},
        coalesce(list(({_ENTITY}) order by other.kind, other.eid) filter (where other.eid is not null), []) as seen
    from entity me left join entity other on other.sid = me.sid and other.eid <> me.eid and {_NEAR}
    where me.kind = 1 and ? > 0
    group by me.eid
)
"""
"""The strategy ``nearest`` over a join that finds what each ship sees."""


def decide(x: int, y: int, seen: list[list[int]]) -> int:
    """The yardstick's strategy in Python; seen : rows of COLUMNS."""
    best, found = 1 << 31, None
    for row in seen:
        if row[2] == 2:
            distance = (row[3] - x) ** 2 + (row[4] - y) ** 2
            if distance < best:
                best, found = distance, row
    if best == 0:
        return 0
    if found is None:
        return 0x52
    if found[3] != x:
        return 0x51 if found[3] > x else 0x71
    return 0x61 if found[4] > y else 0x41


class MiddleTier:
    """Fetches rows over the query endpoint, decides in Python, and sends the plans back to be committed."""

    def __init__(self, server: Server, store: httpx.Client, turn: int) -> None:
        self.server = server
        self.store = store
        self.turn = turn

    def plans(self, number: int) -> Plans:
        """One turn; ``number`` is one that was not used before."""
        systems: dict[int, list[list[int]]] = defaultdict(list)
        sql = f"select {COLUMNS} from entity where sid between ? and ? and ? > 0 order by kind, eid"
        for first in range(1, self.server.systems + 1, PAGE_SYSTEMS):
            asked = {"sql": sql, "args": [first, first + PAGE_SYSTEMS - 1, number], "turn": self.turn}
            answer = self.server.http.post("/api/v2/query/tuples", json=asked).raise_for_status()
            for row in answer.json()["results"][0]["rows"]:
                systems[row[0]].append(row)
        plans = {}
        for rows in systems.values():
            for me in rows:
                if me[2] == 1:
                    x, y = me[3], me[4]
                    seen = [
                        row
                        for row in rows
                        if (row[3] - x) * (row[3] - x) + (row[4] - y) * (row[4] - y) < 256 and row is not me
                    ]
                    plans[me[1]] = decide(x, y, seen)
        self.store.post("/plans", json=list(plans.items())).raise_for_status()
        return plans


def serve_store(listener: socket.socket, path: str, eids: list[int]) -> None:
    """Commit plans that come over HTTP to a file, as a database server would. Runs until it is ended."""
    connection = duckdb.connect(path)
    given: Any = pa.table({"eid": eids, "plan": pa.array([0] * len(eids), pa.uint64())})
    connection.register("given", given)
    connection.execute("create table ship as select eid, plan as last_plan from given").fetchall()

    async def store(request: Request) -> JSONResponse:
        eids, plans = zip(*json.loads(await request.body()), strict=True)
        connection.register("given", pa.table({"eid": eids, "plan": pa.array(plans, pa.uint64())}))
        connection.execute(
            "update ship set last_plan = given.plan from given where ship.eid = given.eid"
        ).fetchall()
        return JSONResponse({})

    app = Starlette(routes=[Route("/plans", store, methods=["POST"])])
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


def sql_join(server: Server, turn: int, number: int) -> Plans:
    """One query: neighbours by a join, plans by the strategy as a vectorised function."""
    answer = server.http.post(
        "/api/v2/query/rows",
        json={"sql": JOIN, "args": [number], "turn": turn},
        headers={"accept": "application/vnd.apache.arrow.stream"},
    ).raise_for_status()
    rows = pa.ipc.open_stream(answer.content).read_all()
    return dict(zip(rows["eid"].to_pylist(), rows["plan"].to_pylist(), strict=True))


class InProcess:
    """The rows as arrays, for the two ways that run beside them."""

    def __init__(self, rows: pa.Table, systems: int) -> None:
        ships, nodes = (rows.filter(pa.array(rows["kind"].to_numpy() == kind)) for kind in (1, 2))
        columns = {name: ships[name].to_numpy().copy() for name in COLUMNS.split(", ")}
        self.state = make_state(
            Ships(strategy_id=np.ones(len(ships), np.uint16), **{k: columns[k] for k in Ships._fields if k != "strategy_id"}),
            Nodes._make(nodes[name].to_numpy().copy() for name in Nodes._fields),
            systems,
        )  # fmt: skip
        self.systems = systems
        self.guest = Guest.of(wasmtime.Module(flight_engine(), wasmtime.wat2wasm(NEAREST)), "decide")
        self.workspace = Workspace()

    def block(self) -> tuple[float, State, Workspace]:
        """Observe and decide as one block; the processor seconds of the two."""
        block = Block(np.arange(1, self.systems + 1, dtype=np.uint32), *self.state)
        roster = Roster([Strategy(1, "nearest", True, "flying", self.guest)])
        turn = Turn(1, 1, 0, 0, False)
        result = play_block(self.workspace, block, roster, turn, limits_of())
        return result.phase_seconds[0] + result.phase_seconds[1], self.state, self.workspace

    def as_wasmverse(self) -> Plans:
        """The turn's own code, all ships in one call into WebAssembly. One strategy: rows are in the ships' order."""
        self.block()
        plans = self.workspace.columns.plan[: len(self.state.ships.eid)]
        return dict(zip(self.state.ships.eid.tolist(), plans.tolist(), strict=True))

    def call_by_call(self) -> Plans:
        """The same neighbours, and a call from Python for each ship."""
        _, state, workspace = self.block()
        columns, start = workspace.columns, workspace.lists_address
        store = wasmtime.Store(flight_engine())
        store.set_fuel(1 << 60)
        exports = wasmtime.Instance(store, self.guest.module, []).exports(store)
        function: Any = exports["decide"]
        memory: Any = exports["memory"]
        inside = np.frombuffer(memory.get_buffer_ptr(store), np.uint8)
        allocate: Any = exports["cabi_realloc"]
        lists = workspace.lists
        plans = {}
        for row, eid in enumerate(state.ships.eid.tolist()):
            length = int(columns.list_length[row])
            first = (int(columns.list_address[row]) - start) // 4
            at = allocate(store, 0, 0, 1, length)
            inside[at : at + length] = lists[first : first + length // 4].view(np.uint8)
            me = (int(column[row]) for column in columns[:9])
            plans[eid] = function(store, *me, at, length) & 0xFFFF_FFFF_FFFF_FFFF
        return plans


def timed(way: Callable[[], Plans]) -> tuple[float, Plans]:
    """Median seconds of some turns, and the plans."""
    seconds = []
    plans: Plans = {}
    for _ in range(REPEATS):
        clock = time.perf_counter()
        plans = way()
        seconds.append(time.perf_counter() - clock)
    return statistics.median(seconds), plans


def measure() -> list[dict[str, Any]]:
    """The four ways, slowest first: name, seconds of a turn, ships."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            # Turns that hardly disturb, and stay; what is uploaded can be called from the next one on.
            "WASMVERSE_PERIOD_SECONDS": str(PERIOD_SECONDS),
            "WASMVERSE_SNAPSHOTS_KEPT": "100",
            "WASMVERSE_QUERY_SECONDS_MAX": "60",
            "WASMVERSE_READER_MEMORY_BYTES_MAX": str(4 << 30),
        }
        server = Server(Path(folder), environment)
        listener = socket.create_server(("127.0.0.1", 0))
        store = None
        try:
            module = bytes(wasmtime.wat2wasm(NEAREST))
            server.http.put("/api/v1/strategies/nearest", content=module).raise_for_status()
            time.sleep(PERIOD_SECONDS + 1)
            [[turn]] = server.rows("select max(tid) from turns")
            answer = server.http.post(
                "/api/v2/query/rows",
                json={"sql": f"select {COLUMNS} from entity", "turn": turn},
                headers={"accept": "application/vnd.apache.arrow.stream"},
            ).raise_for_status()
            rows = pa.ipc.open_stream(answer.content).read_all()
            inside = InProcess(rows, server.systems)
            eids = inside.state.ships.eid.tolist()
            context = multiprocessing.get_context("spawn")
            store = context.Process(
                target=serve_store, args=(listener, str(Path(folder) / "plans.duckdb"), eids)
            )
            store.start()
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=60) as client:
                tier = MiddleTier(server, client, turn)
                # The server keeps results for the turn: a number that is new each time makes every query run.
                numbers = itertools.count(1)
                ways = {
                    "middle tier": timed(lambda: tier.plans(next(numbers))),
                    "call by call": timed(inside.call_by_call),
                    "SQL join": timed(lambda: sql_join(server, turn, next(numbers))),
                    "Wasmverse": timed(inside.as_wasmverse),
                }
        finally:
            if store is not None:
                store.terminate()
                store.join()
            listener.close()
            server.stop()
    expected = ways["Wasmverse"][1]
    for name, (_, plans) in ways.items():
        if plans != expected:
            raise SystemExit(f"{name} made other plans than Wasmverse: one of them is wrong")
    found = [
        {"way": name, "seconds": seconds, "ships": len(plans)} for name, (seconds, plans) in ways.items()
    ]
    return sorted(found, key=lambda way: -way["seconds"])


def main() -> None:
    """Measure, and put table and plot into docs/why.md."""
    refuse_huge_pages()
    where = conditions("duckdb", "wasmtime", "fastapi", "pyarrow")
    ways = measure()
    best = ways[-1]["seconds"]
    lines = [
        f"| {TITLES[way['way']]} | {_shown(way['seconds'])} | {1e6 * way['seconds'] / way['ships']:.2f} µs | "
        f"{way['ships'] / way['seconds']:,.0f} | {way['seconds'] / best:.0f} × |"
        for way in ways
    ]
    head = "| way | 32,000 plans | a ship | ships a second | compared |\n|---|---|---|---|---|"
    table = f"{head}\n" + "\n".join(lines)
    put_between(PAGE, "ways", f"{where}\n\n{table}")
    with plot(PLOT, height=2.6) as axis:
        names = [TITLES[way["way"]] for way in reversed(ways)]
        bars = axis.barh(
            names, [1000 * way["seconds"] for way in reversed(ways)], color=["C2", "C0", "C0", "C0"]
        )
        axis.bar_label(bars, [_shown(way["seconds"]) for way in reversed(ways)], padding=4)
        axis.set(xscale="log", xlabel="milliseconds until 32,000 ships have their plans", xlim=(1, 30_000))
        axis.grid(visible=False, axis="y")
    print(table)


def _shown(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


if __name__ == "__main__":
    main()
