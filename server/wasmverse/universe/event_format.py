"""How the events of a turn are packed into bytes: the format, known without loading the compiler.

All numbers are little-endian. A batch is a head and then, column after column, the values of all events in their order::

    byte   0        VERSION
           1..3     0
           4..7     count: the number of events
    then   columns  each `count` values wide, those of `EVENT_COLUMNS` in their order
"""

from __future__ import annotations

VERSION = 1
HEAD_BYTES = 8

EVENT_KINDS = ("spawn", "battle", "death", "starve", "fault")
"""A kind is a place in it."""

EVENT_COLUMNS = {"eid": 8, "sid": 4, "slot": 2, "by_slot": 2, "kind": 1, "x": 1, "y": 1}
"""The columns and the bytes of a value. A slot is a place in the names that are kept beside it; nobody's is 65,535."""

NAME_SEPARATOR = ","
"""Between the names of strategies that are kept beside a batch; no name has one."""

EVENT_BYTES = sum(EVENT_COLUMNS.values())
