"""Who hit whom, worked out from the rows of ``event`` one by one."""

from typing import Any


def hits_of(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The rows of ``hit``, sorted: each ship of a battle with all others of its turn, system and cell."""
    fights: dict[Any, list[dict[str, Any]]] = {}
    for row in events:
        if row["kind"] == "battle":
            fights.setdefault((row["tid"], row["sid"], row["x"], row["y"]), []).append(row)
    return sorted(
        (*cell, hurt["eid"], hurt["strategy"], by["eid"], by["strategy"], by["blasters"])
        for cell, ships in fights.items()
        for hurt in ships
        for by in ships
        if by is not hurt
    )
