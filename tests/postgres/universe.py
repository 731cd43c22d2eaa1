"""A universe in PostgreSQL that is played here as a gateway's process would, whatever happens to the servers meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from wasmverse.errors import DatabaseLost
from wasmverse.settings import DatabaseUrl, Settings
from wasmverse.storage.opening import open_universe
from wasmverse.storage.universe_store import SharedStore, UniverseStore

PATIENCE_SECONDS = 60
SHAPE: dict[str, Any] = {"systems": 4_200, "ships": 1, "nodes": 1, "upkeep": 30, "seed": 7}
"""So many blocks that one server has two sessions for them."""


class Truth:
    """The hashes of the state after every turn, as a universe in memory has them; played as far as somebody asks."""

    def __init__(self, shape: dict[str, Any]) -> None:
        self._shape = shape
        self._store: UniverseStore | None = None
        self._hashes: list[str] = []

    def __getitem__(self, tid: int) -> str:
        if self._store is None:
            self._store = open_universe(None, Settings(**self._shape, threads=1))
            self._hashes.append(self._store.state_hash())
        while len(self._hashes) <= tid:
            self._store.advance()
            self._hashes.append(self._store.state_hash())
        return self._hashes[tid]


TRUTH = Truth(SHAPE)


@contextmanager
def opened(
    url: str, places: Sequence[str] = (), shape: dict[str, Any] = SHAPE, **options: Any
) -> Iterator[SharedStore]:
    """Made, or opened again; the clock is not taken yet. Options are settings, as ``threads=2``."""
    urls = [DatabaseUrl.read(text) for text in (url, *places)]
    settings = Settings(
        **{"threads": 1, **shape, **options}, database_path=urls[0], place_urls=tuple(urls[1:])
    )
    store = open_universe(urls[0], settings)
    assert isinstance(store, SharedStore)
    try:
        yield store
    finally:
        store.close()


def is_exact(store: SharedStore, truth: Truth = TRUTH) -> bool:
    """Whether its state is that of its turn, to the bit."""
    return store.state_hash() == truth[store.tid]


def come_back(store: SharedStore, repair: Callable[[], object] = lambda: None) -> None:
    """Reconnect and take the clock, as soon as the servers answer again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        repair()
        try:
            store.reconnect()
            if store.claim():
                return
        except DatabaseLost as error:
            lost: Exception | None = error
        else:
            lost = None
        assert time.monotonic() < deadline, lost or "another process has the clock"
        time.sleep(0.02)


def play(
    store: SharedStore,
    turns: int,
    *,
    losses_max: int = 0,
    repair: Callable[[], object] = lambda: None,
    truth: Truth = TRUTH,
) -> int:
    """Play so many turns, coming back after losses; how many there were.

    After each loss the state has to be that of a turn, exactly, and none that was told of may be missing.
    """
    losses, until, told = 0, store.tid + turns, store.tid
    is_sound = False
    while not is_sound:
        try:
            if store.tid < until:
                store.advance()
            else:
                is_sound = is_exact(store, truth)
                assert is_sound
        except DatabaseLost as error:
            losses += 1
            assert losses <= losses_max, error
            come_back(store, repair)
            assert is_exact(store, truth)
            assert told <= store.tid <= told + 1
        told = store.tid
    return losses
