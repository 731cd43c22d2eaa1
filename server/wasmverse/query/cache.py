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
    """The least recently used results, up to ``bytes_max`` of bodies and texts together."""

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

    def put(self, key: Key, result: Result) -> None:
        """Keep a result, unless it may differ next time or is a quarter of the whole room."""
        size = self._size(key, result)
        if not result.is_stable or size > self._bytes_max // 4 or key in self._results:
            return
        self._results[key] = result
        self.bytes += size
        while self.bytes > self._bytes_max:
            self.bytes -= self._size(*self._results.popitem(last=False))

    def _size(self, key: Key, result: Result) -> int:
        return len(result.body) + len(key.sql) * 2 + len(key.args) + self.OVERHEAD_BYTES
