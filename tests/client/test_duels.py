"""A duel through the client is the one of the command line."""

import asyncio

import pytest

from tests.strategies.guest import BUNDLED_FOLDER
from wasmverse.client import AsyncUniverse, Universe
from wasmverse.errors import SettingsError

SMALL = {"turns": 20, "seed": 5, "systems": 1, "ships": 8, "nodes": 12}
FLEE = BUNDLED_FOLDER / "strategy_flee.wasm"


def test_names_paths_and_bytes_play_a_duel() -> None:
    with Universe("http://127.0.0.1:1") as nobody:  # no server is asked
        account = nobody.duel("strategy_battle", FLEE, FLEE.read_bytes(), **SMALL)
    assert {name: account[name] for name in SMALL} == SMALL
    assert {row["name"] for row in account["strategies"]} == {"strategy_battle", "strategy_flee", "c"}
    assert sum(row["ships"] for row in account["strategies"]) > 0


def test_a_refused_module_is_told_in_the_words_of_the_command() -> None:
    async def refused() -> None:
        async with AsyncUniverse("http://127.0.0.1:1") as nobody:
            await nobody.duel("missing.wasm", **SMALL)

    with pytest.raises(SettingsError, match=r"^missing\.wasm cannot be read"):
        asyncio.run(refused())
