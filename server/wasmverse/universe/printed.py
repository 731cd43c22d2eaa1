"""What strategies print in a turn, as lines: bounded for each strategy, in the order of their ships."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wasmverse.text import printable
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.wasi.world import records


@dataclass(slots=True)
class Printed:
    """Lines of one strategy, of a block or of a turn.

    eids and lines : the ship that printed each, and its text.
    dropped : how many lines more there were; a write for which the log had no room counts as one.
    """

    eids: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    dropped: int = 0


def printed(
    log: bytes, dropped: int, row: NDArray[np.int64], eids: NDArray[np.int64], limits: Limits
) -> Printed:
    """The lines in a guest's log.

    What is not UTF-8 is replaced, what is not printable is written as an escape, and a line is cut after
    ``log_line_characters_max`` as it is shown. The end of what a ship prints ends its line.

    Parameters
    ----------
    log, dropped : of a `wasm.guest.Outcome`.
    row : shape (N,), a permutation: which row each ship of the block has.
    eids : shape (N,), of the block's ships.
    """
    ship_at = np.argsort(row)
    found = Printed(dropped=dropped)
    for at, text in records(log):
        lines = text.removesuffix(b"\n").split(b"\n")
        kept = lines[: limits.log_lines_max - len(found.lines)]
        found.dropped += len(lines) - len(kept)
        found.eids += [int(eids[ship_at[at]])] * len(kept)
        found.lines += [_line(line, limits.log_line_characters_max) for line in kept]
    return found


def _line(raw: bytes, characters_max: int) -> str:
    # No character has more than four bytes, so what is cut off is past the bound.
    text = raw[: 4 * (characters_max + 1)].decode("utf-8", "replace").removesuffix("\r")
    if text.isprintable():
        return printable(text, characters_max)
    shown = ""
    for character in text:
        part = printable(
            character
        )  # perhaps an escape, which is longer than what it stands for; none is cut through
        if len(shown) + len(part) > characters_max:
            return f"{shown}..."
        shown += part
    return shown


def joined(parts: Sequence[Printed], lines_max: int) -> Printed:
    """The lines of several blocks, one after the other, no more than ``lines_max``."""
    whole = Printed()
    for part in parts:
        room = lines_max - len(whole.lines)
        whole.eids += part.eids[:room]
        whole.lines += part.lines[:room]
        whole.dropped += part.dropped + max(0, len(part.lines) - room)
    return whole
