"""The same seeds, uploads and commands give the same bytes: today, on any number of threads, and in every later version.

A hash here changes only when a rule does, on purpose (then: a new format, said in the CHANGELOG).
"""

from collections.abc import Callable

import pytest

from tests.simulation.builder import changed, play, upload_of
from wasmverse.commands import Author, EnableStrategy, RemoveStrategy, SpawnEntity
from wasmverse.storage.duckdb.store import DuckdbStore

SIZES = {"small": (20, 6, 10, 7), "large": (300, 32, 64, 11)}
"""Systems, ships and nodes in each, and the seed."""

MOVER = "(i64.or (i64.const 64) (i64.shl (i64.extend_i32_u (i32.rem_u (local.get 1) (i32.const 3))) (i64.const 8)))"
FAULTY = "(if (result i64) (i32.gt_u (local.get 1) (i32.const 60)) (then unreachable) (else (i64.const 0)))"

HASHES = {
    ("small", False): "02cbda70d37099d889bf365d9530d9dc72fe0c64f6a714d4223250b2b54be050",
    ("small", True): "5d40a3203b7903b59d97702d7877d8f12dd6e98ceec3f6f89930989c657a1746",
    ("large", False): "ec210984b2f88d584b8c931dab0fe9a05a103d42b2561310f546c121dda0d613",
    ("large", True): "4965a94ccfea239ff01121f664c0469815f789ccf26c1d526c983d042ad9414d",
}


def tell(simulation: DuckdbStore, *, is_commanded: bool) -> str:
    """Play 24 turns, with uploads, spawns and removals between them if it is commanded."""
    play(simulation, 6)
    if is_commanded:
        simulation.carry_out(upload_of("strategy_mover", MOVER))
        simulation.carry_out(SpawnEntity(3, 1, 50, 50, "strategy_mover"))
        simulation.carry_out(SpawnEntity(20, 2, 0, 99, None))
    play(simulation, 6)
    if is_commanded:
        simulation.carry_out(upload_of("strategy_faulty", FAULTY))
        simulation.carry_out(EnableStrategy("strategy_flee", False, Author.named("wasmverse")))
        simulation.carry_out(SpawnEntity(1, 1, 0, 0, "strategy_faulty"))
    play(simulation, 6)
    if is_commanded:
        simulation.carry_out(RemoveStrategy("strategy_mover", Author.named("ada")))
    return play(simulation, 6)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("is_commanded", [False, True], ids=["plain", "commanded"])
@pytest.mark.parametrize("size", SIZES)
def test_the_state_is_the_one_that_it_always_was(
    simulate: Callable[..., DuckdbStore], size: str, is_commanded: bool, threads: int
) -> None:
    systems, ships, nodes, seed = SIZES[size]
    simulation = simulate(
        changed(systems=systems, ships=ships, nodes=nodes, upkeep=0, seed=seed, threads=threads)
    )
    assert tell(simulation, is_commanded=is_commanded) == HASHES[size, is_commanded]
