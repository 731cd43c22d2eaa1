"""What clients say to everybody: how long it may be, and how much of it there may be between two turns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wasmverse.commands import MESSAGE_CHARACTERS_MAX, Transmit
from wasmverse.errors import CommandError

MESSAGES_KEPT = 5_000
"""Of the kept turns: all of them are written to each snapshot that has a new one."""

_SHARE = 10
"""One author may have this part of what is taken between two turns."""


def check_message(messages: pa.Table, tid: int, command: Transmit, turn_max: int) -> None:
    """Refuse a text that cannot be transmitted after turn ``tid``; ``messages`` are those of the kept turns.

    Raises
    ------
    CommandError : 1210, it is empty, too long, or has characters that are not printable; 1226, there are too many.
    """
    text, author = command.text, command.author.name
    if not text.strip():
        raise CommandError("The text is empty; transmit some words", code=1210)
    if len(text) > MESSAGE_CHARACTERS_MAX:
        raise CommandError(
            f"The text has {len(text):,} characters, the limit is {MESSAGE_CHARACTERS_MAX:,}: shorten it",
            code=1210,
        )
    strange = next((character for character in text if not character.isprintable()), None)
    if strange is not None:
        raise CommandError(
            f"The text has the character U+{ord(strange):04X}, which cannot be shown: transmit one line of text",
            code=1210,
        )
    compute: Any = pc
    of_turn = messages.filter(compute.equal(messages["tid"], tid))
    own = compute.sum(compute.equal(of_turn["author"], author)).as_py() or 0
    share = max(1, turn_max // _SHARE)
    if own >= share:
        raise CommandError(
            f"You transmitted {own:,} texts since turn {tid}, the limit is {share:,}: try again after the next turn",
            code=1226,
        )
    sent = of_turn.num_rows
    if sent >= turn_max:
        raise CommandError(
            f"{sent:,} texts were transmitted since turn {tid}, the limit is {turn_max:,}: try again after the next turn",
            code=1226,
        )
