"""The answer to one query, ready to be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from wasmverse.query.budget import Lease

Cut = Literal["", "rows", "bytes"]
"""Which limit cut a result short; empty when it is whole."""


@dataclass(frozen=True, slots=True)
class Result:
    """One result, encoded by the reader.

    ``turn`` is the turn all of it belongs to, ``rows`` how many it holds, ``seconds`` what it cost the
    reader. ``is_stable`` says that the same query gives the same bytes for the same turn, ``is_gzip`` how the
    body is packed. ``lease`` is the room that the body takes: it is given back with the result, so whoever holds the body is to
    hold the result.
    """

    body: bytes | bytearray
    turn: int
    rows: int
    cut: Cut
    is_stable: bool
    is_gzip: bool
    seconds: float
    lease: Lease | None = field(default=None, compare=False, repr=False)
