"""How many functions and how many bytes of their modules there may be; judged when one is created, and never afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from wasmverse.errors import FunctionLimit
from wasmverse.settings import FunctionUploadSettings
from wasmverse.storage.function_store import read_functions
from wasmverse.storage.transaction import Transaction


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
    both = (before, read_functions(transaction))
    was, now = map(_by_owner, both)
    for owner in sorted(now):
        mine = (was[owner], now[owner])
        _limit(
            map(_functions, mine),
            settings.functions_max_per_owner,
            "you would have {0:,} functions; one may have {1:,} (functions_max_per_owner): drop one first",
        )
        _limit(
            map(_bytes, mine),
            settings.function_stored_bytes_max_per_owner,
            "your functions' modules would have {0:,} bytes, kept versions included; one may have {1:,} "
            "(function_stored_bytes_max_per_owner): drop some, or build them smaller",
        )
    _limit(
        map(_functions, both),
        settings.functions_max,
        "there would be {0:,} functions; there may be {1:,} (functions_max): wait until some are dropped",
    )
    _limit(
        map(_bytes, both),
        settings.function_stored_bytes_max,
        "all functions' modules would have {0:,} bytes; they may have {1:,} (function_stored_bytes_max): build it smaller, "
        "or wait until some are dropped",
    )
    _limit(
        [sum(compiled.get(sha256, 0) for sha256 in {row.sha256 for row in rows}) for rows in both],
        settings.function_compiled_bytes_max_stored,
        "all functions would have {0:,} bytes of machine code; they may have {1:,} (function_compiled_bytes_max_stored): "
        "build it smaller, or wait until some are dropped",
    )


def _limit(counts: Iterable[int], most: int, message: str) -> None:
    before, after = counts
    if after > most and after > before:
        raise FunctionLimit(message.format(after, most))


def _by_owner(rows: Iterable[Any]) -> defaultdict[str, list[Any]]:
    owned: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        owned[row.owner].append(row)
    return owned


def _functions(rows: Iterable[Any]) -> int:
    return sum(row.is_current for row in rows)


def _bytes(rows: Iterable[Any]) -> int:
    """Bytes of the modules, the same one once."""
    return sum({row.sha256: row.bytes for row in rows}.values())
