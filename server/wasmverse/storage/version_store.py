"""The versions of strategies that were replaced: which of them are kept, and their modules.

An upload replaces a module; what it replaces is kept, up to a number for each strategy, and as far as there is room for it beside
the modules that are flown: an upload is never refused for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from wasmverse.commands import FindVersion
from wasmverse.errors import StrategyError, StrategyUnknown
from wasmverse.settings import UploadSettings
from wasmverse.storage import schema, strategy_store
from wasmverse.storage.transaction import Transaction
from wasmverse.text import some_of

_TABLE, _MODULES = schema.strategy_version, schema.strategy_version_module
_COPIED = ("version", "sha256", "bytes", "language", "author", "budget_fuel", "uploaded_at")
"""The columns that a version has of its strategy's row."""
_SHOWN_DIGITS = 12


def read_version_table(transaction: Transaction) -> pa.Table:
    """The table as Arrow, for snapshots."""
    rows = transaction.read_arrow(_TABLE)
    return rows.sort_by([("strategy", "ascending"), ("version", "ascending")])


def find_version(transaction: Transaction, wanted: FindVersion) -> dict[str, Any]:
    """A module that a strategy flew before, as `FindVersion` says.

    Raises
    ------
    StrategyUnknown : there is no such strategy, or no such version of it.
    StrategyTaken : it is somebody else's.
    StrategyError : several modules begin like that, or it flies that one already.
    """
    strategy = strategy_store.find_strategy(transaction, wanted.name)
    strategy_store.require_own(strategy, wanted.author)
    kept = transaction.rows(
        sa.select(_TABLE).where(_TABLE.c.strategy == wanted.name).order_by(_TABLE.c.version)
    )
    row = _chosen(strategy, kept, wanted.sha256)
    module = transaction.one(sa.select(_MODULES.c.module).where(_MODULES.c.sha256 == row.sha256))
    return {
        "version": row.version,
        "sha256": row.sha256,
        "module": bytes(module[0]),
        "budget_fuel": row.budget_fuel,
    }


def _chosen(strategy: Any, kept: Sequence[Any], sha256: str | None) -> Any:
    """The version that was asked for, of those that are kept, the oldest first."""
    name = strategy.name
    if not kept:
        raise StrategyUnknown(
            f"no earlier version of {name!r} is kept; it flies version {strategy.version}: push the module that it is to fly"
        )
    if sha256 is None:
        return kept[-1]
    found = [row for row in kept if row.sha256.startswith(sha256)]
    shown = some_of(f"{row.sha256[:_SHOWN_DIGITS]} (version {row.version})" for row in reversed(kept))
    if not found and strategy.sha256.startswith(sha256):
        raise StrategyError(f"{name!r} flies {sha256} already; name one of {shown}")
    if not found:
        raise StrategyUnknown(f"no version of {name!r} with sha256 {sha256} is kept; name one of {shown}")
    if len(found) > 1:
        raise StrategyError(
            f"the sha256 of {len(found)} kept versions of {name!r} begins with {sha256}: give more digits of one of {shown}"
        )
    return found[0]


def keep_replaced(transaction: Transaction, names: Iterable[str], sha256: str, tid: int) -> None:
    """Keep what strategies fly, before the module of this hash replaces it after turn ``tid``.

    A module that a strategy flies again is no earlier version of it any more, and each is kept once.
    """
    strategies, modules = schema.strategy, schema.strategy_module
    drop_removed(transaction)
    for name in names:
        found = sa.select(strategies).where(strategies.c.name == name, strategies.c.status != "removed")
        row = transaction.one(found)
        if row is None or row.sha256 == sha256:
            continue
        is_again = sa.and_(_TABLE.c.strategy == name, _TABLE.c.sha256.in_([row.sha256, sha256]))
        transaction.run(_TABLE.delete().where(is_again))
        values = {column: getattr(row, column) for column in _COPIED}
        transaction.run(_TABLE.insert(), strategy=name, replaced_tid=tid, **values)
        if transaction.one(sa.select(_MODULES.c.sha256).where(_MODULES.c.sha256 == row.sha256)) is None:
            module = sa.select(modules.c.sha256, modules.c.module).where(modules.c.sha256 == row.sha256)
            transaction.run(_MODULES.insert().from_select(["sha256", "module"], module))


