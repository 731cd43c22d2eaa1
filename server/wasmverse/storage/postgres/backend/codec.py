"""Values between a driver of turns and its backends, as bytes: a head of JSON, and behind it the arrays that it lists.

::

    byte   0..3     MAGIC
           4..7     length of the head in bytes, little-endian
    then   head     {"value": anything that JSON has, "arrays": {name: [dtype, [length of each dimension]]}}, with spaces up to
                    a multiple of 8 bytes
    then   arrays   in their order, C-contiguous and little-endian, each filled up with zeros to a multiple of 8 bytes

Nothing but numbers and text can come out of it, whatever bytes go in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wasmverse.errors import StateError

MAGIC = b"WVT1"
HEAD_AT = 8

DTYPES = ("<i8", "<u8", "<f8", "<u4", "<i2", "<u2", "|u1", "|b1")
"""What an array may hold."""

Array = NDArray[Any]


def encode(value: Any, arrays: Mapping[str, Array]) -> bytes:
    """A value and named arrays as bytes."""
    listed = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    head = _filled(json.dumps({"value": value, "arrays": listed}, separators=(",", ":")).encode(), b" ")
    parts = [MAGIC, len(head).to_bytes(4, "little"), head]
    parts += (_filled(np.ascontiguousarray(array).tobytes(), b"\0") for array in arrays.values())
    return b"".join(parts)


def decode(data: bytes) -> tuple[Any, dict[str, Array]]:
    """What `encode` was given; arrays are read-only views.

    Raises
    ------
    StateError : these are no such bytes.
    """
    try:
        if data[:4] != MAGIC:
            raise ValueError(f"they begin with {data[:4]!r}, not with {MAGIC!r}")
        end = HEAD_AT + int.from_bytes(data[4:HEAD_AT], "little")
        if end > len(data):
            raise ValueError(f"their head ends at byte {end:,} of {len(data):,}")
        head = json.loads(data[HEAD_AT:end])
        arrays = {}
        for name, (dtype, shape) in head["arrays"].items():
            arrays[name], end = _array(data, end, name, dtype, shape)
        if end != len(data):
            raise ValueError(f"{len(data) - end:,} bytes follow their arrays")
        return head["value"], arrays
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            f"{len(data):,} bytes between the driver of a turn and a backend cannot be read: {error}: "
            "run the same version of Wasmverse on both sides"
        ) from None


def _array(data: bytes, begin: int, name: str, dtype: str, shape: list[int]) -> tuple[Array, int]:
    if dtype not in DTYPES:
        raise ValueError(f"array {name} is of type {dtype!r}")
    if not all(isinstance(length, int) and length >= 0 for length in shape):
        raise ValueError(f"array {name} has the shape {shape!r}")
    count = math.prod(shape)
    end = begin + count * np.dtype(dtype).itemsize
    if end > len(data):
        raise ValueError(f"array {name} ends at byte {end:,} of {len(data):,}")
    return np.frombuffer(data, dtype, count, begin).reshape(shape), end + -end % 8


def _filled(part: bytes, by: bytes) -> bytes:
    return part + by * (-len(part) % 8)
