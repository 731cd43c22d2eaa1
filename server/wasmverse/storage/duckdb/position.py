"""Where a universe is: its last turn, and the eid that the next new entity gets.

The record of each turn says it. ``universe`` says it as of when the file was last opened, changed between two turns, or closed:
an UPDATE of it in every turn would cost half a millisecond.
"""

from __future__ import annotations

from wasmverse.storage.duckdb.database import Transaction

_POSITIONS = (
    "SELECT tid, next_eid, 1 AS place FROM turn_record WHERE next_eid IS NOT NULL "
    "UNION ALL SELECT tid, next_eid, 0 FROM universe ORDER BY tid DESC, place LIMIT 1"
)


def read_position(transaction: Transaction) -> tuple[int, int]:
    """The last turn and the next eid. What was done after that turn only ``universe`` says."""
    ((tid, next_eid, _),) = transaction.run_text(_POSITIONS)
    return tid, next_eid


def write_position(transaction: Transaction, tid: int, next_eid: int) -> None:
    """Have ``universe`` say this."""
    transaction.run_text("UPDATE universe SET tid = ?, next_eid = ?", (tid, next_eid))


def settle_position(transaction: Transaction) -> None:
    """Have ``universe`` say what the record of the last turn does: whoever played it may have been killed."""
    found = transaction.run_text(_POSITIONS)
    for tid, next_eid, is_of_turn in found:
        if is_of_turn:
            write_position(transaction, tid, next_eid)
