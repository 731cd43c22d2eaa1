"""How often one address may ask: a token bucket that holds a burst and fills at a steady rate."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from starlette.requests import HTTPConnection

from wasmverse.api.errors import RETRY_SECONDS, HttpError
from wasmverse.api.http.address import counted_address

ADDRESSES_MAX = 10_000
"""Buckets kept; the least recently used one is dropped. A bucket is full again after two seconds, so no limit is lost unless
thousands of other addresses ask within that time."""


class RateLimit:
    """Tokens for each address: ``per_second`` on average, twice as many at once; 0 is no limit."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._burst = max(1.0, 2 * per_second)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, connection: HTTPConnection) -> None:
        """Count one request; raises HttpError 429, with when to ask again, if its address has used up its share."""
        if not self._per_second:
            return
        address = counted_address(connection.client.host if connection.client else "")
        wait = self.take(address, time.monotonic())
        if wait:
            seconds = max(RETRY_SECONDS, math.ceil(wait))
            raise HttpError(
                429,
                f"More than {self._per_second:g} requests a second from one address; ask again in {seconds} s",
                retry_seconds=seconds,
            )

    def take(self, address: str, now: float) -> float:
        """Take a token at time ``now``; the seconds until there is one again, 0 if it was there."""
        level, since = self._buckets.pop(address, (self._burst, now))
        level = min(self._burst, level + (now - since) * self._per_second)
        wait = 0.0 if level >= 1 else (1 - level) / self._per_second
        self._buckets[address] = (level if wait else level - 1, now)
        if len(self._buckets) > ADDRESSES_MAX:
            self._buckets.popitem(last=False)
        return wait
