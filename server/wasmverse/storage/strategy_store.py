"""The strategies in the database: who they are, their modules, and how they fare."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from wasmverse.commands import BUNDLED_OWNER, Author
from wasmverse.errors import StrategyError, StrategyTaken, StrategyUnknown
from wasmverse.storage import schema
from wasmverse.storage.transaction import Transaction
from wasmverse.strategies.names import STRATEGIES_MAX
from wasmverse.text import some_of

SHOWN = ("name", "version", "sha256", "bytes", "language", "author", "status", "is_enabled", "budget_fuel")
"""What is answered of a strategy's row."""


def read_strategies(transaction: Transaction) -> list[Any]:
    """All rows of ``strategy``, by id."""
    return transaction.rows(sa.select(schema.strategy).order_by(schema.strategy.c.strategy_id))


def read_strategy_table(transaction: Transaction) -> pa.Table:
    """The table as Arrow, for snapshots."""
    return transaction.read_arrow(schema.strategy)


def read_module(transaction: Transaction, sha256: str) -> bytes:
    """The bytes of a stored module."""
    modules = schema.strategy_module
    row = transaction.one(sa.select(modules.c.module).where(modules.c.sha256 == sha256))
    if row is None:
        raise StrategyError(f"the database has no module with sha256 {sha256}: upload the strategy again")
    return bytes(row.module)


def find_strategy(transaction: Transaction, name: str) -> Any:
    """The row of a strategy that was not removed.

    Raises
    ------
    StrategyUnknown : there is none of that name.
    """
    table = schema.strategy
    row = transaction.one(sa.select(table).where(table.c.name == name, table.c.status != "removed"))
    if row is None:
        known = [
            row.name for row in transaction.rows(sa.select(table.c.name).where(table.c.status != "removed"))
        ]
        raise StrategyUnknown(
            f"there is no strategy {name!r}; there are {some_of(sorted(known))}: correct the name"
        )
    return row


def store_strategies(
    transaction: Transaction,
    module: bytes,
    strategies: Mapping[str, str],
    *,
    sha256: str,
    language: str,
    author: Author,
    now: float,
    is_enabled: bool = True,
    budget_fuel: int | None = None,
) -> None:
    """Store a module under all the names that it flies; known ones get a new version.

    ``strategies`` has of each name the export that flies it, ``sha256`` is that of the module. ``now`` is the time of the upload,
    in seconds since 1970. An admin's upload leaves a known name with its owner and author.

    Raises
    ------
    as `coming_rows`; nothing is stored then.
    """
    table, modules = schema.strategy, schema.strategy_module
    about: dict[str, Any] = {"sha256": sha256, "bytes": len(module), "language": language}
    about |= {"is_enabled": is_enabled, "budget_fuel": budget_fuel}
    coming = coming_rows(transaction, list(strategies), author, about)
    if transaction.one(sa.select(modules.c.sha256).where(modules.c.sha256 == sha256)) is None:
        transaction.run(modules.insert(), sha256=sha256, module=module)
    for values in coming:
        values["export"] = strategies[values["name"]]
        values["uploaded_at"] = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
        if values["version"] == 1:
            transaction.run(table.insert(), strategy_id=_free_id(transaction), **values)
        else:
            _update(transaction, values.pop("name"), **values)
    free_modules(transaction)


