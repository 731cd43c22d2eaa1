"""How many functions and how many bytes of their modules there may be; judged when one is created, and never afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wasmverse.errors import FunctionLimit
from wasmverse.settings import FunctionUploadSettings
from wasmverse.storage.duckdb.database import Transaction
from wasmverse.storage.duckdb.function_store import read_functions


def check_room(
    transaction: Transaction,
    before: list[Any],
    compiled: Mapping[str, int],
    settings: FunctionUploadSettings,
) -> None:
    """Refuse what a transaction did if it made more of something than there may be; what there was already may be replaced.

    Parameters
    ----------
    before : the rows of ``wasm_function`` before it.
    compiled : size of the machine code of modules, by their hash.

    Raises
    ------
    FunctionLimit : naming the bound.
    """
    after = read_functions(transaction)
    both = (before, after)

    def limit(count: Callable[[Iterable[Any]], int], most: int, message: str) -> None:
        was, now = map(count, both)
        if now > most and now > was:
            raise FunctionLimit(message.format(now, most))

    for owner in sorted({row.owner for row in after} - _unchanged(before, after)):

        def mine(rows: Iterable[Any], of: str = owner) -> list[Any]:
            return [row for row in rows if row.owner == of]

        limit(
            lambda rows: _functions(mine(rows)),
            settings.functions_max_per_owner,
            "you would have {0:,} functions; one may have {1:,} (functions_max_per_owner): drop one first",
        )
        limit(
            lambda rows: _bytes(mine(rows)),
            settings.function_stored_bytes_max_per_owner,
            "your functions' modules would have {0:,} bytes, kept versions included; one may have {1:,} "
            "(function_stored_bytes_max_per_owner): drop some, or build them smaller",
        )
    limit(
        _functions,
        settings.functions_max,
        "there would be {0:,} functions; there may be {1:,} (functions_max): wait until some are dropped",
    )
    limit(
        _bytes,
        settings.function_stored_bytes_max,
        "all functions' modules would have {0:,} bytes; they may have {1:,} (function_stored_bytes_max): build it smaller, "
        "or wait until some are dropped",
    )
    limit(
        lambda rows: sum(compiled.get(sha256, 0) for sha256 in {row.sha256 for row in rows}),
        settings.function_compiled_bytes_max_stored,
        "all functions would have {0:,} bytes of machine code; they may have {1:,} (function_compiled_bytes_max_stored): "
        "build it smaller, or wait until some are dropped",
    )


def _functions(rows: Iterable[Any]) -> int:
    return sum(row.is_current for row in rows)


def _bytes(rows: Iterable[Any]) -> int:
    """Bytes of the modules, the same one once."""
    return sum({row.sha256: row.bytes for row in rows}.values())


def _unchanged(before: list[Any], after: list[Any]) -> set[str]:
    """Owners of whom nothing was changed."""
    owners = {row.owner for row in after}
    return {
        owner
        for owner in owners
        if [row for row in before if row.owner == owner] == [row for row in after if row.owner == owner]
    }
