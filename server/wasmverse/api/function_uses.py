"""Tells the universe, turn by turn, what readers have counted of functions and how many watch, so that ``wasm_function`` and
``turn_phase`` show it to everybody."""

from __future__ import annotations

from collections.abc import Callable

from wasmverse.errors import UniverseUnavailable
from wasmverse.messages import Universe
from wasmverse.query.service import QueryService


async def tell_uses(universe: Universe, service: QueryService, watchers: Callable[[], int]) -> None:
    """Go on until the universe has ended. ``watchers`` counts the connections with live queries."""
    tid, told = -1, 0
    while True:
        try:
            tid = (await universe.next_turn(tid)).tid
        except UniverseUnavailable:
            return
        uses = service.counts.functions.take()
        if uses:
            universe.tell_uses(uses)
        count = watchers()
        if count != told:
            universe.tell_watchers(count)
            told = count
