"""Ask a strategy for plans as a turn does: by the driver, with whatever the module imports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tests.strategies.guest import SHIP, Ship
from wasmverse.commands import Inspection
from wasmverse.languages.table import LANGUAGES
from wasmverse.settings import Settings
from wasmverse.strategies.contract import strategy_layout
from wasmverse.strategies.limits import guest_limits
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Outcome
from wasmverse.wasm.hosting import guest_of, load

Entity = tuple[int, int, int, int]
"""Kind, danger, x, y."""
VIEW_BYTES_MAX = 1_024
BUDGET_FUEL = max(language.budget_fuel or 0 for language in LANGUAGES.values())
"""What the most expensive of them asks for; in a universe each would declare its own."""


class Pilot:
    """A strategy that passed its inspection."""

    def __init__(self, inspection: Inspection) -> None:
        self.guest = guest_of(load(inspection.compiled), "decide")

    def decide(self, ship: Ship, seen: Iterable[Entity] = ()) -> int:
        """The plan for one ship; a fault fails the test."""
        plans, outcome = self.decide_all([(ship, list(seen))])
        assert outcome.faults == 0, outcome.reason
        return plans[0]

    def decide_all(self, cases: Sequence[tuple[Ship, Sequence[Entity]]]) -> tuple[list[int], Outcome]:
        """The plans for many ships, by one instance, as in a block of a turn; a view has ships first, then nodes."""
        frame = Frame(strategy_layout(), len(cases), VIEW_BYTES_MAX * len(cases), grows=False)
        tail = frame.tail(np.uint8)
        for row, (ship, entities) in enumerate(cases):
            view = bytes(value for entity in entities for value in entity)
            tail[VIEW_BYTES_MAX * row :][: len(view)] = np.frombuffer(view, np.uint8)
            values = (
                SHIP, ship.x, ship.y, ship.energy, ship.shield, ship.blasters, ship.thrusters, ship.harvesters,
                ship.last_plan, frame.tail_address + VIEW_BYTES_MAX * row, len(view),
            )  # fmt: skip
            for column, value in zip(frame.columns, values, strict=False):
                column[row] = value
        outcome = self.guest.run(frame, 0, len(cases), guest_limits(Settings(budget_fuel=BUDGET_FUEL)))
        return [int(plan) for plan in frame.columns[-1]], outcome
