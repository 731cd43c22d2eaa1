"""The same turn over bare arrays, with nothing around it: no database, no faults, no events, no deaths, no spawning.

    python -m tests.bench.yardstick SYSTEMS SHIPS NODES THREADS TURNS

Observation tests every entity of a system for every ship, the strategy is a few lines of WAT that look for the nearest
node, and the rules are the ones that no turn can do without: pay, move, upgrade, battle, harvest, repair. Prints the
median seconds of a turn and of its three phases. It says what a machine can do; ratios to it hold on other machines too.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import numpy as np
import wasmtime
from numba import njit

from tests.wasm.builder import limits_of
from wasmverse.strategies.contract import strategy_layout
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Guest

LAYOUT = strategy_layout({"me.x": "u1", "me.y": "u1"})

NEAREST = """(module (memory (export "memory") 2)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "decide") (param $kind i32) (param $x i32) (param $y i32) (param $energy i32) (param $shield i32)
    (param $blasters i32) (param $thrusters i32) (param $harvesters i32) (param $last i64) (param $at i32) (param $length i32)
    (result i64) (local $end i32) (local $best i32) (local $found i32) (local $d i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (local.set $best (i32.const 0x7fffffff))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 2)) (then
        (local.set $d (i32.add
          (i32.mul (i32.sub (i32.load8_u offset=2 (local.get $at)) (local.get $x))
                   (i32.sub (i32.load8_u offset=2 (local.get $at)) (local.get $x)))
          (i32.mul (i32.sub (i32.load8_u offset=3 (local.get $at)) (local.get $y))
                   (i32.sub (i32.load8_u offset=3 (local.get $at)) (local.get $y)))))
        (if (i32.lt_u (local.get $d) (local.get $best)) (then
          (local.set $best (local.get $d)) (local.set $found (local.get $at))))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br $next)))
    (if (i32.eqz (local.get $best)) (then (return (i64.const 0))))
    (if (i32.eqz (local.get $found)) (then (return (i64.const 0x52))))
    (if (i32.gt_u (i32.load8_u offset=2 (local.get $found)) (local.get $x)) (then (return (i64.const 0x51))))
    (if (i32.lt_u (i32.load8_u offset=2 (local.get $found)) (local.get $x)) (then (return (i64.const 0x71))))
    (if (i32.gt_u (i32.load8_u offset=3 (local.get $found)) (local.get $y)) (then (return (i64.const 0x61))))
    (i64.const 0x41)))"""


@njit(nogil=True, cache=True)
def observe(systems, ships, nodes, x, y, danger, node_x, node_y, address, length, lists, base):
    """Brute force: every entity of the system for every ship."""
    used = 0
    for system in range(systems):
        for i in range(system * ships, (system + 1) * ships):
            address[i] = base + 4 * used
            begin = used
            own_x, own_y = np.int32(x[i]), np.int32(y[i])
            for j in range(system * ships, (system + 1) * ships):
                across, down = np.int32(x[j]) - own_x, np.int32(y[j]) - own_y
                lists[used] = (
                    1 | (np.uint32(danger[j]) << 8) | (np.uint32(x[j]) << 16) | (np.uint32(y[j]) << 24)
                )
                used += 1 if across * across + down * down < 256 and i != j else 0
            for j in range(system * nodes, (system + 1) * nodes):
                across, down = np.int32(node_x[j]) - own_x, np.int32(node_y[j]) - own_y
                lists[used] = 2 | (np.uint32(node_x[j]) << 16) | (np.uint32(node_y[j]) << 24)
                used += 1 if across * across + down * down < 256 else 0
            length[i] = 4 * (used - begin)
    return used


@njit(nogil=True, cache=True)
def resolve(
    systems,
    ships,
    nodes,
    x,
    y,
    energy,
    shield,
    blasters,
    thrusters,
    harvesters,
    plan,
    node_x,
    node_y,
    node_energy,
):
    """Pay, move, upgrade, battle, harvest, repair."""
    crowd = np.zeros(10_000, np.int32)
    fire = np.zeros(10_000, np.int32)
    lone = np.zeros(10_000, np.int32)
    for system in range(systems):
        first, last = system * ships, (system + 1) * ships
        for i in range(first, last):
            command = plan[i] & np.uint64(255)
            kind = command >> np.uint64(6)
            cost = 1 if kind == 0 else (2 if kind == 1 else 50)
            if energy[i] < cost:
                energy[i] = max(np.int32(energy[i]) - 1, 0)
            else:
                energy[i] -= cost
                if kind == 1:
                    step = min(np.int32(command & np.uint64(15)), np.int32(thrusters[i]))
                    way = (command >> np.uint64(4)) & np.uint64(3)
                    if way == 0:
                        y[i] = max(np.int32(y[i]) - step, 0)
                    elif way == 1:
                        x[i] = min(np.int32(x[i]) + step, 99)
                    elif way == 2:
                        y[i] = min(np.int32(y[i]) + step, 99)
                    else:
                        x[i] = max(np.int32(x[i]) - step, 0)
                elif kind == 2 and blasters[i] < 255:
                    blasters[i] += 1
            cell = np.int32(y[i]) * 100 + x[i]
            crowd[cell] += 1
            fire[cell] += blasters[i]
            lone[cell] = i
        for i in range(first, last):
            cell = np.int32(y[i]) * 100 + x[i]
            if crowd[cell] > 1:
                shield[i] = max(np.int32(shield[i]) - (fire[cell] - blasters[i]), 0)
            elif shield[i] < 100:
                shield[i] += 1
        for j in range(system * nodes, (system + 1) * nodes):
            cell = np.int32(node_y[j]) * 100 + node_x[j]
            if crowd[cell] == 1:
                i = lone[cell]
                taken = min(np.int32(harvesters[i]), np.int32(node_energy[j]))
                node_energy[j] -= taken
                energy[i] = min(np.int32(energy[i]) + taken, 65_535)
        for i in range(first, last):
            cell = np.int32(y[i]) * 100 + x[i]
            crowd[cell] = 0
            fire[cell] = 0


class Shard:
    """The systems of one thread."""

    def __init__(self, number: int, systems: int, ships: int, nodes: int, guest: Guest) -> None:
        rng = np.random.default_rng(number)
        count, self.shape, self.guest = systems * ships, (systems, ships, nodes), guest
        room = int(count * ((ships + nodes) * 0.09 + 12))
        self.frame = Frame(LAYOUT, count, 4 * room)
        (kind, self.x, self.y, self.energy, self.shield, self.blasters, self.thrusters, self.harvesters, _last,
         self.address, self.length, self.plan) = self.frame.columns  # fmt: skip
        kind[:] = 1
        self.x[:], self.y[:] = rng.integers(0, 100, (2, count))
        self.energy[:], self.shield[:] = 20_000, 100
        self.blasters[:] = self.thrusters[:] = self.harvesters[:] = 2
        self.lists, self.base = self.frame.tail(np.uint32), self.frame.tail_address
        self.node_x, self.node_y = rng.integers(0, 100, (2, systems * nodes)).astype(np.uint8)
        self.node_energy = np.full(systems * nodes, 30_000, np.uint16)
        self.seconds = [0.0, 0.0, 0.0]

    def turn(self) -> None:
        """One turn of these systems."""
        started = time.perf_counter()
        observe(
            *self.shape,
            self.x,
            self.y,
            self.blasters,
            self.node_x,
            self.node_y,
            self.address,
            self.length,
            self.lists,
            self.base,
        )
        observed = time.perf_counter()
        outcome = self.guest.run(self.frame, 0, len(self.x), limits_of())
        assert not outcome.faults, outcome.reason
        decided = time.perf_counter()
        resolve(*self.shape, self.x, self.y, self.energy, self.shield, self.blasters, self.thrusters, self.harvesters,
                self.plan, self.node_x, self.node_y, self.node_energy)  # fmt: skip
        self.seconds = [observed - started, decided - observed, time.perf_counter() - decided]


def measure(systems: int, ships: int, nodes: int, threads: int, turns: int) -> dict[str, object]:
    """Median seconds of a turn and of its phases (of the first thread), two turns not counted."""
    guest = Guest.of(wasmtime.Module(flight_engine(), bytes(wasmtime.wat2wasm(NEAREST))), "decide")
    shards = [Shard(number, systems // threads, ships, nodes, guest) for number in range(threads)]
    seconds, phases = [], []
    for number in range(turns + 2):
        started = time.perf_counter()
        workers = [threading.Thread(target=shard.turn) for shard in shards]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if number >= 2:
            seconds.append(time.perf_counter() - started)
            phases.append(shards[0].seconds)
    median = dict(
        zip(("observe", "decide", "resolve"), np.median(phases, axis=0).round(6).tolist(), strict=True)
    )
    return {
        "ships": systems * ships,
        "turn_seconds": round(float(np.median(seconds)), 6),
        "phase_seconds": median,
    }


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:6]))))
