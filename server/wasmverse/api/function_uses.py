"""Tells the universe, turn by turn, what readers have counted of functions, so that ``wasm_function`` shows it to everybody."""

from __future__ import annotations

from wasmverse.errors import UniverseUnavailable
from wasmverse.messages import Universe
from wasmverse.query.service import QueryService


async def tell_uses(universe: Universe, service: QueryService) -> None:
    """Go on until the universe has ended."""
    tid = -1
    while True:
        try:
            tid = (await universe.next_turn(tid)).tid
        except UniverseUnavailable:
            return
        uses = service.counts.functions.take()
        if uses:
            universe.tell_uses(uses)
