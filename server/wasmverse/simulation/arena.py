"""A private universe without a database: strategies, a state in memory, and turns as fast as they can be played.

What a turn does is what it does in every universe, and so are the faults for which a strategy is grounded; nobody is grounded for
time, nothing is kept, and of all commands there is only one, to enable a strategy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wasmverse.settings import SimulationSettings
from wasmverse.simulation.beginning import Founder, make_laws
from wasmverse.simulation.judging import judge
from wasmverse.simulation.registry import Registry
from wasmverse.strategies.limits import guest_limits
from wasmverse.strategies.roster import FLYING
from wasmverse.universe.genesis import populate
from wasmverse.universe.result import TurnResult
from wasmverse.universe.state import Columns, Nodes, State, state_hash, with_columns
from wasmverse.universe.turn import TurnPlayer


@dataclass(slots=True)
class Entrant:
    """A strategy in an arena, as its row would be in a universe's table of strategies."""

    strategy_id: int
    name: str
    sha256: str
    export: str
    language: str
    owner: str
    is_enabled: bool
    status: str = FLYING
    last_fault: str | None = None
    budget_fuel: int | None = None


class Arena:
    """A universe in memory.

    entrants : in the order of the founders; status and last_fault change.
    state : at the end of turn ``tid``; ``next_eid`` is what the next new entity gets.
    """

    def __init__(
        self,
        settings: SimulationSettings,
        founders: Sequence[Founder],
        compiled: Mapping[str, bytes] | None = None,
    ) -> None:
        """The beginning of the universe that these settings make of these founders.

        ``compiled`` has the machine code of modules by their hash, from compilers of ours: those are not compiled again.

        Raises
        ------
        ModuleRefused : a founder's module cannot fly.
        """
        self.laws = make_laws(settings)
        self.limits = guest_limits(settings)
        self.grounded_after_turns = settings.grounded_after_turns
        self.registry = Registry()
        self.tid = 0
        self.entrants = [_entrant(number, founder) for number, founder in enumerate(founders, 1)]
        self._modules = {
            entrant.sha256: founder.module for entrant, founder in zip(self.entrants, founders, strict=True)
        }
        for sha256, code in (compiled or {}).items():
            self.registry.accept(sha256, code)
        self._load()
        self.state, self.next_eid = self._beginning()
        self._player = TurnPlayer(settings.threads)

    def _beginning(self) -> tuple[State, int]:
        laws = self.laws
        dealt = sorted(
            (entrant for entrant in self.entrants if entrant.is_enabled), key=lambda each: each.name
        )
        ids = [entrant.strategy_id for entrant in dealt]
        ships, nodes, next_eid = populate(laws.seed, laws.systems, laws.ships_min, laws.nodes_min, ids)
        return State(_read_only(ships), _read_only(nodes)), next_eid

    def close(self) -> None:
        """End the threads."""
        self._player.close()

    def advance(self) -> TurnResult:
        """Play the next turn."""
        state = self.state
        result = self._player.play(
            state, self.laws, self.registry.roster, self.limits, tid=self.tid + 1, next_eid=self.next_eid
        )
        left = result.node_energy != 0
        nodes = Nodes(*state.nodes[:-1], result.node_energy)
        if not left.all():
            nodes = Nodes._make(column[left] for column in nodes)
        self.state = State(
            _read_only(_joined([*result.ships, result.new_ships])),
            _read_only(_joined([nodes, result.new_nodes])),
        )
        self.tid, self.next_eid = result.tid, result.next_eid
        verdicts = judge(self.registry, result, {}, self.grounded_after_turns)
        for verdict in verdicts:
            [entrant] = [each for each in self.entrants if each.name == verdict.name]
            entrant.status, entrant.last_fault = verdict.status, verdict.last_fault
        if verdicts:
            self._load()
        return result

    def enable(self, name: str) -> None:
        """From the next turn on, deal new ships to a strategy that was given as one that is not enabled."""
        [entrant] = [each for each in self.entrants if each.name == name]
        entrant.is_enabled = True
        self._load()

    def _load(self) -> None:
        self.registry.load(self.entrants, self._modules.__getitem__)

    def state_hash(self) -> str:
        """As of every universe, see ``universe.state.state_hash``."""
        return state_hash(*self.state, self.tid, self.next_eid)


def _entrant(number: int, founder: Founder) -> Entrant:
    sha256 = hashlib.sha256(founder.module).hexdigest()
    owner = founder.author.owner
    return Entrant(number, founder.name, sha256, founder.export, founder.language, owner, founder.is_enabled)


def _joined(parts: Sequence[Any]) -> Any:
    """Columns of the same kind, sorted by (sid, eid); all but the last part are sorted, and follow each other."""
    *_, last = parts
    filled = [part for part in parts if len(part.sid)] or [last]
    if len(filled) == 1 and filled[0] is not last:
        return filled[0]
    joined = with_columns(last, map(np.concatenate, zip(*filled, strict=True)))
    if not len(last.sid):
        return joined
    order = np.lexsort((joined.eid, joined.sid))
    return with_columns(last, (column[order] for column in joined))


def _read_only(columns: Columns) -> Columns:
    """The kernels are compiled for arrays that nobody writes to."""
    for column in columns:
        column.setflags(write=False)
    return columns
