"""An arena is the same universe as one with a database, turn by turn."""

import wasmtime

from tests.simulation.builder import changed, strategy_row
from tests.wasm.builder import strategy_wat
from wasmverse.commands import Author
from wasmverse.simulation.arena import Arena
from wasmverse.simulation.beginning import Founder, bundled_founders, make_laws
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.opening import found_universe


def founders() -> list[Founder]:
    """The bundled ones, and one that faults until it is grounded."""
    bad = bytes(wasmtime.wat2wasm(strategy_wat("unreachable")))
    return [*bundled_founders(), Founder("bad", "decide", bad, "unknown", Author.named("ada"), True)]


def test_it_plays_the_same_bytes_as_a_universe_with_a_database() -> None:
    settings = changed(systems=3, ships=120, nodes=20, grounded_after_turns=5)
    arena = Arena(settings, founders())
    store = found_universe(make_laws(settings), founders(), settings)
    assert isinstance(store, DuckdbStore)
    try:
        new = 0
        for _ in range(45):
            result = arena.advance()
            new += min(len(result.new_ships.sid), len(result.new_nodes.sid))
            store.advance()
            assert arena.state_hash() == store.state_hash()
        assert new > 0, "what is new has its place among what was there"
        row = strategy_row(store, "bad")
        [bad] = [each for each in arena.entrants if each.name == "bad"]
        assert (bad.status, bad.last_fault) == (row["status"], row["last_fault"])
        assert bad.status == "grounded"
    finally:
        arena.close()
        store.close()