def drop_removed(transaction: Transaction) -> None:
    """Keep no versions of strategies that were removed."""
    strategies = schema.strategy.c
    flown = sa.select(strategies.name).where(strategies.status != "removed")
    transaction.run(_TABLE.delete().where(_TABLE.c.strategy.not_in(flown)))
    _free_modules(transaction)


def drop_surplus(transaction: Transaction, names: Collection[str], settings: UploadSettings) -> None:
    """Drop what there is too much of after an upload under these names: the oldest versions, those of its owners first."""
    strategies = schema.strategy.c
    flown = transaction.rows(
        sa.select(strategies.name, strategies.owner, strategies.sha256, strategies.bytes).where(
            strategies.status != "removed"
        )
    )
    owners = {row.name: row.owner for row in flown}
    kept = [
        Kept(row.strategy, row.version, owners[row.strategy], row.sha256, row.bytes)
        for row in transaction.rows(sa.select(_TABLE).order_by(_TABLE.c.replaced_tid, _TABLE.c.version))
    ]
    modules = [Flown(row.owner, row.sha256, row.bytes) for row in flown]
    for each in surplus(modules, kept, set(names), {owners[name] for name in names}, settings):
        one = sa.and_(_TABLE.c.strategy == each.strategy, _TABLE.c.version == each.version)
        transaction.run(_TABLE.delete().where(one))
    _free_modules(transaction)


class Flown(NamedTuple):
    """What is counted of a strategy that was not removed."""

    owner: str
    sha256: str
    bytes: int


class Kept(NamedTuple):
    """What is counted of a kept version; the owner is its strategy's."""

    strategy: str
    version: int
    owner: str
    sha256: str
    bytes: int


def surplus(
    flown: Sequence[Flown],
    kept: Sequence[Kept],
    names: Collection[str],
    owners: Collection[str],
    settings: UploadSettings,
) -> list[Kept]:
    """The versions that are not kept any longer after an upload.

    Parameters
    ----------
    flown : all strategies that were not removed, as they are after it.
    kept : all versions, those that were replaced first at the beginning.
    names, owners : what was uploaded, and whose that is.
    """
    dropped: list[Kept] = []
    for name in sorted(names):
        mine = [each for each in kept if each.strategy == name]
        dropped += mine[: max(0, len(mine) - settings.strategy_versions_kept)]
    left = [each for each in kept if each not in dropped]
    for owner in sorted(owners):
        theirs = [each for each in flown if each.owner == owner]
        mine = [each for each in left if each.owner == owner]
        most = settings.stored_bytes_max_per_owner - _bytes(theirs)
        dropped += mine[: len(mine) - _fitting(mine, most)]
    left = [each for each in left if each not in dropped]
    # Whoever uploads makes room with versions of their own before those of others have to go.
    by_age = sorted(left, key=lambda each: each.owner not in owners)
    most = settings.stored_bytes_max - _bytes(flown)
    return dropped + by_age[: len(by_age) - _fitting(by_age, most)]


def _fitting(kept: Sequence[Kept], most: int) -> int:
    """How many of these, counted from the end, have modules of at most so many bytes together."""
    modules: set[str] = set()
    size = 0
    for count, each in enumerate(reversed(kept)):
        size += 0 if each.sha256 in modules else each.bytes
        if size > most:
            return count
        modules.add(each.sha256)
    return len(kept)


def _bytes(rows: Iterable[Flown]) -> int:
    """Of their modules, the same one once."""
    return sum({row.sha256: row.bytes for row in rows}.values())


def _free_modules(transaction: Transaction) -> None:
    """Drop modules that no kept version has any more."""
    transaction.run(_MODULES.delete().where(_MODULES.c.sha256.not_in(sa.select(_TABLE.c.sha256))))
