"""The hash of a state that is known to be sorted."""

from __future__ import annotations

import hashlib

import numpy as np

from wasmverse.universe.state import State


def hash_in_order(state: State, tid: int, next_eid: int) -> str:
    """As `state.state_hash`, of a state, whose rows are sorted: a tenth of the time."""
    digest = hashlib.sha256()
    for columns in state:
        for column in columns:
            digest.update(
                np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<"), copy=False).data
            )
    digest.update(np.array([tid, next_eid], "<i8").tobytes())
    return digest.hexdigest()
