"""A model of what a universe in PostgreSQL costs: fitted to a few measured sizes, and used for sizes that no machine here has.

Everything in it is a straight line over ships and nodes, or over bytes, and a few constants. docs/scale.md says what that
leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BLOCK_SYSTEMS = 1_024
"""Systems of a block; see ``simulation.beginning``."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measured size; each figure is that of one turn.

    database_seconds : processor time of all processes of the servers
    clock_seconds : processor time of the process that holds the clock: the deal, the records
    wal_bytes : written to the write-ahead log
    pull_bytes : packed bytes of all ships and nodes, which a gateway pulls
    pull_seconds, pull_server_seconds : processor time of a pull, in the gateway and in the servers
    """

    systems: int
    ships: int
    nodes: int
    database_seconds: float
    clock_seconds: float
    wal_bytes: float
    pull_bytes: float
    pull_seconds: float
    pull_server_seconds: float

    @property
    def blocks(self) -> int:
        return -(-self.systems // BLOCK_SYSTEMS)


@dataclass(frozen=True, slots=True)
class Line:
    """A constant, and what a ship and a node add to it."""

    constant: float
    ship: float
    node: float

    def at(self, ships: float, nodes: float) -> float:
        return self.constant + self.ship * ships + self.node * nodes


def fit(points: Sequence[Point], values: Sequence[float]) -> Line:
    """The line with the least squares of relative errors, none of its parts below 0.

    Large universes cost a thousand times what small ones do; without weights a small one would not count at all.
    """
    target = np.array(values, dtype=float)
    assert len(points) >= 3 and (target > 0).all()
    terms = np.array([[1.0, point.ships, point.nodes] for point in points])
    free = [0, 1, 2]
    while True:
        found = np.zeros(3)
        rows = terms[:, free] / target[:, None]
        # Columns of like size, or the smallest would drown in rounding.
        sizes = np.abs(rows).max(axis=0)
        found[free] = np.linalg.lstsq(rows / sizes, np.ones(len(target)), rcond=None)[0] / sizes
        below = [number for number in free if found[number] < 0]
        if not below:
            return Line(*found)
        # A cost below nothing is noise: without the worst of them the others are fitted again.
        free.remove(min(below, key=lambda number: found[number] * terms[:, number].mean()))


@dataclass(frozen=True, slots=True)
class Model:
    """What is fitted, and what is counted.

    serial_turns : messages, one after the other, that a turn waits for between the clock and a server
    spread : standard deviation of a block's work, as a part of its mean
    commit_seconds : of a durable commit on the machine that was measured
    """

    database: Line
    clock: Line
    wal: Line
    pull: Line
    pull_seconds: Line
    pull_server_seconds: Line
    serial_turns: int
    spread: float
    commit_seconds: float

    @classmethod
    def of(cls, points: Sequence[Point], *, serial_turns: int, spread: float, commit_seconds: float) -> Model:
        """Fit every line to the same points."""
        return cls(
            fit(points, [point.database_seconds for point in points]),
            fit(points, [point.clock_seconds for point in points]),
            fit(points, [point.wal_bytes for point in points]),
            fit(points, [point.pull_bytes for point in points]),
            fit(points, [point.pull_seconds for point in points]),
            fit(points, [point.pull_server_seconds for point in points]),
            serial_turns,
            spread,
            commit_seconds,
        )

    def slowest_share(self, blocks: int, sessions: int) -> float:
        """What the session with most work has to do, as a multiple of an even share.

        Blocks are dealt evenly, so some sessions have one more; and of many sums of random work the largest lies some
        ``sqrt(2 ln n)`` standard deviations above the mean (the usual bound for the maximum of n normal variables).
        """
        most = math.ceil(blocks / sessions)
        return most * sessions / blocks + self.spread / math.sqrt(most) * math.sqrt(
            2 * math.log(max(1, sessions))
        )

    def turn_seconds(
        self, systems: int, ships: float, nodes: float, sessions: int, round_trip: float
    ) -> float:
        """Of the clock on the wall, with a core for every session and ``round_trip`` seconds to the servers and back."""
        blocks = -(-systems // BLOCK_SYSTEMS)
        sessions = min(sessions, blocks)
        played = self.database.at(ships, nodes) / sessions * self.slowest_share(blocks, sessions)
        return played + self.clock.at(ships, nodes) + self.serial_turns * round_trip + 2 * self.commit_seconds


@dataclass(frozen=True, slots=True)
class Machine:
    """What a universe is built of. The figures are those that a rented machine of this size usually has."""

    cores: int = 16
    network_bytes: float = 10e9 / 8
    disk_bytes: float = 500e6
    use: float = 0.6
    """How much of each may be in use: the rest is for readers, checkpoints and bad moments."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many machines a universe needs, and what it asks of them each second.

    machines : that play; cores : in use on all of them; turn_seconds : of one turn with that many
    wal_bytes : a machine; pull_bytes, pull_seconds : a gateway, that shows everything; gateway_share : of its network
    """

    machine: Machine
    ships: int
    nodes: int
    machines: int
    cores: float
    turn_seconds: float
    clock_seconds: float
    wal_bytes: float
    pull_bytes: float
    pull_seconds: float
    gateway_share: float

    @property
    def breaks(self) -> list[str]:
        """What of it cannot be done as the program is, worst first."""
        limits = {
            "gateway's network": self.gateway_share / self.machine.use,
            "gateway's processor": self.pull_seconds / self.machine.use,
            "clock": self.clock_seconds / self.machine.use,
            "turn": self.turn_seconds,
        }
        return [name for name, part in sorted(limits.items(), key=lambda item: -item[1]) if part > 1]


def estimate(
    model: Model, ships: int, nodes: int, systems: int, machine: Machine, round_trip: float = 0.0005
) -> Estimate:
    """For a turn a second: machines by processor or by log, whichever needs more."""
    work = model.database.at(ships, nodes)
    log = model.wal.at(ships, nodes)
    machines = max(
        1,
        math.ceil(work / (machine.cores * machine.use)),
        math.ceil(log / (machine.disk_bytes * machine.use)),
    )
    sessions = machines * machine.cores
    pulled = model.pull.at(ships, nodes)
    return Estimate(
        machine,
        ships,
        nodes,
        machines,
        work,
        model.turn_seconds(systems, ships, nodes, sessions, round_trip),
        model.clock.at(ships, nodes),
        log / machines,
        pulled,
        model.pull_seconds.at(ships, nodes),
        pulled / machine.network_bytes,
    )
