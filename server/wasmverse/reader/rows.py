"""Rows of Arrow columns as functions need them: those of an aggregate's groups, and one in short form for an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wasmverse.reader.values import values_of
from wasmverse.text import printable
from wasmverse.wasm.types import Field, Option

ARGUMENT_SHOWN, ARGUMENTS_SHOWN = 40, 200
"""Characters of one argument, and of all."""


class Groups:
    """The rows of groups, without those in which something is NULL that may not be.

    Parameters
    ----------
    lists : a list of rows for each group, null for none; with more than one parameter the rows are structs.
    params : of the aggregate.
    """

    def __init__(self, lists: Any, params: Sequence[Field]) -> None:
        self._rows = lists.flatten()
        lengths = np.diff(lists.offsets.to_numpy())
        if lists.null_count:
            lengths = np.where(lists.is_valid().to_numpy(zero_copy_only=False), lengths, 0)
        self._offsets = _summed(lengths)
        columns = [self._rows] if len(params) == 1 else self._rows.flatten()
        wanted = [
            column
            for column, field in zip(columns, params, strict=True)
            if not isinstance(field.type, Option)
        ]
        if any(column.null_count for column in wanted):
            keep = np.logical_and.reduce(
                [column.is_valid().to_numpy(zero_copy_only=False) for column in wanted]
            )
            self._rows = self._rows.filter(pa.array(keep))
            self._offsets = _summed(keep)[self._offsets]

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def rows(self, group: int) -> int:
        """How many rows a group has."""
        return int(self._offsets[group + 1] - self._offsets[group])

    def stop(self, group: int, rows_max: int) -> int:
        """Which group is the first not to fit into so many rows together with those from ``group`` on; at least the next one."""
        fitting = int(np.searchsorted(self._offsets, self._offsets[group] + rows_max, "right")) - 1
        return max(group + 1, fitting)

    def lists(self, start: int, stop: int) -> Any:
        """The groups start..stop (exclusive), as an array of lists."""
        offsets = self._offsets[start : stop + 1] - self._offsets[start]
        rows = self._rows.slice(self._offsets[start], offsets[-1])
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), rows)

    def piece(self, group: int, start: int, rows: int) -> Any:
        """Some rows of a group, as an array of one list."""
        part = self._rows.slice(self._offsets[group] + start, min(rows, self.rows(group) - start))
        return pa.ListArray.from_arrays(pa.array([0, len(part)], pa.int32()), part)


def _summed(lengths: Any) -> Any:
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def shown_row(columns: Sequence[Any], row: int) -> str:
    """The values of one row, in short form: ``(1, 'text', NULL)``."""
    shown = ", ".join(_shown(column.slice(row, 1)) for column in columns)
    return f"({printable(shown, ARGUMENTS_SHOWN)})"


def _shown(value: Any) -> str:
    kind = value.type
    if value.null_count:
        return "NULL"
    if pa.types.is_list(kind) and len(value.flatten()) > ARGUMENT_SHOWN:
        return f"a list of {len(value.flatten()):,}"
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        length = pc.binary_length(value)[0].as_py()
        if length > 4 * ARGUMENT_SHOWN:
            value = pc.binary_slice(value.cast(pa.binary()), 0, 4 * ARGUMENT_SHOWN)
            text = (
                value[0].as_py().decode("utf-8", "ignore") if pa.types.is_string(kind) else value[0].as_py()
            )
            return f"{printable(repr(text), ARGUMENT_SHOWN)} of {length:,} bytes"
    [plain] = values_of(value)
    return printable(repr(plain), ARGUMENT_SHOWN)
