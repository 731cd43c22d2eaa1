"""What the pool knows of turns that are in memory no more: whether one can be played again, and having that done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from wasmverse.query.query import Client


class Past(Protocol):
    """Past turns; for the event loop's thread."""

    @property
    def oldest(self) -> int | None:
        """The oldest turn that is kept; None if none is."""

    async def show(self, turn: int, clients: Iterable[Client]) -> None:
        """Wait until a turn can be read.

        Raises
        ------
        QueryRefused : it is not kept, or cannot be played again exactly.
        QueryOverload : too many turns wait to be played again.
        """
