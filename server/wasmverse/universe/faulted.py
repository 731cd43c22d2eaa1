"""What a strategy was asked when it faulted: all that another build of it needs to be asked the same."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.strategies.calls import HEAD_BYTES, Call, packed_calls
from wasmverse.text import printable
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Outcome
from wasmverse.wasm.wasi.world import records

INVALID_PLAN = "returned an invalid plan"

CALLS_BYTES_MAX = 16 << 10
"""What the kept calls before a fault take at most: a hundred of them, as ships see some thirty entities."""

SAID_CHARACTERS_MAX = 300


class Fault(NamedTuple):
    """The first fault of a strategy in a block, and what it was asked.

    why : as in the turn's record; said : what the call printed before it trapped, on one line
    plan : what it returned, if that was invalid; None: it returned nothing
    asked : what the call was given
    row : its row in the block, and world_seed its world's: what WASI's random numbers are made of
    budget_fuel : what a call of it may take
    calls_before : so many calls the same instance had answered; calls : the last ones of them, packed
    """

    sid: int
    eid: int
    why: str
    said: str
    plan: int | None
    asked: Call
    row: int
    world_seed: int
    budget_fuel: int
    calls_before: int
    calls: bytes

    @property
    def reason(self) -> str:
        """Why it faulted, with what it said."""
        return f"{self.why}; it said: {self.said}" if self.said else self.why


class Run(NamedTuple):
    """What must be known of a strategy's run in a block when one of its calls turns out to be a fault."""

    outcome: Outcome
    world_seed: int
    budget_fuel: int


def fault_of(
    frame: Frame, columns: Any, start: int, row: int, run: Run, sid: np.uint32, eid: np.int64
) -> Fault:
    """The fault of a row, the first of its run.

    Parameters
    ----------
    frame, columns : what the run was asked, and what it has answered.
    start : the run's first row; its instance has answered all rows from there on.
    """
    trapped = run.outcome.faulted[:1] == [row]
    before, calls = _calls(frame, columns, start, row)
    return Fault(
        int(sid),
        int(eid),
        run.outcome.reason or "" if trapped else INVALID_PLAN,
        said_by(run.outcome.log, row) if trapped else "",
        None if trapped else int(columns.plan[row]),
        _asked(frame, columns, row),
        row,
        run.world_seed,
        run.budget_fuel,
        before,
        calls,
    )


def said_by(log: bytes, row: int) -> str:
    """What a row has printed, its lines joined, cut at the beginning if it is long."""
    for at, text in records(log):
        if at == row:
            lines = filter(None, (line.strip() for line in text.decode("utf-8", "replace").splitlines()))
            said = " / ".join(lines)
            cut = printable(said[-SAID_CHARACTERS_MAX:], SAID_CHARACTERS_MAX)
            return cut if len(said) <= SAID_CHARACTERS_MAX else f"...{cut}"
    return ""


def _calls(frame: Frame, columns: Any, start: int, row: int) -> tuple[int, bytes]:
    """How many calls came before a row's, and the last of them, as many as are kept."""
    sizes: NDArray[np.int64] = columns.list_length[start:row][::-1].astype(np.int64) + HEAD_BYTES
    kept = int(np.searchsorted(np.cumsum(sizes), CALLS_BYTES_MAX, "right"))
    return row - start, packed_calls(_asked(frame, columns, at) for at in range(row - kept, row))


def _asked(frame: Frame, columns: Any, row: int) -> Call:
    """What the call of a row was given."""
    length = int(columns.list_length[row])
    seen = frame.memory.array(int(columns.list_address[row]), np.uint8, length).tobytes()
    return Call._make((*(int(getattr(columns, name)[row]) for name in Call._fields[:-1]), seen))
