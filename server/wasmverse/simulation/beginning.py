"""What a universe is made with: its laws and its first strategies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import wasmverse
from wasmverse.commands import BUNDLED_OWNER, Author
from wasmverse.errors import StateError
from wasmverse.settings import UniverseSettings
from wasmverse.strategies.contract import DECIDE
from wasmverse.universe.turn import Laws

BUNDLED_FOLDER = Path(wasmverse.__file__).with_name("bundled")
BUNDLED = {"strategy_default": True, "strategy_flee": True, "strategy_battle": True, "strategy_blank": False}
"""The strategies that come with Wasmverse, and whether new ships are dealt to them."""

SMALL_UNIVERSE_SYSTEMS = 8_192


@dataclass(frozen=True, slots=True)
class Founder:
    """A strategy that a universe begins with."""

    name: str
    export: str
    module: bytes
    language: str
    author: Author
    is_enabled: bool


def make_laws(settings: UniverseSettings) -> Laws:
    """The laws of a new universe.

    A block has some 16,000 ships in a small universe, so that two cores share out the default one, and some 32,000 in a large
    one. Fewer would cost more: each block makes an instance of each strategy, 0.2 ms of processor time.
    """
    block_systems = 512 if settings.systems <= SMALL_UNIVERSE_SYSTEMS else 1_024
    crowd = max(1, (settings.ships + settings.nodes) // 128)
    return Laws(
        settings.seed,
        settings.systems,
        settings.ships,
        settings.nodes,
        max(1, block_systems // crowd),
        settings.upkeep,
    )


def bundled_founders() -> list[Founder]:
    """The bundled strategies, in the order of their ids.

    Raises
    ------
    StateError : one of them has not been built.
    """
    founders = []
    for name, is_enabled in BUNDLED.items():
        file = BUNDLED_FOLDER / f"{name}.wasm"
        if not file.exists():
            raise StateError(f"the bundled strategy {name} has not been built: run `make setup`")
        founders.append(
            Founder(
                name, DECIDE, file.read_bytes(), "AssemblyScript", Author.named(BUNDLED_OWNER), is_enabled
            )
        )
    return founders
