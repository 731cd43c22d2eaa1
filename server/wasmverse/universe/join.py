"""The blocks of a turn as one result: arrays joined, nothing decided."""

from __future__ import annotations

from typing import Any

import numpy as np

from wasmverse.strategies.roster import GROUNDED, Roster
from wasmverse.universe.deal import Dealt
from wasmverse.universe.finish import BlockAccount, BlockEnd
from wasmverse.universe.notable import NOTABLE_MAX, notable
from wasmverse.universe.outcome import (
    C_ADDED,
    C_NEW_NODES,
    C_NEW_SHIPS,
    C_NODES,
    C_SHIPS,
    C_WRITES,
    T_FAULTS,
    T_KILLS,
)
from wasmverse.universe.printed import joined
from wasmverse.universe.result import EventColumns, Events, TurnAccount, TurnResult
from wasmverse.universe.state import Nodes, Ships


def join(
    ends: list[BlockEnd], dealt: Dealt, roster: Roster, tid: int, threads: int, lines_max: int
) -> TurnResult:
    """The result of a turn from its blocks, or from some of them: arrays are of these, sums are those of all.

    Parameters
    ----------
    ends : at least one, by sid.
    threads, lines_max : as in `account`.
    """
    told = account([end.account for end in ends], dealt, roster, tid, threads, lines_max)
    return TurnResult(
        **{name: getattr(told, name) for name in TurnAccount.__dataclass_fields__},
        ships=[end.ships for end in ends],
        new_ships=_joined(Ships, [end.new_ships for end in ends]),
        node_energy=ends[0].node_energy
        if len(ends) == 1
        else np.concatenate([end.node_energy for end in ends]),
        new_nodes=_joined(Nodes, [*(end.dead for end in ends), *(end.new_nodes for end in ends)]),
    )


def account(
    blocks: list[BlockAccount], dealt: Dealt, roster: Roster, tid: int, threads: int, lines_max: int
) -> TurnAccount:
    """What is told of a turn: the events and lines of these blocks, and the sums of all.

    Parameters
    ----------
    blocks : at least one, by sid.
    threads : how many shared out the blocks; phase_seconds is divided by it.
    lines_max : how many lines of what each strategy printed are kept.
    """
    counts, tally = dealt.counts, dealt.tally
    faults = _joined(Events, [block.faults for block in blocks])
    if len(faults.sid) > 1:
        by_slot = np.argsort(faults.slot, kind="stable")
        faults = Events._make(column[by_slot] for column in faults)
    parts = [
        *(block.seen for block in blocks),
        faults,
        *(block.ships_spawned for block in blocks),
        *(block.nodes_spawned for block in blocks),
    ]
    return TurnAccount(
        tid=tid,
        next_eid=dealt.next_eid,
        ship_count=int(counts[C_SHIPS] + counts[C_NEW_SHIPS]),
        node_count=int(counts[C_NODES] + counts[C_ADDED] + counts[C_NEW_NODES]),
        writes=int(counts[C_WRITES]),
        kills=int(tally[:, T_KILLS].sum()),
        faults=int(tally[:, T_FAULTS].sum()),
        strategies=dealt.strategies,
        events=EventColumns(_joined(Events, parts), [strategy.name for strategy in roster.strategies]),
        printed={
            roster.strategies[slot].name: joined(
                [block.printed[slot] for block in blocks if slot in block.printed], lines_max
            )
            for slot in sorted({slot for block in blocks for slot in block.printed})
        },
        strategy_names={strategy.strategy_id: strategy.name for strategy in roster.strategies},
        inputs={
            roster.strategies[slot].name: fault
            for slot, fault in sorted(
                (slot, fault) for block in blocks for slot, fault in block.inputs.items()
            )
        },
        grounded=[strategy.name for strategy in roster.strategies if strategy.status == GROUNDED],
        notable=_notable(_joined(Ships, [block.notable for block in blocks])),
        phase_seconds=dict(
            zip(("observe", "decide", "resolve"), map(float, dealt.phase_seconds / threads), strict=True)
        ),
    )


def _notable(ships: Ships) -> Ships:
    """The strongest of all of those that are the strongest of their blocks."""
    return notable(ships) if len(ships.sid) > NOTABLE_MAX else ships


def _joined(kind: Any, parts: list[Any]) -> Any:
    """Columns of the same kind, one part after the other; of a single part that has rows, its own."""
    filled = [part for part in parts if len(part.sid)] or parts[:1]
    if len(filled) == 1:
        return filled[0]
    return kind._make(map(np.concatenate, zip(*filled, strict=True)))
