"""What a guest may use while it flies: the one place that has these bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

POOL_ROWS = 1024
POOL_GROWTH = 4
"""Rows to the first fuel pool of a run if nothing else is said, and how many times larger each is than the one before: what an
endless loop can burn is bounded by the rows that went well before it. More pools would cost honest guests more: each is one more
call."""
CAREFUL_ROWS = 64
"""Rows to a fuel pool once a call has emptied one."""

TABLES_MAX = 8
"""Tables of one instance."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one guest may use.

    budget_fuel is for one call, pooled over some of a run's rows; memory_bytes_max and table_elements_max hold for one instance;
    after faults_max faults in a run the remaining rows are faults without a call. start_fuel is for what an instance does before
    its first call: its start function and ``_initialize``. log_bytes_max is for what all calls of a run write; of that, so many
    lines of so many characters are kept in a turn. pool_rows is how many rows the first fuel pool of a run is for.
    values_bytes_max is what strings and lists of a run's arguments may take, and as much those of its results.
    Of a component each memory and table has bounds of its own.
    """

    budget_fuel: int
    memory_bytes_max: int
    table_elements_max: int
    faults_max: int
    start_fuel: int = 5_000_000
    log_bytes_max: int = 16_384
    log_lines_max: int = 100
    log_line_characters_max: int = 200
    pool_rows: int = POOL_ROWS
    values_bytes_max: int = 64 << 20
    component_memory_bytes_max: int = 64 << 20
    component_table_elements_max: int = 20_000

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Taken from values that have the names of the settings, of which there may be more."""
        return cls(
            values["budget_fuel"],
            values["guest_memory_bytes_max"],
            values["guest_table_elements_max"],
            values["block_faults_max"],
            values["start_fuel"],
            values["guest_log_bytes_max"],
            values["strategy_log_lines_max"],
            values["strategy_log_line_characters_max"],
            component_memory_bytes_max=values["component_memory_bytes_max"],
            component_table_elements_max=values["component_table_elements_max"],
        )
