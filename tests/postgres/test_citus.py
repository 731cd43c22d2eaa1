"""How blocks are dealt to the shards of Citus. Where there is a real cluster (WASMVERSE_TEST_CITUS), other tests have it."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import pytest

from wasmverse.storage.postgres.citus import homes


def shard_of(key: int) -> int:
    """Four shards as a hash might deal numbers to them, most to the second."""
    return (101, 102, 103, 102, 104, 102)[hashlib.sha256(str(key).encode()).digest()[0] % 6]


def shards_of(begin: int, end: int) -> Sequence[int]:
    return [shard_of(key) for key in range(begin, end)]


@pytest.mark.parametrize("blocks", [4, 5, 31, 1000])
def test_every_shard_has_as_many_blocks_whatever_the_hash(blocks: int) -> None:
    found = homes([101, 102, 103, 104], blocks, shards_of)
    assert len({home.key for home in found}) == blocks
    assert all(home.relation == f"system_state_{shard_of(home.key)}" for home in found)
    counts = Counter(home.relation for home in found)
    assert len(counts) == 4
    assert max(counts.values()) - min(counts.values()) <= 1
    assert [home.relation for home in found] == sorted(home.relation for home in found)
