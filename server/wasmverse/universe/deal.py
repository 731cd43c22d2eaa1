"""What a turn needs all blocks for: who flies the new ships, the eids of everything new, the sums, the first faults.

One pure function over a short summary of every block. Blocks can be played in any process, each with its own systems only:
summaries go to one place, decisions come back, and every block finishes itself with its own (``finish``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.strategies.roster import GROUNDED, Roster
from wasmverse.universe.faulted import INVALID_PLAN
from wasmverse.universe.outcome import C_NEW_NODES, C_NEW_SHIPS, T_ENERGY, T_FAULTS, T_SHIPS, T_SPAWNED, TALLY
from wasmverse.universe.result import StrategyTally
from wasmverse.universe.rules import NEW_ENERGY


class Summary(NamedTuple):
    """What the others must know of a block.

    first_sid : its lowest sid; no other block has a sid between its first and its last
    counts : shape (COUNTERS,), int64, see ``outcome``; tally : shape (slots, len(TALLY)), int64
    has_faulted : shape (slots,), bool; reasons : slot -> why its first fault happened, where a call said so
    fuel : shape (slots,), int64
    seconds, made_seconds : shape (slots,), processor time of the calls, and of it that to make instances
    phase_seconds : processor time of observe, decide and resolve
    """

    first_sid: int
    counts: NDArray[np.int64]
    tally: NDArray[np.int64]
    has_faulted: NDArray[np.bool_]
    reasons: dict[int, str]
    fuel: NDArray[np.int64]
    seconds: NDArray[np.float64]
    made_seconds: NDArray[np.float64]
    phase_seconds: tuple[float, float, float]


class Decision(NamedTuple):
    """What a block is told: the eids of its first new ship and node, the others follow; who flies its new ships.

    slots : of a Roster, one for each new ship; tells_fault : shape (slots,), bool, whether the turn's first fault is this block's
    """

    first_ship_eid: int
    first_node_eid: int
    slots: NDArray[np.int64]
    tells_fault: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Dealt:
    """The decisions, in the order in which the summaries were given, and the sums over all blocks.

    counts : shape (COUNTERS,), int64; tally : shape (slots, len(TALLY)), int64, new ships included
    phase_seconds : shape (3,)
    """

    decisions: list[Decision]
    next_eid: int
    counts: NDArray[np.int64]
    tally: NDArray[np.int64]
    strategies: list[StrategyTally]
    phase_seconds: NDArray[np.float64]


def deal(summaries: Sequence[Summary], roster: Roster, next_eid: int, budget_fuel: int = 1) -> Dealt:
    """Decide for all blocks of a turn together.

    New ships get the next eids in the order of their sids, new nodes those after them. Who flies them: `flown_by`.

    Parameters
    ----------
    summaries : of every block of the universe, at least one, in any order.
    roster : its guests are not used.
    next_eid : the first eid that nothing has had.
    budget_fuel : what a call may take of strategies that declared nothing.

    Raises
    ------
    AssertionError : there are new ships, but no strategy to deal them to; ``Turn.deal`` was not what the roster says.
    """
    by_sid = sorted(range(len(summaries)), key=lambda number: summaries[number].first_sid)
    blocks = [summaries[number] for number in by_sid]
    counts = np.array([block.counts for block in blocks])
    tally = _sum([block.tally for block in blocks])
    tells_fault = np.array([block.has_faulted for block in blocks])
    if len(blocks) > 1:
        tells_fault &= np.cumsum(tells_fault, axis=0) == 1

    ships: list[int] = counts[:, C_NEW_SHIPS].tolist()
    nodes: list[int] = counts[:, C_NEW_NODES].tolist()
    new_ships = sum(ships)
    dealt = _NOBODY
    if new_ships:
        dealt = _dealt(new_ships, tally[:, T_SHIPS], roster, budget_fuel)
        spawned = np.bincount(dealt, minlength=roster.slots)
        tally[:, T_SPAWNED] += spawned
        tally[:, T_SHIPS] += spawned
        tally[:, T_ENERGY] += spawned * NEW_ENERGY

    decisions: list[Any] = [None] * len(blocks)
    ship, node = 0, new_ships
    for at, number in enumerate(by_sid):
        flown = dealt[ship : ship + ships[at]]
        decisions[number] = Decision(next_eid + ship, next_eid + node, flown, tells_fault[at])
        ship += ships[at]
        node += nodes[at]
    return Dealt(
        decisions,
        next_eid + node,
        counts.sum(axis=0),
        tally,
        _strategy_tallies(blocks, tally, roster),
        np.sum([block.phase_seconds for block in blocks], axis=0),
    )


_NOBODY = np.empty(0, np.int64)


def _dealt(count: int, ships: NDArray[np.int64], roster: Roster, budget_fuel: int) -> NDArray[np.int64]:
    """Who flies so many new ships: slots. ``ships`` : shape (slots,), how many each strategy has."""
    order = np.array(roster.dealing_order(ships), np.int64)
    assert len(order), (count, "new ships, and nobody to fly them")
    declared = [strategy.budget_fuel or 0 for strategy in roster.strategies]
    costs = np.array([max(declared[slot], budget_fuel) for slot in order], np.int64)
    return flown_by(order, ships[order], costs, count)


def flown_by(
    order: NDArray[np.int64], ships: NDArray[np.int64], costs: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Who flies each of ``count`` new ships: slots of ``order``.

    They are dealt in rounds, each in that order. Strategies whose calls may take least are ordinary, and get a ship in every
    round. Any other gets one in a round only while it has fewer ships than an ordinary strategy has on average at the round's
    end, divided by how many times as much its calls may take: so all its calls together may take what those of an average
    ordinary strategy may, and those of one ship more. Where all may take the same, ships go round.

    Parameters
    ----------
    order : slots in the order of dealing; ships : how many each has; costs : the fuel that a call of each may take.
    """
    if not len(order) or (costs == costs[0]).all():
        return np.resize(order, count)
    least = costs.min()
    is_ordinary = costs == least
    ordinary = int(is_ordinary.sum())
    # So many rounds at a time: one ordinary strategy and hundreds of costly ones may take millions of them.
    step = max(1, _PLACES // len(order))
    parts, done = [np.empty(0, np.int64)], 0
    for first in range(0, -(-count // ordinary), step):
        rounds = np.arange(first, first + step + 1)[:, None]
        # Rounded up: with so many ships it has no longer fewer than its share.
        enough = -(-least * (ships[is_ordinary].sum() + ordinary * rounds) // (costs * ordinary))
        dealt = np.where(is_ordinary, rounds, np.minimum(rounds, np.maximum(enough - ships, 0)))
        gets = np.diff(dealt, axis=0) > 0
        parts.append(np.broadcast_to(order, gets.shape)[gets])
        done += len(parts[-1])
        if done >= count:
            break
    return np.concatenate(parts)[:count]


_PLACES = 1 << 18
"""Strategies in all rounds that are dealt at a time: some megabytes."""


def _strategy_tallies(blocks: list[Summary], tally: NDArray[np.int64], roster: Roster) -> list[StrategyTally]:
    """What each strategy did, over all blocks; blocks : by sid."""
    fuel = _sum([block.fuel for block in blocks]).tolist()
    made = _sum([block.made_seconds for block in blocks]).tolist()
    seconds = np.array([block.seconds for block in blocks])
    total, longest = seconds.sum(axis=0).tolist(), seconds.max(axis=0).tolist()
    counts: list[list[int]] = tally.tolist()
    tallies = []
    for slot, strategy in enumerate(roster.strategies):
        reason = next((block.reasons[slot] for block in blocks if slot in block.reasons), None)
        if reason is None and counts[slot][T_FAULTS]:
            reason = "grounded" if strategy.status == GROUNDED else INVALID_PLAN
        tallies.append(
            StrategyTally(
                strategy.name,
                dict(zip(TALLY, counts[slot], strict=True)),
                fuel[slot],
                total[slot],
                reason,
                made_seconds=made[slot],
                longest_seconds=longest[slot],
            )
        )
    return tallies


def _sum(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Of arrays of one shape, element by element; a new array."""
    return parts[0].copy() if len(parts) == 1 else np.sum(parts, axis=0)
