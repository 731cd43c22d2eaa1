"""Whether the universe that is there is the one that somebody asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wasmverse.errors import SettingsError
from wasmverse.settings import DatabasePlace
from wasmverse.universe.turn import Laws


def check_asked(laws: Laws, asked: Mapping[str, int], place: DatabasePlace) -> None:
    """Refuse to go on with a universe that was made otherwise than somebody asks for, by the options of `wasmverse serve`.

    Raises
    ------
    SettingsError : it was.
    """
    made = {
        "systems": laws.systems,
        "ships": laws.ships_min,
        "nodes": laws.nodes_min,
        "seed": laws.seed,
        "upkeep": laws.upkeep,
    }
    for name, value in asked.items():
        if value != made[name]:
            remedy = (
                f"which `wasmverse universe resize {place} --systems {value}` changes while it is stopped"
                if name == "systems" and isinstance(place, Path)
                else "which cannot be changed"
            )
            raise SettingsError(
                f"--{name} is {value:,}, but the universe in {place} was made with {made[name]:,}, {remedy}: "
                f"leave --{name} out to go on with it, or make another one with --db"
            )
