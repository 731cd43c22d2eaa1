"""How many strategies and how many bytes of modules there may be; judged when something is uploaded, and never afterwards."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from wasmverse.commands import Author
from wasmverse.errors import StrategyLimit
from wasmverse.settings import UploadSettings
from wasmverse.storage import schema
from wasmverse.storage.transaction import Transaction

ROWS_TO_A_STRATEGY = 4
"""So many times ``strategies_max`` with removed strategies whose ships still live: each is a row of every turn's record."""


class _Row(NamedTuple):
    owner: str
    is_removed: bool
    sha256: str
    bytes: int


def check_room(
    transaction: Transaction,
    names: Iterable[str],
    sha256: str,
    size: int,
    author: Author,
    compiled: Mapping[str, int],
    settings: UploadSettings,
    gone: Container[int] = (),
) -> None:
    """Refuse an upload that makes more of something than there may be. What there is already may be replaced, however much it is.

    Parameters
    ----------
    names : those that the module flies under.
    sha256, size : of the module.
    compiled : size of the machine code of modules, this one among them, by their hash.
    gone : ids of strategies that do not count.

    Raises
    ------
    StrategyLimit : naming the bound.
    """
    table = schema.strategy
    columns = (
        table.c.strategy_id,
        table.c.name,
        table.c.owner,
        table.c.status,
        table.c.sha256,
        table.c.bytes,
    )
    before = {
        row.name: _Row(row.owner, row.status == "removed", row.sha256, row.bytes)
        for row in transaction.rows(sa.select(*columns))
        if row.strategy_id not in gone
    }
    after = dict(before)
    for name in names:
        # An admin's upload leaves what is somebody else's with its owner.
        owner = before[name].owner if name in before and author.is_admin else author.owner
        after[name] = _Row(owner, False, sha256, size)
    owners = {after[name].owner for name in names}
    for owner in sorted(owners):
        mine = [[row for row in rows.values() if row.owner == owner] for rows in (before, after)]
        who = "you have" if owner == author.owner else "their author has"
        _limit(
            [len(rows) for rows in mine],
            settings.strategies_max_per_owner,
            f"{who} {{0:,}} strategies, removed ones with living ships included; one may have {{1:,}} "
            "(strategies_max_per_owner): push a new version of one of them",
        )
        _limit(
            [_bytes(rows) for rows in mine],
            settings.stored_bytes_max_per_owner,
            f"{who} modules of {{2:,}} bytes with this one; one may have {{1:,}} (stored_bytes_max_per_owner): "
            "remove some, or build them smaller",
        )
        _limit(
            [_bytes(rows, compiled) for rows in mine],
            settings.compiled_bytes_max_per_owner,
            f"{who} modules of {{2:,}} bytes of machine code with this one; one may have {{1:,}} "
            "(compiled_bytes_max_per_owner): remove some, or build them smaller",
        )
    both = [list(rows.values()) for rows in (before, after)]
    _limit(
        [sum(not row.is_removed for row in rows) for rows in both],
        settings.strategies_max,
        "there are {0:,} strategies; there may be {1:,} (strategies_max): push a new version of one of yours, "
        "or wait until some are removed",
    )
    _limit(
        [len(rows) for rows in both],
        settings.strategies_max * ROWS_TO_A_STRATEGY,
        "there are {0:,} strategies, removed ones with living ships included; there may be {1:,} (four times "
        "strategies_max): wait until ships have died",
    )
    _limit(
        [_bytes(rows) for rows in both],
        settings.stored_bytes_max,
        "all modules together have {2:,} bytes with this one; they may have {1:,} (stored_bytes_max): build it smaller, "
        "or wait until some are removed",
    )
    _limit(
        [_bytes(rows, compiled) for rows in both],
        settings.compiled_bytes_max_stored,
        "all modules together have {2:,} bytes of machine code with this one; they may have {1:,} "
        "(compiled_bytes_max_stored): build it smaller, or wait until some are removed",
    )


def _limit(counts: list[int], most: int, message: str) -> None:
    before, after = counts
    if after > most and after > before:
        raise StrategyLimit(message.format(before, most, after))


def _bytes(rows: list[_Row], sizes: Mapping[str, int] | None = None) -> int:
    """Bytes of the modules that are flown, the same one once; ``sizes`` to count by instead of those of the modules."""
    flown = {row.sha256: row.bytes for row in rows if not row.is_removed}
    return sum(flown.values()) if sizes is None else sum(sizes.get(sha256, 0) for sha256 in flown)
