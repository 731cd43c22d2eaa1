"""What a plan's command byte means, by name; the rules are in docs/rules-detail.md, and `pilot` makes plans."""

from __future__ import annotations

_HOLD, _MOVE, _UPGRADE = 0, 1, 2
"""The top two bits."""

_UPGRADES = ("upgrade_blasters", "upgrade_thrusters", "upgrade_harvesters")
INVALID = "invalid"


def command_of(plan: int) -> str:
    """``hold``, ``move``, ``upgrade_blasters`` and so on, or ``invalid``."""
    kind, choice = plan >> 6 & 3, plan & 3
    if kind == _UPGRADE and choice < len(_UPGRADES):
        return _UPGRADES[choice]
    return {_HOLD: "hold", _MOVE: "move"}.get(kind, INVALID)


def after_fault(last_plan: int) -> int:
    """What a ship's last plan is after a fault: it held, and its memory is unchanged."""
    return last_plan & ~0xFF


_DIRECTIONS = ("north", "east", "south", "west")


def plan_words(plan: int) -> str:
    """A plan's command in words. Its memory, bytes 1 to 7, is not told."""
    command = command_of(plan)
    if command == "move":
        return f"move {_DIRECTIONS[plan >> 4 & 3]} by {plan & 15}"
    return command.replace("_", " ")
