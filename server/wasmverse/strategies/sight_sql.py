"""What a ship sees, in SQL: one condition for the function ``sight`` and the relation ``visible``, as `universe.observe` has it.

A test compares both with what a turn shows to strategies.
"""

from __future__ import annotations

SIGHT_CELLS = 16
"""A ship sees what is nearer than this; `universe.rules` has the same number."""


def is_near(x: str, y: str, of_x: str, of_y: str) -> str:
    """The condition that one cell is seen from another; the arguments are expressions of signed integers."""
    return f"({x} - {of_x}) * ({x} - {of_x}) + ({y} - {of_y}) * ({y} - {of_y}) < {SIGHT_CELLS * SIGHT_CELLS}"
