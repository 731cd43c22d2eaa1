"""Where the blocks of a universe lie on Citus: on shards that have as many each, whatever the hash of a number is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from wasmverse.storage.postgres.database import Transaction
from wasmverse.storage.postgres.schema import CITUS_REFERENCE
from wasmverse.storage.postgres.sessions import RELATION

SHARDS_MAX = 128
"""Each is a table on a worker, and a task of every statement of a turn."""

_KEYS_A_SHARD = 64
"""So many numbers are looked at for each that is needed, at first."""


class Home(NamedTuple):
    """What a block's rows have as their block, and the relation that they are in where they lie."""

    key: int
    relation: str


def distribute(transaction: Transaction, blocks: int) -> list[Home]:
    """Distribute the empty tables of a place over the workers, unless they are; where each block is to lie.

    Citus places shards on workers in turn, and a row by the hash of its block. So a block's rows have a number whose hash falls
    on the shard that is wanted: neighbouring blocks on one shard, and all shards alike.
    """
    text = "SELECT 1 FROM pg_dist_partition WHERE logicalrelid = 'system_state'::regclass"
    if transaction.execute(text).fetchone() is None:
        _distribute(transaction, min(blocks, SHARDS_MAX))
    text = "SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'system_state'::regclass ORDER BY shardid"
    ids = [shard for (shard,) in transaction.execute(text).fetchall()]
    return homes(ids, blocks, partial(_shards_of, transaction))


def _distribute(transaction: Transaction, shards: int) -> None:
    for table in CITUS_REFERENCE:
        transaction.execute("SELECT create_reference_table(%s)", (table.name,))
    transaction.execute(
        "SELECT create_distributed_table('system_state', 'block', shard_count => %s, colocate_with => 'none')",
        (shards,),
    )
    transaction.execute("SELECT create_distributed_table('place', 'block', colocate_with => 'system_state')")


def homes(shards: Sequence[int], blocks: int, shards_of: Callable[[int, int], Sequence[int]]) -> list[Home]:
    """Deal blocks to shards, in order and as evenly as can be; each gets a number of its own that falls there.

    Parameters
    ----------
    shards_of : called with a first number and the one after the last: the shards that these fall on.
    """
    wanted = [shards[block * len(shards) // blocks] for block in range(blocks)]
    most = -(-blocks // len(shards))
    free: dict[int, deque[int]] = {shard: deque() for shard in shards}
    begin = 0
    while min(map(len, free.values())) < most:
        end = begin + _KEYS_A_SHARD * blocks
        for key, shard in enumerate(shards_of(begin, end), begin):
            free[shard].append(key)
        begin = end
    return [Home(free[shard].popleft(), f"{RELATION}_{shard}") for shard in wanted]


def _shards_of(transaction: Transaction, begin: int, end: int) -> list[int]:
    text = (
        f"SELECT get_shard_id_for_distribution_column('{RELATION}', key) "
        "FROM generate_series(%s::int, %s::int - 1) AS key ORDER BY key"
    )
    return [shard for (shard,) in transaction.execute(text, (begin, end)).fetchall()]
