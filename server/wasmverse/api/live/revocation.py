"""Ends the connections of those whose token was revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wasmverse.api.errors import for_client
from wasmverse.api.live.watch import Watcher
from wasmverse.errors import WasmverseError
from wasmverse.tokens import Tokens

REVOKED_SECONDS = 1.0
"""How often the tokens of open connections are looked at, besides every turn and every message."""

POLICY_VIOLATION = 1008


class Revocation:
    """Those who watch by a token, each of whom is ended when it no longer holds.

    Parameters
    ----------
    tokens : looked at only when they have changed.
    unsubscribe_all : ends all subscriptions of a watcher.
    """

    def __init__(self, tokens: Tokens, unsubscribe_all: Callable[[Watcher], None]) -> None:
        self._tokens = tokens
        self._unsubscribe_all = unsubscribe_all
        self._guarded: set[Watcher] = set()
        self._stamp: object = None

    def guard(self, watcher: Watcher) -> None:
        """End a watcher as soon as its token is revoked."""
        if watcher.recheck is not None:
            self._guarded.add(watcher)
            self._stamp = None  # they may have changed since it was let in

    def forget(self, watcher: Watcher) -> None:
        """It has left."""
        self._guarded.discard(watcher)

    def look(self) -> None:
        """End those whose token is no more."""
        if not self._guarded:
            return
        stamp = self._tokens.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        for watcher in tuple(self._guarded):
            assert watcher.recheck is not None
            try:
                watcher.recheck()
            except WasmverseError as error:
                self._guarded.discard(watcher)
                self._unsubscribe_all(watcher)
                watcher.end(POLICY_VIOLATION, for_client(error))

    async def keep_looking(self) -> None:
        """Look every ``REVOKED_SECONDS``."""
        while True:
            await asyncio.sleep(REVOKED_SECONDS)
            self.look()
