"""Arrow's columns as Python values, including those outside the range of Python's types. The engine's dates and moments reach
290,000 years into past and future, its times 24:00; Python's end at the year 9999. What is beyond becomes text, as the engine
prints it, so that one such value does not fail the other rows.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

import numpy as np
import pyarrow as pa

_ENDLESS = {2**31 - 1, -(2**31 - 1), 2**63 - 1, -(2**63 - 1)}
"""How the engine stores infinity, which its own conversion turns into Python's last and first moment."""


def values_of(column: pa.Array[Any]) -> list[Any]:
    """The column's values; None for a null."""
    try:
        return column.to_pylist()
    except (OverflowError, ValueError):
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        pass
    kind = scalar.type
    if pa.types.is_map(kind):
        return [(_value(entry["key"]), _value(entry["value"])) for entry in scalar.values]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return [_value(item) for item in scalar.values]
    if pa.types.is_struct(kind):
        return {key: _value(scalar[key]) for key in scalar}
    if pa.types.is_union(kind):
        return _value(scalar.value)
    if pa.types.is_dictionary(kind):
        return _value(scalar.value)
    if pa.types.is_time(kind):
        return (datetime.datetime.min + datetime.timedelta(microseconds=scalar.value // 1000)).time()
    if pa.types.is_date(kind):
        return _moment(scalar.value, "D", "")
    if pa.types.is_timestamp(kind):
        return _moment(scalar.value, kind.unit, "+00" if kind.tz else "")
    return str(scalar)


def _moment(number: int, unit: str, zone: str) -> str:
    """A moment that is ``number`` units from 1970, as the engine writes it: ``290309-12-22 (BC) 00:00:00``."""
    if number in _ENDLESS:
        last = datetime.datetime.max if number > 0 else datetime.datetime.min
        return last.date().isoformat() if unit == "D" else last.strftime("%Y-%m-%d %H:%M:%S.%f")
    if unit == "ns":  # as far as the wire format tells a moment
        number, unit = number // 1000, "us"
    found = re.fullmatch(r"(-?\d+)(-\d\d-\d\d)(?:T(.*))?", str(np.datetime64(number, unit)))  # type: ignore[call-overload]
    if found is None:
        return "out of range"
    year, day, time = int(found[1]), found[2], found[3]
    date = f"{year:04}{day}" if year > 0 else f"{1 - year:04}{day} (BC)"
    return date if time is None else f"{date} {time.rstrip('0').rstrip('.') if '.' in time else time}{zone}"