def coming_rows(
    transaction: Transaction,
    names: Sequence[str],
    author: Author,
    about: Mapping[str, Any],
    gone: Container[int] = (),
) -> list[dict[str, Any]]:
    """The rows that an upload makes or changes, without their ids; ``about`` is what they all say of their module.

    Strategies whose ids are ``gone`` are as if they were not there.

    Raises
    ------
    StrategyTaken : a name belongs to somebody else.
    StrategyError : there are as many strategies as ids.
    """
    known = {row.name: row for row in read_strategies(transaction) if row.strategy_id not in gone}
    rows = []
    for name in names:
        row = known.get(name)
        if row is not None and not author.owns(row.owner):
            owner = "comes with Wasmverse" if row.owner == BUNDLED_OWNER else f"belongs to {row.author!r}"
            raise StrategyTaken(f"the name {name!r} {owner}: choose another")
        whose = row if row is not None and author.is_admin else None
        rows.append(
            {
                "name": name,
                "version": 1 if row is None else row.version + 1,
                "author": author.name if whose is None else whose.author,
                "owner": author.owner if whose is None else whose.owner,
                "status": "flying",
                "last_fault": None,
                **about,
            }
        )
    if len(known.keys() | set(names)) > STRATEGIES_MAX:
        raise StrategyError(
            f"there are {len(known):,} strategies, which is the most: push a new version of an old one"
        )
    return rows


def _free_id(transaction: Transaction) -> int:
    """The lowest that no strategy has: those of forgotten ones are given again."""
    table = schema.strategy
    ids = transaction.rows(sa.select(table.c.strategy_id).order_by(table.c.strategy_id))
    return next((place for place, (taken,) in enumerate(ids, 1) if taken != place), len(ids) + 1)


def remove_strategies(transaction: Transaction, names: Sequence[str], author: Author) -> None:
    """Mark strategies as removed, all or none of them; their ships hold from now on. Their modules are not kept.

    Raises
    ------
    StrategyUnknown, StrategyTaken : the first one that there is not, or that is somebody else's.
    """
    table = schema.strategy
    found = {
        row.name: row
        for row in transaction.rows(
            sa.select(table).where(table.c.name.in_(names), table.c.status != "removed")
        )
    }
    for name in names:
        require_own(found[name] if name in found else find_strategy(transaction, name), author)
    transaction.run(table.update().where(table.c.name.in_(names)).values(is_enabled=False, status="removed"))
    free_modules(transaction)


def forget_removed(transaction: Transaction, flown: Iterable[int]) -> None:
    """Drop strategies that were removed and whose ships have all died; ``flown`` are the ids that ships have.

    Their names are free again, and so are their ids.
    """
    if gone := forgotten_next(transaction, flown):
        table = schema.strategy
        transaction.run(table.delete().where(table.c.strategy_id.in_(gone)))


def forgotten_next(transaction: Transaction, flown: Iterable[int]) -> set[int]:
    """The ids of those that `forget_removed` drops."""
    table = schema.strategy
    removed = transaction.rows(sa.select(table.c.strategy_id).where(table.c.status == "removed"))
    return {row[0] for row in removed}.difference(flown)


def free_modules(transaction: Transaction) -> None:
    """Drop modules that no strategy flies any more: of older versions, and of removed strategies."""
    table, modules = schema.strategy, schema.strategy_module
    flown = sa.select(table.c.sha256).where(table.c.status != "removed")
    transaction.run(modules.delete().where(modules.c.sha256.not_in(flown)))


def enable_strategy(transaction: Transaction, name: str, author: Author, is_enabled: bool) -> None:
    """Deal new ships to a strategy, or stop it."""
    row = find_strategy(transaction, name)
    require_own(row, author)
    _update(transaction, name, is_enabled=is_enabled)


def record_fault(transaction: Transaction, name: str, last_fault: str, status: str) -> None:
    """Note why a strategy faulted, and whether it is grounded for it."""
    _update(transaction, name, last_fault=last_fault, status=status)


def require_own(row: Any, author: Author) -> None:
    """Refuse to change a strategy of somebody else's; raises StrategyTaken."""
    if author.owns(row.owner):
        return
    if row.owner == BUNDLED_OWNER:
        raise StrategyTaken(f"{row.name!r} comes with Wasmverse: only your own strategies can be changed")
    raise StrategyTaken(f"{row.name!r} belongs to {row.author!r}: only its author can change it")


def _update(transaction: Transaction, name: str, **values: object) -> None:
    table = schema.strategy
    transaction.run(table.update().where(table.c.name == name).values(**values))
