"""Results kept for as long as their turn is asked for: a turn never changes, so neither does the answer to a
query."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from wasmverse.query.result import Format, Result


class Key(NamedTuple):
    """What makes two queries the same; ``args`` as JSON text, where 1, 1.0 and true differ."""

    turn: int
    sql: str
    args: bytes
    format: Format
    big_as_string: bool
    gzip: bool


class ResultCache:
    """The least recently used results, up to ``bytes_max`` of bodies, texts and arguments together."""

    OVERHEAD_BYTES = 500

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._results: OrderedDict[Key, Result] = OrderedDict()
        self.bytes = 0

    def get(self, key: Key) -> Result | None:
        """The result kept for ``key``, if there is one."""
        result = self._results.get(key)
        if result is not None:
            self._results.move_to_end(key)
        return result

    def put(self, key: Key, result: Result) -> bool:
        """Keep a result, unless it may differ next time or is a quarter of the whole room; whether it is kept."""
        size = self._size(key, result)
        if not result.is_stable or size > self._bytes_max // 4 or key in self._results:
            return False
        self._results[key] = result
        self.bytes += size
        while self.bytes > self._bytes_max:
            self._drop_oldest()
        return True

    def shrink(self, size: int) -> None:
        """Drop results until at least ``size`` bytes of bodies are gone, or all are."""
        while size > 0 and self._results:
            size -= self._drop_oldest()

    def _drop_oldest(self) -> int:
        key, result = self._results.popitem(last=False)
        self.bytes -= self._size(key, result)
        return len(result.body)

    def _size(self, key: Key, result: Result) -> int:
        # A text takes up to four bytes a character.
        return len(result.body) + len(key.sql) * 4 + len(key.args) + self.OVERHEAD_BYTES
