"""Results kept for as long as their turn is asked for: a turn never changes, so neither does the answer to a query of it."""

from __future__ import annotations

from collections import OrderedDict

from wasmverse.query.query import Query
from wasmverse.query.result import Result


class ResultCache:
    """The least recently used results, up to ``bytes_max`` of bodies, texts and arguments together."""

    OVERHEAD_BYTES = 500

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._results: OrderedDict[Query, Result] = OrderedDict()
        self.bytes = 0

    def get(self, query: Query) -> Result | None:
        """The result kept for a query, if there is one."""
        result = self._results.get(query)
        if result is not None:
            self._results.move_to_end(query)
        return result

    def put(self, query: Query, result: Result) -> bool:
        """Keep a result, unless it may differ next time or is a quarter of the whole room; whether it is kept."""
        size = self._size(query, result)
        if not result.is_stable or size > self._bytes_max // 4 or query in self._results:
            return False
        self._results[query] = result
        self.bytes += size
        while self.bytes > self._bytes_max:
            self._drop_oldest()
        return True

    def shrink(self, size: int) -> None:
        """Drop results until at least ``size`` bytes of bodies are gone, or all are."""
        while size > 0 and self._results:
            size -= self._drop_oldest()

    def _drop_oldest(self) -> int:
        query, result = self._results.popitem(last=False)
        self.bytes -= self._size(query, result)
        return len(result.body)

    def _size(self, query: Query, result: Result) -> int:
        # A text takes up to four bytes a character.
        return len(result.body) + len(query.sql) * 4 + len(query.args) + self.OVERHEAD_BYTES
