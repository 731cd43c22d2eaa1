"""The tokens of a universe, wherever it is kept. Whoever needs only these loads no engine."""

from __future__ import annotations

from pathlib import Path

from wasmverse.settings import DatabaseUrl
from wasmverse.tokens import TokenFile, Tokens, token_path


def open_tokens(place: Path | DatabaseUrl) -> Tokens:
    """The tokens of the universe at ``place``, which need not be there yet."""
    if isinstance(place, DatabaseUrl):
        from wasmverse.storage.postgres.tokens import TokenTable  # noqa: PLC0415 - loads the driver

        return TokenTable(place)
    return TokenFile(token_path(place))
