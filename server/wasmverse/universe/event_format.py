"""How the events of a turn are packed into bytes: the format, known without loading the compiler.

Version 1 had no ``blasters``; it is the last column, so that such a batch becomes one of version 2 with zeros after it.

All numbers are little-endian. A batch is a head and then, column after column, the values of all events in their order::

    byte   0        VERSION
           1..3     0
           4..7     count: the number of events
    then   columns  each `count` values wide, those of `EVENT_COLUMNS` in their order
"""

from __future__ import annotations

VERSION = 2
HEAD_BYTES = 8

EVENT_KINDS = ("spawn", "battle", "death", "starve", "fault")
"""A kind is a place in it."""

EVENT_COLUMNS = {"eid": 8, "sid": 4, "slot": 2, "by_slot": 2, "kind": 1, "x": 1, "y": 1, "blasters": 1}
"""The columns and the bytes of a value. A slot is a place in the names that are kept beside it; nobody's is 65,535."""

NAME_SEPARATOR = ","
"""Between the names of strategies that are kept beside a batch; no name has one."""

EVENT_BYTES = sum(EVENT_COLUMNS.values())


def brought_up(batch: bytes) -> bytes:
    """A batch of version 1 as one of version 2, in which nobody's blasters are known; anything else as it is."""
    count = int.from_bytes(batch[4:HEAD_BYTES], "little")
    if len(batch) != HEAD_BYTES + count * (EVENT_BYTES - EVENT_COLUMNS["blasters"]) or batch[:1] != b"\x01":
        return batch
    return bytes((VERSION,)) + batch[1:] + bytes(count)
