"""The functions in the database: every kept version of each, and their modules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from wasmverse.commands import Author, CreateFunction, DropFunction
from wasmverse.errors import FunctionError, FunctionTaken, FunctionUnknown, StateError
from wasmverse.functions.definition import CREATED, Definition
from wasmverse.functions.names import check_name
from wasmverse.functions.statement import statement_of
from wasmverse.simulation.catalogue import Catalogue
from wasmverse.storage import query_words, schema, views
from wasmverse.storage.arrow import arrow_schema
from wasmverse.storage.transaction import Transaction

_TABLE, _MODULES = schema.wasm_function, schema.wasm_function_module
STATEMENTS_KEPT = 4_096
SHOWN = ("name", "kind", "signature", "version", "sha256", "bytes", "language", "author")
"""What the answer to a command says of a function."""


def read_functions(transaction: Transaction) -> list[Any]:
    """All rows of ``wasm_function``: the functions by name and parameters, the versions of each in their order."""
    order = (_TABLE.c.name, _TABLE.c.parameters, _TABLE.c.version)
    return transaction.rows(sa.select(_TABLE).order_by(*order))


def check_functions(rows: Sequence[Any]) -> None:
    """Refuse definitions that others have broken; raises StateError."""
    for row in rows:
        try:
            definition = Definition.read(row._mapping)
        except FunctionError:
            definition = None
        if definition is None or (definition.parameters, definition.signature) != (
            row.parameters,
            row.signature,
        ):
            raise StateError(
                f"wasm_function {row.name!r} version {row.version} has types that are not understood: "
                "restore a copy of the file, or remove the row"
            )


def published(rows: Sequence[Any], catalogue: Catalogue) -> pa.Table:
    """``wasm_function`` as a snapshot has it; see `schema.published_function`."""
    values = [
        {
            **row._mapping,
            "refusal": catalogue.refusals.get(row.sha256),
            **catalogue.use_of(row)._asdict(),
            "statement": _statement(*(row._mapping[name] for name in Definition.__slots__), row.bytes),
        }
        for row in rows
    ]
    return pa.Table.from_pylist(values, arrow_schema(schema.published_function))


@lru_cache(STATEMENTS_KEPT)
def _statement(*values: Any) -> str:
    """The statement that would create a function, from the values of its row and its module's bytes. It is kept: types of a
    thousand parts take milliseconds, and all functions are published whenever one has been called.
    """
    *row, module_bytes = values
    return statement_of(Definition.of_row(dict(zip(Definition.__slots__, row, strict=True))), module_bytes)


def read_module(transaction: Transaction, sha256: str) -> bytes:
    """The bytes of a stored module."""
    row = transaction.one(sa.select(_MODULES.c.module).where(_MODULES.c.sha256 == sha256))
    if row is None:
        raise FunctionError(f"the database has no module with sha256 {sha256}: create the function again")
    return bytes(row.module)


def store_function(transaction: Transaction, command: CreateFunction, now: float, versions_kept: int) -> Any:
    """Store a function, or a new version of it, which is the current one then; its row.

    ``now`` is the time, in seconds since 1970. An admin's version leaves a function with its owner and author.

    Raises
    ------
    FunctionTaken : the name belongs to somebody or something else, or is taken and may not be replaced.
    """
    given = command.definition
    definition = Definition.of_row(given)
    name, parameters = definition.name, definition.parameters
    _check_name(transaction, name)
    named = transaction.rows(sa.select(_TABLE).where(_TABLE.c.name == name))
    versions = [row for row in named if row.parameters == parameters]
    for row in named:
        _own(row, command.author)
        if row.kind != definition.kind:
            raise FunctionTaken(
                f"{name!r} is a function of the kind {row.kind}, and all of a name are of one kind: choose another name, "
                f"or drop it first"
            )
    if versions and not command.may_replace:
        raise FunctionTaken(
            f"FUNCTION {name}({parameters}) already exists: write CREATE OR REPLACE to store a new version of it"
        )
    keeps_owner = bool(named) and command.author.is_admin
    version = max((row.version for row in versions), default=CREATED - 1) + 1
    if transaction.one(sa.select(_MODULES.c.sha256).where(_MODULES.c.sha256 == definition.sha256)) is None:
        transaction.run(_MODULES.insert(), sha256=definition.sha256, module=command.module)
    one = _one(name, parameters)
    transaction.run(_TABLE.update().where(one).values(is_current=False))
    values = {
        **given,
        "version": version,
        "is_current": True,
        "parameters": parameters,
        "signature": definition.signature,
        "bytes": len(command.module),
        "author": named[0].author if keeps_owner else command.author.name,
        "owner": named[0].owner if keeps_owner else command.author.owner,
        "created_at": datetime.fromtimestamp(now, UTC).replace(tzinfo=None),
    }
    transaction.run(_TABLE.insert(), **{column.name: values[column.name] for column in _TABLE.columns})
    transaction.run(_TABLE.delete().where(one, _TABLE.c.version <= version - versions_kept))
    free_modules(transaction)
    return _current(transaction, name, parameters)


def drop_functions(transaction: Transaction, command: DropFunction) -> int:
    """Remove functions with all their versions; how many they were.

    Raises
    ------
    FunctionUnknown, FunctionTaken : there is none of that kind, or it is somebody else's.
    """
    name, parameters = command.name, command.parameters
    rows = _find(transaction, name, parameters, may_be_missing=command.may_be_missing)
    if rows and command.is_aggregate not in {
        None,
        rows[0].kind == "aggregate",
    }:  # all of a name are of one kind
        if command.may_be_missing:
            return 0
        wanted, other = ("AGGREGATE", "FUNCTION") if command.is_aggregate else ("FUNCTION", "AGGREGATE")
        raise FunctionUnknown(
            f"{wanted} {name} does not exist; the function of that name is of the kind {rows[0].kind}: write DROP {other} {name}"
        )
    for row in rows:
        _own(row, command.author)
    transaction.run(_TABLE.delete().where(_one(name, parameters)))
    free_modules(transaction)
    return len({row.parameters for row in rows})


def roll_back(
    transaction: Transaction, name: str, parameters: str | None, version: int | None, author: Author
) -> Any:
    """Make a kept version the current one; its row.

    Raises
    ------
    FunctionUnknown, FunctionTaken : there is no such function or version, or it is somebody else's.
    """
    rows = _find(transaction, name, parameters)
    _own(rows[0], author)
    if len({row.parameters for row in rows}) > 1:
        shown = " and ".join(sorted({f"{name}({row.parameters})" for row in rows}))
        raise FunctionError(f"there are {shown}: name one with its parameters' types")
    current = next(row.version for row in rows if row.is_current)
    if version is None:
        version = max((row.version for row in rows if row.version < current), default=0)
        if not version:
            raise FunctionUnknown(
                f"{name!r} has no kept version before {current}, the present one: name one of "
                f"{_numbers(rows)}, or create it again"
            )
    if version not in {row.version for row in rows}:
        raise FunctionUnknown(f"{name!r} has no kept version {version}: name one of {_numbers(rows)}")
    one = _one(name, rows[0].parameters)
    transaction.run(_TABLE.update().where(one).values(is_current=_TABLE.c.version == version))
    return _current(transaction, name, rows[0].parameters)


def free_modules(transaction: Transaction) -> None:
    """Drop modules that no kept version has any more."""
    transaction.run(_MODULES.delete().where(_MODULES.c.sha256.not_in(sa.select(_TABLE.c.sha256))))


def check_strategies_names(transaction: Transaction, names: Sequence[str]) -> None:
    """Refuse names for strategies that functions have: queries call both by their names. Raises FunctionTaken."""
    row = transaction.one(sa.select(_TABLE.c.name).where(_TABLE.c.name.in_(list(names))))
    if row is not None:
        raise FunctionTaken(f"the name {row.name!r} is that of a function: choose another")


def check_new_names(transaction: Transaction, names: Sequence[str]) -> None:
    """Refuse names for new strategies that functions of the engine have; those that fly under one already may go on.

    Raises
    ------
    FunctionTaken : the first such name.
    """
    taken = [name for name in names if name in query_words.function_names()]
    strategies = schema.strategy.c
    flown = {
        row.name
        for row in transaction.rows(
            sa.select(strategies.name).where(strategies.name.in_(taken), strategies.status != "removed")
        )
    }
    for name in taken:
        if name not in flown:
            raise FunctionTaken(
                f"the name {name!r} is that of a function of the database engine, which queries would call in place of the "
                "strategy: choose another"
            )


def _one(name: str, parameters: str | None) -> sa.ColumnElement[bool]:
    found = _TABLE.c.name == name
    return found if parameters is None else sa.and_(found, _TABLE.c.parameters == parameters)


def _find(
    transaction: Transaction, name: str, parameters: str | None, *, may_be_missing: bool = False
) -> list[Any]:
    rows = transaction.rows(sa.select(_TABLE).where(_one(name, parameters)))
    if not rows and not may_be_missing:
        known = sorted(
            {f"{row.name}({row.parameters})" for row in transaction.rows(sa.select(_TABLE))},
            key=lambda one: (not one.startswith(f"{name}("), one),
        )
        wanted = name if parameters is None else f"{name}({parameters})"
        shown = ", ".join(known[:8]) or "none"
        raise FunctionUnknown(f"FUNCTION {wanted} does not exist; there are {shown}: correct the name")
    return rows


def _current(transaction: Transaction, name: str, parameters: str) -> Any:
    return transaction.one(sa.select(_TABLE).where(_one(name, parameters), _TABLE.c.is_current))


def _numbers(rows: Sequence[Any]) -> str:
    return ", ".join(str(row.version) for row in sorted(rows, key=lambda row: row.version))


def _own(row: Any, author: Author) -> None:
    if not author.owns(row.owner):
        raise FunctionTaken(f"the function {row.name!r} belongs to {row.author!r}: choose another name")


def _check_name(transaction: Transaction, name: str) -> None:
    """Refuse a name that a query would take for something else."""
    check_name(name)
    strategies = schema.strategy
    if transaction.one(sa.select(strategies.c.name).where(strategies.c.name == name)) is not None:
        raise FunctionTaken(f"the name {name!r} is that of a strategy: choose another")
    if name in views.CLIENT_NAMES or name in views.READER_NAMES:
        raise FunctionTaken(f"the name {name!r} is that of a table: choose another")
    if name in query_words.function_names():
        raise FunctionTaken(f"the name {name!r} is that of a function of the database engine: choose another")
    if name in query_words.reserved_words():
        raise FunctionTaken(f"the name {name!r} is a word of SQL: choose another")
