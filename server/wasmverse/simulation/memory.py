"""How much memory a universe needs, and whether this machine has it."""

from __future__ import annotations

from pathlib import Path

import psutil

from wasmverse.errors import SettingsError
from wasmverse.settings import UniverseSettings

BYTES_PER_SHIP = 900
BYTES_PER_NODE = 350
BYTES_BASE = 500 << 20

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def estimate_bytes(ships: int, nodes: int) -> int:
    """Memory that a universe of this size needs while a turn is played, rounded up from measurements."""
    return BYTES_BASE + ships * BYTES_PER_SHIP + nodes * BYTES_PER_NODE


def memory_bytes() -> int:
    """What this machine has, or the container that this process is in."""
    there = psutil.virtual_memory().total
    try:
        return min(there, int(CONTAINER_LIMIT.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return there


def check_memory(systems: int, ships: int, nodes: int, where: str) -> None:
    """Refuse a universe that cannot fit.

    Parameters
    ----------
    ships, nodes : in all systems together.
    where : what is to be changed, for the message.

    Raises
    ------
    SettingsError : the estimate is more than the machine has.
    """
    needed, there = estimate_bytes(ships, nodes), memory_bytes()
    if needed > there:
        raise SettingsError(
            f"{systems:,} systems with {ships:,} ships and {nodes:,} nodes need about {needed / 1e9:.1f} GB of memory; "
            f"this machine has {there / 1e9:.1f} GB: {where}"
        )


def check_new_universe(settings: UniverseSettings) -> None:
    """Refuse to make a universe that cannot fit; raises SettingsError."""
    systems = settings.systems
    where = "choose fewer systems, ships or nodes"
    check_memory(systems, systems * settings.ships, systems * settings.nodes, where)
