"""A Python client: query, watch, command and upload, synchronous and asynchronous; the command line uses it too (docs/client.md).

``universe`` and ``async_universe`` talk; ``requests`` and ``live`` say what is sent and what an answer means, and open nothing.
Imports ``errors`` and ``running``, so nothing of the server; pyarrow, websockets, pandas and polars only where they are used.
"""

from wasmverse.client.answers import (
    Answer,
    Checked,
    Done,
    Duel,
    Format,
    Pushed,
    Raw,
    Removed,
    RolledBack,
    Strategy,
)
from wasmverse.client.async_universe import AsyncUniverse
from wasmverse.client.universe import Universe
from wasmverse.errors import (
    ServerBusy,
    ServerDenied,
    ServerError,
    ServerFailed,
    ServerRefused,
    ServerUnreachable,
)

__all__ = [
    "Answer",
    "AsyncUniverse",
    "Checked",
    "Done",
    "Duel",
    "Format",
    "Pushed",
    "Raw",
    "Removed",
    "RolledBack",
    "ServerBusy",
    "ServerDenied",
    "ServerError",
    "ServerFailed",
    "ServerRefused",
    "ServerUnreachable",
    "Strategy",
    "Universe",
]
